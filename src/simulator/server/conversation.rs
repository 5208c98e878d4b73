//! What a server knows of one client: whether it registered, what it has open, what it is owed.
//! No I/O; values are read from the world and written to the outbox.

use std::borrow::Cow;

use super::super::catalogue::ObjectRef;
use super::super::log::Counts;
use super::super::reading::{Reading, Sent};
use super::super::world::{Baseline, Target, World};
use super::outbox::Outbox;
use super::refusal::Refusal;
use super::subscription::{Subscription, Subscriptions};
use crate::model::NotificationMode;
use crate::wire::{Charset, Event, EventKind, ServerMode};

/// The world at an instant, as one server sees it.
#[derive(Clone, Copy)]
pub(in crate::simulator) struct View<'a> {
    pub(in crate::simulator) world: &'a World,
    /// From when on its totals count.
    pub(in crate::simulator) since: &'a Baseline,
    /// The server's number that decides which fields a state has.
    pub(in crate::simulator) compat: i64,
    /// The server's clock.
    pub(in crate::simulator) time: u32,
}

/// Pushed values between two looks at whether the client keeps up.
const PUSHED_AT_ONCE: usize = 1000;

/// What makes a server look at an open statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// It was just opened.
    Opened,
    /// It may have changed.
    Changed,
    /// Its period is over.
    Period,
    /// The client asked.
    Peeked,
}

/// What a server's tick brings to every connection.
pub(in crate::simulator) struct Tick<'a> {
    pub(in crate::simulator) changed: &'a [ObjectRef],
    /// How many of the statistics that change with time alone may be looked at per connection.
    pub(in crate::simulator) growing_max: usize,
    pub(in crate::simulator) now_ms: i64,
}

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) is_registered: bool,
    /// The server has lost what it tracks statistics by.
    pub(super) is_invalid: bool,
    pub(super) subscriptions: Subscriptions,
    pub(super) outbox: Outbox,
    /// What was done for this client; `opens_now` and `connections_now` are not kept here.
    pub(super) tally: Counts,
    /// Why the connection is to end, once it is.
    pub(super) end: Option<&'static str>,
}

impl Conversation {
    pub(super) fn new(unsent_max: usize, is_invalid: bool) -> Self {
        Self {
            is_registered: false,
            is_invalid,
            subscriptions: Subscriptions::default(),
            outbox: Outbox::new(unsent_max),
            tally: Counts::default(),
            end: None,
        }
    }

    /// Everything that was counted for this client, until now.
    pub(super) fn counts(&self) -> Counts {
        let opens_now = u64::try_from(self.subscriptions.len()).unwrap_or(u64::MAX);
        Counts {
            opens_now,
            ..self.tally
        }
    }

    pub(super) fn send(&mut self, event: &Event<'_>) {
        event.write(Charset::UTF_8, self.outbox.bytes());
    }

    pub(super) fn send_mode(&mut self, mode: ServerMode, time: u32) {
        if self.is_registered {
            let mut event = Event::new(EventKind::ServerMode, 0, time);
            event.int_value = mode.code();
            self.send(&event);
        }
    }

    pub(super) fn send_value(
        &mut self,
        view: View<'_>,
        (id, tag): (i32, i32),
        target: Target,
        reading: &Reading,
    ) {
        let mut event = Event::new(EventKind::Info, id, view.time);
        event.tag = tag;
        event.interval_length = view.world.interval_s(view.since, target);
        reading.write(event, view.compat, self.outbox.bytes());
        self.tally.values_total += 1;
    }

    /// Looks at one open statistic and sends its value where the occasion and its mode call for it.
    pub(super) fn look_at(&mut self, view: View<'_>, id: i32, occasion: Occasion) {
        let Some(subscription) = self.subscriptions.find(id) else {
            return;
        };
        if subscription.is_suspended && occasion != Occasion::Peeked {
            return;
        }
        if self.is_invalid && matches!(occasion, Occasion::Changed | Occasion::Period) {
            return;
        }
        let reading = view.world.read(view.since, subscription.target);
        let Some(reading) = news(subscription, reading, occasion) else {
            return;
        };
        let (target, tag) = (subscription.target, subscription.tag);
        self.send_value(view, (id, tag), target, &reading);
    }

    /// Sends what changed since the last tick.
    pub(super) fn tick(&mut self, view: View<'_>, tick: &Tick<'_>) {
        self.trickle();
        let of_objects = tick.changed.iter();
        let subscriptions = &self.subscriptions;
        let mut ids: Vec<i32> = of_objects
            .flat_map(|object| subscriptions.of_object(*object))
            .copied()
            .collect();
        ids.extend(self.subscriptions.growing(tick.growing_max));
        for id in ids {
            self.look_at(view, id, Occasion::Changed);
        }
        for id in self.subscriptions.due(tick.now_ms) {
            self.look_at(view, id, Occasion::Period);
        }
    }

    /// Tells up to `values` values of open numbers, in rotation; a number that has not changed is told
    /// one step aside. A client that does not keep up is told fewer.
    pub(super) fn push(&mut self, view: View<'_>, values: usize) {
        let mut looked_at = 0;
        while looked_at < values && !self.is_invalid && !self.outbox.is_behind() {
            let ids = self
                .subscriptions
                .pushed((values - looked_at).min(PUSHED_AT_ONCE));
            if ids.is_empty() {
                break;
            }
            looked_at += ids.len();
            for id in ids {
                self.push_one(view, id);
            }
        }
    }

    fn push_one(&mut self, view: View<'_>, id: i32) {
        let Some(subscription) = self.subscriptions.find(id) else {
            return;
        };
        if subscription.is_suspended {
            return;
        }
        let mut reading = view.world.read(view.since, subscription.target);
        let is_news = |reading: &Reading| {
            let last = subscription.last;
            last.is_none_or(|last| {
                reading
                    .sent()
                    .is_news_after(last, subscription.insensitivity)
            })
        };
        if !is_news(&reading) {
            reading = reading.aside(subscription.insensitivity);
        }
        subscription.last = Some(reading.sent());
        let (target, tag) = (subscription.target, subscription.tag);
        self.send_value(view, (id, tag), target, &reading);
    }

    /// Sends a value that was scripted.
    pub(super) fn scripted(&mut self, view: View<'_>, target: Target) {
        for id in self.subscriptions.of_target(target) {
            self.look_at(view, id, Occasion::Changed);
        }
    }

    pub(super) fn refuse(
        &mut self,
        reference_id: i32,
        tag: Option<i32>,
        time: u32,
        error: &Refusal,
    ) {
        let mut event = Event::new(EventKind::Error, reference_id, time);
        event.tag = tag.unwrap_or(-1);
        event.int_value = error.code;
        event.text = Some(Cow::Borrowed(&error.text));
        self.send(&event);
        self.tally.refusals_total += 1;
    }
}

/// What is to be sent of a reading, if anything is; keeps in mind what was.
fn news(subscription: &mut Subscription, reading: Reading, occasion: Occasion) -> Option<Reading> {
    let now = reading.sent();
    let last = subscription.last;
    let is_news = last.is_none_or(|last| now.is_news_after(last, subscription.insensitivity));
    let is_told = match (subscription.mode, occasion) {
        (_, Occasion::Peeked) | (NotificationMode::Periodical, Occasion::Opened) => true,
        (NotificationMode::Immediate, Occasion::Opened | Occasion::Changed) => is_news,
        (NotificationMode::Periodical, Occasion::Period) => {
            is_news || subscription.insensitivity == 0
        }
        (NotificationMode::Reset, _) => {
            subscription.last = Some(now);
            let before = last.filter(|last| now.is_zero() && !last.is_zero());
            return before.and_then(Sent::reading);
        }
        _ => false,
    };
    if is_told {
        subscription.last = Some(now);
    }
    is_told.then_some(reading)
}
