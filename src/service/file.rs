//! The shape of `peekd.toml` and its defaults. Only reads; what it means is checked in
//! [`super::settings`].

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) store: Store,
    #[serde(default)]
    pub(super) http: Http,
    #[serde(default)]
    pub(super) peek: Peek,
    #[serde(default)]
    pub(super) tenant: Vec<Tenant>,
    #[serde(default)]
    pub(super) stat_server: Vec<StatServer>,
    #[serde(default)]
    pub(super) definition: Vec<Definition>,
    #[serde(default)]
    pub(super) rule: Vec<Rule>,
    #[serde(default)]
    pub(super) open: Vec<Open>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Store {
    pub(super) path: PathBuf,
    #[serde(deserialize_with = "timeout")]
    pub(super) flush_interval: Duration,
    pub(super) on_corruption: OnCorruption,
    #[serde(deserialize_with = "size")]
    pub(super) journal_max_size: ByteSize,
    pub(super) history: History,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: "peekd-store".into(),
            flush_interval: Duration::from_millis(50),
            on_corruption: OnCorruption::SetAside,
            journal_max_size: ByteSize::mib(256),
            history: History::default(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct History {
    #[serde(deserialize_with = "retention")]
    pub(super) retention: Duration,
    #[serde(deserialize_with = "history_size")]
    pub(super) max_size: ByteSize,
}

impl Default for History {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(30 * 24),
            max_size: ByteSize::gib(10),
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OnCorruption {
    SetAside,
    Stop,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Http {
    pub(super) listen: Spanned<SocketAddr>,
    pub(super) tls_certificate: Option<Spanned<PathBuf>>,
    pub(super) tls_key: Option<Spanned<PathBuf>>,
    pub(super) allow_cleartext_basic: bool,
    #[serde(deserialize_with = "duration")]
    pub(super) drain_timeout: Duration,
    pub(super) trusted_proxies: Vec<Spanned<String>>,
    pub(super) access_log: bool,
    pub(super) internal: Internal,
    pub(super) auth: Auth,
    pub(super) cors: Cors,
    pub(super) limits: Limits,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: Spanned::new(0..0, SocketAddr::from(([127, 0, 0, 1], 8080))),
            tls_certificate: None,
            tls_key: None,
            allow_cleartext_basic: false,
            drain_timeout: Duration::from_secs(10),
            trusted_proxies: Vec::new(),
            access_log: false,
            internal: Internal::default(),
            auth: Auth::default(),
            cors: Cors::default(),
            limits: Limits::default(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Internal {
    pub(super) listen: Option<Spanned<SocketAddr>>,
    pub(super) networks: Vec<Spanned<String>>,
    pub(super) hosts: Vec<String>,
}

impl Default for Internal {
    fn default() -> Self {
        Self {
            listen: None,
            networks: loopback(),
            hosts: Vec::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Auth {
    pub(super) realm: String,
    pub(super) open: Vec<Spanned<String>>,
    pub(super) users: Vec<User>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            realm: "peekd".to_owned(),
            open: Vec::new(),
            users: Vec::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) name: Spanned<String>,
    pub(super) password_hash: Spanned<secrecy::SecretString>,
    #[serde(default)]
    pub(super) tenants: Option<Vec<String>>,
    #[serde(default)]
    pub(super) role: Role,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    #[default]
    Viewer,
    Operator,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Cors {
    pub(super) origins: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    #[serde(deserialize_with = "size")]
    pub(super) body: ByteSize,
    #[serde(deserialize_with = "count")]
    pub(super) fields: usize,
    #[serde(deserialize_with = "count")]
    pub(super) statistics_per_request: usize,
    #[serde(deserialize_with = "size")]
    pub(super) header: ByteSize,
    #[serde(deserialize_with = "timeout")]
    pub(super) header_timeout: Duration,
    #[serde(deserialize_with = "timeout")]
    pub(super) request_timeout: Duration,
    #[serde(deserialize_with = "count")]
    pub(super) connections: usize,
    #[serde(deserialize_with = "count")]
    pub(super) connections_per_address: usize,
    pub(super) unlimited_networks: Vec<Spanned<String>>,
    #[serde(deserialize_with = "count")]
    pub(super) open_statistics: usize,
    #[serde(deserialize_with = "count")]
    pub(super) stream_clients: usize,
    #[serde(deserialize_with = "size")]
    pub(super) response: ByteSize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: ByteSize::mib(1),
            fields: 1000,
            statistics_per_request: 1000,
            header: ByteSize::kib(16),
            header_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(10),
            connections: 4096,
            connections_per_address: 256,
            unlimited_networks: loopback(),
            open_statistics: 2_000_000,
            stream_clients: 2000,
            response: ByteSize::mib(64),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Peek {
    #[serde(deserialize_with = "timeout")]
    pub(super) deadline: Duration,
    #[serde(deserialize_with = "duration")]
    pub(super) default_max_age: Duration,
    #[serde(deserialize_with = "duration")]
    pub(super) coalesce_window: Duration,
    #[serde(deserialize_with = "duration")]
    pub(super) refusal_memory: Duration,
    #[serde(deserialize_with = "timeout")]
    pub(super) idle_close: Duration,
    #[serde(deserialize_with = "timeout")]
    pub(super) forget_after: Duration,
}

impl Default for Peek {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(3),
            default_max_age: Duration::from_secs(10),
            coalesce_window: Duration::from_millis(100),
            refusal_memory: Duration::from_secs(30),
            idle_close: Duration::from_hours(1),
            forget_after: Duration::from_hours(90 * 24),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tenant {
    pub(super) name: Spanned<String>,
    pub(super) password_file: Spanned<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatServer {
    pub(super) name: Spanned<String>,
    pub(super) primary: Spanned<String>,
    #[serde(default)]
    pub(super) backup: Option<Spanned<String>>,
    #[serde(default = "client_name")]
    pub(super) client_name: String,
    #[serde(default)]
    pub(super) client_id: i32,
    #[serde(default = "connect_timeout", deserialize_with = "timeout")]
    pub(super) connect_timeout: Duration,
    #[serde(default = "frame_timeout", deserialize_with = "timeout")]
    pub(super) frame_timeout: Duration,
    #[serde(default = "max_frame")]
    pub(super) max_frame: Spanned<ByteSize>,
    #[serde(default = "charset")]
    pub(super) charset: Spanned<String>,
    #[serde(default)]
    pub(super) return_to_primary: bool,
    #[serde(default)]
    pub(super) open_on: OpenOn,
    #[serde(default)]
    pub(super) try_next: bool,
    #[serde(default = "switchover_min_interval", deserialize_with = "timeout")]
    pub(super) switchover_min_interval: Duration,
    #[serde(default = "profile_refresh", deserialize_with = "refresh")]
    pub(super) profile_refresh: Duration,
    #[serde(default = "open_window")]
    pub(super) open_window: usize,
    #[serde(default)]
    pub(super) addp: Option<Spanned<Addp>>,
    #[serde(default)]
    pub(super) tls: Option<Tls>,
    #[serde(default)]
    pub(super) protocol: Protocol,
}

/// On which sides of a pair statistics are opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OpenOn {
    #[default]
    Active,
    Both,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    pub(super) name: Spanned<String>,
    pub(super) category: Word,
    pub(super) subject: Word,
    #[serde(default = "interval")]
    pub(super) interval: Word,
    #[serde(default)]
    pub(super) interval_length: Option<i32>,
    #[serde(default)]
    pub(super) main_mask: Vec<Word>,
    #[serde(default)]
    pub(super) relative_mask: Vec<Word>,
    #[serde(default)]
    pub(super) time_range: String,
    #[serde(default)]
    pub(super) time_range2: String,
    #[serde(default)]
    pub(super) server: Option<Spanned<String>>,
}

/// A name of the protocol's, or its number where the name is missing here.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a name of the protocol's, or its number")]
pub(super) enum Word {
    Name(String),
    Number(u16),
}

impl Word {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    #[serde(rename = "match")]
    pub(super) pattern: Spanned<String>,
    #[serde(default)]
    pub(super) silence: Silence,
    #[serde(default = "yes")]
    pub(super) keep_open: bool,
    #[serde(default, deserialize_with = "positive")]
    pub(super) insensitivity: Option<i32>,
    #[serde(default, deserialize_with = "seconds")]
    pub(super) frequency: Option<i32>,
    #[serde(default, deserialize_with = "optional_timeout")]
    pub(super) retention: Option<Duration>,
}

/// What it means that a statistic on a living link says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Silence {
    #[default]
    Nothing,
    Unchanged,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) ca_file: Spanned<PathBuf>,
    #[serde(default)]
    pub(super) server_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Addp {
    #[serde(deserialize_with = "duration")]
    pub(super) local_timeout: Duration,
    #[serde(deserialize_with = "duration")]
    pub(super) remote_timeout: Duration,
    pub(super) trace: Trace,
}

impl Default for Addp {
    fn default() -> Self {
        Self {
            local_timeout: Duration::from_secs(10),
            remote_timeout: Duration::from_secs(20),
            trace: Trace::Off,
        }
    }
}

/// Who writes trace lines of the heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Trace {
    Off,
    Local,
    Remote,
    Both,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Protocol {
    pub(super) name: Option<String>,
    pub(super) version: Option<i32>,
    pub(super) capabilities: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Open {
    pub(super) statistic: Spanned<String>,
    #[serde(default)]
    pub(super) notification_mode: Option<Spanned<String>>,
}

fn interval() -> Word {
    Word::Name("GrowingWindow".to_owned())
}

fn yes() -> bool {
    true
}

fn loopback() -> Vec<Spanned<String>> {
    ["127.0.0.0/8", "::1/128"]
        .map(|network| Spanned::new(0..0, network.to_owned()))
        .to_vec()
}

fn client_name() -> String {
    "peekd".to_owned()
}

fn connect_timeout() -> Duration {
    Duration::from_secs(3)
}

fn frame_timeout() -> Duration {
    Duration::from_mins(1)
}

fn max_frame() -> Spanned<ByteSize> {
    Spanned::new(0..0, ByteSize::mib(64))
}

fn charset() -> Spanned<String> {
    Spanned::new(0..0, "utf-8".to_owned())
}

fn switchover_min_interval() -> Duration {
    Duration::from_secs(10)
}

fn profile_refresh() -> Duration {
    Duration::from_mins(10)
}

fn open_window() -> usize {
    1000
}

/// Far beyond any use, and far from where adding to an instant overflows.
const DURATION_MAX: Duration = Duration::from_hours(10 * 365 * 24);

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration: Duration = humantime_serde::deserialize(deserializer)?;
    if duration > DURATION_MAX {
        return Err(D::Error::custom("a duration is at most 10 years"));
    }
    Ok(duration)
}

fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration(deserializer)?;
    if duration < Duration::from_millis(1) {
        return Err(D::Error::custom("this duration is at least 1ms"));
    }
    Ok(duration)
}

fn optional_timeout<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    timeout(deserializer).map(Some)
}

/// Whole seconds, as the wire counts them.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    let duration = duration(deserializer)?;
    match i32::try_from(duration.as_secs()) {
        Ok(seconds @ 1..) if duration.subsec_nanos() == 0 => Ok(Some(seconds)),
        _ => Err(D::Error::custom(
            "this duration is whole seconds, at least 1s",
        )),
    }
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    match i32::deserialize(deserializer)? {
        number @ 1.. => Ok(Some(number)),
        _ => Err(D::Error::custom("this number is at least 1")),
    }
}

/// Often enough for anybody, and long enough for a list to arrive.
fn refresh<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration(deserializer)?;
    if duration < Duration::from_secs(10) {
        return Err(D::Error::custom("this duration is at least 10s"));
    }
    Ok(duration)
}

/// Less than what is folded at once keeps nothing.
fn retention<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration(deserializer)?;
    if duration < Duration::from_mins(10) {
        return Err(D::Error::custom("a retention is at least 10m"));
    }
    Ok(duration)
}

/// Each volume of history takes some megabytes, whatever it holds.
fn history_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    let size = ByteSize::deserialize(deserializer)?;
    if size < ByteSize::mib(64) {
        return Err(D::Error::custom("history's size is at least 64MiB"));
    }
    Ok(size)
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    let size = ByteSize::deserialize(deserializer)?;
    if size.as_u64() == 0 {
        return Err(D::Error::custom("this size is at least 1B"));
    }
    Ok(size)
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let count = usize::deserialize(deserializer)?;
    if count == 0 {
        return Err(D::Error::custom("this number is at least 1"));
    }
    Ok(count)
}
