//! Statistics that go to another pair: refused here and to be tried elsewhere, or of a metric that
//! is defined elsewhere now.

use tokio::time::Instant;

use super::super::event::{Event, Ticket};
use super::super::subscription::{HandedOver, OpenSpec, Queue, Subscription};
use super::{Failure, Get, Session};
use crate::model::StatisticId;

impl Session {
    /// Statistics that are to go to another pair since the last call.
    pub(in crate::upstream) fn take_handed_over(&mut self) -> Vec<HandedOver> {
        std::mem::take(&mut self.handed_over)
    }

    /// Takes on what another pair handed over.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub(in crate::upstream) fn take_over(
        &mut self,
        handed_over: Vec<HandedOver>,
        now: Instant,
    ) -> Result<(), Failure> {
        for HandedOver {
            spec,
            tickets,
            accepted,
            round,
        } in handed_over
        {
            if !spec.terms.manner.keep_open {
                for ticket in tickets {
                    let get = Get {
                        spec: spec.clone(),
                        ticket,
                        shared: true,
                        round: round.clone(),
                    };
                    self.get(get, now)?;
                }
                continue;
            }
            let id = spec.id;
            let registered = self.is_registered();
            if let Some(present) = self.subscriptions.get_mut(id) {
                present.accepted |= accepted;
                present.want();
                for ticket in tickets {
                    self.fetch(spec.clone(), ticket, now)?;
                }
            } else if !accepted && !registered {
                // Dropping the tickets tells that there is no connection.
                self.forgotten.push(id);
            } else {
                let mut subscription = Subscription::new(spec, accepted);
                subscription.round = round;
                let urgent = !tickets.is_empty() && self.connection.is_some();
                subscription.waiting = tickets.into();
                if urgent {
                    self.urgent.push_back(id);
                } else {
                    subscription.queue = Queue::Backlog;
                    self.backlog.push_back(id);
                }
                self.subscriptions.insert(id, subscription);
            }
        }
        self.pump(now)
    }

    /// No other pair takes it: it stays here, and is refused as the pair it belongs to said.
    pub(in crate::upstream) fn keep(&mut self, refused: HandedOver, now: Instant) {
        let HandedOver {
            spec,
            tickets,
            accepted,
            round,
        } = refused;
        let id = spec.id;
        let proof = spec.terms.proof.clone();
        if accepted && spec.terms.manner.keep_open {
            self.subscriptions
                .get_or_insert_with(id, || Subscription::new(spec, true));
            self.retry_later(id, now);
        } else {
            self.forgotten.push(id);
        }
        if let Some(round) = round {
            self.events.push(Event::Refused {
                id,
                proof,
                text: round.refusal,
                tickets,
            });
        }
    }

    /// Hands over everything that `moves` names.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub(in crate::upstream) fn move_away(
        &mut self,
        moves: impl Fn(&OpenSpec) -> bool,
        now: Instant,
    ) -> Result<usize, Failure> {
        let moving: Vec<StatisticId> = self
            .subscriptions
            .values()
            .filter(|subscription| moves(&subscription.spec))
            .map(|subscription| subscription.spec.id)
            .collect();
        for id in &moving {
            let wanted = self.subscriptions.get(*id);
            let wanted = wanted.is_some_and(|subscription| !subscription.is_being_closed());
            let tickets = self.let_go(*id, now)?;
            let subscription = self.subscriptions.remove(*id);
            if !wanted {
                self.events.push(Event::Closed { id: *id });
            } else if let Some(subscription) = subscription {
                // Nobody vouches for its value until the other pair does.
                self.events.push(Event::Validity {
                    id: *id,
                    valid: false,
                });
                self.handed_over.push(HandedOver {
                    spec: subscription.spec,
                    tickets,
                    accepted: subscription.accepted,
                    round: None,
                });
            }
            self.forgotten.push(*id);
        }
        Ok(moving.len())
    }

    /// Everything that is wanted here, for another pair or nobody; the connection is gone.
    pub(in crate::upstream) fn wanted(&self) -> impl Iterator<Item = &OpenSpec> {
        self.subscriptions
            .values()
            .filter(|subscription| subscription.accepted)
            .map(|subscription| &subscription.spec)
    }

    fn let_go(&mut self, id: StatisticId, now: Instant) -> Result<Vec<Ticket>, Failure> {
        self.drop_upgrade(id, now)?;
        let subscription = self.subscriptions.get_mut(id);
        let tickets = subscription.map_or_else(Vec::new, Subscription::take_waiting);
        self.leave(id, now)?;
        Ok(tickets)
    }
}
