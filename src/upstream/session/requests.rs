//! The asking half of a session: what is wanted, fetched and closed, and when it is written.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::super::event::{Event, Ticket};
use super::super::subscription::{Link, OpenSpec, PeekInFlight, Subscription};
use super::{Failure, OUTPUT_LEN_HIGH, Reference, Session};
use crate::model::StatisticId;
use crate::wire::{Notification, Object, ProfileKind, Refinements, Request};

impl Session {
    /// Keeps these statistics open, now and after every reconnection. They were accepted on an
    /// earlier run, or are configured: a refusal does not make them forgotten.
    pub fn want(&mut self, specs: Vec<OpenSpec>, now: Instant) -> Result<(), Failure> {
        for spec in specs {
            let id = spec.id;
            let subscription = self
                .subscriptions
                .entry(id)
                .or_insert_with(|| Subscription::new(spec, true));
            subscription.accepted = true;
            if matches!(subscription.link, Link::Idle) {
                self.backlog.push_back(id);
            }
        }
        self.pump(now)
    }

    /// Fetches a live value: peeks the statistic if it is open, opens it if it is not. Whoever
    /// holds the ticket is told, at the latest when the connection is lost.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn fetch(&mut self, spec: OpenSpec, ticket: Ticket, now: Instant) -> Result<(), Failure> {
        if !self.is_registered() {
            // Dropping the ticket tells that there is no connection.
            return Ok(());
        }
        let id = spec.id;
        let Some(subscription) = self.subscriptions.get_mut(&id) else {
            let mut subscription = Subscription::new(spec, false);
            subscription.waiting.push(ticket);
            self.subscriptions.insert(id, subscription);
            self.urgent.push_back(id);
            return self.pump(now);
        };
        if subscription.spec.proof != spec.proof {
            return self.get_once(&spec, ticket);
        }
        match &subscription.link {
            Link::Open { .. } => self.peek(id, Some(ticket)),
            Link::Opening { .. } | Link::Closing { .. } => {
                subscription.waiting.push(ticket);
                Ok(())
            }
            Link::Idle => {
                subscription.waiting.push(ticket);
                self.urgent.push_back(id);
                self.pump(now)
            }
        }
    }

    /// Stops keeping these statistics open.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn close(&mut self, ids: &[StatisticId]) -> Result<(), Failure> {
        for &id in ids {
            let Some(subscription) = self.subscriptions.get_mut(&id) else {
                continue;
            };
            match subscription.link {
                Link::Open { reference_id, .. } => {
                    drop(subscription.take_waiting());
                    self.forget_references(id);
                    let own = self.reference(Reference::Close(id))?;
                    if let Some(subscription) = self.subscriptions.get_mut(&id) {
                        subscription.link = Link::Closing { reference_id, own };
                    }
                    if let Some(connection) = &mut self.connection {
                        connection
                            .references
                            .insert(reference_id, Reference::Open(id));
                    }
                    self.send(&Request::Close {
                        reference_id: own,
                        statistic: reference_id,
                    });
                }
                // An open on its way is let through; the next sweep closes it.
                Link::Opening { .. } | Link::Closing { .. } => {}
                Link::Idle => {
                    self.subscriptions.remove(&id);
                    self.events.push(Event::Closed { id });
                }
            }
        }
        Ok(())
    }

    /// Closes everything that is open, for an orderly end: nothing is opened any more, and nobody is
    /// told that it was closed, since it stays wanted.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn close_all(&mut self) -> Result<(), Failure> {
        self.ending = true;
        self.backlog.clear();
        self.urgent.clear();
        self.retries.clear();
        let is_open = |subscription: &Subscription| matches!(subscription.link, Link::Open { .. });
        let ids: Vec<StatisticId> = self
            .subscriptions
            .iter()
            .filter(|(_, subscription)| is_open(subscription))
            .map(|(id, _)| *id)
            .collect();
        self.close(&ids)
    }

    /// Writes opens: those somebody waits for at once, the backlog as the window allows.
    pub(super) fn pump(&mut self, now: Instant) -> Result<(), Failure> {
        if !self.is_registered() {
            return Ok(());
        }
        while let Some(id) = self.urgent.pop_front() {
            self.open_if_idle(id, now)?;
        }
        while self.output.len() < OUTPUT_LEN_HIGH && self.window_has_room() {
            let Some(id) = self.backlog.pop_front() else {
                break;
            };
            self.open_if_idle(id, now)?;
        }
        Ok(())
    }

    /// Output was written to the socket: there may be room for more.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn wrote(&mut self, now: Instant) -> Result<(), Failure> {
        if self.output.is_empty() && !self.backlog.is_empty() {
            self.pump(now)
        } else {
            Ok(())
        }
    }

    /// The first requests after the registration was answered.
    pub(super) fn ask_for_profiles(&mut self) -> Result<(), Failure> {
        for kind in ProfileKind::ALL {
            let reference_id = self.reference(Reference::Profile(kind))?;
            self.send(&Request::Profile {
                reference_id,
                tag: None,
                kind,
            });
        }
        Ok(())
    }

    pub(super) fn peek(&mut self, id: StatisticId, ticket: Option<Ticket>) -> Result<(), Failure> {
        let own = self.reference(Reference::Peek(id))?;
        let Some(subscription) = self.subscriptions.get_mut(&id) else {
            return Ok(());
        };
        let Link::Open {
            reference_id,
            peeks,
            ..
        } = &mut subscription.link
        else {
            return Ok(());
        };
        peeks.push_back(PeekInFlight {
            reference_id: own,
            ticket,
        });
        let statistic = *reference_id;
        self.send(&Request::Peek {
            reference_id: own,
            statistic,
        });
        Ok(())
    }

    pub(super) fn peek_where_patience_ended(&mut self, now: Instant) -> Result<(), Failure> {
        loop {
            let Some(connection) = &mut self.connection else {
                return Ok(());
            };
            match connection.awaiting_first.front().copied() {
                Some((due, id)) if due <= now => {
                    connection.awaiting_first.pop_front();
                    let link = self
                        .subscriptions
                        .get(&id)
                        .map(|subscription| &subscription.link);
                    if let Some(Link::Open { valued: false, .. }) = link {
                        self.peek(id, None)?;
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Frees the reference ids of a statistic; late answers to them are skipped.
    pub(super) fn forget_references(&mut self, id: StatisticId) {
        let (Some(connection), Some(subscription)) =
            (&mut self.connection, self.subscriptions.get(&id))
        else {
            return;
        };
        for reference in subscription.references() {
            connection.references.remove(&reference);
        }
    }

    fn window_has_room(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.window.has_room())
    }

    fn open_if_idle(&mut self, id: StatisticId, now: Instant) -> Result<(), Failure> {
        let idle = self
            .subscriptions
            .get(&id)
            .filter(|subscription| matches!(subscription.link, Link::Idle));
        let Some(spec) = idle.map(|subscription| subscription.spec.clone()) else {
            return Ok(());
        };
        let reference_id = self.reference(Reference::Open(id))?;
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        connection.window.sent();
        let link = Link::Opening {
            reference_id,
            epoch: connection.epoch,
            sent: now,
        };
        if let Some(subscription) = self.subscriptions.get_mut(&id) {
            subscription.link = link;
        }
        self.send(&Request::Open {
            reference_id,
            tag: None,
            object: object(&spec),
            metric: spec.statistic.metric.to_string(),
            notification: Notification::of(spec.mode),
            refinements: refinements(&spec),
        });
        Ok(())
    }

    /// One value for a caller whose password is not the one the statistic was opened with: the
    /// Stat Server judges the password, and the open statistic stays untouched.
    fn get_once(&mut self, spec: &OpenSpec, ticket: Ticket) -> Result<(), Failure> {
        let proof = spec.proof.clone();
        let reference_id = self.reference(Reference::Get {
            id: spec.id,
            proof,
            ticket,
        })?;
        self.send(&Request::Get {
            reference_id,
            tag: None,
            object: object(spec),
            metric: spec.statistic.metric.to_string(),
            refinements: refinements(spec),
        });
        Ok(())
    }

    /// A number for a new request: unique among those in use, wrapping past the largest to 1.
    fn reference(&mut self, stands_for: Reference) -> Result<i32, Failure> {
        let Some(connection) = &mut self.connection else {
            return Err(Failure::OutOfReferences);
        };
        if connection.references.len() >= usize::try_from(i32::MAX).unwrap_or(usize::MAX) {
            return Err(Failure::OutOfReferences);
        }
        loop {
            connection.last_reference = connection.last_reference.checked_add(1).unwrap_or(1);
            if !connection
                .references
                .contains_key(&connection.last_reference)
            {
                connection
                    .references
                    .insert(connection.last_reference, stands_for);
                return Ok(connection.last_reference);
            }
        }
    }

    fn send(&mut self, request: &Request) {
        request.write(self.config.charset, &mut self.output);
    }
}

fn object(spec: &OpenSpec) -> Object {
    Object {
        object_type: spec.statistic.object_type.code().into(),
        object_id: spec.statistic.object_id.to_string(),
        tenant: spec.statistic.tenant.to_string(),
        tenant_password: spec.password.clone(),
    }
}

fn refinements(spec: &OpenSpec) -> Refinements {
    let [filter, time_profile, time_range, time_range2] =
        spec.statistic.refinements().map(str::to_owned);
    Refinements {
        filter,
        time_profile,
        time_range,
        time_range2,
    }
}

/// An open statistic right after its acknowledgement.
pub(super) fn opened(reference_id: i32, epoch: crate::model::Epoch) -> Link {
    Link::Open {
        reference_id,
        epoch,
        valued: false,
        peeks: VecDeque::new(),
    }
}
