//! What is known, for those who look around instead of asking for one value: lists, single
//! statistics, and everything that changed. Asks no Stat Server for anything.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::past::{Aggregate, Archive, Course, Step, Unreadable};
use super::selector::Selector;
use super::view::{LastSeen, PublicId, Standing, View};
use super::whole::Turns;
use crate::cache::{Cache, Dropped, Slot};
use crate::model::{Clock, Revision, ServerId, Statistic, StatisticId, Timestamp};
use crate::store::{Change, History, Writer};
use crate::upstream::Upstream;

/// A view of everything that is known.
#[derive(Debug)]
pub struct Board {
    clock: Clock,
    cache: Arc<Cache>,
    upstream: Arc<Upstream>,
    pub(super) stored: Stored,
    archive: Archive,
    pub(super) turns: Turns,
}

/// What the store tells and takes.
#[derive(Debug)]
pub struct Stored {
    /// Names of servers that samples of earlier runs came from.
    pub servers: HashMap<ServerId, Arc<str>>,
    /// The newest revision that an earlier run had flushed.
    pub flushed: Revision,
    /// Up to which revision earlier runs dropped something.
    pub dropped: Revision,
    /// What is stored of the past.
    pub history: History,
    /// Where changes go; `None` where nothing is stored.
    pub writer: Option<Writer>,
}

impl Stored {
    /// Nothing at all.
    #[must_use]
    pub fn none() -> Self {
        Self {
            servers: HashMap::new(),
            flushed: Revision::default(),
            dropped: Revision::default(),
            history: History::none(),
            writer: None,
        }
    }
}

/// What changed after a revision.
#[derive(Debug)]
pub struct Changes {
    /// What changed, as it is now.
    pub changed: Vec<View>,
    /// What is no longer known.
    pub dropped: Vec<Gone>,
    /// The revision up to which this tells.
    pub up_to: Revision,
}

/// A statistic that is no longer known.
#[derive(Debug)]
pub struct Gone {
    /// Its name for clients.
    pub id: PublicId,
    /// What it was.
    pub statistic: Arc<Statistic>,
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// What is on it, by ascending number.
    pub views: Vec<View>,
    /// Where the next one begins; `None` on the last.
    pub next: Option<StatisticId>,
    /// The newest revision when the list was made.
    pub revision: Revision,
}

impl Board {
    /// A board over the cache and the store.
    #[must_use]
    pub fn new(clock: Clock, cache: Arc<Cache>, upstream: Arc<Upstream>, stored: Stored) -> Self {
        Self {
            clock,
            cache,
            upstream,
            archive: Archive::new(stored.history.clone()),
            turns: Turns::default(),
            stored,
        }
    }

    /// A board with nothing on it.
    #[cfg(test)]
    pub(crate) fn empty() -> Arc<Self> {
        let clock = Clock::system();
        let revision = Revision::default();
        let cache = Cache::new(clock.clone(), 1, revision, StatisticId(0), 0);
        let upstream = Upstream::new(
            crate::upstream::Roster::new(),
            crate::upstream::Plan::default(),
        );
        let (cache, upstream) = (Arc::new(cache), Arc::new(upstream));
        Arc::new(Self::new(clock, cache, upstream, Stored::none()))
    }

    /// At most `limit` of the chosen statistics, from the number `from` on.
    #[must_use]
    pub fn page(&self, from: StatisticId, limit: usize, selector: &Selector) -> Page {
        let revision = *self.newest().borrow();
        let mut views = Vec::new();
        let mut next = None;
        for id in self.numbers(from, selector) {
            let Some(view) = self.at(id, selector) else {
                continue;
            };
            if views.len() == limit {
                next = Some(id);
                break;
            }
            views.push(view);
        }
        Page {
            views,
            next,
            revision,
        }
    }

    /// The numbers of what may be chosen, ascending from `from` on.
    #[must_use]
    pub fn numbers(&self, from: StatisticId, selector: &Selector) -> Vec<StatisticId> {
        let mut ids: Vec<StatisticId> = if let Some(numbers) = selector.numbers() {
            numbers.into_iter().collect()
        } else {
            let slots = self.cache.slots().into_iter();
            slots.map(|slot| slot.id).collect()
        };
        ids.retain(|id| *id >= from);
        ids.sort_unstable();
        ids
    }

    /// The statistic with this number, if it is chosen.
    #[must_use]
    pub fn at(&self, id: StatisticId, selector: &Selector) -> Option<View> {
        let slot = self.cache.slot(id)?;
        self.chosen(&slot, selector)
    }

    /// The statistic with this name, if it is chosen.
    #[must_use]
    pub fn one(&self, id: PublicId, selector: &Selector) -> Option<View> {
        self.at(id.id, selector).filter(|view| view.id == id)
    }

    /// The statistic, if it is known and chosen.
    #[must_use]
    pub fn find(&self, statistic: &Statistic, selector: &Selector) -> Option<View> {
        let slot = self.cache.find(statistic)?;
        self.chosen(&slot, selector)
    }

    /// What of the chosen changed after `since`; all there is when that is `None`.
    ///
    /// # Errors
    /// That revision is none of this service's, or too old to say what was dropped since: whoever
    /// asks must start over.
    pub fn changes(
        &self,
        since: Option<Revision>,
        selector: &Selector,
    ) -> Result<Changes, StartOver> {
        let newest = *self.newest().borrow();
        let Some(since) = since else {
            let numbers = self.numbers(StatisticId(0), selector).into_iter();
            return Ok(Changes {
                changed: numbers.filter_map(|id| self.at(id, selector)).collect(),
                dropped: Vec::new(),
                up_to: newest,
            });
        };
        // Beyond what was flushed nobody knows any more what an earlier run told, and before what
        // it dropped nobody knows any more what that was.
        let stored = &self.stored;
        let is_earlier = since.generation != newest.generation;
        if is_earlier && (since > stored.flushed || since < stored.dropped) {
            return Err(StartOver);
        }
        let numbers = selector.numbers();
        let wanted = |id| numbers.as_ref().is_none_or(|numbers| numbers.contains(&id));
        let (slots, dropped, up_to) = self.cache.since(since, wanted).ok_or(StartOver)?;
        let slots = slots.iter();
        let dropped = dropped.into_iter();
        let dropped = dropped.filter(|one| {
            let is_shown = selector.means(&one.statistic) && selector.may_see(one.is_protected);
            // What was struck off the list may have been accepted since.
            let is_back = || self.cache.slot(one.id).is_some_and(|slot| slot.is_shown());
            is_shown && wanted(one.id) && !is_back()
        });
        Ok(Changes {
            changed: slots
                .filter_map(|slot| self.chosen(slot, selector))
                .collect(),
            dropped: dropped.map(gone).collect(),
            up_to,
        })
    }

    /// What a statistic was from `from` on, up to `to`. Waits for the disk.
    ///
    /// # Errors
    /// History cannot be read.
    pub async fn course(
        &self,
        id: PublicId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Course, Unreadable> {
        let name = |server| self.server_name(server);
        self.archive.course(id, from, to, name).await
    }

    /// The same in equal steps.
    ///
    /// # Errors
    /// History cannot be read, or those are more than a million steps.
    pub async fn steps(
        &self,
        id: PublicId,
        range: (Timestamp, Timestamp),
        step: Duration,
        aggregate: Aggregate,
    ) -> Result<Vec<Step>, Unreadable> {
        self.archive.steps(id, range, step, aggregate).await
    }

    /// The wall clock now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Follows the newest revision.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<Revision> {
        self.cache.newest()
    }

    /// Somebody looks at these: they are not idle.
    pub fn touch(&self, ids: impl IntoIterator<Item = PublicId>) {
        let now = self.clock.now();
        for id in ids {
            if let Some(slot) = self.cache.slot(id.id) {
                slot.touch(now);
            }
        }
    }

    fn chosen(&self, slot: &Slot, selector: &Selector) -> Option<View> {
        // Cheap questions first: most of what changes is not what one follower wants.
        let may_be = slot.is_shown() && selector.means(&slot.statistic);
        may_be
            .then(|| self.view(slot))
            .filter(|view| selector.admits(view))
    }

    fn view(&self, slot: &Slot) -> View {
        let seen = slot.seen(&self.clock, |server| self.upstream.heard(server));
        let quality = seen.last.as_ref().map(|(sample, _)| sample.quality);
        View {
            id: PublicId::of(slot.id, &slot.statistic),
            statistic: slot.statistic.clone(),
            mode: seen.held,
            standing: Standing::of(seen.refusal.is_some(), quality),
            refusal: seen.refusal,
            last: seen.last.map(|(sample, age)| LastSeen {
                value: sample.value,
                age,
                source_time: Timestamp::from_unix_seconds(sample.source_time),
                received_at: sample.received_at,
                validated_at: sample.validated_at,
                server: self.server_name(sample.server),
                epoch: sample.epoch,
            }),
            revision: seen.revision,
            is_protected: seen.is_protected,
        }
    }

    fn server_name(&self, server: ServerId) -> Option<Arc<str>> {
        let pairs = self.upstream.pairs();
        let present = pairs.iter().find(|pair| pair.id == server);
        let present = present.map(|pair| pair.name.clone());
        present.or_else(|| self.stored.servers.get(&server).cloned())
    }

    /// The names of all servers, those of earlier runs included.
    pub(super) fn names(&self) -> HashMap<ServerId, Arc<str>> {
        let mut names = self.stored.servers.clone();
        let pairs = self.upstream.pairs();
        names.extend(pairs.iter().map(|pair| (pair.id, pair.name.clone())));
        names
    }

    /// Has the store take these in.
    pub(super) fn record(&self, changes: Vec<Change>) {
        if let Some(writer) = &self.stored.writer {
            writer.record(changes);
        }
    }

    /// Up to this revision something was dropped. What changed at the same time counts as told.
    pub(super) fn dropped_now(&self) -> Change {
        let revision = *self.newest().borrow();
        Change::Dropped { revision }
    }
}

/// Whoever follows the changes must begin again with all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartOver;

fn gone(dropped: Dropped) -> Gone {
    Gone {
        id: PublicId::of(dropped.id, &dropped.statistic),
        statistic: dropped.statistic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Epoch, NotificationMode, ObjectType, ProofKey, Quality, Sample, Value};
    use crate::upstream::{Plan, Roster};

    fn board() -> Board {
        let clock = Clock::system();
        let start = Revision::default();
        let cache = Cache::new(clock.clone(), 1, start, StatisticId(0), 9);
        let upstream = Upstream::new(Roster::new(), Plan::default());
        Board::new(clock, Arc::new(cache), Arc::new(upstream), Stored::none())
    }

    fn slot(board: &Board) -> Arc<Slot> {
        let statistic = Statistic::new("Wait", ObjectType::Queue, "q", "A");
        board.cache.intern(&statistic).unwrap()
    }

    #[test]
    fn a_revision_is_good_as_soon_as_it_was_given() {
        let board = board();
        let slot = slot(&board);
        let all = Selector::default();
        let first = *board.newest().borrow();
        let sample = Sample {
            value: Value::Integer(1),
            quality: Quality::Good,
            source_time: 0,
            received_at: Timestamp(1),
            validated_at: Timestamp(1),
            server: ServerId(1),
            epoch: Epoch(1),
        };
        board.cache.apply(slot.id, sample);
        // Nobody was told of the batch yet.
        let changes = board.changes(Some(first), &all).unwrap();
        assert!(changes.up_to > first);
        assert!(board.changes(Some(changes.up_to), &all).is_ok());
    }

    #[test]
    fn the_end_of_what_needs_a_password_is_told_only_to_users_of_its_tenant() {
        let board = board();
        let slot = slot(&board);
        let first = *board.newest().borrow();
        let proof = ProofKey::random().unwrap().prove(&"secret".into());
        slot.opened(Some(NotificationMode::Immediate), proof);
        slot.released();
        assert!(board.cache.remove(&slot, slot.asked()));
        let told = |tenants: Option<Vec<String>>| {
            let selector = Selector {
                tenants,
                ..Selector::default()
            };
            board.changes(Some(first), &selector).unwrap().dropped.len()
        };
        assert_eq!(told(None), 0);
        assert_eq!(told(Some(vec!["B".to_owned()])), 0);
        assert_eq!(told(Some(vec!["A".to_owned()])), 1);
    }

    #[test]
    fn who_resumes_from_before_a_drop_of_an_earlier_run_starts_over() {
        let at = |counter| Revision {
            generation: 1,
            counter,
        };
        let (clock, all) = (Clock::system(), Selector::default());
        let cache = Cache::new(clock.clone(), 2, at(9), StatisticId(0), 9);
        let upstream = Upstream::new(Roster::new(), Plan::default());
        let stored = Stored {
            flushed: at(9),
            dropped: at(5),
            ..Stored::none()
        };
        let board = Board::new(clock, Arc::new(cache), Arc::new(upstream), stored);
        for (counter, is_told) in [(4, false), (5, true), (9, true), (10, false)] {
            let changes = board.changes(Some(at(counter)), &all);
            assert_eq!(changes.is_ok(), is_told, "{counter}");
        }
    }

    #[test]
    fn what_is_struck_off_the_list_is_told_unless_it_is_shown_again() {
        let (board, all) = (board(), Selector::default());
        let statistic = Statistic::new("Wait", ObjectType::Queue, "q", "A");
        let before = *board.newest().borrow();
        let slot = board.cache.pin(&statistic).unwrap();
        let listed = board.changes(Some(before), &all).unwrap();
        assert_eq!((listed.changed.len(), listed.dropped.len()), (1, 0));
        board.cache.unpin(&slot);
        let struck_off = board.changes(Some(listed.up_to), &all).unwrap();
        assert_eq!((struck_off.changed.len(), struck_off.dropped.len()), (0, 1));
        let proof = crate::model::PasswordProof::NONE;
        slot.opened(Some(NotificationMode::Immediate), proof);
        board.cache.touch_revision(&slot);
        let back = board.changes(Some(listed.up_to), &all).unwrap();
        assert_eq!((back.changed.len(), back.dropped.len()), (1, 0));
    }
}
