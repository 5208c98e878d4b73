//! `[store]` and its history.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::bounds::{duration, size, timeout};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::service) struct Store {
    pub(in crate::service) path: PathBuf,
    #[serde(deserialize_with = "timeout")]
    pub(in crate::service) flush_interval: Duration,
    pub(in crate::service) on_corruption: OnCorruption,
    #[serde(deserialize_with = "size")]
    pub(in crate::service) journal_max_size: ByteSize,
    pub(in crate::service) history: History,
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
pub(in crate::service) struct History {
    #[serde(deserialize_with = "retention")]
    pub(in crate::service) retention: Duration,
    #[serde(deserialize_with = "history_size")]
    pub(in crate::service) max_size: ByteSize,
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
pub(in crate::service) enum OnCorruption {
    SetAside,
    Stop,
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
