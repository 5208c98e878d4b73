//! Statistics asked for: what came of it, and how long the Stat Servers took.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::Histogram;
use super::labelled::Labelled;
use crate::peek::{Answer, PeekError, Source, Why};

/// What may come of a peek.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Hit,
    Miss,
    Stale,
    Request,
    StoodIn,
    Refused,
    NotDefined,
    Unavailable,
    Deadline,
    NotCached,
    TooMany,
}

/// The first four as `Cache-Status` has them.
const NAMES: [&str; 11] = [
    "hit",
    "miss",
    "stale",
    "request",
    "stood_in",
    "refused",
    "not_defined",
    "unavailable",
    "deadline",
    "not_cached",
    "too_many",
];

/// Peeks, each statistic of a request counted by itself.
#[derive(Debug)]
pub(in crate::api) struct Peeks {
    outcomes: Labelled<{ NAMES.len() }>,
    collapsed: Counter,
    live: Histogram,
}

impl Default for Peeks {
    fn default() -> Self {
        Self {
            outcomes: Labelled::new("outcome", NAMES),
            collapsed: Counter::default(),
            live: Histogram::default(),
        }
    }
}

impl Peeks {
    /// Counts a peek that ended like this after `took`.
    pub(in crate::api) fn ended(&self, result: &Result<Answer, PeekError>, took: Duration) {
        let outcome = match result {
            Ok(answer) => self.answered(answer.source, took),
            Err(PeekError::Refused(_)) => Outcome::Refused,
            Err(PeekError::NotDefined(_)) => Outcome::NotDefined,
            Err(PeekError::Unavailable) => Outcome::Unavailable,
            Err(PeekError::Deadline(_)) => Outcome::Deadline,
            Err(PeekError::NotCached) => Outcome::NotCached,
            Err(PeekError::TooMany) => Outcome::TooMany,
        };
        self.outcomes.count(outcome as usize);
    }

    /// Counts so many peeks that the store answered.
    pub(in crate::api) fn hit(&self, count: u64) {
        self.outcomes.add(Outcome::Hit as usize, count);
    }

    /// Counts so many peeks of known statistics that were answered live after `took`, because the request
    /// wanted that; of them `collapsed` by another request's fetch.
    pub(in crate::api) fn live(&self, count: u64, collapsed: u64, took: Duration) {
        self.outcomes.add(Outcome::Request as usize, count);
        self.live.observe(took, count);
        self.collapsed.inc_by(collapsed);
    }

    fn answered(&self, source: Source, took: Duration) -> Outcome {
        match source {
            Source::Store { .. } => Outcome::Hit,
            Source::StoreAfterFailure { .. } => Outcome::StoodIn,
            Source::Live { why, collapsed } => {
                self.live.observe(took, 1);
                if collapsed {
                    self.collapsed.inc();
                }
                match why {
                    Why::Miss => Outcome::Miss,
                    Why::Stale => Outcome::Stale,
                    Why::Request => Outcome::Request,
                }
            }
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Statistics asked for, by what came of it: hit is the store, miss, stale and \
                    request are live answers and why, stood_in is the store after a failure";
        registry.register("peeks", help, self.outcomes.clone());
        let help = "Live answers that another request's fetch brought";
        registry.register("peeks_collapsed", help, self.collapsed.clone());
        let help = "How long live answers took, in seconds";
        registry.register("live_fetch_seconds", help, self.live.clone());
    }
}
