//! A pair from its start to its end: one connection after the other, on either side.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::backoff::Backoff;
use super::conversation::Ended;
use super::standby::{Standby, attend};
use super::{Pair, STEADY_AFTER};

impl Pair {
    /// Runs until `stop`: connects for ever, and ends by closing what is open. A pair that is no
    /// longer on the roster then hands over what is wanted of it.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        let mut on_backup = false;
        let mut failed_in_a_row = 0_u32;
        let mut ready = None;
        let sides = 1 + u32::from(self.config.endpoints.backup.is_some());
        loop {
            let began = Instant::now();
            let ended = self
                .connect_and_converse(on_backup, ready.take(), &stop)
                .await;
            let was_registered = self.session.is_registered();
            self.session.disconnected();
            self.forget();
            self.forward_events(&stop).await;
            if matches!(ended, Ended::Stopped) {
                return self.retire(&stop).await;
            }
            self.lost(&ended, on_backup, was_registered);
            // One that breaks as soon as it stands is a failure too, or two such servers would be
            // asked in turn as fast as they answer.
            if was_registered && began.elapsed() >= STEADY_AFTER {
                backoff.reset();
                failed_in_a_row = 0;
            } else {
                failed_in_a_row = failed_in_a_row.saturating_add(1);
            }
            if sides == 2 {
                on_backup = !on_backup;
                self.switched = Some(Instant::now());
                if let Some(standby) = &mut self.standby {
                    ready = standby.change_places(&mut self.session);
                }
            }
            // The other side is tried at once; only when each was tried in vain is there a wait.
            if ready.is_none() && (failed_in_a_row >= sides || sides == 1) {
                self.wait(backoff.next_wait(), on_backup, &stop).await;
                if let Some(standby) = &mut self.standby
                    && standby.is_ready()
                {
                    on_backup = !on_backup;
                    ready = standby.change_places(&mut self.session);
                }
            }
            if stop.is_cancelled() {
                return self.retire(&stop).await;
            }
        }
    }

    async fn wait(&mut self, wait: Duration, on_backup: bool, stop: &CancellationToken) {
        let until = Instant::now() + wait;
        let connector = self.connector.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(until) => return,
                () = attend(&mut self.standby, &self.config, &connector, !on_backup) => {
                    let ready = self.standby.as_ref().is_some_and(Standby::is_ready);
                    if ready {
                        return;
                    }
                }
                Ok(()) = self.definitions.changed() => {
                    self.move_away().unwrap_or_default();
                    self.forget();
                }
                Some(command) = self.commands.recv() => {
                    // Without a connection a command cannot fail.
                    self.command(command).unwrap_or_default();
                    self.forget();
                }
            }
        }
    }
}
