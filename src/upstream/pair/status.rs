//! What a pair tells of itself: its status for whoever watches, its news for the log.

use super::super::handle::PairState;
use super::Pair;
use super::conversation::Ended;

impl Pair {
    /// Tells what the session learnt of the Stat Server it talks to.
    pub(super) fn publish(&mut self, address: &str, on_backup: bool) {
        let round_trip = self.session.round_trip();
        let registered = self.session.is_registered();
        let published = (registered, round_trip);
        // Asked after every step, which may be after every few bytes.
        if std::mem::replace(&mut self.published, published) == published {
            return;
        }
        let version = self.session.version().map(str::to_owned);
        let since = self.clock.wall();
        let name = &self.config.name;
        let wanted = self.session.wanted_count();
        self.status.send_if_modified(|status| {
            let newly_connected = registered && status.state != PairState::Connected;
            if newly_connected {
                tracing::info!(
                    server = %name, address, on_backup, wanted, version = version.as_deref(),
                    "connected to the Stat Server"
                );
                status.state = PairState::Connected;
                status.last_failures = [None, None];
                status.connections += 1;
                status.switchovers += u64::from(status.on_backup != on_backup);
                address.clone_into(&mut status.address);
                status.on_backup = on_backup;
                status.since = since;
                status.version = version;
            }
            let measured = status.addp_round_trip != round_trip;
            status.addp_round_trip = round_trip;
            newly_connected || measured
        });
    }

    /// Tells that a connection ended or could not be made.
    pub(super) fn lost(&mut self, ended: &Ended, on_backup: bool, was_registered: bool) {
        self.published = (false, None);
        let address = self.config.endpoints.address(on_backup);
        let reason = ended.to_string();
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
            }
            down || !known
        });
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
