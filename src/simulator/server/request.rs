//! Requests and their answers.

use std::sync::Arc;

use super::super::catalogue::Metric;
use super::super::log::{Log, LogKind, Noted};
use super::super::pair::ServerId;
use super::super::world::{Baseline, Target, World};
use super::conversation::{Conversation, Occasion, View};
use super::faults::Faults;
use super::refusal::{ID_IN_USE, NO_CLIENTS, Refusal, UNKNOWN_STATISTIC, UNSUPPORTED, refusal};
use super::subscription::Subscription;
use crate::model::{NotificationMode, Statistic};
use crate::wire::{Event, EventKind, Kv, Notification, ProfileKind, Request, ServerMode};

const TIME_PROFILES: [(&str, &str); 3] = [
    ("Default,Growing", "0:00"),
    ("LastHour,Sliding", "3600:60"),
    ("Shift,SinceLogin", ""),
];
const FILTERS: [(&str, &str); 1] = [("VIP", "PairExists(\"CustomerSegment\",\"VIP\")")];
const TIME_RANGES: [(&str, &str); 2] = [("Range0-20", "0-20"), ("Range0-60", "0-60")];

/// One server at work on one client's requests.
pub(super) struct Desk<'a> {
    pub(super) server: ServerId,
    pub(super) connection: u64,
    pub(super) compat: i64,
    pub(super) version: &'a str,
    /// What the server says of itself after registration, if anything.
    pub(super) mode: Option<ServerMode>,
    pub(super) faults: Faults,
    /// What the server's configuration defines.
    pub(super) stat_types: Arc<[Metric]>,
    /// From when on the server's totals count.
    pub(super) since: &'a Baseline,
    pub(super) time: u32,
    pub(super) now_ms: i64,
    pub(super) world: &'a mut World,
    pub(super) client: &'a mut Conversation,
    pub(super) log: &'a mut Log,
}

/// The request's own handle and tag, which its answer repeats.
#[derive(Debug, Clone, Copy)]
struct Handle {
    reference_id: i32,
    tag: Option<i32>,
}

impl Desk<'_> {
    pub(super) fn handle(&mut self, request: Request<'_>) {
        if let Request::Register(register) = &request {
            self.note(LogKind::Register, None, register.client_name.clone());
            self.register();
            return;
        }
        // A client that has not registered hears nothing: whatever came first would be taken for
        // the answer to its registration.
        if !self.client.is_registered {
            self.note(LogKind::Unknown, None, "before registration".to_owned());
            return;
        }
        match request {
            Request::Register(_) => {}
            Request::Open {
                reference_id,
                tag,
                object,
                metric,
                notification,
                refinements,
            } => {
                let is_reset = notification.mode == NotificationMode::Reset;
                let target = self.named(LogKind::Open, &object, &metric, &refinements, is_reset);
                self.open(Handle { reference_id, tag }, target, notification);
            }
            Request::Get {
                reference_id,
                tag,
                object,
                metric,
                refinements,
            } => {
                let target = self.named(LogKind::Get, &object, &metric, &refinements, false);
                self.answer_get(Handle { reference_id, tag }, target);
            }
            Request::OpenEx {
                reference_id,
                tag,
                object,
                definition,
                notification,
            } => {
                let is_reset = notification.mode == NotificationMode::Reset;
                let target = self.spelled_out(LogKind::OpenEx, &object, &definition, is_reset);
                self.open(Handle { reference_id, tag }, target, notification);
            }
            Request::GetEx {
                reference_id,
                tag,
                object,
                definition,
            } => {
                let target = self.spelled_out(LogKind::GetEx, &object, &definition, false);
                self.answer_get(Handle { reference_id, tag }, target);
            }
            Request::Peek {
                reference_id,
                statistic,
            } => {
                if self.is_open(LogKind::Peek, reference_id, statistic) {
                    self.client.tally.peeks_total += 1;
                    self.look_at(statistic, Occasion::Peeked);
                }
            }
            Request::Suspend {
                reference_id,
                statistic,
            } => {
                if self.is_open(LogKind::Suspend, reference_id, statistic) {
                    self.suspend(statistic, true);
                }
            }
            Request::Resume {
                reference_id,
                statistic,
            } => {
                if self.is_open(LogKind::Resume, reference_id, statistic) {
                    self.suspend(statistic, false);
                    self.look_at(statistic, Occasion::Changed);
                }
            }
            Request::Close {
                reference_id,
                statistic,
            } => self.close(reference_id, statistic),
            Request::Profile {
                reference_id,
                tag,
                kind,
            } => {
                self.note(LogKind::Profile, None, format!("{kind:?}"));
                self.profile(Handle { reference_id, tag }, kind);
            }
        }
    }

    pub(super) fn note(&mut self, kind: LogKind, statistic: Option<Statistic>, detail: String) {
        self.log.push(Noted {
            server: self.server,
            connection: self.connection,
            kind,
            statistic,
            detail,
            notification: None,
        });
    }

    /// Says of the open that was noted last how it is to notify.
    fn note_mode(&mut self, notification: Notification) {
        if let Some(entry) = self.log.last() {
            entry.notification = Some(notification);
        }
    }

    fn view(&self) -> View<'_> {
        View {
            world: self.world,
            since: self.since,
            compat: self.compat,
            time: self.time,
        }
    }

    fn event(&self, kind: EventKind, handle: Handle) -> Event<'static> {
        let mut event = Event::new(kind, handle.reference_id, self.time);
        event.tag = handle.tag.unwrap_or(-1);
        event
    }

    fn refuse(&mut self, handle: Handle, refusal: &Refusal) {
        self.client
            .refuse(handle.reference_id, handle.tag, self.time, refusal);
        self.note(LogKind::Refused, None, refusal.text.clone());
    }

    fn register(&mut self) {
        let handle = Handle {
            reference_id: 0,
            tag: None,
        };
        if self.client.is_registered {
            let refusal = refusal(UNSUPPORTED, "The client is registered already".to_owned());
            self.refuse(handle, &refusal);
            return;
        }
        if self.faults.is_half_open {
            return;
        }
        if self.faults.refuses {
            let refusal = refusal(NO_CLIENTS, "The server accepts no clients now".to_owned());
            self.refuse(handle, &refusal);
            return;
        }
        let mut event = self.event(EventKind::Registered, handle);
        event.int_value = self.compat;
        event.text = Some(self.version.to_owned().into());
        self.client.send(&event);
        self.client.is_registered = true;
        if let Some(mode) = self.mode {
            self.client.send_mode(mode, self.time);
        }
    }

    fn open(
        &mut self,
        handle: Handle,
        target: Result<Target, Refusal>,
        notification: Notification,
    ) {
        self.note_mode(notification);
        let id = handle.reference_id;
        let is_free = !self.client.subscriptions.contains(id);
        let in_use = || refusal(ID_IN_USE, format!("Reference id {id} is in use"));
        let target = target.and_then(|target| if is_free { Ok(target) } else { Err(in_use()) });
        let target = match target {
            Ok(target) => target,
            Err(refusal) => return self.refuse(handle, &refusal),
        };
        let period_s = u32::try_from(notification.frequency.unwrap_or(0))
            .unwrap_or(0)
            .max(1);
        let subscription = Subscription {
            target,
            tag: handle.tag.unwrap_or(-1),
            mode: notification.mode,
            insensitivity: notification.insensitivity.unwrap_or(0).max(0),
            period_s,
            is_suspended: false,
            last: None,
        };
        self.client
            .subscriptions
            .insert(id, subscription, self.now_ms);
        self.client.tally.opens_total += 1;
        self.client
            .send(&self.event(EventKind::StatisticOpened, handle));
        self.look_at(id, Occasion::Opened);
        if self.client.is_invalid {
            self.client.send_validity(self.time, id);
        }
    }

    fn look_at(&mut self, id: i32, occasion: Occasion) {
        let view = View {
            world: self.world,
            since: self.since,
            compat: self.compat,
            time: self.time,
        };
        self.client.look_at(view, id, occasion);
    }

    fn answer_get(&mut self, handle: Handle, target: Result<Target, Refusal>) {
        match target {
            Ok(target) => {
                let view = View {
                    world: self.world,
                    since: self.since,
                    compat: self.compat,
                    time: self.time,
                };
                let reading = view.world.read(view.since, target);
                let ids = (handle.reference_id, handle.tag.unwrap_or(-1));
                self.client.send_value(view, ids, target, &reading);
                self.client.tally.gets_total += 1;
            }
            Err(refusal) => self.refuse(handle, &refusal),
        }
    }

    /// Notes the request and says whether its statistic is open; refuses it if not.
    fn is_open(&mut self, kind: LogKind, reference_id: i32, id: i32) -> bool {
        let target = self.client.subscriptions.find(id).map(|it| it.target);
        let statistic = target.and_then(|target| self.world.statistic(target));
        self.note(kind, statistic, String::new());
        if target.is_none() {
            let refusal = refusal(UNKNOWN_STATISTIC, format!("Statistic {id} is not open"));
            self.refuse(
                Handle {
                    reference_id,
                    tag: None,
                },
                &refusal,
            );
        }
        target.is_some()
    }

    fn suspend(&mut self, id: i32, is_suspended: bool) {
        if let Some(subscription) = self.client.subscriptions.find(id) {
            subscription.is_suspended = is_suspended;
        }
    }

    fn close(&mut self, reference_id: i32, id: i32) {
        if self.is_open(LogKind::Close, reference_id, id) {
            let closed = self.client.subscriptions.remove(id);
            let tag = closed.map(|it| it.tag);
            let mut event = self.event(EventKind::StatisticClosed, Handle { reference_id, tag });
            event.int_value = id.into();
            self.client.send(&event);
            self.client.tally.closes_total += 1;
        }
    }

    fn profile(&mut self, handle: Handle, kind: ProfileKind) {
        let list = match kind {
            ProfileKind::StatTypes => self.stat_types(),
            ProfileKind::TimeProfiles => Kv::of_texts(TIME_PROFILES),
            ProfileKind::Filters => Kv::of_texts(FILTERS),
            ProfileKind::TimeRanges => Kv::of_texts(TIME_RANGES),
        };
        let mut event = self.event(EventKind::StatisticProfile, handle);
        event.int_value = kind.code().into();
        event.profile = Some(list);
        self.client.send(&event);
    }

    fn stat_types(&self) -> Kv {
        let known = self.stat_types.iter().map(|metric| {
            let definition = metric.definition();
            (definition.name.to_owned(), definition.text())
        });
        let mut texts: Vec<(String, String)> = known.collect();
        for statistic in self.view().world.scripted_metrics() {
            if !texts.iter().any(|(name, _)| **name == *statistic.metric()) {
                let text = format!(
                    "Objects={}; Category=CurrentNumber",
                    statistic.object_type()
                );
                texts.push((statistic.metric().to_string(), text));
            }
        }
        Kv::of_texts(
            texts
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str())),
        )
    }
}
