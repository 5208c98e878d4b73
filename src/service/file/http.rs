//! `[http]` and what is in it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;
use toml::Spanned;

use super::bounds::{count, duration, size, timeout};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::service) struct Http {
    pub(in crate::service) listen: Spanned<SocketAddr>,
    pub(in crate::service) threads: Option<Spanned<usize>>,
    pub(in crate::service) tls_certificate: Option<Spanned<PathBuf>>,
    pub(in crate::service) tls_key: Option<Spanned<PathBuf>>,
    pub(in crate::service) allow_cleartext_basic: bool,
    #[serde(deserialize_with = "duration")]
    pub(in crate::service) drain_timeout: Duration,
    pub(in crate::service) trusted_proxies: Vec<Spanned<String>>,
    pub(in crate::service) access_log: bool,
    pub(in crate::service) internal: Internal,
    pub(in crate::service) auth: Auth,
    pub(in crate::service) cors: Cors,
    pub(in crate::service) limits: Limits,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: Spanned::new(0..0, SocketAddr::from(([127, 0, 0, 1], 8080))),
            threads: None,
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
pub(in crate::service) struct Internal {
    pub(in crate::service) listen: Option<Spanned<SocketAddr>>,
    pub(in crate::service) networks: Vec<Spanned<String>>,
    pub(in crate::service) hosts: Vec<String>,
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
pub(in crate::service) struct Auth {
    pub(in crate::service) realm: String,
    pub(in crate::service) open: Vec<Spanned<String>>,
    pub(in crate::service) users: Vec<User>,
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
pub(in crate::service) struct User {
    pub(in crate::service) name: Spanned<String>,
    pub(in crate::service) password_hash: Spanned<secrecy::SecretString>,
    #[serde(default)]
    pub(in crate::service) tenants: Option<Vec<String>>,
    #[serde(default)]
    pub(in crate::service) role: Role,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::service) enum Role {
    #[default]
    Viewer,
    Operator,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::service) struct Cors {
    pub(in crate::service) origins: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::service) struct Limits {
    #[serde(deserialize_with = "size")]
    pub(in crate::service) body: ByteSize,
    #[serde(deserialize_with = "count")]
    pub(in crate::service) fields: usize,
    #[serde(deserialize_with = "count")]
    pub(in crate::service) statistics_per_request: usize,
    #[serde(deserialize_with = "size")]
    pub(in crate::service) header: ByteSize,
    #[serde(deserialize_with = "timeout")]
    pub(in crate::service) header_timeout: Duration,
    #[serde(deserialize_with = "timeout")]
    pub(in crate::service) request_timeout: Duration,
    #[serde(deserialize_with = "count")]
    pub(in crate::service) connections: usize,
    #[serde(deserialize_with = "count")]
    pub(in crate::service) connections_per_address: usize,
    pub(in crate::service) unlimited_networks: Vec<Spanned<String>>,
    #[serde(deserialize_with = "count")]
    pub(in crate::service) open_statistics: usize,
    #[serde(deserialize_with = "count")]
    pub(in crate::service) stream_clients: usize,
    #[serde(deserialize_with = "size")]
    pub(in crate::service) response: ByteSize,
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

fn loopback() -> Vec<Spanned<String>> {
    ["127.0.0.0/8", "::1/128"]
        .map(|network| Spanned::new(0..0, network.to_owned()))
        .to_vec()
}
