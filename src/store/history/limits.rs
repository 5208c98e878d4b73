//! How long each statistic's rows are kept.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::bucket::EventV1;
use super::config::HistoryConfig;
use crate::model::{Statistic, StatisticId, Timestamp};

/// The retention of all statistics, and of those that have one of their own.
#[derive(Debug)]
pub(super) struct Limits {
    config: HistoryConfig,
    own: Mutex<HashMap<StatisticId, Duration>>,
    /// Nothing of these is kept.
    erased: Mutex<HashSet<StatisticId>>,
}

impl Limits {
    pub(super) fn new(config: HistoryConfig) -> Self {
        Self {
            config,
            own: Mutex::default(),
            erased: Mutex::default(),
        }
    }

    /// Asks for the retention of a statistic that was not known before.
    pub(super) fn learn(&self, id: StatisticId, statistic: &Statistic) {
        if let Some(retention) = (self.config.retention_of.0)(statistic) {
            self.own().insert(id, retention);
        }
    }

    /// Keeps nothing of those that were deleted; numbers are never given again.
    pub(super) fn obey<'a>(&self, events: impl IntoIterator<Item = &'a EventV1>) {
        for event in events {
            if let EventV1::Erased { id, .. } = event {
                let mut erased = self.erased.lock().unwrap_or_else(PoisonError::into_inner);
                erased.insert(StatisticId(*id));
            }
        }
    }

    /// Whether everything of a statistic was deleted.
    pub(super) fn is_erased(&self, id: StatisticId) -> bool {
        let erased = self.erased.lock().unwrap_or_else(PoisonError::into_inner);
        erased.contains(&id)
    }

    /// The instant before which a statistic's rows are not kept.
    pub(super) fn since(&self, id: StatisticId, now: Timestamp) -> Timestamp {
        if self.is_erased(id) {
            return Timestamp(u64::MAX);
        }
        let own = self.own().get(&id).copied();
        before(now, own.unwrap_or(self.config.retention))
    }

    /// The instant before which no rows of most statistics are kept.
    pub(super) fn usual(&self, now: Timestamp) -> Timestamp {
        before(now, self.config.retention)
    }

    /// The instant before which no rows of any statistic are kept.
    pub(super) fn longest(&self, now: Timestamp) -> Timestamp {
        let own = self.own().values().copied().max();
        let longest = own.unwrap_or_default().max(self.config.retention);
        before(now, longest)
    }

    fn own(&self) -> std::sync::MutexGuard<'_, HashMap<StatisticId, Duration>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    Timestamp(now.0.saturating_sub(age))
}
