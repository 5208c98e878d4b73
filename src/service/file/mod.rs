//! The shape of `peekd.toml` and its defaults, a file for each part of it. Only reads; what it means is
//! checked in [`super::settings`].

mod bounds;
mod http;
mod stat_server;
mod statistics;
mod store;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use bounds::{duration, timeout};
use http::Http;
pub(super) use http::Role;
pub(super) use stat_server::{OpenOn, StatServer, Trace};
use statistics::Open;
pub(super) use statistics::{Definition, Rule, Silence, Word};
pub(super) use store::OnCorruption;
use store::Store;

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
