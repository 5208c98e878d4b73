//! How statistics and connections end: closed because we asked, closed unasked, all closed for an
//! orderly end, or gone with the connection.

use tokio::time::Instant;

use super::super::event::Event;
use super::super::subscription::{Link, Queue};
use super::{Failure, Reference, Session};
use crate::model::StatisticId;
use crate::wire::Request;

impl Session {
    /// Stops keeping these statistics open.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn close(&mut self, ids: &[StatisticId], now: Instant) -> Result<(), Failure> {
        ids.iter().try_for_each(|id| self.close_one(*id, now))
    }

    /// Closes everything that is open, as fast as the socket takes it, for an orderly end: nothing
    /// is opened any more, and nobody is told that it was closed, since it stays wanted.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn close_all(&mut self, now: Instant) -> Result<(), Failure> {
        self.ending = true;
        self.urgent.clear();
        self.retries.clear();
        let open = self
            .subscriptions
            .iter()
            .filter(|(_, subscription)| matches!(subscription.link, Link::Open { .. }))
            .map(|(id, _)| id);
        self.backlog = open.collect();
        self.pump(now)
    }

    pub(super) fn pump_closes(&mut self, now: Instant) -> Result<(), Failure> {
        while !self.is_choked()
            && let Some(id) = self.backlog.pop_front()
        {
            let link = self.subscriptions.get(id).map(|found| &found.link);
            if matches!(link, Some(Link::Open { .. })) {
                self.close_one(id, now)?;
            }
        }
        Ok(())
    }

    pub(super) fn close_one(&mut self, id: StatisticId, now: Instant) -> Result<(), Failure> {
        self.drop_upgrade(id, now)?;
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return Ok(());
        };
        match &mut subscription.link {
            Link::Open { reference_id, .. } => {
                let reference_id = *reference_id;
                self.send_close(id, reference_id, now)
            }
            Link::Closing { reopen, .. } => {
                *reopen = false;
                Ok(())
            }
            // An open on its way cannot be taken back; its answer is answered by the close.
            Link::Opening { .. } => {
                subscription.unwanted = true;
                drop(subscription.take_waiting());
                Ok(())
            }
            Link::Idle => {
                self.subscriptions.remove(id);
                self.forgotten.push(id);
                self.events.push(Event::Closed { id });
                Ok(())
            }
        }
    }

    fn send_close(
        &mut self,
        id: StatisticId,
        reference_id: i32,
        now: Instant,
    ) -> Result<(), Failure> {
        self.forget_references(id);
        let own = self.request(Reference::Close(id), now)?;
        if let (Some(connection), Some(subscription)) =
            (&mut self.connection, self.subscriptions.get_mut(id))
        {
            drop(subscription.take_waiting());
            subscription.link = Link::Closing {
                reference_id,
                own,
                reopen: false,
            };
            let open = Reference::Open(id);
            connection.references.insert(reference_id, open);
        }
        self.send(&Request::Close {
            reference_id: own,
            statistic: reference_id,
        });
        Ok(())
    }

    /// A statistic is no longer open on the server, asked for or not.
    pub(super) fn finish_close(&mut self, id: StatisticId, now: Instant) -> Result<(), Failure> {
        // What was to take its place is opened in its place.
        let upgrade = self.subscriptions.get(id);
        let upgrade = upgrade.and_then(|found| found.upgrade.as_ref());
        let better = upgrade.map(|upgrade| upgrade.spec.clone());
        self.drop_upgrade(id, now)?;
        self.forget_references(id);
        let (Some(connection), Some(subscription)) =
            (&mut self.connection, self.subscriptions.get_mut(id))
        else {
            return Ok(());
        };
        if let Some(better) = better {
            subscription.spec = better;
        }
        let waiting = subscription.take_waiting();
        let link = std::mem::replace(&mut subscription.link, Link::Idle);
        connection.held = connection.held.saturating_sub(1);
        connection.epoch = None;
        if self.ending {
            return Ok(());
        }
        let asked_for = matches!(link, Link::Closing { .. });
        // A server that closes without ever sending a value is not asked again at once, or the two
        // would go on as fast as the wire allows.
        let fruitful = matches!(link, Link::Open { valued: true, .. });
        if !waiting.is_empty() && (asked_for || fruitful) {
            // Somebody asked for it meanwhile.
            subscription.waiting = waiting.into();
            self.urgent.push_back(id);
        } else if matches!(link, Link::Closing { reopen: true, .. }) {
            if subscription.queue == Queue::None {
                subscription.queue = Queue::Backlog;
                self.backlog.push_back(id);
            }
        } else if asked_for {
            self.subscriptions.remove(id);
            self.forgotten.push(id);
            self.events.push(Event::Closed { id });
        } else {
            tracing::warn!(statistic = %subscription.spec.statistic, "closed by the Stat Server");
            self.events.push(Event::Validity { id, valid: false });
            self.retry_later(id, now);
        }
        Ok(())
    }

    /// The connection is gone: whoever waits is told, and everything wanted goes on the backlog.
    pub fn disconnected(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        self.output.clear();
        let ending = std::mem::take(&mut self.ending);
        if !connection.registered {
            // Nothing was asked for on it: the backlog is as it was.
            return;
        }
        self.urgent.clear();
        self.retries.clear();
        self.backlog.clear();
        self.subscriptions.retain(|id, subscription| {
            // Dropped tickets tell that the connection was lost.
            drop(subscription.take_waiting());
            let link = std::mem::replace(&mut subscription.link, Link::Idle);
            if let Some(upgrade) = subscription.upgrade.take() {
                subscription.spec = upgrade.spec;
            }
            let closed = !ending
                && match link {
                    Link::Closing { reopen, .. } => !reopen,
                    Link::Opening { .. } => subscription.unwanted,
                    _ => false,
                };
            subscription.unwanted = false;
            if closed {
                self.events.push(Event::Closed { id });
            }
            // What no Stat Server ever accepted has nobody left who wants it.
            let wanted = subscription.accepted && !closed;
            if wanted {
                subscription.queue = Queue::Backlog;
                self.backlog.push_back(id);
            } else {
                self.forgotten.push(id);
            }
            wanted
        });
        self.events.push(Event::LinkDown { heard: None });
    }
}
