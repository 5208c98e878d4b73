//! `[[stat_server]]`: one pair.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::bounds::{duration, timeout};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct StatServer {
    pub(in crate::service) name: Spanned<String>,
    pub(in crate::service) primary: Spanned<String>,
    #[serde(default)]
    pub(in crate::service) backup: Option<Spanned<String>>,
    #[serde(default = "client_name")]
    pub(in crate::service) client_name: String,
    #[serde(default)]
    pub(in crate::service) client_id: i32,
    #[serde(default = "connect_timeout", deserialize_with = "timeout")]
    pub(in crate::service) connect_timeout: Duration,
    #[serde(default = "frame_timeout", deserialize_with = "timeout")]
    pub(in crate::service) frame_timeout: Duration,
    #[serde(default = "max_frame")]
    pub(in crate::service) max_frame: Spanned<ByteSize>,
    #[serde(default = "charset")]
    pub(in crate::service) charset: Spanned<String>,
    #[serde(default)]
    pub(in crate::service) return_to_primary: bool,
    #[serde(default)]
    pub(in crate::service) open_on: OpenOn,
    #[serde(default)]
    pub(in crate::service) try_next: bool,
    #[serde(default = "switchover_min_interval", deserialize_with = "timeout")]
    pub(in crate::service) switchover_min_interval: Duration,
    #[serde(default = "profile_refresh", deserialize_with = "refresh")]
    pub(in crate::service) profile_refresh: Duration,
    #[serde(default = "open_window")]
    pub(in crate::service) open_window: usize,
    #[serde(default)]
    pub(in crate::service) addp: Option<Spanned<Addp>>,
    #[serde(default)]
    pub(in crate::service) tls: Option<Tls>,
    #[serde(default)]
    pub(in crate::service) protocol: Protocol,
}

/// On which sides of a pair statistics are opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::service) enum OpenOn {
    #[default]
    Active,
    Both,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct Tls {
    pub(in crate::service) ca_file: Spanned<PathBuf>,
    #[serde(default)]
    pub(in crate::service) server_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::service) struct Addp {
    #[serde(deserialize_with = "duration")]
    pub(in crate::service) local_timeout: Duration,
    #[serde(deserialize_with = "duration")]
    pub(in crate::service) remote_timeout: Duration,
    pub(in crate::service) trace: Trace,
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
pub(in crate::service) enum Trace {
    Off,
    Local,
    Remote,
    Both,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::service) struct Protocol {
    pub(in crate::service) name: Option<String>,
    pub(in crate::service) version: Option<i32>,
    pub(in crate::service) capabilities: Option<Vec<String>>,
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

/// Often enough for anybody, and long enough for a list to arrive.
fn refresh<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration(deserializer)?;
    if duration < Duration::from_secs(10) {
        return Err(D::Error::custom("this duration is at least 10s"));
    }
    Ok(duration)
}
