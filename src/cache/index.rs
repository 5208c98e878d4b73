//! Finds slots by what they are and by their number.

use std::fmt;
use std::hash::BuildHasher as _;
use std::hint::black_box;
use std::sync::Arc;

use foldhash::quality::SeedableRandomState;
use hashbrown::HashTable;

use super::Slot;
use crate::model::{Numbered, Statistic, StatisticId, seeded_hasher};

/// Every slot there is.
pub(super) struct Index {
    hasher: SeedableRandomState,
    /// With the hashes of their keys.
    by_key: HashTable<(u64, Arc<Slot>)>,
    by_id: Numbered<Arc<Slot>>,
    /// The number of the next new statistic; `None` when all are used up.
    pub(super) next_id: Option<StatisticId>,
    /// How many were asked for and not accepted by any Stat Server yet: what clients can make up.
    pub(super) unaccepted: usize,
}

impl Index {
    pub(super) fn new(next_id: StatisticId) -> Self {
        Self {
            hasher: seeded_hasher(),
            by_key: HashTable::new(),
            by_id: Numbered::default(),
            next_id: Some(next_id),
            unaccepted: 0,
        }
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, count: usize) {
        self.by_key.reserve(count, |(hash, _)| *hash);
    }

    /// The slot of the statistic with this key (see [`Statistic::key`]).
    pub(super) fn find(&self, key: &[u8]) -> Option<&Arc<Slot>> {
        let hash = self.hasher.hash_one(key);
        let is_it =
            |(known, slot): &(u64, Arc<Slot>)| *known == hash && slot.statistic.key() == key;
        let (_, slot) = self.by_key.find(hash, is_it)?;
        Some(slot)
    }

    /// As [`Index::find`], of many at once; `None` if one of them is not there.
    ///
    /// Step by step for all of them, not one after the other: each step is a read from anywhere in
    /// memory, and the processor waits for many such reads at once where nothing else stands between.
    pub(super) fn find_all<'k>(
        &self,
        keys: impl Iterator<Item = &'k [u8]> + Clone,
    ) -> Option<Vec<&Slot>> {
        let hashes = keys.clone().map(|key| self.hasher.hash_one(key));
        let hashes: Vec<u64> = hashes.collect();
        let by_hash = |hash: &u64| self.by_key.find(*hash, |(known, _)| known == hash);
        let slots: Option<Vec<&Slot>> = hashes
            .iter()
            .map(|hash| by_hash(hash).map(|(_, slot)| &**slot))
            .collect();
        let mut slots = slots?;
        black_box(
            slots
                .iter()
                .map(|slot| slot.statistic.key().len())
                .sum::<usize>(),
        );
        let first = |slot: &&Slot| slot.statistic.key().first().copied().map_or(0, usize::from);
        black_box(slots.iter().map(first).sum::<usize>());
        for (slot, key) in slots.iter_mut().zip(keys) {
            if slot.statistic.key() != key {
                // Two keys with one hash: as good as never.
                *slot = self.find(key)?;
            }
        }
        Some(slots)
    }

    /// As [`Index::find`], of a whole statistic.
    pub(super) fn get(&self, statistic: &Statistic) -> Option<&Arc<Slot>> {
        self.find(statistic.key())
    }

    pub(super) fn by_id(&self, id: StatisticId) -> Option<&Arc<Slot>> {
        self.by_id.get(id)
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.by_id.values()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Takes in the slot, in the place of another with the same key, if there is one.
    pub(super) fn insert(&mut self, slot: Arc<Slot>) {
        if self.next_id.is_some_and(|next| slot.id >= next) {
            self.next_id = slot.id.0.checked_add(1).map(StatisticId);
        }
        let hash = self.hasher.hash_one(slot.statistic.key());
        let is_it =
            |(known, other): &(u64, Arc<Slot>)| *known == hash && other.statistic == slot.statistic;
        let entry = (hash, Arc::clone(&slot));
        if let Some(place) = self.by_key.find_mut(hash, is_it) {
            *place = entry;
        } else {
            self.by_key.insert_unique(hash, entry, |(hash, _)| *hash);
        }
        self.by_id.insert(slot.id, slot);
    }

    /// Takes the slot out; returns whether it was in.
    pub(super) fn remove(&mut self, slot: &Slot) -> bool {
        let hash = self.hasher.hash_one(slot.statistic.key());
        let is_it =
            |(known, other): &(u64, Arc<Slot>)| *known == hash && other.statistic == slot.statistic;
        if let Ok(entry) = self.by_key.find_entry(hash, is_it) {
            entry.remove();
        }
        self.by_id.remove(slot.id).is_some()
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
