//! What the rest of the program holds of the upstream: which pair a statistic belongs to, and how
//! to ask it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::event::Ticket;
use super::profile::StatTypes;
use super::subscription::OpenSpec;
use crate::model::{ServerId, StatisticId, Timestamp};

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
    /// How often the pair changed sides.
    pub switchovers: u64,
    /// How long the last answered heartbeat poll took.
    pub addp_round_trip: Option<Duration>,
    /// Which metrics it defines.
    pub stat_types: StatTypes,
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
    /// Which pair holds a statistic: once asked there, it stays there.
    homes: Mutex<HashMap<StatisticId, usize>>,
}

impl Upstream {
    /// The pairs in the configured order.
    #[must_use]
    pub fn new(pairs: Vec<PairHandle>) -> Self {
        Self {
            pairs,
            homes: Mutex::new(HashMap::new()),
        }
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
        let mut by_pair: Vec<Vec<StatisticId>> = self.pairs.iter().map(|_| Vec::new()).collect();
        {
            let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
            for id in ids {
                if let Some(ids) = homes.remove(id).and_then(|pair| by_pair.get_mut(pair)) {
                    ids.push(*id);
                }
            }
        }
        for (pair, ids) in self.pairs.iter().zip(by_pair) {
            if !ids.is_empty() && pair.commands.send(Command::Close(ids)).await.is_err() {
                tracing::debug!(server = %pair.name, "the pair has stopped");
            }
        }
    }

    fn home(&self, spec: &OpenSpec) -> Option<usize> {
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = homes.get(&spec.id) {
            return Some(*pair);
        }
        let pair = self.route(&spec.statistic.metric)?;
        homes.insert(spec.id, pair);
        Some(pair)
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
