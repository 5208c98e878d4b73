//! The hearing half of a session: what each event of the Stat Server means.

use std::sync::Arc;

use tokio::time::Instant;

use super::super::event::{Event, Outcome, Ticket};
use super::super::subscription::Link;
use super::requests::opened;
use super::standing::vouched;
use super::{FIRST_VALUE_PATIENCE, Failure, Get, Reference, Session};
use crate::model::{Quality, StatisticId, Value};
use crate::wire::{self, EventKind, EventValue, Message, ProfileKind, decode_state};

impl Session {
    pub(super) fn received_body(&mut self, body: &[u8], now: Instant) -> Result<(), Failure> {
        let event = match Message::decode(body, self.config.charset)? {
            Message::Event(event) => event,
            Message::Request(_) | Message::Unknown(_) => {
                self.skipped_messages += 1;
                return Ok(());
            }
        };
        if !self.is_registered() {
            return self.registering(&event, now);
        }
        match event.kind {
            EventKind::Info => self.value(&event, now)?,
            EventKind::StatisticOpened => self.acknowledged(event.reference_id, now)?,
            EventKind::Error => self.refused(&event, now)?,
            EventKind::StatisticClosed => self.closed(event.closed_statistic(), now)?,
            EventKind::StatisticValid => self.validity(event.reference_id, true),
            EventKind::StatisticInvalid => self.validity(event.reference_id, false),
            EventKind::StatisticProfile => self.profile(event),
            EventKind::ServerMode => self.server_mode(&event),
            EventKind::Registered | EventKind::TargetState(_) => self.skipped_messages += 1,
        }
        self.pump(now)
    }

    /// Anything may come before the answer to the registration; only that and an error count.
    fn registering(&mut self, event: &wire::Event<'_>, now: Instant) -> Result<(), Failure> {
        match event.kind {
            EventKind::Registered => {
                if let Some(connection) = &mut self.connection {
                    connection.registered = true;
                    connection.compat = event.int_value;
                    connection.version = event.text.as_deref().map(str::to_owned);
                }
                self.events.push(Event::LinkUp);
                self.ask_for_profiles(now)?;
                self.pump(now)
            }
            EventKind::Error => {
                let text = event.text.as_deref().unwrap_or_default().to_owned();
                Err(Failure::Refused {
                    code: event.int_value,
                    text,
                })
            }
            EventKind::ServerMode => {
                self.server_mode(event);
                Ok(())
            }
            _ => {
                self.skipped_messages += 1;
                Ok(())
            }
        }
    }

    fn acknowledged(&mut self, reference_id: i32, now: Instant) -> Result<(), Failure> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let id = match connection.references.get(reference_id) {
            Some(Reference::Open(id)) => *id,
            Some(Reference::Upgrade(id)) => {
                let id = *id;
                self.upgrade_acknowledged(id, now);
                return Ok(());
            }
            Some(Reference::Leaving(_)) => return self.leaving_acknowledged(reference_id, now),
            _ => return Ok(()),
        };
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return Ok(());
        };
        let Link::Opening {
            epoch,
            ref sent,
            overdue,
            ..
        } = subscription.link
        else {
            return Ok(());
        };
        connection.open_answered(**sent, now, overdue);
        subscription.link = opened(reference_id, epoch);
        subscription.accepted = true;
        subscription.round = None;
        let (mode, proof) = (
            subscription.spec.mode,
            subscription.spec.terms.proof.clone(),
        );
        let somebody_waits = !subscription.waiting.is_empty();
        let is_all = subscription.upgrade.is_none();
        self.events.push(Event::Opened { id, mode, proof });
        let unwanted = std::mem::take(&mut subscription.unwanted);
        if self.ending || unwanted {
            return self.close_one(id, now);
        }
        // A mode without notifications sends nothing by itself, so where somebody waits it is
        // peeked for at once; the others are given a moment.
        if mode.notifies() {
            connection
                .awaiting_first
                .push_back((now + FIRST_VALUE_PATIENCE, id));
        } else if somebody_waits {
            self.peek(id, None, now)?;
        }
        if is_all {
            return Ok(());
        }
        self.start_upgrade(id, now)
    }

    fn value(&mut self, event: &wire::Event<'_>, now: Instant) -> Result<(), Failure> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let (id, own_peek) = match connection.references.get(event.reference_id) {
            Some(Reference::Open(id)) => (*id, None),
            Some(Reference::Peek(id)) => (*id, Some(event.reference_id)),
            Some(Reference::Get(_)) => {
                self.got(event);
                return Ok(());
            }
            Some(Reference::Upgrade(id) | Reference::UpgradePeek(id)) => {
                let id = *id;
                return self.first_value_of_upgrade(id, event, now);
            }
            // Perhaps it acknowledges the open; that is all it is good for.
            Some(Reference::Leaving(_)) => return self.acknowledged(event.reference_id, now),
            _ => {
                self.skipped_messages += 1;
                return Ok(());
            }
        };
        let mode = connection.mode;
        let (value, quality) = self.decode(event);
        let Some(mut subscription) = self.subscriptions.get_mut(id) else {
            return Ok(());
        };
        // A value before its acknowledgement acknowledges as well.
        if own_peek.is_none() && matches!(subscription.link, Link::Opening { .. }) {
            self.acknowledged(event.reference_id, now)?;
            let Some(found) = self.subscriptions.get_mut(id) else {
                return Ok(());
            };
            subscription = found;
        }
        let quality = vouched(subscription, mode, quality);
        let Link::Open {
            epoch,
            valued,
            peeks,
            ..
        } = &mut subscription.link
        else {
            return Ok(());
        };
        *valued = true;
        let epoch = *epoch;
        // Peeks are answered in order. Under its own number a value answers that peek and, since
        // it is newer, every earlier one; under the statistic's number, the oldest.
        let answered = match own_peek {
            Some(own) => peeks
                .iter()
                .position(|peek| peek.reference_id == own)
                .map_or(0, |at| at + 1),
            None => peeks.len().min(1),
        };
        // Nobody waits for most values.
        let mut tickets: Vec<Ticket> = Vec::new();
        if answered > 0 {
            for peek in peeks.take_first(answered) {
                tickets.extend(peek.ticket);
                if let Some(connection) = &mut self.connection {
                    connection.references.remove(peek.reference_id);
                }
            }
        }
        if !subscription.waiting.is_empty() {
            tickets.append(&mut subscription.waiting.take());
        }
        let source_time = event.time;
        self.events.push(Event::Value {
            id,
            epoch,
            value,
            quality,
            source_time,
            tickets,
        });
        self.suspend_if_passive(id)
    }

    /// The value that lets a second open take the first one's place.
    fn first_value_of_upgrade(
        &mut self,
        id: StatisticId,
        event: &wire::Event<'_>,
        now: Instant,
    ) -> Result<(), Failure> {
        if let Some(connection) = &mut self.connection
            && let Some(Reference::UpgradePeek(_)) = connection.references.get(event.reference_id)
        {
            connection.references.remove(event.reference_id);
        }
        let tickets = self.promote(id, now)?;
        let (value, quality) = self.decode(event);
        let mode = self.mode();
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return Ok(());
        };
        let quality = vouched(subscription, mode, quality);
        let Link::Open { epoch, valued, .. } = &mut subscription.link else {
            return Ok(());
        };
        *valued = true;
        self.events.push(Event::Value {
            id,
            epoch: *epoch,
            value,
            quality,
            source_time: event.time,
            tickets,
        });
        self.suspend_if_passive(id)
    }

    /// The answer to a request that leaves nothing open.
    fn got(&mut self, event: &wire::Event<'_>) {
        let (value, quality) = self.decode(event);
        let Some(connection) = &mut self.connection else {
            return;
        };
        let got = connection.references.remove(event.reference_id);
        let Some(Reference::Get(get)) = got else {
            return;
        };
        let Get {
            spec,
            ticket,
            shared,
            ..
        } = *get;
        if !shared {
            return ticket.complete(Outcome::Value(value));
        }
        let link = self.subscriptions.get(spec.id).map(|found| &found.link);
        let epoch = match link {
            // Opened meanwhile: in a later epoch than that its own values would be discarded.
            Some(Link::Open { epoch, .. } | Link::Opening { epoch, .. }) => *epoch,
            _ => *connection
                .epoch
                .get_or_insert_with(|| self.epochs.allocate()),
        };
        if !matches!(link, Some(Link::Open { .. })) {
            self.events.push(Event::Accepted {
                id: spec.id,
                proof: spec.terms.proof.clone(),
            });
        }
        self.events.push(Event::Value {
            id: spec.id,
            epoch,
            value,
            quality,
            source_time: event.time,
            tickets: vec![ticket],
        });
    }

    fn decode(&self, event: &wire::Event<'_>) -> (Value, Quality) {
        match event.value() {
            EventValue::Text(text) => (Value::from_text(text), Quality::Good),
            EventValue::Int(int) => (Value::Integer(int), Quality::Good),
            EventValue::State(body) => {
                let compat = self
                    .connection
                    .as_ref()
                    .map_or(0, |connection| connection.compat);
                let (state, error) = decode_state(body, compat, self.config.charset);
                if let Some(error) = error {
                    tracing::warn!(%error, "a state was kept as raw bytes");
                }
                let raw = matches!(state, crate::model::State::Raw { .. });
                let quality = if raw {
                    Quality::Uncertain
                } else {
                    Quality::Good
                };
                (Value::State(Arc::new(state)), quality)
            }
        }
    }

    fn closed(&mut self, reference_id: i32, now: Instant) -> Result<(), Failure> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        // Published in two forms: the statistic's number, or the close's own.
        let id = match connection.references.get(reference_id) {
            Some(Reference::Open(id) | Reference::Close(id)) => *id,
            Some(Reference::Leaving(_) | Reference::CloseLeaving(_)) => {
                self.left(reference_id, now);
                return Ok(());
            }
            Some(Reference::Upgrade(id)) => {
                let id = *id;
                self.upgrade_refused(id, "it was closed by the Stat Server", now);
                return Ok(());
            }
            _ => {
                self.skipped_messages += 1;
                return Ok(());
            }
        };
        let link = self.subscriptions.get(id).map(|found| &found.link);
        if let Some(&Link::Opening { reference_id, .. }) = link {
            let text = "the Stat Server closed the statistic instead of opening it";
            self.open_refused(id, reference_id, text.into(), now)
        } else {
            self.finish_close(id, now)
        }
    }

    fn profile(&mut self, event: wire::Event<'_>) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let kind = match connection.references.remove(event.reference_id) {
            Some(Reference::Profile(kind)) => kind,
            Some(other) => {
                connection.references.insert(event.reference_id, other);
                self.skipped_messages += 1;
                return;
            }
            None => {
                self.skipped_messages += 1;
                return;
            }
        };
        if kind == ProfileKind::StatTypes {
            if let Some(fault) = &event.profile_fault {
                tracing::warn!(%fault, "the list of stat types cannot be read");
            }
            let pairs = event.profile.map(|profile| profile.0).unwrap_or_default();
            let names: Vec<String> = pairs.into_iter().map(|(name, _)| name).collect();
            // A server without any stat types did not tell them: it may still define every metric.
            if names.is_empty() {
                tracing::warn!("the Stat Server listed no stat types");
            } else {
                self.events.push(Event::StatTypes { names });
            }
        }
    }
}
