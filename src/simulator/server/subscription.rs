//! The open statistics of one connection, found by id, by object and by when they are due.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::super::catalogue::{Metric, ObjectRef};
use super::super::reading::Sent;
use super::super::world::Target;
use super::rotation::Rotation;
use crate::model::{NotificationMode, Numbered, StatisticId};

#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) target: Target,
    pub(super) tag: i32,
    pub(super) mode: NotificationMode,
    /// 0 when unset: any change is told.
    pub(super) insensitivity: i32,
    /// For `Periodical`, at least 1.
    pub(super) period_s: u32,
    pub(super) is_suspended: bool,
    /// What was last sent; for `Reset`, what was last seen.
    pub(super) last: Option<Sent>,
}

impl Subscription {
    fn grows(&self) -> bool {
        self.mode != NotificationMode::Periodical
            && self
                .target
                .metric
                .is_some_and(|metric| metric.definition().grows)
    }

    /// Whether it can be told at any rate: a number that is told whenever it changes.
    fn is_pushed(&self) -> bool {
        self.mode == NotificationMode::Immediate
            && self.target.metric.is_some_and(Metric::is_number)
    }
}

#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// Clients number their requests one after the other, so that neighbours are looked at together.
    by_id: Numbered<Subscription>,
    by_object: HashMap<ObjectRef, Vec<i32>, RandomState>,
    /// Those that change with time alone.
    growing: Rotation,
    /// Those that a load pushes.
    pushed: Rotation,
    /// `Periodical` ones by their next instant in milliseconds, likewise.
    due: BTreeMap<i64, Vec<i32>>,
}

/// The table is one by statistic number; any other number does as well.
fn place(id: i32) -> StatisticId {
    StatisticId(id.cast_unsigned())
}

/// At ten ticks a second every growing statistic is looked at about once a second, and the load is
/// even.
const TICKS_PER_ROUND: usize = 10;

impl Subscriptions {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn contains(&self, id: i32) -> bool {
        self.by_id.contains(place(id))
    }

    pub(super) fn find(&mut self, id: i32) -> Option<&mut Subscription> {
        self.by_id.get_mut(place(id))
    }

    pub(super) fn insert(&mut self, id: i32, subscription: Subscription, now_ms: i64) {
        debug_assert!(!self.contains(id), "the id was checked to be free");
        self.by_object
            .entry(subscription.target.object)
            .or_default()
            .push(id);
        if subscription.grows() {
            self.growing.add(id);
        }
        if subscription.is_pushed() {
            self.pushed.add(id);
        }
        if subscription.mode == NotificationMode::Periodical {
            self.postpone(id, now_ms, subscription.period_s);
        }
        self.by_id.insert(place(id), subscription);
    }

    pub(super) fn remove(&mut self, id: i32) -> Option<Subscription> {
        let subscription = self.by_id.remove(place(id))?;
        let object = subscription.target.object;
        if let Some(ids) = self.by_object.get_mut(&object) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_object.remove(&object);
            }
        }
        Some(subscription)
    }

    /// The ids of all, lowest first.
    pub(super) fn ids(&self) -> Vec<i32> {
        let mut ids: Vec<i32> = self
            .by_id
            .iter()
            .map(|(id, _)| id.0.cast_signed())
            .collect();
        ids.sort_unstable();
        ids
    }

    pub(super) fn of_target(&self, target: Target) -> Vec<i32> {
        let is_it = |id: &&i32| {
            self.by_id
                .get(place(**id))
                .is_some_and(|it| it.target == target)
        };
        let ids = self.of_object(target.object).iter();
        ids.filter(is_it).copied().collect()
    }

    pub(super) fn of_object(&self, object: ObjectRef) -> &[i32] {
        self.by_object.get(&object).map_or(&[], Vec::as_slice)
    }

    /// The growing ones whose turn it is: a tenth of them, but at most `most`, in rotation.
    pub(super) fn growing(&mut self, most: usize) -> Vec<i32> {
        let turn = self.growing.len().div_ceil(TICKS_PER_ROUND).min(most);
        let by_id = &self.by_id;
        let still_grows = |id| by_id.get(place(id)).is_some_and(Subscription::grows);
        self.growing.next(turn, still_grows)
    }

    /// So many of those that a load pushes, in rotation; fewer when there are not so many.
    pub(super) fn pushed(&mut self, turn: usize) -> Vec<i32> {
        let by_id = &self.by_id;
        let still_pushed = |id| by_id.get(place(id)).is_some_and(Subscription::is_pushed);
        self.pushed.next(turn, still_pushed)
    }

    /// The periodical ones due by now, each put off to its next instant.
    pub(super) fn due(&mut self, now_ms: i64) -> Vec<i32> {
        let mut due = Vec::new();
        while let Some(entry) = self
            .due
            .first_entry()
            .filter(|entry| *entry.key() <= now_ms)
        {
            due.append(&mut entry.remove());
        }
        due.retain(|id| {
            let subscription = self.by_id.get(place(*id));
            subscription.is_some_and(|it| it.mode == NotificationMode::Periodical)
        });
        // An id closed and opened again within its period would otherwise run twice from now on.
        due.sort_unstable();
        due.dedup();
        for id in &due {
            let period_s = self.by_id.get(place(*id)).map_or(1, |it| it.period_s);
            self.postpone(*id, now_ms, period_s);
        }
        due
    }

    fn postpone(&mut self, id: i32, now_ms: i64, period_s: u32) {
        let next = now_ms + i64::from(period_s.max(1)) * 1000;
        self.due.entry(next).or_default().push(id);
    }
}
