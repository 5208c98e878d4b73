//! What a session knows of itself and of its Stat Server.

use std::time::Duration;

use tokio::time::Instant;

use super::Session;
use crate::model::StatisticId;
use crate::wire::ServerMode;

impl Session {
    /// Whether a statistic is wanted open.
    #[must_use]
    pub fn wants(&self, id: StatisticId) -> bool {
        self.subscriptions.contains(id)
    }

    /// Whether the Stat Server answered the registration.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.registered)
    }

    /// How many statistics are wanted open.
    #[must_use]
    pub fn wanted_count(&self) -> usize {
        self.subscriptions.len()
    }

    /// How many statistics the Stat Server acknowledged to hold open.
    #[must_use]
    pub fn acknowledged_count(&self) -> usize {
        let connection = self.connection.as_ref();
        connection.map_or(0, |it| it.held.saturating_sub(it.window.opening()))
    }

    /// How many messages were not understood, or answered nothing that was asked.
    #[must_use]
    pub fn skipped_count(&self) -> u64 {
        self.skipped_messages
    }

    /// How many statistics the Stat Server holds open, or is being asked to open or close.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.connection
            .as_ref()
            .map_or(0, |connection| connection.held)
    }

    /// What the Stat Server said of its mode on this connection.
    #[must_use]
    pub fn mode(&self) -> Option<ServerMode> {
        self.connection
            .as_ref()
            .and_then(|connection| connection.mode)
    }

    /// The version the Stat Server registered with.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.connection
            .as_ref()
            .and_then(|connection| connection.version.as_deref())
    }

    /// When the Stat Server was last heard, once it has registered us.
    #[must_use]
    pub fn last_heard(&self) -> Option<Instant> {
        let connection = self.connection.as_ref().filter(|it| it.registered);
        connection.map(|connection| connection.heartbeat.last_received())
    }

    /// How long the last answered heartbeat poll took.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.connection
            .as_ref()
            .and_then(|connection| connection.heartbeat.round_trip())
    }
}
