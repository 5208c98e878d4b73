//! A session whose values nobody reads: everything is opened, and suspended after its first value,
//! so that the Stat Server goes on computing it without sending. Activated, each is resumed and
//! peeked, which costs no total.

use tokio::time::Instant;

use super::super::event::Event;
use super::super::subscription::{Link, OpenSpec, Queue};
use super::{Failure, Session};
use crate::model::StatisticId;
use crate::wire::Request;

impl Session {
    /// Whether values are read from here.
    pub(in crate::upstream) fn set_passive(&mut self, passive: bool) {
        self.passive = passive;
    }

    /// Takes the place of a session that was read until now: what is open here is told of in an
    /// epoch later than any of the other's.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub(in crate::upstream) fn activate(&mut self, now: Instant) -> Result<(), Failure> {
        self.passive = false;
        if !self.is_registered() {
            return Ok(());
        }
        self.events.push(Event::LinkUp);
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let newer = self.epochs.allocate();
        connection.epoch = Some(newer);
        for subscription in self.subscriptions.values_mut() {
            if let Some(upgrade) = &mut subscription.upgrade {
                upgrade.renew(|| self.epochs.allocate());
            }
            match &mut subscription.link {
                Link::Open { epoch, .. } => {
                    *epoch = newer;
                    let id = subscription.spec.id;
                    let (mode, proof) = (
                        subscription.spec.mode,
                        subscription.spec.terms.proof.clone(),
                    );
                    self.events.push(Event::Opened { id, mode, proof });
                    if subscription.queue == Queue::None {
                        subscription.queue = Queue::Backlog;
                        self.backlog.push_back(id);
                    }
                }
                Link::Opening { epoch, .. } => *epoch = newer,
                Link::Idle | Link::Closing { .. } => {}
            }
        }
        self.pump(now)
    }

    /// The spec of a wanted statistic.
    pub(in crate::upstream) fn spec(&self, id: StatisticId) -> Option<OpenSpec> {
        self.subscriptions.get(id).map(|found| found.spec.clone())
    }

    /// On a passive session, one value is enough.
    pub(super) fn suspend_if_passive(&mut self, id: StatisticId) -> Result<(), Failure> {
        if !self.passive {
            return Ok(());
        }
        let link = self.subscriptions.get_mut(id).map(|found| &mut found.link);
        let Some(Link::Open {
            reference_id,
            suspended: suspended @ false,
            ..
        }) = link
        else {
            return Ok(());
        };
        *suspended = true;
        let statistic = *reference_id;
        // Answered only should it fail, and then the values are left unread.
        let reference_id = self.unused_reference()?;
        self.send(&Request::Suspend {
            reference_id,
            statistic,
        });
        Ok(())
    }

    /// An open statistic on the backlog is one that was passive: resumed, and peeked.
    pub(super) fn resume(&mut self, id: StatisticId, now: Instant) -> Result<(), Failure> {
        let link = self.subscriptions.get_mut(id).map(|found| &mut found.link);
        let Some(Link::Open {
            reference_id,
            suspended: suspended @ true,
            ..
        }) = link
        else {
            return Ok(());
        };
        *suspended = false;
        let statistic = *reference_id;
        // Answered only should it fail; the peek then says so too.
        let reference_id = self.unused_reference()?;
        self.send(&Request::Resume {
            reference_id,
            statistic,
        });
        self.peek(id, None, now)
    }
}
