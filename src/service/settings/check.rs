//! The second reading of a configuration file: what its values mean, and which cannot be meant.

use std::collections::HashMap;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use toml::Spanned;

use super::super::file::{File, OnCorruption, OpenOn, Role, StatServer, Trace};
use super::Settings;
use super::faults::{Fault, line_at};
use crate::model::{FIELD_LEN_MAX, NotificationMode, Rules, ServerId, Statistic};
use crate::wire::{Capabilities, Charset, Register};
use crate::{api, peek, store, upstream};

/// More would wait for each other, and each holds memory and file descriptors.
const HTTP_THREADS_MAX: usize = 1024;

/// The second reading.
pub(super) struct Check<'a> {
    pub(super) text: &'a str,
    pub(super) folder: &'a Path,
    pub(super) faults: Vec<Fault>,
}

impl Check<'_> {
    pub(super) fn settings(&mut self, file: &File) -> Settings {
        let stat_servers = self.stat_servers(&file.stat_server);
        let tenant_passwords = self.tenants(file);
        let open = self.open(file);
        let rules = self.rules(file);
        let definitions = self.definitions(file);
        let listen = *file.http.listen.get_ref();
        self.listener(file);
        self.internal_listener(file);
        let limits = &file.http.limits;
        let http = api::Config {
            threads: self.http_threads(file),
            realm: file.http.auth.realm.clone(),
            open_paths: self.open_paths(file),
            users: self.users(file),
            internal: api::Internal {
                on_main: listen.ip().is_loopback()
                    && !file.http.allow_cleartext_basic
                    && file.http.internal.listen.is_none(),
                networks: self.networks(&file.http.internal.networks),
                hosts: file.http.internal.hosts.clone(),
            },
            trusted_proxies: self.networks(&file.http.trusted_proxies),
            access_log: file.http.access_log,
            origins: self.origins(file),
            tls: self.http_tls(file),
            limits: api::Limits {
                body: limits.body.as_u64(),
                fields: limits.fields,
                statistics_per_request: limits.statistics_per_request,
                header: usize::try_from(limits.header.as_u64()).unwrap_or(usize::MAX),
                header_timeout: limits.header_timeout,
                request_timeout: limits.request_timeout,
                connections: limits.connections,
                connections_per_address: limits.connections_per_address,
                unlimited_networks: self.networks(&limits.unlimited_networks),
                stream_clients: limits.stream_clients,
                response: usize::try_from(limits.response.as_u64()).unwrap_or(usize::MAX),
            },
            tenant_passwords,
            drain: file.http.drain_timeout,
            peek_deadline: file.peek.deadline,
        };
        Settings {
            listen,
            internal_listen: file
                .http
                .internal
                .listen
                .as_ref()
                .map(|listen| *listen.get_ref()),
            http,
            trial: None,
            store: store::Config {
                path: self.folder.join(&file.store.path),
                flush_interval: file.store.flush_interval.max(Duration::from_millis(1)),
                on_corruption: match file.store.on_corruption {
                    OnCorruption::SetAside => store::OnCorruption::SetAside,
                    OnCorruption::Stop => store::OnCorruption::Stop,
                },
                journal_size_max: file.store.journal_max_size.as_u64(),
                history: store::HistoryConfig {
                    retention: file.store.history.retention,
                    size_max: file.store.history.max_size.as_u64(),
                    retention_of: retention_of(rules.clone()),
                    ..store::HistoryConfig::default()
                },
            },
            peek: peek::Config {
                deadline: file.peek.deadline,
                default_max_age: file.peek.default_max_age,
                coalesce_window: file.peek.coalesce_window,
                refusal_memory: file.peek.refusal_memory,
                idle_close: file.peek.idle_close,
                forget_after: file.peek.forget_after,
            },
            statistics_max: limits.open_statistics,
            stat_servers,
            rules,
            definitions,
            open,
        }
    }

    fn listener(&mut self, file: &File) {
        let listen = file.http.listen.get_ref();
        let users = !file.http.auth.users.is_empty();
        let is_encrypted = file.http.tls_certificate.is_some();
        let may_listen = is_encrypted || file.http.allow_cleartext_basic;
        if users && !listen.ip().is_loopback() && !may_listen {
            self.fault(
                &file.http.listen,
                format!(
                    "passwords would cross the network in clear text on {listen}: set \
                     tls_certificate and tls_key, listen on loopback, or set \
                     allow_cleartext_basic = true if a gateway does the TLS"
                ),
            );
        }
    }

    fn internal_listener(&mut self, file: &File) {
        let Some(listen) = &file.http.internal.listen else {
            return;
        };
        let (own, main) = (*listen.get_ref(), *file.http.listen.get_ref());
        if own == main && own.port() != 0 {
            let text = format!("{own} is the main listener's address; this one needs its own");
            self.fault(listen, text);
        }
    }

    fn http_threads(&mut self, file: &File) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        let Some(threads) = &file.http.threads else {
            return cores().min(HTTP_THREADS_MAX);
        };
        if !(1..=HTTP_THREADS_MAX).contains(threads.get_ref()) {
            let text = format!(
                "threads lies between 1 and {HTTP_THREADS_MAX}; left out, there are as many as cores"
            );
            self.fault(threads, text);
        }
        *threads.get_ref()
    }

    fn http_tls(&mut self, file: &File) -> Option<api::Tls> {
        let (certificate, key) = match (&file.http.tls_certificate, &file.http.tls_key) {
            (None, None) => return None,
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(alone), None) | (None, Some(alone)) => {
                let text = "tls_certificate and tls_key are set together or not at all".to_owned();
                self.fault(alone, text);
                return None;
            }
        };
        let path = |file: &Spanned<PathBuf>| self.folder.join(file.get_ref());
        match api::Tls::load(&path(certificate), &path(key)) {
            Ok(tls) => Some(tls),
            Err(error) => {
                let at_fault = match error {
                    api::TlsError::Key(_) => key,
                    _ => certificate,
                };
                self.fault(at_fault, error.to_string());
                None
            }
        }
    }

    fn users(&mut self, file: &File) -> Vec<api::User> {
        let mut seen: Vec<&str> = Vec::new();
        let mut users = Vec::new();
        for user in &file.http.auth.users {
            let name = user.name.get_ref();
            if name.is_empty() || name.contains(':') || seen.contains(&name.as_str()) {
                let text = "a user's name must be unique, not empty and without ':'".to_owned();
                self.fault(&user.name, text);
            }
            seen.push(name);
            if !api::auth::is_password_hash(user.password_hash.get_ref().expose_secret()) {
                self.fault(
                    &user.password_hash,
                    "this is no Argon2id hash; `peekd hash-password` makes one".to_owned(),
                );
            }
            users.push(api::User {
                name: name.clone(),
                password_hash: user.password_hash.get_ref().clone(),
                tenants: user.tenants.clone(),
                role: match user.role {
                    Role::Viewer => api::Role::Viewer,
                    Role::Operator => api::Role::Operator,
                },
            });
        }
        users
    }

    fn tenants(&mut self, file: &File) -> HashMap<String, SecretString> {
        let mut passwords = HashMap::new();
        for tenant in &file.tenant {
            let path = self.folder.join(tenant.password_file.get_ref());
            let password = match fs::read_to_string(&path) {
                Ok(text) => SecretString::from(text.trim_end_matches(['\r', '\n'])),
                Err(error) => {
                    let path = path.display();
                    let text = format!("the password file {path} cannot be read: {error}");
                    self.fault(&tenant.password_file, text);
                    continue;
                }
            };
            let shown = password.expose_secret();
            if shown.is_empty() || shown.len() > FIELD_LEN_MAX || shown.contains(char::is_control) {
                let text = "a password file holds one line of at most 4096 bytes".to_owned();
                self.fault(&tenant.password_file, text);
            }
            let name = tenant.name.get_ref().clone();
            if passwords.insert(name, password).is_some() {
                self.fault(&tenant.name, "a tenant is listed once".to_owned());
            }
        }
        passwords
    }

    fn open_paths(&mut self, file: &File) -> Vec<String> {
        let mut paths = Vec::new();
        for path in &file.http.auth.open {
            if !path.get_ref().starts_with('/') {
                self.fault(path, "a path starts with '/'".to_owned());
            }
            paths.push(path.get_ref().clone());
        }
        paths
    }

    fn origins(&mut self, file: &File) -> Vec<String> {
        let mut origins = Vec::new();
        for origin in &file.http.cors.origins {
            let host = origin.get_ref().split_once("://").map(|(_, host)| host);
            if host.is_none_or(|host| host.is_empty() || host.contains('/')) {
                let text = "an origin is written scheme://host or scheme://host:port".to_owned();
                self.fault(origin, text);
            }
            origins.push(origin.get_ref().clone());
        }
        origins
    }

    fn stat_servers(&mut self, servers: &[StatServer]) -> Vec<upstream::Config> {
        // Where something could not be read, it may have been this.
        if servers.is_empty() && self.faults.is_empty() {
            let text = "at least one [[stat_server]] with name and primary is needed".to_owned();
            self.faults.push(Fault { line: 0, text });
        }
        let mut configs: Vec<upstream::Config> = Vec::new();
        for server in servers {
            let name = server.name.get_ref();
            if name.is_empty() || configs.iter().any(|config| config.name == *name) {
                self.fault(
                    &server.name,
                    "a Stat Server's name must be unique and not empty".into(),
                );
            }
            configs.push(self.stat_server(server));
        }
        configs
    }

    fn stat_server(&mut self, server: &StatServer) -> upstream::Config {
        for address in [Some(&server.primary), server.backup.as_ref()]
            .into_iter()
            .flatten()
        {
            let parts = address.get_ref().rsplit_once(':');
            let good = |(host, port): (&str, &str)| {
                !host.is_empty() && port.parse().is_ok_and(|port: u16| port != 0)
            };
            if !parts.is_some_and(good) {
                self.fault(address, "an address is written host:port".to_owned());
            }
        }
        if server.open_on == OpenOn::Both && server.backup.is_none() {
            self.fault(
                &server.name,
                "open_on = \"both\" needs a backup beside the primary".to_owned(),
            );
        }
        let charset = Charset::for_label(server.charset.get_ref()).unwrap_or_else(|| {
            self.fault(&server.charset, "no character set has this name".to_owned());
            Charset::UTF_8
        });
        let max_frame = server.max_frame.get_ref().as_u64();
        if !(16 * 1024..=1 << 30).contains(&max_frame) {
            self.fault(
                &server.max_frame,
                "max_frame lies between 16KiB and 1GiB".to_owned(),
            );
        }
        upstream::Config {
            name: server.name.get_ref().clone(),
            id: ServerId(0),
            endpoints: upstream::Endpoints {
                primary: server.primary.get_ref().clone(),
                backup: server
                    .backup
                    .as_ref()
                    .map(|backup| backup.get_ref().clone()),
            },
            session: upstream::SessionConfig {
                register: register(server),
                charset,
                addp: self.addp(server),
                profile_refresh: server.profile_refresh,
                open_window: server.open_window,
                register_timeout: server.connect_timeout,
                try_next: server.try_next,
            },
            open_on_both: server.open_on == OpenOn::Both,
            return_to_primary: server.return_to_primary,
            switchover_min_interval: server.switchover_min_interval,
            connect_timeout: server.connect_timeout,
            frame_timeout: server.frame_timeout,
            frame_len_max: usize::try_from(max_frame).unwrap_or(usize::MAX),
            tls: self.tls(server),
            stat_types: upstream::StatTypes::Unknown,
        }
    }

    fn tls(&mut self, server: &StatServer) -> Option<upstream::Tls> {
        let tls = server.tls.as_ref()?;
        let ca_file = self.folder.join(tls.ca_file.get_ref());
        match upstream::Tls::new(&ca_file, tls.server_name.as_deref()) {
            Ok(tls) => Some(tls),
            Err(error) => {
                self.fault(&tls.ca_file, error.to_string());
                None
            }
        }
    }

    fn addp(&mut self, server: &StatServer) -> Option<upstream::AddpConfig> {
        let spanned = server.addp.as_ref()?;
        let addp = spanned.get_ref();
        let range = Duration::from_secs(1)..=Duration::from_hours(1);
        for (name, timeout) in [
            ("local_timeout", addp.local_timeout),
            ("remote_timeout", addp.remote_timeout),
        ] {
            if !range.contains(&timeout) {
                self.fault(spanned, format!("{name} lies between 1s and 3600s"));
            }
        }
        Some(upstream::AddpConfig {
            local_timeout: addp.local_timeout,
            remote_timeout: addp.remote_timeout,
            local_trace: matches!(addp.trace, Trace::Local | Trace::Both),
            remote_trace: matches!(addp.trace, Trace::Remote | Trace::Both),
        })
    }

    fn open(&mut self, file: &File) -> Vec<(Statistic, NotificationMode)> {
        let mut open = Vec::new();
        for entry in &file.open {
            let mode = match &entry.notification_mode {
                None => Some(NotificationMode::Immediate),
                Some(mode) => mode.get_ref().parse().ok(),
            };
            let mode = mode.unwrap_or_else(|| {
                let text = "the notification modes are Immediate, Periodical, NoNotification and \
                            Reset";
                let span = entry.notification_mode.as_ref().map_or(0..0, Spanned::span);
                self.fault_at(span.start, text.to_owned());
                NotificationMode::Immediate
            });
            match entry.statistic.get_ref().parse::<Statistic>() {
                Ok(statistic) => {
                    let reset = statistic.reset() || mode == NotificationMode::Reset;
                    let statistic = statistic.refined(statistic.refinements(), reset);
                    let mode = if statistic.reset() {
                        NotificationMode::Reset
                    } else {
                        mode
                    };
                    open.push((statistic, mode));
                }
                Err(error) => self.fault(&entry.statistic, error.to_string()),
            }
        }
        open
    }

    fn networks(&mut self, networks: &[Spanned<String>]) -> Vec<api::Network> {
        let mut parsed = Vec::new();
        for network in networks {
            match network.get_ref().parse() {
                Ok(network) => parsed.push(network),
                Err(error) => self.fault(network, format!("{error}")),
            }
        }
        parsed
    }

    pub(super) fn fault<T>(&mut self, place: &Spanned<T>, text: String) {
        self.fault_at(place.span().start, text);
    }

    fn fault_at(&mut self, offset: usize, text: String) {
        self.faults.push(Fault {
            line: line_at(self.text, offset),
            text,
        });
    }
}

fn retention_of(rules: Rules) -> store::RetentionOf {
    store::RetentionOf(Arc::new(move |statistic| rules.policy(statistic).retention))
}

fn register(server: &StatServer) -> Register {
    let mut register = Register::as_client(&server.client_name, server.client_id);
    let protocol = &server.protocol;
    if let Some(name) = &protocol.name {
        register.protocol.clone_from(name);
    }
    if let Some(version) = protocol.version {
        register.library_version = version;
    }
    if let Some(capabilities) = &protocol.capabilities {
        register.capabilities = Capabilities(capabilities.clone());
    }
    register
}
