//! The end of a pair: what is open is closed, what is wanted is handed over.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::subscription::OpenSpec;
use super::Pair;
use super::conversation::Conversation;

/// How long an orderly end waits for the Stat Server to confirm the closes.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

impl Pair {
    /// Closes every open statistic and waits a little for the Stat Server to confirm it.
    pub(super) async fn close_orderly(&mut self, conversation: &mut Conversation) {
        let closing = async {
            let standby = async {
                if let Some(standby) = &mut self.standby {
                    standby.close_orderly().await;
                }
            };
            let (closed, ()) = tokio::join!(conversation.close_all(&mut self.session), standby);
            closed
        };
        match timeout(CLOSE_PATIENCE, closing).await {
            Ok(Ok(())) => tracing::info!(server = %self.config.name, "closed all statistics"),
            Ok(Err(error)) => {
                tracing::warn!(server = %self.config.name, %error, "the orderly end was cut short");
            }
            Err(_) => tracing::warn!(
                server = %self.config.name, left = self.session.open_count(),
                "the Stat Server did not confirm every close in time"
            ),
        }
        conversation.shutdown().await;
        // Its end was waited for, and is not waited for again.
        self.standby = None;
    }

    /// What is wanted of a pair that was taken off the configuration goes to those that are on it.
    pub(super) async fn retire(&mut self, stop: &CancellationToken) {
        if let Some(standby) = &mut self.standby
            && timeout(CLOSE_PATIENCE, standby.close_orderly())
                .await
                .is_err()
        {
            tracing::warn!(server = %self.config.name, "the standby side did not end in time");
        }
        if self.roster.lists(&self.held) {
            return;
        }
        // Whoever has more for this pair is told that it is gone; what it was told yet still counts.
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            self.command(command).unwrap_or_default();
            self.forget();
        }
        self.forward_events(stop).await;
        let wanted: Vec<OpenSpec> = self.session.wanted().cloned().collect();
        tracing::info!(server = %self.config.name, wanted = wanted.len(), "the pair is taken off");
        self.roster.want(wanted).await;
    }
}
