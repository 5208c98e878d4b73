//! The last value of every statistic, in memory. Can be rebuilt from the store alone; knows
//! neither the store nor the upstream.

mod slot;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub use slot::{Applied, Known, Restored, Slot};

use crate::model::{Clock, Revision, Sample, ServerId, Statistic, StatisticId};

/// All known statistics, found by what they are and by their number.
#[derive(Debug)]
pub struct Cache {
    clock: Clock,
    generation: u32,
    revision: AtomicU64,
    statistics_max: usize,
    index: RwLock<Index>,
}

#[derive(Debug, Default)]
struct Index {
    by_statistic: HashMap<Arc<Statistic>, Arc<Slot>>,
    by_id: HashMap<StatisticId, Arc<Slot>>,
    /// The next number to give. Numbers are never reused, not even those of statistics that no Stat
    /// Server accepted: an event for one could still be under way.
    next_id: u32,
}

/// No room for another statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Cache {
    /// An empty cache. Revisions continue after `last_revision` in the new `generation`; the first
    /// new statistic gets the number `next_id`.
    #[must_use]
    pub fn new(
        clock: Clock,
        generation: u32,
        last_revision: Revision,
        next_id: StatisticId,
        statistics_max: usize,
    ) -> Self {
        let index = Index {
            next_id: next_id.0,
            ..Index::default()
        };
        Self {
            clock,
            generation,
            revision: AtomicU64::new(last_revision.counter),
            statistics_max,
            index: RwLock::new(index),
        }
    }

    /// Puts back what an earlier run knew. Only for the time before anybody asks.
    pub fn restore(&self, restored: Restored) {
        let id = restored.id;
        let slot = Arc::new(Slot::restore(restored, &self.clock));
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.insert(id, slot);
    }

    /// The slot of a statistic, if it is known.
    #[must_use]
    pub fn find(&self, statistic: &Statistic) -> Option<Arc<Slot>> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.by_statistic.get(statistic).cloned()
    }

    /// The slot with this number.
    #[must_use]
    pub fn slot(&self, id: StatisticId) -> Option<Arc<Slot>> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.by_id.get(&id).cloned()
    }

    /// The slot of a statistic, made if need be.
    ///
    /// # Errors
    /// There are as many statistics as the configuration allows.
    pub fn intern(&self, statistic: &Statistic) -> Result<Arc<Slot>, Full> {
        if let Some(slot) = self.find(statistic) {
            return Ok(slot);
        }
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = index.by_statistic.get(statistic) {
            return Ok(slot.clone());
        }
        if index.by_statistic.len() >= self.statistics_max {
            return Err(Full);
        }
        let id = StatisticId(index.next_id);
        index.next_id = id.0.checked_add(1).ok_or(Full)?;
        let slot = Arc::new(Slot::new(id, Arc::new(statistic.clone()), &self.clock));
        index.insert(id, slot.clone());
        Ok(slot)
    }

    /// Takes out a statistic that no Stat Server ever accepted; returns whether it is gone. One that
    /// was accepted stays.
    pub fn remove_unaccepted(&self, slot: &Slot) -> bool {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if slot.is_registered() {
            return false;
        }
        index.by_statistic.remove(&slot.statistic);
        index.by_id.remove(&slot.id);
        true
    }

    /// Every slot there is now.
    #[must_use]
    pub fn slots(&self) -> Vec<Arc<Slot>> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.by_id.values().cloned().collect()
    }

    /// Takes in a sample; `None` when the number is not known (any more).
    pub fn apply(&self, id: StatisticId, sample: Sample) -> Option<Applied> {
        let slot = self.slot(id)?;
        Some(slot.apply(sample, self.clock.now(), || self.next_revision()))
    }

    /// Marks everything last heard from `server` as no longer vouched for.
    pub fn distrust(&self, server: ServerId) {
        for slot in self.slots() {
            slot.distrust(server);
        }
    }

    fn next_revision(&self) -> Revision {
        let counter = self.revision.fetch_add(1, Ordering::Relaxed) + 1;
        Revision {
            generation: self.generation,
            counter,
        }
    }
}

impl Index {
    fn insert(&mut self, id: StatisticId, slot: Arc<Slot>) {
        self.by_statistic
            .insert(slot.statistic.clone(), slot.clone());
        self.by_id.insert(id, slot);
    }
}

#[cfg(test)]
mod tests;
