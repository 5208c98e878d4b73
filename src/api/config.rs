//! What the HTTP edge is told: checked values, no file shapes and no defaults.

use std::collections::HashMap;
use std::time::Duration;

use secrecy::SecretString;

use super::{Network, Tls};

/// The settings of one listener. `Debug` shows no secrets.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many threads serve connections, at least one.
    pub threads: usize,
    /// The realm named in `WWW-Authenticate`.
    pub realm: String,
    /// Paths that need no credentials, for example `/genesys/1/statistics`.
    pub open_paths: Vec<String>,
    /// Who may ask; with nobody in it every protected endpoint answers 401.
    pub users: Vec<User>,
    /// Who may use `internal_statistic`.
    pub internal: Internal,
    /// Networks of proxies that are believed whom they ask for.
    pub trusted_proxies: Vec<Network>,
    /// Whether every request gets a line in the log.
    pub access_log: bool,
    /// Origins of web pages that may POST and read the answers, apart from the request's own host.
    pub origins: Vec<String>,
    /// Certificate and key, if TLS is to be spoken.
    pub tls: Option<Tls>,
    /// Bounds on what a client may cost, as they are at the start.
    pub limits: Limits,
    /// The tenants' passwords by tenant name, for `/statistics`, whose form has no place for them.
    pub tenant_passwords: HashMap<String, SecretString>,
    /// How long requests in flight may go on after the stop.
    pub drain: Duration,
    /// How long a peek may take. A request's time limit is never shorter, so that a slow Stat
    /// Server is told as such and not as a slow client.
    pub peek_deadline: Duration,
}

impl Config {
    /// How long a whole request may take, the answer's computation included.
    pub(super) fn request_deadline(&self, limits: &Limits) -> Duration {
        const SLACK: Duration = Duration::from_secs(1);
        limits
            .request_timeout
            .max(self.peek_deadline.saturating_add(SLACK))
    }
}

/// Somebody who may ask.
#[derive(Debug, Clone)]
pub struct User {
    /// The name, compared exactly.
    pub name: String,
    /// The password's Argon2id hash in PHC form; see [`super::auth::hash_password`].
    pub password_hash: SecretString,
    /// The tenants whose statistics this user may see; `None` for all.
    pub tenants: Option<Vec<String>>,
    /// What this user may do besides asking.
    pub role: Role,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Ask.
    #[default]
    Viewer,
    /// Ask, and change what the service keeps.
    Operator,
}

/// hyper panics below this.
const HEAD_BYTES_MIN: usize = 8 * 1024;

impl Limits {
    /// The settings of `[http.limits]` that differ and are read only at the start: places that
    /// were given out are not counted anew.
    #[must_use]
    pub fn differ_at_start(&self, other: &Self) -> Vec<&'static str> {
        let networks = (&self.unlimited_networks, &other.unlimited_networks);
        let all = [
            (
                "http.limits.connections",
                self.connections != other.connections,
            ),
            (
                "http.limits.connections_per_address",
                self.connections_per_address != other.connections_per_address,
            ),
            (
                "http.limits.unlimited_networks",
                format!("{:?}", networks.0) != format!("{:?}", networks.1),
            ),
            (
                "http.limits.stream_clients",
                self.stream_clients != other.stream_clients,
            ),
        ];
        let differing = all.into_iter().filter(|(_, differs)| *differs);
        differing.map(|(name, _)| name).collect()
    }

    /// The longest request head, in bytes.
    pub(super) fn head_max(&self) -> usize {
        self.header.max(HEAD_BYTES_MIN)
    }
}

/// Who may use `internal_statistic`, which asks for no credentials.
#[derive(Debug, Clone)]
pub struct Internal {
    /// Whether the main listener offers it: only while that is bound to loopback without
    /// `allow_cleartext_basic`, and there is no listener of its own.
    pub on_main: bool,
    /// Networks of the main listener's peers that may use it.
    pub networks: Vec<Network>,
    /// Names accepted in `Host` besides the listener's address and, on loopback, `localhost`.
    pub hosts: Vec<String>,
}

/// Bounds on what a client may cost. Sizes are in bytes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest request body.
    pub body: u64,
    /// The most fields in a single-statistic form.
    pub fields: usize,
    /// The most statistics in one request.
    pub statistics_per_request: usize,
    /// The largest request head; hyper's floor of 8 KiB applies.
    pub header: usize,
    /// How long a request head may take to arrive, the wait on an idle connection included.
    pub header_timeout: Duration,
    /// How long a whole request may take.
    pub request_timeout: Duration,
    /// The most connections at a time.
    pub connections: usize,
    /// The most connections of one address at a time.
    pub connections_per_address: usize,
    /// Networks without a limit per address.
    pub unlimited_networks: Vec<Network>,
    /// The most streams at a time.
    pub stream_clients: usize,
    /// The largest response body.
    pub response: usize,
}
