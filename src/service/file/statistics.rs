//! `[[definition]]`, `[[rule]]` and `[[open]]`: what is asked of Stat Servers, and how.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::bounds::{duration, timeout};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct Definition {
    pub(in crate::service) name: Spanned<String>,
    pub(in crate::service) category: Word,
    pub(in crate::service) subject: Word,
    #[serde(default = "interval")]
    pub(in crate::service) interval: Word,
    #[serde(default)]
    pub(in crate::service) interval_length: Option<i32>,
    #[serde(default)]
    pub(in crate::service) main_mask: Vec<Word>,
    #[serde(default)]
    pub(in crate::service) relative_mask: Vec<Word>,
    #[serde(default)]
    pub(in crate::service) time_range: String,
    #[serde(default)]
    pub(in crate::service) time_range2: String,
    #[serde(default)]
    pub(in crate::service) server: Option<Spanned<String>>,
}

/// A name of the protocol's, or its number where the name is missing here.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a name of the protocol's, or its number")]
pub(in crate::service) enum Word {
    Name(String),
    Number(u16),
}

impl Word {
    pub(in crate::service) fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct Rule {
    #[serde(rename = "match")]
    pub(in crate::service) pattern: Spanned<String>,
    #[serde(default)]
    pub(in crate::service) silence: Silence,
    #[serde(default = "yes")]
    pub(in crate::service) keep_open: bool,
    #[serde(default, deserialize_with = "positive")]
    pub(in crate::service) insensitivity: Option<i32>,
    #[serde(default, deserialize_with = "seconds")]
    pub(in crate::service) frequency: Option<i32>,
    #[serde(default, deserialize_with = "optional_timeout")]
    pub(in crate::service) retention: Option<Duration>,
}

/// What it means that a statistic on a living link says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::service) enum Silence {
    #[default]
    Nothing,
    Unchanged,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct Open {
    pub(in crate::service) statistic: Spanned<String>,
    #[serde(default)]
    pub(in crate::service) notification_mode: Option<Spanned<String>>,
}

fn interval() -> Word {
    Word::Name("GrowingWindow".to_owned())
}

fn yes() -> bool {
    true
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
