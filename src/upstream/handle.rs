//! What is known of a pair from outside, and how it is told things.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::counts::PairCounts;
use super::event::Ticket;
use super::pair::Endpoints;
use super::profile::StatTypes;
use super::subscription::{HandedOver, OpenSpec};
use crate::model::{Moment, Numbered, ServerId, StatisticId, Timestamp};
use crate::wire::ServerMode;

/// What a pair is told.
#[derive(Debug)]
pub(super) enum Command {
    Want(Vec<OpenSpec>),
    Fetch {
        spec: OpenSpec,
        ticket: Ticket,
    },
    Close(Vec<StatisticId>),
    /// Statistics that another pair refused, or whose metric moved here.
    TakeOver(Vec<HandedOver>),
}

/// Commands a pair has not read yet; each is small, and a fetch that finds no room fails at once.
pub(super) const COMMAND_QUEUE_LEN: usize = 65_536;

/// Where a pair's connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairState {
    /// The first attempt has not ended yet.
    Starting,
    /// A Stat Server answered the registration.
    Connected,
    /// No Stat Server of the pair is connected.
    Disconnected,
}

/// What is known of a pair.
#[derive(Debug, Clone)]
pub struct PairStatus {
    /// Where its connection stands.
    pub state: PairState,
    /// Which of its addresses that concerns.
    pub address: String,
    /// Whether that address is the backup's.
    pub on_backup: bool,
    /// Since when.
    pub since: Timestamp,
    /// Why the last connection to the primary and to the backup ended or could not be made.
    pub last_failures: [Option<String>; 2],
    /// The Stat Server's version, as it said at registration.
    pub version: Option<String>,
    /// How often a Stat Server of the pair answered a registration.
    pub connections: u64,
    /// How often the pair changed sides.
    pub switchovers: u64,
    /// How long the last answered heartbeat poll took.
    pub addp_round_trip: Option<Duration>,
    /// Which metrics it defines.
    pub stat_types: StatTypes,
    /// Both of its addresses.
    pub endpoints: Endpoints,
    /// What the Stat Server said of its mode on the present connection.
    pub mode: Option<ServerMode>,
    /// The last change of sides.
    pub last_switchover: Option<Arc<Switchover>>,
    /// Its running figures.
    pub counts: Arc<PairCounts>,
}

/// One change of sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switchover {
    /// When the other side answered the registration.
    pub at: Timestamp,
    /// The address that was left.
    pub from: String,
    /// The address that serves since.
    pub to: String,
    /// Why the former was left.
    pub reason: String,
}

/// One pair, from outside.
#[derive(Debug, Clone)]
pub struct PairHandle {
    /// The store's number for it.
    pub id: ServerId,
    /// Its configured name.
    pub name: Arc<str>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) status: watch::Receiver<PairStatus>,
    pub(super) held: Arc<Held>,
    pub(super) pulse: Arc<Pulse>,
}

/// When the Stat Server was last heard on a connection that heartbeats prove alive.
#[derive(Debug)]
pub(super) struct Pulse(AtomicI64);

impl Default for Pulse {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Pulse {
    pub(super) fn beat(&self, now: Moment) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// The connection is gone: when it was last heard, if ever.
    pub(super) fn take(&self) -> Option<Moment> {
        let heard = self.0.swap(i64::MIN, Ordering::Relaxed);
        (heard != i64::MIN).then_some(Moment(heard))
    }
}

/// The statistics that a pair wants open. Written by the pair, as it takes them on and lets them go,
/// and by whoever hands it one that it is about to take on.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<Numbered<()>>);

impl Held {
    pub(super) fn insert(&self, ids: impl IntoIterator<Item = StatisticId>) {
        let mut held = self.lock();
        for id in ids {
            held.insert(id, ());
        }
    }

    pub(super) fn remove(&self, ids: impl IntoIterator<Item = StatisticId>) {
        let mut ids = ids.into_iter().peekable();
        if ids.peek().is_some() {
            let mut held = self.lock();
            for id in ids {
                held.remove(id);
            }
        }
    }

    pub(super) fn contains(&self, id: StatisticId) -> bool {
        self.lock().contains(id)
    }

    fn lock(&self) -> MutexGuard<'_, Numbered<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PairHandle {
    /// Follows the pair's status.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<PairStatus> {
        self.status.clone()
    }

    /// When the Stat Server was last heard on the present connection, if heartbeats prove that one
    /// alive.
    #[must_use]
    pub fn heard(&self) -> Option<Moment> {
        let heard = self.pulse.0.load(Ordering::Relaxed);
        (heard != i64::MIN).then_some(Moment(heard))
    }

    pub(super) fn is_connected(&self) -> bool {
        self.status.borrow().state == PairState::Connected
    }

    /// Whether the pair defines the metric; `None` when that is not known.
    pub(super) fn defines(&self, metric: &str) -> Option<bool> {
        self.status.borrow().stat_types.define(metric)
    }
}
