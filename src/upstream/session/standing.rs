//! What the Stat Server says of itself and of single statistics, and what that makes of values: a
//! server that only stands by, or that cannot track a statistic, still answers, but does not vouch.

use super::super::event::Event;
use super::super::subscription::{Link, Subscription};
use super::{Reference, Session};
use crate::model::{Quality, StatisticId};
use crate::wire::{self, ServerMode};

impl Session {
    /// The Stat Server said what it is. Where it turns to a backup, everything open is told to be
    /// doubtful, since the pair may find nobody better; where it turns back, what it can track is
    /// sound again, for it sends nothing anew that did not change.
    pub(super) fn server_mode(&mut self, event: &wire::Event<'_>) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let stood_by = connection.mode == Some(ServerMode::Backup);
        connection.mode = Some(ServerMode::from_code(event.int_value));
        let stands_by = connection.mode == Some(ServerMode::Backup);
        if stood_by == stands_by {
            return;
        }
        let concerned = |(id, subscription): (StatisticId, &Subscription)| {
            (has_sound_value(subscription) && !subscription.doubt.invalid).then_some(id)
        };
        let mut ids: Vec<StatisticId> = self.subscriptions.iter().filter_map(concerned).collect();
        // The same bytes are to mean the same events, in the same order.
        ids.sort_unstable();
        let valid = !stands_by;
        let events = ids.into_iter().map(|id| Event::Validity { id, valid });
        self.events.extend(events);
    }

    /// The Stat Server can, or cannot, track a statistic.
    pub(super) fn validity(&mut self, reference_id: i32, valid: bool) {
        let Some(connection) = &self.connection else {
            return;
        };
        let id = match connection.references.get(reference_id) {
            Some(Reference::Open(id)) => *id,
            Some(Reference::Upgrade(id)) => {
                // Nobody is told before it takes the first one's place.
                let subscription = self.subscriptions.get_mut(*id);
                if let Some(upgrade) = subscription.and_then(|found| found.upgrade.as_mut()) {
                    upgrade.invalid = !valid;
                }
                return;
            }
            _ => {
                self.skipped_messages += 1;
                return;
            }
        };
        let stands_by = connection.mode == Some(ServerMode::Backup);
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return;
        };
        subscription.doubt.invalid = !valid;
        if !valid || has_sound_value(subscription) {
            let valid = valid && !stands_by;
            self.events.push(Event::Validity { id, valid });
        }
    }
}

/// Notes how a value reads; returns how far it may be trusted, from a server that says to be in this
/// mode.
pub(super) fn vouched(
    subscription: &mut Subscription,
    mode: Option<ServerMode>,
    quality: Quality,
) -> Quality {
    subscription.doubt.unreadable = quality != Quality::Good;
    if mode == Some(ServerMode::Backup) || subscription.doubt.invalid {
        Quality::Uncertain
    } else {
        quality
    }
}

/// Whether the last value is one that can be vouched for: it can be read, and came on this
/// connection, since the server knows nothing of earlier ones.
fn has_sound_value(subscription: &Subscription) -> bool {
    let is_valued = matches!(subscription.link, Link::Open { valued: true, .. });
    is_valued && !subscription.doubt.unreadable
}
