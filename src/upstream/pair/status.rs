//! What a pair tells of itself: its status for whoever watches, its news for the log.

use std::sync::Arc;
use std::time::Duration;

use super::super::handle::{PairState, PairStatus, Switchover};
use super::Pair;
use super::conversation::Ended;
use crate::model::Timestamp;
use crate::wire::ServerMode;

/// What the status was last told, so that it is told only news.
#[derive(Debug, Default)]
pub(super) struct Published {
    registered: bool,
    round_trip: Option<Duration>,
    mode: Option<ServerMode>,
    /// Why the last connection that worked ended.
    lost_because: Option<String>,
}

impl Pair {
    /// Tells what the session learnt of the Stat Server it talks to.
    pub(super) fn publish(&mut self, address: &str, on_backup: bool) {
        let round_trip = self.session.round_trip();
        let registered = self.session.is_registered();
        let mode = self.session.mode();
        self.publish_counts();
        let published = &mut self.published;
        // Asked after every step, which may be after every few bytes.
        if (published.registered, published.round_trip, published.mode)
            == (registered, round_trip, mode)
        {
            return;
        }
        let newly_said = mode.filter(|_| published.mode != mode);
        (published.registered, published.round_trip, published.mode) =
            (registered, round_trip, mode);
        if let Some(mode) = newly_said {
            let server = &self.config.name;
            tracing::info!(server, address, %mode, "the Stat Server says what it is");
        }
        let version = self.session.version().map(str::to_owned);
        let since = self.clock.wall();
        let name = &self.config.name;
        let wanted = self.session.wanted_count();
        let lost_because = &mut self.published.lost_because;
        self.status.send_if_modified(|status| {
            let newly_connected = registered && status.state != PairState::Connected;
            if newly_connected {
                tracing::info!(
                    server = %name, address, on_backup, wanted, version = version.as_deref(),
                    "connected to the Stat Server"
                );
                if status.on_backup != on_backup {
                    let switchover = switchover(status, lost_because.take(), address, since);
                    status.switchovers += 1;
                    status.last_switchover = Some(Arc::new(switchover));
                }
                *lost_because = None;
                status.state = PairState::Connected;
                status.last_failures = [None, None];
                status.connections += 1;
                address.clone_into(&mut status.address);
                status.on_backup = on_backup;
                status.since = since;
                status.version = version;
            }
            let measured = status.addp_round_trip != round_trip;
            status.addp_round_trip = round_trip;
            let said = registered && status.mode != mode;
            if said {
                status.mode = mode;
            }
            newly_connected || measured || said
        });
    }

    /// Tells the figures that nobody waits for.
    pub(super) fn publish_counts(&self) {
        let session = &self.session;
        self.counts.set(
            session.wanted_count(),
            session.acknowledged_count(),
            session.skipped_count(),
        );
    }

    /// Tells that a connection ended or could not be made.
    pub(super) fn lost(&mut self, ended: &Ended, on_backup: bool, was_registered: bool) {
        let lost_because = self.published.lost_because.take();
        self.published = Published::default();
        let address = self.config.endpoints.address(on_backup);
        let reason = ended.to_string();
        let lost_because = was_registered.then(|| reason.clone()).or(lost_because);
        self.published.lost_because = lost_because;
        let since = self.clock.wall();
        let last_chance = on_backup || self.config.endpoints.backup.is_none();
        let mut news = was_registered;
        self.status.send_if_modified(|status| {
            let [primary, backup] = &mut status.last_failures;
            let failure = if on_backup { backup } else { primary };
            let known = failure.as_ref() == Some(&reason);
            if !known {
                *failure = Some(reason.clone());
            }
            news |= !known;
            // The first attempt has ended in vain only when each side was tried.
            let down = status.state == PairState::Connected
                || (status.state == PairState::Starting && last_chance);
            if down {
                status.state = PairState::Disconnected;
                status.since = since;
                status.addp_round_trip = None;
                status.mode = None;
            }
            down || !known
        });
        self.publish_counts();
        // The first of a series of like failures is news; the rest would only fill the log.
        if news && was_registered {
            tracing::warn!(server = %self.config.name, address, reason, "lost the Stat Server");
        } else if news {
            tracing::warn!(server = %self.config.name, address, reason, "no Stat Server there");
        } else {
            tracing::debug!(server = %self.config.name, address, reason, "still no Stat Server");
        }
    }
}

fn switchover(
    status: &PairStatus,
    lost_because: Option<String>,
    address: &str,
    at: Timestamp,
) -> Switchover {
    let [primary, backup] = &status.last_failures;
    let failure = if status.on_backup { backup } else { primary };
    // What ended the last connection that worked; later attempts only failed to bring it back.
    let reason = lost_because.or_else(|| failure.clone());
    Switchover {
        at,
        from: status.address.clone(),
        to: address.to_owned(),
        reason: reason.unwrap_or_else(|| "the other side was not there at the start".to_owned()),
    }
}
