//! One statistic in two modes: a request for a more telling mode opens it a second time, and the
//! first open is closed only after the second one's first value, so that nobody ever waits.

use tokio::time::Instant;

use super::super::event::{Event, Ticket};
use super::super::subscription::{Link, OpenSpec, Subscription, Upgrade, UpgradeStage};
use super::requests::opened;
use super::{FIRST_VALUE_PATIENCE, Failure, Leaving, Reference, Session};
use crate::model::StatisticId;
use crate::wire::Request;

impl Session {
    /// Somebody wants a wanted statistic in the mode of `spec`. Nothing happens unless that tells
    /// more than the present one, under the same password.
    pub(super) fn upgrade(&mut self, spec: &OpenSpec, now: Instant) -> Result<(), Failure> {
        let id = spec.id;
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return Ok(());
        };
        let present = subscription.upgrade.as_ref();
        let present = present.map_or(&subscription.spec, |upgrade| &upgrade.spec);
        if !spec.mode.tells_more_than(present.mode) || spec.terms.proof != present.terms.proof {
            return Ok(());
        }
        let mut spec = spec.clone();
        // What is kept open stays so, whatever the rules say by now: else it would be lost as soon
        // as another pair is to have it.
        spec.keep_open();
        if let Link::Idle | Link::Closing { .. } = subscription.link {
            subscription.spec = spec;
            return Ok(());
        }
        self.drop_upgrade(id, now)?;
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.upgrade = Some(Box::new(Upgrade {
                spec,
                stage: UpgradeStage::Wanted,
                invalid: false,
            }));
        }
        self.start_upgrade(id, now)
    }

    /// Sends the second open once the first is answered.
    pub(super) fn start_upgrade(&mut self, id: StatisticId, now: Instant) -> Result<(), Failure> {
        let Some(subscription) = self.subscriptions.get(id) else {
            return Ok(());
        };
        let (Link::Open { .. }, Some(upgrade)) = (&subscription.link, &subscription.upgrade) else {
            return Ok(());
        };
        if !matches!(upgrade.stage, UpgradeStage::Wanted) {
            return Ok(());
        }
        let spec = upgrade.spec.clone();
        let reference_id = self.request(Reference::Upgrade(id), now)?;
        let epoch = self.epochs.allocate();
        let (Some(connection), Some(subscription)) =
            (&mut self.connection, self.subscriptions.get_mut(id))
        else {
            return Ok(());
        };
        connection.window.sent();
        connection.held += 1;
        connection.epoch = Some(epoch);
        if let Some(upgrade) = &mut subscription.upgrade {
            upgrade.stage = UpgradeStage::Opening {
                reference_id,
                epoch,
                sent: now,
            };
        }
        self.send_open(reference_id, &spec);
        Ok(())
    }

    /// The second open was acknowledged.
    pub(super) fn upgrade_acknowledged(&mut self, id: StatisticId, now: Instant) {
        let (Some(connection), Some(subscription)) =
            (&mut self.connection, self.subscriptions.get_mut(id))
        else {
            return;
        };
        let Some(upgrade) = &mut subscription.upgrade else {
            return;
        };
        if let UpgradeStage::Opening {
            reference_id,
            epoch,
            sent,
        } = upgrade.stage
        {
            upgrade.stage = UpgradeStage::Opened {
                reference_id,
                epoch,
            };
            connection.open_answered(sent, now, false);
            let due = now + FIRST_VALUE_PATIENCE;
            connection.awaiting_first.push_back((due, id));
        }
    }

    /// Peeks for the second open's first value, which did not come by itself.
    pub(super) fn peek_upgrade(&mut self, id: StatisticId, now: Instant) -> Result<(), Failure> {
        let upgrade = self
            .subscriptions
            .get(id)
            .and_then(|subscription| subscription.upgrade.as_deref());
        let Some(&Upgrade {
            stage: UpgradeStage::Opened { reference_id, .. },
            ..
        }) = upgrade
        else {
            return Ok(());
        };
        let own = self.request(Reference::UpgradePeek(id), now)?;
        self.send(&Request::Peek {
            reference_id: own,
            statistic: reference_id,
        });
        Ok(())
    }

    /// The second open's first value came: it takes the first one's place. Returns whoever waits
    /// for a value.
    pub(super) fn promote(
        &mut self,
        id: StatisticId,
        now: Instant,
    ) -> Result<Vec<Ticket>, Failure> {
        self.upgrade_acknowledged(id, now);
        let upgrade = self
            .subscriptions
            .get_mut(id)
            .and_then(|subscription| subscription.upgrade.take());
        let Some(upgrade) = upgrade else {
            return Ok(Vec::new());
        };
        let UpgradeStage::Opened {
            reference_id,
            epoch,
        } = upgrade.stage
        else {
            return Ok(Vec::new());
        };
        let subscription = self.subscriptions.get_mut(id);
        let tickets = subscription.map_or_else(Vec::new, Subscription::take_waiting);
        self.leave(id, now)?;
        let (Some(connection), Some(subscription)) =
            (&mut self.connection, self.subscriptions.get_mut(id))
        else {
            return Ok(tickets);
        };
        subscription.link = opened(reference_id, epoch);
        subscription.spec = upgrade.spec;
        // What the Stat Server said of the first open is not said again of this one.
        subscription.doubt.invalid = upgrade.invalid;
        let reference = Reference::Open(id);
        connection.references.insert(reference_id, reference);
        let (mode, proof) = (
            subscription.spec.mode,
            subscription.spec.terms.proof.clone(),
        );
        self.events.push(Event::Opened { id, mode, proof });
        Ok(tickets)
    }

    /// The second open was refused: the first stays as it is.
    pub(super) fn upgrade_refused(&mut self, id: StatisticId, text: &str, now: Instant) {
        let upgrade = self
            .subscriptions
            .get_mut(id)
            .and_then(|subscription| subscription.upgrade.take());
        let (Some(connection), Some(upgrade)) = (&mut self.connection, upgrade) else {
            return;
        };
        let statistic = &upgrade.spec.statistic;
        tracing::debug!(%statistic, mode = %upgrade.spec.mode, text, "a second open was refused");
        match upgrade.stage {
            UpgradeStage::Wanted => return,
            UpgradeStage::Opening {
                reference_id, sent, ..
            } => {
                connection.open_answered(sent, now, false);
                connection.references.remove(reference_id);
            }
            UpgradeStage::Opened { reference_id, .. } => {
                connection.references.remove(reference_id);
            }
        }
        connection.held = connection.held.saturating_sub(1);
    }

    /// Lets go of the second open, in whatever state it is.
    pub(super) fn drop_upgrade(&mut self, id: StatisticId, now: Instant) -> Result<(), Failure> {
        let upgrade = self
            .subscriptions
            .get_mut(id)
            .and_then(|subscription| subscription.upgrade.take());
        let (Some(connection), Some(upgrade)) = (&mut self.connection, upgrade) else {
            return Ok(());
        };
        match upgrade.stage {
            UpgradeStage::Wanted => Ok(()),
            UpgradeStage::Opening {
                reference_id, sent, ..
            } => {
                let leaving = Leaving::Unanswered {
                    sent: Box::new(sent),
                    overdue: false,
                };
                let reference = Reference::Leaving(leaving);
                connection.references.insert(reference_id, reference);
                Ok(())
            }
            UpgradeStage::Opened { reference_id, .. } => self.leave_open(reference_id, now),
        }
    }
}
