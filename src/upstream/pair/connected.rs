//! One connection of a pair: made, conversed on until it ends.

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::super::connection::BoxStream;
use super::super::trace::Trace;
use super::Pair;
use super::conversation::{Conversation, Ended};
use super::probe::{Probe, served};
use super::standby::attend;

/// Commands carried out before the socket is looked at again.
const COMMANDS_PER_STEP: usize = 1024;

impl Pair {
    /// Converses on one connection, which is made unless it is `ready`; says why it ended.
    pub(super) async fn connect_and_converse(
        &mut self,
        on_backup: bool,
        ready: Option<Conversation>,
        stop: &CancellationToken,
    ) -> Ended {
        let address = self.config.endpoints.address(on_backup).to_owned();
        let mut conversation = match ready {
            Some(conversation) => {
                if let Err(failure) = self.session.activate(Instant::now()) {
                    return failure.into();
                }
                // Told at once: where nothing is to be said, a first step may be long in coming.
                self.publish(&address, on_backup);
                self.forward_events(stop).await;
                conversation
            }
            None => match self.begin(&address, on_backup, stop).await {
                Ok(conversation) => conversation,
                Err(ended) => return ended,
            },
        };
        let mut probe: Option<Probe> = None;
        loop {
            let stepped = self
                .step(&mut conversation, &mut probe, on_backup, stop)
                .await;
            self.publish(&address, on_backup);
            self.forget();
            match stepped {
                Ok(()) => {}
                Err(Ended::Stopped) => {
                    self.close_orderly(&mut conversation).await;
                    return Ended::Stopped;
                }
                Err(ended) => return ended,
            }
            if self.config.session.addp.is_some()
                && let Some(heard) = self.session.last_heard()
            {
                self.pulse.beat(self.clock.moment(heard));
            }
            // Once stopping, what is left to tell is told after the connection's end.
            if !stop.is_cancelled() && self.forward_events(stop).await {
                conversation.excuse();
            }
            if self.reason_to_leave(on_backup).is_some() {
                probe.get_or_insert_with(|| self.probe(!on_backup));
            } else {
                probe = None;
            }
        }
    }

    async fn begin(
        &mut self,
        address: &str,
        on_backup: bool,
        stop: &CancellationToken,
    ) -> Result<Conversation, Ended> {
        let stream = self.connect(address, on_backup, stop).await?;
        let addp = self.config.session.addp;
        let traced = addp.is_some_and(|addp| addp.local_trace);
        let trace = traced.then(|| Trace::new(self.clock.clone(), stream.local_port()));
        self.session.connected(trace, Instant::now());
        Ok(Conversation::new(stream, &self.config))
    }

    /// Dials, while commands are still heard: what waits for a value is told that there is none.
    async fn connect(
        &mut self,
        address: &str,
        on_backup: bool,
        stop: &CancellationToken,
    ) -> Result<BoxStream, Ended> {
        let connector = self.connector.clone();
        let dial = timeout(self.config.connect_timeout, connector.connect(address));
        tokio::pin!(dial);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Err(Ended::Stopped),
                Some(command) = self.commands.recv() => self.command(command)?,
                () = attend(&mut self.standby, &self.config, &connector, !on_backup) => {}
                dialled = &mut dial => return match dialled {
                    Ok(Ok(stream)) => Ok(stream),
                    Ok(Err(error)) => Err(Ended::NotConnected(error)),
                    Err(_) => Err(Ended::ConnectTimeout(self.config.connect_timeout)),
                },
            }
        }
    }

    /// Waits for whatever comes first.
    async fn step(
        &mut self,
        conversation: &mut Conversation,
        probe: &mut Option<Probe>,
        on_backup: bool,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        if stop.is_cancelled() {
            return Err(Ended::Stopped);
        }
        let choked = self.session.is_choked();
        tokio::select! {
            () = stop.cancelled() => Err(Ended::Stopped),
            // While the socket takes nothing, commands wait in their queue, which has a bound.
            Some(command) = self.commands.recv(), if !choked => {
                self.command(command)?;
                for _ in 0..COMMANDS_PER_STEP {
                    match self.commands.try_recv() {
                        Ok(command) => self.command(command)?,
                        Err(_) => break,
                    }
                }
                Ok(())
            }
            Ok(()) = self.definitions.changed() => Ok(self.move_away()?),
            () = attend(&mut self.standby, &self.config, &self.connector, !on_backup) => Ok(()),
            () = served(probe) => {
                *probe = None;
                // A standby side was only to be looked at.
                if self.standby.as_ref().is_some_and(|standby| !standby.is_ready()) {
                    return Ok(());
                }
                self.reason_to_leave(on_backup).map_or(Ok(()), Err)
            }
            stepped = conversation.step(&mut self.session) => stepped,
        }
    }
}
