//! What the rest of the program holds of the upstream: which pair a statistic belongs to, and how
//! to ask it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::counts::PairCounts;
use super::event::Ticket;
use super::pair::Endpoints;
use super::profile::StatTypes;
use super::subscription::OpenSpec;
use crate::model::{ServerId, StatisticId, Timestamp};
use crate::wire::ServerMode;

/// What a pair is told.
#[derive(Debug)]
pub(super) enum Command {
    Want(Vec<OpenSpec>),
    Fetch { spec: OpenSpec, ticket: Ticket },
    Close(Vec<StatisticId>),
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
}

/// The statistics that a pair wants open. Written by the pair alone, as it takes them on and lets
/// them go, so that it never names one that the pair has forgotten.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashSet<StatisticId>>);

impl Held {
    pub(super) fn insert(&self, ids: impl IntoIterator<Item = StatisticId>) {
        self.lock().extend(ids);
    }

    pub(super) fn remove(&self, ids: impl IntoIterator<Item = StatisticId>) {
        let mut ids = ids.into_iter().peekable();
        if ids.peek().is_some() {
            let mut held = self.lock();
            for id in ids {
                held.remove(&id);
            }
        }
    }

    fn contains(&self, id: StatisticId) -> bool {
        self.lock().contains(&id)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<StatisticId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PairHandle {
    /// Follows the pair's status.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<PairStatus> {
        self.status.clone()
    }
}

/// Why a fetch was not even started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchError {
    /// Every pair's stat types are known, and none has the metric.
    NotDefined,
    /// The pair it belongs to is not connected, or has no room for another command.
    Unavailable,
}

/// All pairs, in the configured order of precedence.
#[derive(Debug)]
pub struct Upstream {
    pairs: Vec<PairHandle>,
}

impl Upstream {
    /// The pairs in the configured order.
    #[must_use]
    pub fn new(pairs: Vec<PairHandle>) -> Self {
        Self { pairs }
    }

    /// The pairs in the configured order.
    #[must_use]
    pub fn pairs(&self) -> &[PairHandle] {
        &self.pairs
    }

    /// Whether a statistic with this metric could be fetched now.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, metric: &str) -> Result<(), FetchError> {
        let pair = self.route(metric).ok_or(FetchError::NotDefined)?;
        self.connected(pair).map(drop)
    }

    /// Fetches a live value of a statistic; the ticket hears how it ended.
    ///
    /// # Errors
    /// Why it was not started. The ticket has then been told [`super::Outcome::Lost`].
    pub fn fetch(&self, spec: OpenSpec, ticket: Ticket) -> Result<(), FetchError> {
        let pair = self.home(&spec).ok_or(FetchError::NotDefined)?;
        let pair = self.connected(pair)?;
        let command = Command::Fetch { spec, ticket };
        pair.commands
            .try_send(command)
            .map_err(|_| FetchError::Unavailable)
    }

    /// How often the pair that holds the statistic was connected so far; see
    /// [`Upstream::connected_again`].
    #[must_use]
    pub fn connections(&self, spec: &OpenSpec) -> u64 {
        let pair = self.home(spec).and_then(|pair| self.pairs.get(pair));
        pair.map_or(0, |pair| pair.status.borrow().connections)
    }

    /// Waits until the pair that holds the statistic is connected, more often than `before` times;
    /// for ever if need be. Whoever lost a fetch to a switchover may try again then.
    pub async fn connected_again(&self, spec: &OpenSpec, before: u64) {
        let Some(pair) = self.home(spec).and_then(|pair| self.pairs.get(pair)) else {
            return std::future::pending().await;
        };
        let mut status = pair.status();
        let again = |status: &PairStatus| {
            status.state == PairState::Connected && status.connections > before
        };
        if status.wait_for(again).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Keeps these statistics open from now on, each on the pair its metric belongs to. Those whose
    /// metric no pair defines are given to the first, whose refusals are retried: configurations
    /// change.
    pub async fn want(&self, specs: Vec<OpenSpec>) {
        let mut by_pair: Vec<Vec<OpenSpec>> = self.pairs.iter().map(|_| Vec::new()).collect();
        for spec in specs {
            let pair = self.home(&spec).unwrap_or(0);
            if let Some(specs) = by_pair.get_mut(pair) {
                specs.push(spec);
            }
        }
        for (pair, specs) in self.pairs.iter().zip(by_pair) {
            if !specs.is_empty() && pair.commands.send(Command::Want(specs)).await.is_err() {
                tracing::debug!(server = %pair.name, "the pair has stopped");
            }
        }
    }

    /// Stops keeping these statistics open.
    pub async fn close(&self, ids: &[StatisticId]) {
        for pair in &self.pairs {
            let held = |id: &&StatisticId| pair.held.contains(**id);
            let ids: Vec<StatisticId> = ids.iter().filter(held).copied().collect();
            if !ids.is_empty() && pair.commands.send(Command::Close(ids)).await.is_err() {
                tracing::debug!(server = %pair.name, "the pair has stopped");
            }
        }
    }

    /// The pair that holds the statistic: once asked there, it stays there. Else the one its metric
    /// belongs to.
    fn home(&self, spec: &OpenSpec) -> Option<usize> {
        self.pairs
            .iter()
            .position(|pair| pair.held.contains(spec.id))
            .or_else(|| self.route(&spec.statistic.metric))
    }

    /// The first pair that surely defines the metric, else the first that might.
    fn route(&self, metric: &str) -> Option<usize> {
        let defines = |pair: &PairHandle| pair.status.borrow().stat_types.define(metric);
        let verdicts: Vec<Option<bool>> = self.pairs.iter().map(defines).collect();
        let first = |wanted| verdicts.iter().position(|verdict| *verdict == wanted);
        first(Some(true)).or_else(|| first(None))
    }

    fn connected(&self, pair: usize) -> Result<&PairHandle, FetchError> {
        self.pairs
            .get(pair)
            .filter(|pair| pair.status.borrow().state == PairState::Connected)
            .ok_or(FetchError::Unavailable)
    }
}
