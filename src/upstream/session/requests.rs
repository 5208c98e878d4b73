//! The asking half of a session: what is wanted, fetched and closed, and when it is written.

use std::borrow::Cow;

use tokio::time::Instant;

use super::super::event::Ticket;
use super::super::few::Few;
use super::super::subscription::{Link, OpenSpec, PeekInFlight, Queue, Subscription};
use super::super::window::Window;
use super::{Failure, Get, Reference, Session};
use crate::model::StatisticId;
use crate::wire::{Notification, Object, Refinements, Request};

impl Session {
    /// Keeps these statistics open, now and after every reconnection. They were accepted on an
    /// earlier run, or are configured: a refusal does not make them forgotten.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn want(&mut self, specs: Vec<OpenSpec>, now: Instant) -> Result<(), Failure> {
        if self.backlog.is_empty() {
            // Exactly: at a start these are all there are.
            self.backlog.reserve_exact(specs.len());
        }
        for spec in specs {
            let id = spec.id;
            self.upgrade(&spec, now)?;
            let wanted = self
                .subscriptions
                .get_or_insert_with(id, || Subscription::new(spec, true));
            let Some(subscription) = wanted else {
                continue;
            };
            subscription.accepted = true;
            subscription.want();
            if let (Link::Idle, Queue::None) = (&subscription.link, subscription.queue) {
                subscription.queue = Queue::Backlog;
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
        self.upgrade(&spec, now)?;
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            if !spec.terms.manner.keep_open {
                return self.get(Get::new(spec, ticket, true), now);
            }
            let mut subscription = Subscription::new(spec, false);
            subscription.waiting.push(ticket);
            self.subscriptions.insert(id, subscription);
            self.urgent.push_back(id);
            return self.pump(now);
        };
        if subscription.spec.terms.proof != spec.terms.proof {
            // The Stat Server judges the password, and the open statistic stays untouched.
            return self.get(Get::new(spec, ticket, false), now);
        }
        subscription.unwanted = false;
        match &subscription.link {
            Link::Open { .. } => self.peek(id, Some(ticket), now),
            // Dropping the ticket tells that nothing is to be had here.
            Link::Opening { overdue: true, .. } => Ok(()),
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

    /// Writes opens: those somebody waits for at once, the backlog as the window allows.
    pub(super) fn pump(&mut self, now: Instant) -> Result<(), Failure> {
        if !self.is_registered() {
            return Ok(());
        }
        if self.ending {
            return self.pump_closes(now);
        }
        while self.may_open(Window::has_room_for_urgent)
            && let Some(id) = self.urgent.pop_front()
        {
            let link = self.subscriptions.get(id).map(|found| &found.link);
            if let Some(Link::Idle) = link {
                self.open(id, now)?;
            }
        }
        while self.may_open(Window::has_room)
            && let Some(id) = self.backlog.pop_front()
        {
            let Some(subscription) = self.subscriptions.get_mut(id) else {
                continue;
            };
            subscription.queue = Queue::None;
            match subscription.link {
                Link::Idle => self.open(id, now)?,
                Link::Open { .. } => self.resume(id, now)?,
                Link::Opening { .. } | Link::Closing { .. } => {}
            }
        }
        Ok(())
    }

    /// Output was written to the socket: there may be room for more.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn wrote(&mut self, now: Instant) -> Result<(), Failure> {
        let waits = !self.backlog.is_empty() || !self.urgent.is_empty();
        if self.output.is_empty() && waits {
            self.pump(now)
        } else {
            Ok(())
        }
    }

    /// Peeks a statistic if it is open; dropping the ticket tells that it is not.
    pub(super) fn peek(
        &mut self,
        id: StatisticId,
        ticket: Option<Ticket>,
        now: Instant,
    ) -> Result<(), Failure> {
        let link = self.subscriptions.get(id).map(|found| &found.link);
        let Some(&Link::Open { reference_id, .. }) = link else {
            return Ok(());
        };
        let own = self.request(Reference::Peek(id), now)?;
        if let Some(subscription) = self.subscriptions.get_mut(id)
            && let Link::Open { peeks, .. } = &mut subscription.link
        {
            peeks.push(PeekInFlight {
                reference_id: own,
                ticket,
            });
        }
        self.send(&Request::Peek {
            reference_id: own,
            statistic: reference_id,
        });
        Ok(())
    }

    /// Frees the reference ids of a statistic; late answers to them are skipped.
    pub(super) fn forget_references(&mut self, id: StatisticId) {
        let (Some(connection), Some(subscription)) =
            (&mut self.connection, self.subscriptions.get(id))
        else {
            return;
        };
        for reference in subscription.references() {
            connection.references.remove(reference);
        }
    }

    fn may_open(&self, has_room: impl Fn(&Window) -> bool) -> bool {
        !self.is_choked()
            && self
                .connection
                .as_ref()
                .is_some_and(|connection| has_room(&connection.window))
    }

    /// Opens what is idle.
    fn open(&mut self, id: StatisticId, now: Instant) -> Result<(), Failure> {
        let reference_id = self.request(Reference::Open(id), now)?;
        let (Some(connection), Some(subscription)) =
            (&mut self.connection, self.subscriptions.get_mut(id))
        else {
            return Ok(());
        };
        connection.window.sent();
        connection.held += 1;
        let epoch = *connection
            .epoch
            .get_or_insert_with(|| self.epochs.allocate());
        subscription.doubt.invalid = false;
        subscription.link = Link::Opening {
            reference_id,
            epoch,
            sent: Box::new(now),
            overdue: false,
        };
        let request = open_request(reference_id, &subscription.spec);
        request.write(self.config.charset, &mut self.output);
        Ok(())
    }

    /// Asks for one value, with nothing left open.
    pub(super) fn get(&mut self, get: Get, now: Instant) -> Result<(), Failure> {
        if !self.is_registered() {
            // Dropping the ticket tells that there is no connection.
            return Ok(());
        }
        let spec = get.spec.clone();
        let reference_id = self.request(Reference::Get(Box::new(get)), now)?;
        let (object, metric, refinements) = asked(&spec);
        self.send(&match &spec.terms.manner.spelled_out {
            Some(spelled_out) => Request::GetEx {
                reference_id,
                tag: None,
                object,
                definition: Box::new(spelled_out.definition.clone()),
            },
            None => Request::Get {
                reference_id,
                tag: None,
                object,
                metric,
                refinements,
            },
        });
        Ok(())
    }

    /// Writes an open under a number that already stands for it.
    pub(super) fn send_open(&mut self, reference_id: i32, spec: &OpenSpec) {
        self.send(&open_request(reference_id, spec));
    }

    /// A number for a new request that is given up when it is not answered in time.
    pub(super) fn request(&mut self, stands_for: Reference, now: Instant) -> Result<i32, Failure> {
        let reference_id = self.reference(stands_for)?;
        self.watch_for_answer(reference_id, now);
        Ok(reference_id)
    }

    /// A number for a new request that stands for something until that is answered.
    pub(super) fn reference(&mut self, stands_for: Reference) -> Result<i32, Failure> {
        let reference_id = self.unused_reference()?;
        if let Some(connection) = &mut self.connection {
            connection.references.insert(reference_id, stands_for);
        }
        Ok(reference_id)
    }

    /// A number for a new request: unique among those in use, wrapping past the largest to 1.
    pub(super) fn unused_reference(&mut self) -> Result<i32, Failure> {
        let Some(connection) = &mut self.connection else {
            return Err(Failure::OutOfReferences);
        };
        if connection.references.len() >= usize::try_from(i32::MAX).unwrap_or(usize::MAX) {
            return Err(Failure::OutOfReferences);
        }
        loop {
            connection.last_reference = connection.last_reference.checked_add(1).unwrap_or(1);
            let next = connection.last_reference;
            if !connection.references.contains(next) {
                return Ok(next);
            }
        }
    }

    pub(super) fn send(&mut self, request: &Request<'_>) {
        request.write(self.config.charset, &mut self.output);
    }
}

fn open_request(reference_id: i32, spec: &OpenSpec) -> Request<'_> {
    let (object, metric, refinements) = asked(spec);
    let notification = Notification {
        mode: spec.mode,
        insensitivity: spec.terms.manner.insensitivity,
        frequency: spec.terms.manner.frequency,
    };
    match &spec.terms.manner.spelled_out {
        Some(spelled_out) => Request::OpenEx {
            reference_id,
            tag: None,
            object,
            definition: Box::new(spelled_out.definition.clone()),
            notification,
        },
        None => Request::Open {
            reference_id,
            tag: None,
            object,
            metric,
            notification,
            refinements,
        },
    }
}

/// The object, the metric and the refinements of a statistic as they are asked for.
fn asked(spec: &OpenSpec) -> (Object<'_>, Cow<'_, str>, Refinements<'_>) {
    let texts = spec.statistic.texts().map(Cow::Borrowed);
    let [
        metric,
        object_id,
        tenant,
        filter,
        time_profile,
        time_range,
        time_range2,
    ] = texts;
    let object = Object {
        object_type: spec.statistic.object_type().code().into(),
        object_id,
        tenant,
        tenant_password: Cow::Borrowed(&spec.terms.password),
    };
    let refinements = Refinements {
        filter,
        time_profile,
        time_range,
        time_range2,
    };
    (object, metric, refinements)
}

/// An open statistic right after its acknowledgement.
pub(super) fn opened(reference_id: i32, epoch: crate::model::Epoch) -> Link {
    Link::Open {
        reference_id,
        epoch,
        valued: false,
        suspended: false,
        peeks: Few::default(),
    }
}
