//! What was refused because it was too much, by the limit that it ran into.

use std::fmt;

use prometheus_client::registry::Registry;

use super::labelled::Labelled;

/// A limit on what a client may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Limit {
    Body,
    Fields,
    StatisticsPerRequest,
    Header,
    HeaderTimeout,
    Handshake,
    RequestTimeout,
    Connections,
    ConnectionsPerAddress,
    OpenStatistics,
    Response,
    FailedLogins,
    LoginChecks,
    StreamClients,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.get(*self as usize).copied().unwrap_or_default())
    }
}

/// As the settings call them, where there is one.
const NAMES: [&str; 14] = [
    "body",
    "fields",
    "statistics_per_request",
    "header",
    "header_timeout",
    "handshake",
    "request_timeout",
    "connections",
    "connections_per_address",
    "open_statistics",
    "response",
    "failed_logins",
    "login_checks",
    "stream_clients",
];

/// Refusals.
#[derive(Debug)]
pub(in crate::api) struct Limits(Labelled<{ NAMES.len() }>);

impl Default for Limits {
    fn default() -> Self {
        Self(Labelled::new("limit", NAMES))
    }
}

impl Limits {
    pub(in crate::api) fn refused(&self, limit: Limit) {
        self.0.count(limit as usize);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "What was refused because of a limit (settings http.limits), by the limit";
        registry.register("refusals", help, self.0.clone());
    }
}
