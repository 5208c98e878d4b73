//! The waiting part of a session: what is done when an answer does not come, and what is tried again.

use tokio::time::Instant;

use super::super::subscription::{Link, Queue, UpgradeStage};
use super::{ANSWER_PATIENCE, Failure, Leaving, RETRY_AFTER, Reference, Session};
use crate::model::StatisticId;

impl Session {
    /// Peeks for first values that did not come by themselves.
    pub(super) fn peek_where_patience_ended(&mut self, now: Instant) -> Result<(), Failure> {
        while let Some(connection) = &mut self.connection
            && let Some((due, id)) = connection.awaiting_first.front().copied()
            && due <= now
        {
            connection.awaiting_first.pop_front();
            let Some(subscription) = self.subscriptions.get(id) else {
                continue;
            };
            let upgrade = subscription.upgrade.as_deref();
            let stage = upgrade.map(|upgrade| upgrade.stage);
            if let Some(UpgradeStage::Opened { .. }) = stage {
                self.peek_upgrade(id, now)?;
            } else if let Link::Open { valued: false, .. } = subscription.link {
                self.peek(id, None, now)?;
            }
        }
        Ok(())
    }

    /// Sees that a request is given up in time. Those answered at the head of the queue leave it,
    /// so that it is hardly longer than what is under way.
    pub(super) fn watch_for_answer(&mut self, reference_id: i32, now: Instant) {
        while let Some(connection) = &self.connection
            && let Some((_, oldest)) = connection.unanswered.front()
            && !self.is_unanswered(*oldest)
            && let Some(connection) = &mut self.connection
        {
            connection.unanswered.pop_front();
        }
        if let Some(connection) = &mut self.connection {
            let due = now + ANSWER_PATIENCE;
            connection.unanswered.push_back((due, reference_id));
        }
    }

    fn is_unanswered(&self, reference_id: i32) -> bool {
        let Some(connection) = &self.connection else {
            return false;
        };
        match connection.references.get(reference_id) {
            Some(Reference::Open(id)) => {
                let link = self.subscriptions.get(*id).map(|found| &found.link);
                matches!(link, Some(Link::Opening { overdue: false, .. }))
            }
            Some(Reference::Upgrade(id)) => {
                let upgrade = self
                    .subscriptions
                    .get(*id)
                    .and_then(|found| found.upgrade.as_deref());
                let stage = upgrade.map(|upgrade| upgrade.stage);
                matches!(stage, Some(UpgradeStage::Opening { .. }))
            }
            Some(
                Reference::Peek(_)
                | Reference::Close(_)
                | Reference::Get(_)
                | Reference::UpgradePeek(_)
                | Reference::CloseLeaving(_)
                | Reference::Leaving(Leaving::Unanswered { overdue: false, .. }),
            ) => true,
            Some(Reference::Profile(_) | Reference::Leaving(_)) | None => false,
        }
    }

    /// Frees what is held up for answers that did not come: callers, places in the window, reference
    /// ids. Without this one lost answer would shift every later answer to the wrong peek.
    pub(super) fn give_up_unanswered(&mut self, now: Instant) -> Result<(), Failure> {
        while let Some(connection) = &mut self.connection
            && let Some((due, reference_id)) = connection.unanswered.front().copied()
            && due <= now
        {
            connection.unanswered.pop_front();
            match connection.references.get_mut(reference_id) {
                Some(Reference::Open(id)) => {
                    let id = *id;
                    self.give_up_open(id);
                }
                Some(Reference::Peek(id)) => {
                    let id = *id;
                    connection.references.remove(reference_id);
                    self.give_up_peek(id, reference_id);
                }
                Some(Reference::Close(id)) => {
                    let id = *id;
                    self.finish_close(id, now)?;
                }
                Some(Reference::Get(_) | Reference::UpgradePeek(_)) => {
                    // Dropping a ticket tells that nothing came.
                    connection.references.remove(reference_id);
                }
                Some(Reference::Upgrade(id)) => {
                    let id = *id;
                    self.give_up_upgrade(id, now)?;
                }
                Some(Reference::Leaving(Leaving::Unanswered { overdue, .. })) => {
                    if !std::mem::replace(overdue, true) {
                        connection.window.gave_up();
                    }
                }
                Some(Reference::CloseLeaving(_)) => self.left(reference_id, now),
                Some(Reference::Profile(_) | Reference::Leaving(_)) | None => {}
            }
        }
        Ok(())
    }

    /// The first open goes on serving; should the second be answered yet, it is closed.
    fn give_up_upgrade(&mut self, id: StatisticId, now: Instant) -> Result<(), Failure> {
        let subscription = self.subscriptions.get(id);
        let upgrade = subscription.and_then(|found| found.upgrade.as_deref());
        let stage = upgrade.map(|upgrade| upgrade.stage);
        let Some(UpgradeStage::Opening { reference_id, .. }) = stage else {
            return Ok(());
        };
        self.drop_upgrade(id, now)?;
        if let Some(connection) = &mut self.connection
            && let Some(Reference::Leaving(Leaving::Unanswered { overdue, .. })) =
                connection.references.get_mut(reference_id)
        {
            *overdue = true;
            connection.window.gave_up();
        }
        Ok(())
    }

    /// The open stays on its way, since the answer may still come; only nothing waits for it.
    fn give_up_open(&mut self, id: StatisticId) {
        let (Some(connection), Some(subscription)) =
            (&mut self.connection, self.subscriptions.get_mut(id))
        else {
            return;
        };
        if let Link::Opening { overdue, .. } = &mut subscription.link
            && !*overdue
        {
            *overdue = true;
            connection.window.gave_up();
            drop(subscription.waiting.take());
            tracing::debug!(statistic = %subscription.spec.statistic, "an open is not answered");
        }
    }

    fn give_up_peek(&mut self, id: StatisticId, own: i32) {
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return;
        };
        if let Link::Open { peeks, .. } = &mut subscription.link {
            drop(peeks.take_one(|peek| peek.reference_id == own));
            drop(subscription.waiting.take());
        }
    }

    /// Asks for a wanted statistic again after a while.
    pub(super) fn retry_later(&mut self, id: StatisticId, now: Instant) {
        if let Some(subscription) = self.subscriptions.get_mut(id)
            && subscription.queue == Queue::None
        {
            subscription.queue = Queue::Retries;
            self.retries.push_back((now + RETRY_AFTER, id));
        }
    }

    pub(super) fn requeue_due_retries(&mut self, now: Instant) {
        while let Some((due, id)) = self.retries.front().copied()
            && due <= now
        {
            self.retries.pop_front();
            if let Some(subscription) = self.subscriptions.get_mut(id) {
                subscription.queue = Queue::Backlog;
                self.backlog.push_back(id);
            }
        }
    }
}
