//! Opens that belong to nobody any more: their statistic went to another pair, or is held by a more
//! telling open. Each is closed as soon as it is acknowledged, and its values are not read.

use tokio::time::Instant;

use super::super::subscription::Link;
use super::{Failure, Leaving, Reference, Session};
use crate::model::StatisticId;
use crate::wire::Request;

impl Session {
    /// Lets go of whatever the statistic's main open is, without waiting for the Stat Server.
    pub(super) fn leave(&mut self, id: StatisticId, now: Instant) -> Result<(), Failure> {
        self.forget_references(id);
        let (Some(connection), Some(subscription)) =
            (&mut self.connection, self.subscriptions.get_mut(id))
        else {
            return Ok(());
        };
        match std::mem::replace(&mut subscription.link, Link::Idle) {
            Link::Idle => Ok(()),
            Link::Opening {
                reference_id,
                sent,
                overdue,
                ..
            } => {
                let leaving = Leaving::Unanswered { sent, overdue };
                let reference = Reference::Leaving(leaving);
                connection.references.insert(reference_id, reference);
                Ok(())
            }
            Link::Open { reference_id, .. } => self.leave_open(reference_id, now),
            Link::Closing {
                reference_id, own, ..
            } => {
                let reference = Reference::Leaving(Leaving::Closing { own });
                connection.references.insert(reference_id, reference);
                let reference = Reference::CloseLeaving(reference_id);
                connection.references.insert(own, reference);
                Ok(())
            }
        }
    }

    /// Closes an open that the Stat Server holds.
    pub(super) fn leave_open(&mut self, reference_id: i32, now: Instant) -> Result<(), Failure> {
        let own = self.request(Reference::CloseLeaving(reference_id), now)?;
        if let Some(connection) = &mut self.connection {
            let reference = Reference::Leaving(Leaving::Closing { own });
            connection.references.insert(reference_id, reference);
        }
        self.send(&Request::Close {
            reference_id: own,
            statistic: reference_id,
        });
        Ok(())
    }

    /// The Stat Server acknowledged an open that nobody wants any more.
    pub(super) fn leaving_acknowledged(
        &mut self,
        reference_id: i32,
        now: Instant,
    ) -> Result<(), Failure> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let reference = connection.references.get(reference_id);
        let Some(Reference::Leaving(Leaving::Unanswered { sent, overdue })) = reference else {
            return Ok(());
        };
        let (sent, overdue) = (**sent, *overdue);
        connection.open_answered(sent, now, overdue);
        self.leave_open(reference_id, now)
    }

    /// It is gone: closed, or never opened, or its close was not answered.
    pub(super) fn left(&mut self, reference_id: i32, now: Instant) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        match connection.references.remove(reference_id) {
            Some(Reference::Leaving(Leaving::Unanswered { sent, overdue })) => {
                connection.open_answered(*sent, now, overdue);
            }
            Some(Reference::Leaving(Leaving::Closing { own })) => {
                connection.references.remove(own);
            }
            Some(Reference::CloseLeaving(open)) => {
                connection.references.remove(open);
            }
            _ => return,
        }
        connection.held = connection.held.saturating_sub(1);
        // Whatever is opened after a close may be that statistic again.
        connection.epoch = None;
    }
}
