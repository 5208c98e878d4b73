//! What the Stat Server refuses, and whose request that was.

use std::sync::Arc;

use tokio::time::Instant;

use super::super::event::{Event, Ticket};
use super::super::subscription::{HandedOver, Link, OpenSpec, PeekInFlight, Round};
use super::{Failure, Reference, Session};
use crate::model::StatisticId;
use crate::wire;

impl Session {
    pub(super) fn refused(&mut self, event: &wire::Event<'_>, now: Instant) -> Result<(), Failure> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let text: Arc<str> = match event.text.as_deref() {
            Some(text) if !text.is_empty() => text.into(),
            _ => format!(
                "the Stat Server answered with error code {}",
                event.int_value
            )
            .into(),
        };
        match connection.references.get(event.reference_id) {
            Some(Reference::Open(id)) => {
                let id = *id;
                self.open_refused(id, event.reference_id, text, now)?;
            }
            Some(Reference::Peek(id)) => {
                let id = *id;
                connection.references.remove(event.reference_id);
                self.peek_refused(id, Some(event.reference_id), &text);
            }
            Some(Reference::Close(id)) => {
                let id = *id;
                // What the server does not know to be open is closed.
                self.finish_close(id, now)?;
            }
            Some(Reference::Get(_)) => {
                let got = connection.references.remove(event.reference_id);
                if let Some(Reference::Get(get)) = got {
                    let tickets = vec![get.ticket];
                    if get.shared {
                        self.refused_here(get.spec, tickets, false, get.round, text, now);
                    } else {
                        self.events.push(Event::Refused {
                            id: get.spec.id,
                            proof: get.spec.terms.proof.clone(),
                            text,
                            tickets,
                        });
                    }
                }
            }
            Some(Reference::Upgrade(id)) => {
                let id = *id;
                self.upgrade_refused(id, &text, now);
            }
            Some(Reference::UpgradePeek(id)) => {
                let id = *id;
                connection.references.remove(event.reference_id);
                tracing::debug!(%text, statistic = id.0, "a second open gave no value");
            }
            Some(Reference::Leaving(_) | Reference::CloseLeaving(_)) => {
                self.left(event.reference_id, now);
            }
            Some(Reference::Profile(kind)) => {
                tracing::warn!(?kind, %text, "the Stat Server gave no profile");
                connection.references.remove(event.reference_id);
            }
            None => {
                self.skipped_messages += 1;
                tracing::warn!(%text, "the Stat Server sent an error that answers no request");
            }
        }
        Ok(())
    }

    pub(super) fn open_refused(
        &mut self,
        id: StatisticId,
        reference_id: i32,
        text: Arc<str>,
        now: Instant,
    ) -> Result<(), Failure> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return Ok(());
        };
        let (sent, overdue) = match subscription.link {
            Link::Opening {
                ref sent, overdue, ..
            } => (**sent, overdue),
            // Some servers answer a failed request under the statistic's number.
            Link::Closing { .. } => return self.finish_close(id, now),
            Link::Open { .. } | Link::Idle => {
                self.peek_refused(id, None, &text);
                return Ok(());
            }
        };
        connection.open_answered(sent, now, overdue);
        connection.references.remove(reference_id);
        connection.held = connection.held.saturating_sub(1);
        subscription.link = Link::Idle;
        let tickets = subscription.take_waiting();
        if subscription.unwanted {
            self.subscriptions.remove(id);
            self.forgotten.push(id);
            self.events.push(Event::Closed { id });
            return Ok(());
        }
        let accepted = subscription.accepted;
        if accepted {
            tracing::warn!(statistic = %subscription.spec.statistic, %text, "reopening was refused");
        }
        let spec = subscription.upgrade.take().map(|upgrade| upgrade.spec);
        let spec = spec.unwrap_or_else(|| subscription.spec.clone());
        let round = subscription.round.take();
        if !accepted || self.config.try_next {
            self.subscriptions.remove(id);
        }
        self.refused_here(spec, tickets, accepted, round, text, now);
        Ok(())
    }

    /// The pair refuses a statistic; perhaps another has it.
    fn refused_here(
        &mut self,
        spec: OpenSpec,
        tickets: Vec<Ticket>,
        accepted: bool,
        round: Option<Box<Round>>,
        text: Arc<str>,
        now: Instant,
    ) {
        let round = round.unwrap_or_else(|| {
            Box::new(Round {
                refusal: text,
                tried: Vec::new(),
            })
        });
        let refused = HandedOver {
            spec,
            tickets,
            accepted,
            round: Some(round),
        };
        // What is spelled out here has one pair that opens it, and no other.
        if self.config.try_next && refused.spec.terms.manner.spelled_out.is_none() {
            self.forgotten.push(refused.spec.id);
            self.handed_over.push(refused);
        } else {
            self.keep(refused, now);
        }
    }

    fn peek_refused(&mut self, id: StatisticId, own: Option<i32>, text: &Arc<str>) {
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return;
        };
        let Link::Open { peeks, .. } = &mut subscription.link else {
            return;
        };
        // Under the statistic's number it is the oldest that was refused.
        let is_it = |peek: &PeekInFlight| own.is_none_or(|own| peek.reference_id == own);
        let Some(peek) = peeks.take_one(is_it) else {
            return;
        };
        if own.is_none()
            && let Some(connection) = &mut self.connection
        {
            connection.references.remove(peek.reference_id);
        }
        // Who waits for the first value waited for this peek.
        let waiting = subscription.waiting.take();
        let tickets: Vec<Ticket> = peek.ticket.into_iter().chain(waiting).collect();
        if tickets.is_empty() {
            // Nobody asked: the statistic stays open, and its notifications keep it true.
            return;
        }
        let proof = subscription.spec.terms.proof.clone();
        // As with an open, the refusal is to be remembered before anybody hears of it.
        self.events.push(Event::Refused {
            id,
            proof,
            text: text.clone(),
            tickets,
        });
    }
}
