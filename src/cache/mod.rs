//! The last value of every statistic, in memory. Can be rebuilt from the store alone; knows
//! neither the store nor the upstream.

mod feed;
mod index;
mod kept;
mod slot;
mod small;
mod state;
mod told;

use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

pub use feed::Dropped;
use feed::{Feed, Since};
use index::Index;
pub use slot::Slot;
pub use told::{Applied, Known, News, Restored, Seen};

use tokio::sync::watch;

use crate::model::{
    Clock, Moment, Quality, Revision, Rules, Sample, ServerId, Statistic, StatisticId,
};

/// All known statistics, found by what they are and by their number.
#[derive(Debug)]
pub struct Cache {
    clock: Clock,
    feed: Feed,
    statistics_max: usize,
    rules: RwLock<Rules>,
    index: RwLock<Index>,
}

/// The most statistics that are asked for and not accepted yet; each may hold 28 KiB of names.
const UNACCEPTED_MAX: usize = 20_000;

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
        Self {
            clock,
            feed: Feed::new(generation, last_revision.counter),
            statistics_max,
            rules: RwLock::default(),
            index: RwLock::new(Index::new(next_id)),
        }
    }

    /// Treats every statistic as these rules say from now on.
    pub fn replace_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
        // Slots made since then follow them already.
        for slot in self.slots() {
            slot.follow(&self.rules());
        }
    }

    /// Makes room for so many statistics more, for [`Cache::restore`].
    pub fn reserve(&self, count: usize) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.reserve(count);
    }

    /// Puts back what an earlier run knew; empties the list. Only for the time before anybody asks, and
    /// in any order: of two of one statistic the one with the later number counts.
    pub fn restore(&self, restored: &mut Vec<Restored>) {
        let (rules, clock, start) = (self.rules(), self.clock.read(), self.feed.start());
        let slots = restored.drain(..);
        let slots = slots.map(|restored| Slot::restore(restored, &rules, clock, start));
        // Before the index is held, for which others wait meanwhile.
        let slots: Vec<_> = slots.map(Arc::new).collect();
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for slot in slots {
            index.insert(slot);
        }
    }

    /// The slot of a statistic that somebody asks for, if it is known: its idle clock starts over.
    #[must_use]
    pub fn ask(&self, statistic: &Statistic) -> Option<Arc<Slot>> {
        let index = self.index();
        let slot = index.get(statistic)?;
        // Under the lock, so that it cannot be taken out between being found and being asked for.
        slot.touch(self.clock.now());
        Some(slot.clone())
    }

    /// As [`Cache::ask`], at `now`, by the statistic's key (see [`Statistic::key`]), and what
    /// `look` sees in the slot.
    pub fn ask_by_key<T>(
        &self,
        key: &[u8],
        now: Moment,
        look: impl FnOnce(&Slot) -> T,
    ) -> Option<T> {
        let index = self.index();
        let slot = index.find(key)?;
        // Under the lock, so that it cannot be taken out between being found and being asked for.
        slot.touch(now);
        Some(look(slot))
    }

    /// As [`Cache::ask_by_key`], of many at once; `None` if one of them is not known, or as soon as
    /// `look` sees nothing.
    pub fn ask_all_by_key<'k>(
        &self,
        keys: impl Iterator<Item = &'k [u8]> + Clone,
        now: Moment,
        mut look: impl FnMut(usize, &Slot) -> Option<()>,
    ) -> Option<()> {
        let index = self.index();
        for (place, slot) in index.find_all(keys)?.into_iter().enumerate() {
            slot.touch(now);
            look(place, slot)?;
        }
        Some(())
    }

    /// The slot of a statistic, if it is known.
    #[must_use]
    pub fn find(&self, statistic: &Statistic) -> Option<Arc<Slot>> {
        self.index().get(statistic).cloned()
    }

    /// The slot with this number.
    #[must_use]
    pub fn slot(&self, id: StatisticId) -> Option<Arc<Slot>> {
        self.index().by_id(id).cloned()
    }

    /// The slot of a statistic that somebody asks for, made if need be.
    ///
    /// # Errors
    /// There are as many statistics as the configuration allows, or too many that no Stat Server
    /// has accepted yet.
    pub fn intern(&self, statistic: &Statistic) -> Result<Arc<Slot>, Full> {
        if let Some(slot) = self.ask(statistic) {
            return Ok(slot);
        }
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if index.unaccepted >= UNACCEPTED_MAX && index.get(statistic).is_none() {
            return Err(Full);
        }
        let (slot, made) = self.place(&mut index, statistic)?;
        if made {
            index.unaccepted += 1;
            slot.count();
        }
        slot.touch(self.clock.now());
        Ok(slot)
    }

    /// The slot of a statistic that the configuration lists: never idle, never taken out.
    ///
    /// # Errors
    /// There are as many statistics as the configuration allows.
    pub fn pin(&self, statistic: &Statistic) -> Result<Arc<Slot>, Full> {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let (slot, _) = self.place(&mut index, statistic)?;
        let was_shown = slot.is_shown();
        slot.pin();
        if !was_shown {
            self.touch_revision(&slot);
        }
        Ok(slot)
    }

    /// Treats a statistic that the configuration no longer lists like any other. One that no Stat
    /// Server ever accepted was shown for its place on the list only: its end is told.
    pub fn unpin(&self, slot: &Slot) {
        slot.unpin();
        if !slot.is_shown() {
            self.tell_end(slot);
        }
    }

    fn place(&self, index: &mut Index, statistic: &Statistic) -> Result<(Arc<Slot>, bool), Full> {
        if let Some(slot) = index.get(statistic) {
            return Ok((slot.clone(), false));
        }
        if index.len() >= self.statistics_max {
            return Err(Full);
        }
        let id = index.next_id.ok_or(Full)?;
        let statistic = Arc::new(statistic.clone());
        let slot = Arc::new(Slot::new(id, statistic, &self.rules(), self.clock.now()));
        index.insert(slot.clone());
        Ok((slot, true))
    }

    /// Notes that a Stat Server accepted a statistic for the first time.
    pub fn accepted(&self, slot: &Slot) {
        if slot.stop_counting() {
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            index.unaccepted = index.unaccepted.saturating_sub(1);
        }
    }

    /// Takes out a statistic that is neither held open nor configured, unless somebody asked for it
    /// after `asked`. Returns whether it is out.
    pub fn remove(&self, slot: &Slot, asked: Moment) -> bool {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if slot.is_held() || slot.is_pinned() || slot.asked() > asked {
            return false;
        }
        self.take_out(&mut index, slot)
    }

    /// Takes out a statistic whoever asks for it, held open or not; only one that is configured
    /// stays. Returns whether it was there and is out.
    pub fn forget(&self, slot: &Slot) -> bool {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        !slot.is_pinned() && self.take_out(&mut index, slot)
    }

    fn take_out(&self, index: &mut Index, slot: &Slot) -> bool {
        let removed = index.remove(slot);
        if slot.stop_counting() {
            index.unaccepted = index.unaccepted.saturating_sub(1);
        }
        if removed && slot.is_registered() {
            self.tell_end(slot);
        }
        removed
    }

    fn tell_end(&self, slot: &Slot) {
        self.feed.dropped(Dropped {
            id: slot.id,
            statistic: slot.statistic.clone(),
            is_protected: slot.is_protected(),
        });
        self.feed.tell();
    }

    /// Every slot there is now.
    #[must_use]
    pub fn slots(&self) -> Vec<Arc<Slot>> {
        self.index().slots().cloned().collect()
    }

    /// Takes in a sample; `None` when the number is not known (any more).
    pub fn apply(&self, id: StatisticId, sample: Sample) -> Option<Applied> {
        let slot = self.slot(id)?;
        Some(slot.apply(sample, self.clock.now(), || self.feed.changed(id)))
    }

    /// As [`Cache::apply`], of many in their order, of those whose number is known; empties `samples`.
    ///
    /// The index is held meanwhile: not for so many that those who ask would notice.
    pub fn apply_all(
        &self,
        samples: &mut Vec<(StatisticId, Sample)>,
        mut each: impl FnMut(StatisticId, Applied),
    ) {
        let now = self.clock.now();
        let index = self.index();
        let slots: Vec<_> = samples.iter().map(|(id, _)| index.by_id(*id)).collect();
        // Slots lie anywhere in memory; here the processor waits for many of them at once.
        let ids = slots.iter().flatten().map(|slot| slot.id.0);
        black_box(ids.fold(0, u32::wrapping_add));
        for (slot, (id, sample)) in slots.into_iter().zip(samples.drain(..)) {
            if let Some(slot) = slot {
                each(id, slot.apply(sample, now, || self.feed.changed(id)));
            }
        }
    }

    /// Sets the last value's quality; returns whether that changed anything.
    pub fn set_quality(&self, id: StatisticId, quality: Quality) -> bool {
        let slot = self.slot(id);
        slot.is_some_and(|slot| slot.set_quality(quality, || self.feed.changed(id)))
    }

    /// Marks everything last heard from `server` as no longer vouched for. `heard` is when that
    /// server was last heard, if heartbeats proved the link alive.
    pub fn distrust(&self, server: ServerId, heard: Option<Moment>) {
        for slot in self.slots() {
            slot.distrust(server, heard, || self.feed.changed(slot.id));
        }
    }

    /// Notes that something to be seen of a statistic changed that is no value.
    pub fn touch_revision(&self, slot: &Slot) {
        slot.changed(|| self.feed.changed(slot.id));
    }

    /// Wakes whoever follows the changes. To be called after each batch of them.
    pub fn tell(&self) {
        self.feed.tell();
    }

    /// Follows the newest revision.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<Revision> {
        self.feed.newest()
    }

    /// What of the `wanted` changed after the revision `since`: the slots, what was dropped, and the
    /// revision up to which that is told. `None` when what was dropped since then is not known any
    /// more.
    pub fn since(
        &self,
        since: Revision,
        wanted: impl Fn(StatisticId) -> bool,
    ) -> Option<(Vec<Arc<Slot>>, Vec<Dropped>, Revision)> {
        let (changes, up_to) = self.feed.since(since);
        let (slots, dropped) = match changes {
            Since::Lost => return None,
            Since::Changed(mut ids, dropped) => {
                ids.retain(|id| wanted(*id));
                let index = self.index();
                let slots = ids.iter().filter_map(|id| index.by_id(*id).cloned());
                (slots.collect(), dropped)
            }
            Since::Unlisted(dropped) => {
                let mut slots = self.slots();
                slots.retain(|slot| wanted(slot.id) && slot.revision() > since);
                (slots, dropped)
            }
        };
        Some((slots, dropped, up_to))
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn rules(&self) -> RwLockReadGuard<'_, Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Whether it is shown to those who look around: not what clients made up and no Stat Server
    /// accepted.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.is_registered() || self.is_pinned()
    }
}

#[cfg(test)]
mod tests;
