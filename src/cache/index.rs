//! Finds slots by what they are and by their number.

use std::fmt;
use std::hash::BuildHasher as _;
use std::hint::black_box;
use std::sync::Arc;

use foldhash::quality::SeedableRandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::Slot;
use crate::model::{Numbered, Statistic, StatisticId, seeded_hasher};

/// Every slot there is.
pub(super) struct Index {
    hasher: SeedableRandomState,
    /// Without the hashes of their keys, which are found anew when a table grows. Many small tables, so
    /// that nobody waits long for that.
    by_key: [HashTable<Arc<Slot>>; TABLES],
    by_id: Numbered<Arc<Slot>>,
    /// The number of the next new statistic; `None` when all are used up.
    pub(super) next_id: Option<StatisticId>,
    /// How many were asked for and not accepted by any Stat Server yet: what clients can make up.
    pub(super) unaccepted: usize,
}

/// Tables by key.
const TABLES: usize = 64;

/// The table for a hash, by bits that the tables themselves make no use of.
const fn table_of(hash: u64) -> usize {
    (hash >> 48) as usize % TABLES
}

impl Index {
    pub(super) fn new(next_id: StatisticId) -> Self {
        Self {
            hasher: seeded_hasher(),
            by_key: [const { HashTable::new() }; TABLES],
            by_id: Numbered::default(),
            next_id: Some(next_id),
            unaccepted: 0,
        }
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, count: usize) {
        for table in &mut self.by_key {
            let hasher = &self.hasher;
            table.reserve(count / TABLES, |slot| hash_of(hasher, slot));
        }
    }

    /// The slot of the statistic with this key (see [`Statistic::key`]).
    pub(super) fn find(&self, key: &[u8]) -> Option<&Arc<Slot>> {
        let hash = self.hasher.hash_one(key);
        let table = self.by_key.get(table_of(hash))?;
        table.find(hash, |slot| slot.statistic.key() == key)
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
        // The first whose hash looks alike, which nearly always is the one.
        let by_hash = |hash: &u64| {
            let table = self.by_key.get(table_of(*hash))?;
            table.find(*hash, |_| true).map(|slot| &**slot)
        };
        let slots: Option<Vec<&Slot>> = hashes.iter().map(by_hash).collect();
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
                // Of the hash only seven bits were looked at.
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
        self.by_key.iter().map(HashTable::len).sum()
    }

    /// Takes in the slot, in the place of another with the same key and an earlier number, if there is one.
    pub(super) fn insert(&mut self, slot: Arc<Slot>) {
        if self.next_id.is_some_and(|next| slot.id >= next) {
            self.next_id = slot.id.0.checked_add(1).map(StatisticId);
        }
        let hash = hash_of(&self.hasher, &slot);
        if let Some(table) = self.by_key.get_mut(table_of(hash)) {
            let is_it = |other: &Arc<Slot>| other.statistic == slot.statistic;
            let hasher = &self.hasher;
            match table.entry(hash, is_it, |slot| hash_of(hasher, slot)) {
                Entry::Occupied(mut place) => {
                    if place.get().id <= slot.id {
                        *place.get_mut() = Arc::clone(&slot);
                    }
                }
                Entry::Vacant(place) => {
                    place.insert(Arc::clone(&slot));
                }
            }
        }
        self.by_id.insert(slot.id, slot);
    }

    /// Takes the slot out; returns whether it was in. Another one of the same statistic, which took its
    /// place, stays.
    pub(super) fn remove(&mut self, slot: &Slot) -> bool {
        let hash = hash_of(&self.hasher, slot);
        let is_it = |other: &Arc<Slot>| other.id == slot.id;
        if let Some(table) = self.by_key.get_mut(table_of(hash))
            && let Ok(entry) = table.find_entry(hash, is_it)
        {
            entry.remove();
        }
        self.by_id.remove(slot.id).is_some()
    }
}

fn hash_of(hasher: &SeedableRandomState, slot: &Slot) -> u64 {
    hasher.hash_one(slot.statistic.key())
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
