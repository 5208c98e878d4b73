//! The order of all changes: which statistic changed at which revision, for whoever follows along.
//! Holds numbers only; the values are read where they are kept, so that a follower that falls
//! behind misses nothing but what was overtaken.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::model::{Revision, Statistic, StatisticId};

/// Changes that can be walked; whoever is further behind looks through all statistics.
const CHANGES_MAX: usize = 1 << 20;
/// Statistics that were dropped and are remembered; whoever is further behind starts over.
const DROPPED_MAX: usize = 100_000;

/// The changes of this run, numbered without gaps.
#[derive(Debug)]
pub(super) struct Feed {
    generation: u32,
    changes: Mutex<Changes>,
    newest: watch::Sender<Revision>,
}

#[derive(Debug)]
struct Changes {
    /// The counter of the first entry.
    first: u64,
    changed: VecDeque<StatisticId>,
    dropped: BTreeMap<u64, Dropped>,
    /// The latest dropped one that is no longer remembered.
    forgotten: Option<u64>,
}

/// A statistic that is no longer known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Its number.
    pub id: StatisticId,
    /// What it was.
    pub statistic: Arc<Statistic>,
    /// Whether it was opened with a tenant password, so that not everybody may hear of it.
    pub is_protected: bool,
}

/// What changed after a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Since {
    /// These, the latest change of each once.
    Changed(Vec<StatisticId>, Vec<Dropped>),
    /// Too long ago to be walked: whatever has a later revision; and these were dropped.
    Unlisted(Vec<Dropped>),
    /// So long ago that what was dropped since is not known any more, or not yet.
    Lost,
}

impl Feed {
    /// The feed of a run that starts at `generation`, whose counters go on after `last`.
    pub(super) fn new(generation: u32, last: u64) -> Self {
        let newest = Revision {
            generation,
            counter: last,
        };
        Self {
            generation,
            changes: Mutex::new(Changes {
                first: last + 1,
                changed: VecDeque::new(),
                dropped: BTreeMap::new(),
                forgotten: None,
            }),
            newest: watch::Sender::new(newest),
        }
    }

    /// Before everything of this run, after everything of earlier ones.
    pub(super) fn start(&self) -> Revision {
        self.revision(0)
    }

    /// Follows the newest revision. Told after each batch of changes, not after each change.
    pub(super) fn newest(&self) -> watch::Receiver<Revision> {
        self.newest.subscribe()
    }

    /// The revision of a change that is being made.
    pub(super) fn changed(&self, id: StatisticId) -> Revision {
        let mut changes = self.lock();
        self.revision(changes.push(id))
    }

    /// Notes that a statistic is no longer known.
    pub(super) fn dropped(&self, dropped: Dropped) {
        let mut changes = self.lock();
        let counter = changes.push(dropped.id);
        changes.dropped.insert(counter, dropped);
        if changes.dropped.len() > DROPPED_MAX
            && let Some((oldest, _)) = changes.dropped.pop_first()
        {
            changes.forgotten = Some(oldest);
        }
    }

    /// Wakes whoever follows.
    pub(super) fn tell(&self) {
        let newest = self.lock().newest();
        let newest = self.revision(newest);
        self.newest.send_if_modified(|told| {
            let news = *told != newest;
            *told = newest;
            news
        });
    }

    /// What changed after the revision `since`, and up to which revision that is told.
    pub(super) fn since(&self, since: Revision) -> (Since, Revision) {
        let changes = self.lock();
        let up_to = self.revision(changes.newest());
        // Somebody made it up. What followers were woken for last may well be behind it.
        if since > up_to {
            return (Since::Lost, up_to);
        }
        // An earlier run's counters are all below this run's first.
        let after = if since.generation == self.generation {
            since.counter
        } else {
            0
        };
        if changes.forgotten.is_some_and(|forgotten| after < forgotten) {
            return (Since::Lost, up_to);
        }
        let dropped = changes.dropped.range(after + 1..).map(|(_, one)| one);
        let dropped = dropped.cloned().collect();
        let skip = (after + 1).checked_sub(changes.first);
        let skip = skip.and_then(|skip| usize::try_from(skip).ok());
        let (true, Some(skip)) = (since.generation == self.generation, skip) else {
            return (Since::Unlisted(dropped), up_to);
        };
        let mut ids: Vec<StatisticId> = changes.changed.iter().skip(skip).copied().collect();
        drop(changes);
        ids.sort_unstable();
        ids.dedup();
        (Since::Changed(ids, dropped), up_to)
    }

    fn revision(&self, counter: u64) -> Revision {
        Revision {
            generation: self.generation,
            counter,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes {
    fn newest(&self) -> u64 {
        self.first + self.changed.len() as u64 - 1
    }

    fn push(&mut self, id: StatisticId) -> u64 {
        if self.changed.len() >= CHANGES_MAX {
            self.changed.pop_front();
            self.first += 1;
        }
        self.changed.push_back(id);
        self.newest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObjectType;

    fn at(generation: u32, counter: u64) -> Revision {
        Revision {
            generation,
            counter,
        }
    }

    fn dropped(id: u32) -> Dropped {
        Dropped {
            id: StatisticId(id),
            statistic: Arc::new(Statistic::new("A", ObjectType::Queue, "q", "t")),
            is_protected: false,
        }
    }

    #[test]
    fn each_changed_statistic_is_told_once_after_a_revision() {
        let feed = Feed::new(3, 40);
        let newest = feed.newest();
        let first = feed.changed(StatisticId(7));
        assert_eq!(first, at(3, 41));
        for id in [8, 7, 8] {
            feed.changed(StatisticId(id));
        }
        assert_eq!(*newest.borrow(), at(3, 40), "told with the batch");
        feed.tell();
        assert_eq!(*newest.borrow(), at(3, 44));
        let both = vec![StatisticId(7), StatisticId(8)];
        assert_eq!(feed.since(first), (Since::Changed(both, vec![]), at(3, 44)));
        let none = Since::Changed(vec![], vec![]);
        assert_eq!(feed.since(at(3, 44)), (none, at(3, 44)));
        // A revision from the future of this run, which somebody made up.
        for future in [at(3, 45), at(3, u64::MAX), at(4, 0)] {
            assert_eq!(feed.since(future).0, Since::Lost);
        }
    }

    #[test]
    fn what_was_dropped_is_told_also_to_those_of_an_earlier_run() {
        let feed = Feed::new(3, 40);
        feed.changed(StatisticId(7));
        let dropped = dropped(7);
        feed.dropped(dropped.clone());
        let (since, _) = feed.since(at(3, 41));
        assert_eq!(
            since,
            Since::Changed(vec![StatisticId(7)], vec![dropped.clone()])
        );
        assert_eq!(feed.since(at(2, 99)).0, Since::Unlisted(vec![dropped]));
        assert_eq!(feed.since(at(3, 42)).0, Since::Changed(vec![], vec![]));
    }

    #[test]
    fn those_too_far_behind_are_told_so() {
        let feed = Feed::new(1, 0);
        for _ in 0..=CHANGES_MAX {
            feed.changed(StatisticId(1));
        }
        assert_eq!(feed.since(at(1, 0)).0, Since::Unlisted(vec![]));
        let one = Since::Changed(vec![StatisticId(1)], vec![]);
        assert_eq!(feed.since(at(1, 1)).0, one);
        for _ in 0..=DROPPED_MAX {
            feed.dropped(dropped(2));
        }
        assert_eq!(feed.since(at(1, 5)).0, Since::Lost);
        assert_eq!(feed.since(at(0, 5)).0, Since::Lost);
    }
}
