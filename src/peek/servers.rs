//! What is known of the Stat Servers, for people who want to see where their values come from.

use std::time::Duration;

use crate::model::Timestamp;
use crate::upstream::{PairHandle, PairState, StatTypes};

/// One pair of Stat Servers as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// The configured name.
    pub name: String,
    /// `starting`, `connected` or `disconnected`.
    pub state: &'static str,
    /// `primary` or `backup`: which of the two is, or was last, connected.
    pub side: &'static str,
    /// Its address.
    pub address: String,
    /// Since when the state is as it is.
    pub since: Timestamp,
    /// The version it registered with.
    pub version: Option<String>,
    /// How many stat types it defines; `None` while they were never fetched.
    pub stat_types: Option<usize>,
    /// How often a Stat Server of the pair answered a registration.
    pub connections: u64,
    /// How often the pair changed sides.
    pub switchovers: u64,
    /// How long the last answered heartbeat poll took.
    pub addp_round_trip: Option<Duration>,
    /// What it said of its mode on the present connection: `primary`, `backup`, `exiting`, or
    /// `unknown` with a number.
    pub mode: Option<String>,
    /// The primary's and the backup's address.
    pub addresses: (String, Option<String>),
    /// Statistics that are to be open.
    pub wanted: usize,
    /// Statistics that the Stat Server acknowledged to hold open.
    pub open: usize,
    /// Messages that were not understood since the start.
    pub skipped_messages: u64,
    /// The last change of sides.
    pub last_switchover: Option<SwitchoverReport>,
    /// Why the last connection to the primary failed, if it did.
    pub primary_failure: Option<String>,
    /// Why the last connection to the backup failed, if it did.
    pub backup_failure: Option<String>,
}

/// One change of sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchoverReport {
    /// When the other side answered the registration.
    pub at: Timestamp,
    /// The address that was left.
    pub from: String,
    /// The address that serves since.
    pub to: String,
    /// Why the former was left.
    pub reason: String,
}

impl ServerReport {
    pub(super) fn of(pair: &PairHandle) -> Self {
        let status = pair.status().borrow().clone();
        let [primary_failure, backup_failure] = status.last_failures;
        Self {
            name: pair.name.to_string(),
            state: match status.state {
                PairState::Starting => "starting",
                PairState::Connected => "connected",
                PairState::Disconnected => "disconnected",
            },
            side: if status.on_backup {
                "backup"
            } else {
                "primary"
            },
            address: status.address,
            since: status.since,
            version: status.version,
            stat_types: match status.stat_types {
                StatTypes::Unknown => None,
                StatTypes::Known(names) => Some(names.len()),
            },
            connections: status.connections,
            switchovers: status.switchovers,
            addp_round_trip: status.addp_round_trip,
            mode: status.mode.map(|mode| mode.to_string()),
            addresses: (status.endpoints.primary, status.endpoints.backup),
            wanted: status.counts.wanted(),
            open: status.counts.open(),
            skipped_messages: status.counts.skipped_messages(),
            last_switchover: status.last_switchover.map(|it| SwitchoverReport {
                at: it.at,
                from: it.from.clone(),
                to: it.to.clone(),
                reason: it.reason.clone(),
            }),
            primary_failure,
            backup_failure,
        }
    }
}
