//! What the file means: every fault found at once, each with its line, and then the rooms' own
//! settings.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use toml::Spanned;

use super::file::{File, OnCorruption, StatServer, Trace};
use crate::api;
use crate::model::{FIELD_LEN_MAX, NotificationMode, ServerId, Statistic};
use crate::wire::{Capabilities, Charset, Register};
use crate::{peek, store, upstream};

/// Everything the service needs to know, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the HTTP interface listens.
    pub listen: SocketAddr,
    /// The HTTP interface.
    pub http: api::Config,
    /// The store.
    pub store: store::Config,
    /// The decision between store and live fetch.
    pub peek: peek::Config,
    /// The most statistics kept in memory.
    pub statistics_max: usize,
    /// The pairs, in order of precedence; the store gives the numbers at start.
    pub stat_servers: Vec<upstream::Config>,
    /// Opened at start, never idle.
    pub open: Vec<(Statistic, NotificationMode)>,
}

/// What is wrong with a configuration file: everything, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    path: PathBuf,
    faults: Vec<Fault>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    /// From 1; 0 where no line is to blame.
    line: usize,
    text: String,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.faults.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            let path = self.path.display();
            match fault.line {
                0 => write!(f, "{separator}{path}: {}", fault.text)?,
                line => write!(f, "{separator}{path}:{line}: {}", fault.text)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl Settings {
    /// Reads and checks a configuration file. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// Every fault of the file, each with its line.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        let text = fs::read_to_string(path).map_err(|error| Faults {
            path: path.to_owned(),
            faults: vec![Fault {
                line: 0,
                text: format!("cannot be read: {error}"),
            }],
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|faults| Faults {
            path: path.to_owned(),
            faults,
        })
    }

    /// Settings from a text that is no file, such as the demo's.
    ///
    /// # Errors
    /// Every fault of the text, each with its line.
    pub fn from_text(text: &str) -> Result<Self, Faults> {
        let path = PathBuf::from("configuration");
        Self::parse(text, Path::new("")).map_err(|faults| Faults { path, faults })
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Fault>> {
        let (file, faults) = read(text);
        let mut check = Check {
            text,
            folder,
            faults,
        };
        let settings = file.map(|file| check.settings(&file));
        check.faults.sort_by_key(|fault| fault.line);
        match settings {
            Some(settings) if check.faults.is_empty() => Ok(settings),
            _ => Err(check.faults),
        }
    }
}

/// Reads the file's shape. What is at fault is blanked and the rest read again, so that one run
/// tells all faults.
fn read(text: &str) -> (Option<File>, Vec<Fault>) {
    const FAULTS_MAX: usize = 100;
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let mut blanked: Vec<usize> = Vec::new();
    let mut faults: Vec<Fault> = Vec::new();
    while faults.len() < FAULTS_MAX {
        let error = match toml::from_str::<File>(&lines.join("\n")) {
            Ok(file) => return (Some(file), faults),
            Err(error) => error,
        };
        let span = error.span().filter(|span| span.end <= text.len());
        let line = span.map_or(0, |span| line_at(text, span.start));
        let message = error.message();
        let shown = lines.get(line.wrapping_sub(1)).map_or("", String::as_str);
        let missing = message.starts_with("missing field");
        let secret = shown.contains("password") && message.starts_with("invalid type");
        let table = table_at(&lines, line);
        // What is missing may have been on a line that was blanked.
        let was_blanked = |&at: &usize| {
            let key = text
                .split('\n')
                .nth(at.wrapping_sub(1))
                .map(str::trim_start);
            let field = message.split('`').nth(1).unwrap_or_default();
            table.contains(&at) && key.is_some_and(|key| key.starts_with(field))
        };
        if !missing || !blanked.iter().any(was_blanked) {
            faults.push(Fault {
                line,
                text: if secret {
                    "invalid type, expected a string".to_owned()
                } else {
                    message.to_owned()
                },
            });
        }
        if table.is_empty() {
            blanked.push(line);
        }
        let mut progress = false;
        for at in if table.is_empty() {
            line..line + 1
        } else {
            table
        } {
            if let Some(line) = at.checked_sub(1).and_then(|at| lines.get_mut(at)) {
                progress |= !line.trim().is_empty();
                *line = " ".repeat(line.len());
            }
        }
        if !progress {
            break;
        }
    }
    (None, faults)
}

/// The lines of the table whose heading is on `line`, with those of the tables inside it; none
/// when there is no heading.
fn table_at(lines: &[String], line: usize) -> std::ops::Range<usize> {
    fn heading(line: &str) -> Option<&str> {
        let heading = line.trim_start().strip_prefix('[')?;
        let name = heading.trim_start_matches('[');
        Some(name.split([']', '#']).next().unwrap_or_default().trim())
    }
    let found = line.checked_sub(1).and_then(|at| lines.get(at));
    let Some(name) = found.and_then(|line| heading(line)) else {
        return 0..0;
    };
    let is_inside = |other: &str| {
        let rest = other.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    let after = lines.iter().skip(line);
    let length = after
        .take_while(|line| heading(line).is_none_or(is_inside))
        .count();
    line..line + 1 + length
}

fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or_default().matches('\n').count() + 1
}

/// The second reading: what the values mean.
struct Check<'a> {
    text: &'a str,
    folder: &'a Path,
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn settings(&mut self, file: &File) -> Settings {
        let tenant_passwords = self.tenants(file);
        let stat_servers = self.stat_servers(&file.stat_server);
        let open = self.open(file);
        let listen = *file.http.listen.get_ref();
        self.listener(file);
        let limits = &file.http.limits;
        let http = api::Config {
            realm: file.http.auth.realm.clone(),
            open_paths: self.open_paths(file),
            users: self.users(file),
            internal: api::Internal {
                networks: self.networks(&file.http.internal.networks),
                hosts: file.http.internal.hosts.clone(),
            },
            loopback_main: listen.ip().is_loopback() && !file.http.allow_cleartext_basic,
            origins: self.origins(file),
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
                response: usize::try_from(limits.response.as_u64()).unwrap_or(usize::MAX),
            },
            tenant_passwords,
            drain: file.http.drain_timeout,
            peek_deadline: file.peek.deadline,
        };
        Settings {
            listen,
            http,
            store: store::Config {
                path: self.folder.join(&file.store.path),
                flush_interval: file.store.flush_interval.max(Duration::from_millis(1)),
                on_corruption: match file.store.on_corruption {
                    OnCorruption::SetAside => store::OnCorruption::SetAside,
                    OnCorruption::Stop => store::OnCorruption::Stop,
                },
                journal_size_max: file.store.journal_max_size.as_u64(),
            },
            peek: peek::Config {
                deadline: file.peek.deadline,
                default_max_age: file.peek.default_max_age,
                coalesce_window: file.peek.coalesce_window,
                refusal_memory: file.peek.refusal_memory,
                idle_close: file.peek.idle_close,
            },
            statistics_max: limits.open_statistics,
            stat_servers,
            open,
        }
    }

    fn listener(&mut self, file: &File) {
        let listen = file.http.listen.get_ref();
        let users = !file.http.auth.users.is_empty();
        if users && !listen.ip().is_loopback() && !file.http.allow_cleartext_basic {
            self.fault(
                &file.http.listen,
                format!(
                    "passwords would cross the network in clear text on {listen}: listen on \
                     loopback, or set allow_cleartext_basic = true if a gateway does the TLS"
                ),
            );
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
        // One that is there but cannot be read has been told already.
        if servers.is_empty() && !self.text.contains("stat_server") {
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
            },
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
                Ok(mut statistic) => {
                    statistic.reset |= mode == NotificationMode::Reset;
                    let mode = if statistic.reset {
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

    fn fault<T>(&mut self, place: &Spanned<T>, text: String) {
        self.fault_at(place.span().start, text);
    }

    fn fault_at(&mut self, offset: usize, text: String) {
        self.faults.push(Fault {
            line: line_at(self.text, offset),
            text,
        });
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<(usize, String)> {
        let faults = Settings::parse(text, Path::new("")).unwrap_err();
        faults
            .into_iter()
            .map(|fault| (fault.line, fault.text))
            .collect()
    }

    #[test]
    fn a_pair_is_all_that_must_be_said() {
        let text = "[[stat_server]]\nname = 'S'\nprimary = '127.0.0.1:7100'\n";
        let settings = Settings::parse(text, Path::new("/etc/peekd")).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.store.path, Path::new("/etc/peekd/peekd-store"));
        assert!(settings.http.loopback_main);
    }

    #[test]
    fn the_example_file_says_the_defaults() {
        let example = include_str!("../../data/config.example.toml");
        let shown = Settings::parse(example, Path::new("")).unwrap();
        let text = "[[stat_server]]\nname = 'StatServer'\nprimary = '127.0.0.1:7100'\n\
                    backup = '127.0.0.1:7101'\n[stat_server.addp]\n";
        let mut default = Settings::parse(text, Path::new("")).unwrap();
        // The example opens one statistic and names one user, to show how.
        default.open.clone_from(&shown.open);
        default.http.users.clone_from(&shown.http.users);
        assert_eq!(format!("{shown:#?}"), format!("{default:#?}"));
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_line() {
        let text = "\
[store]
flush_interval = 'soon'
colour = 'blue'

[http]
listen = '0.0.0.0:8080'
[[http.auth.users]]
name = 'a:b'
password_hash = 'hunter2'

[[stat_server]]
name = 'S'
primary = 'localhost'
charset = 'klingon'
[stat_server.addp]
local_timeout = '1ms'

[[open]]
statistic = 'a;b'
";
        let found = faults(text);
        let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 6, 8, 9, 13, 14, 15, 19], "{found:#?}");
        assert!(
            !format!("{found:?}").contains("hunter2"),
            "a secret is never echoed"
        );
    }

    #[test]
    fn a_table_at_fault_does_not_hide_the_faults_after_it() {
        let text = "\
[[http.auth.users]]
name = 'x'

[htp]
x = 1
[[stat_server]]
primary = 'h:1'
[stat_server.addp]
trace = 'loud'
[[stat_server]]
name = 7
primary = 'h:1'
[peek]
deadline = '100000000000years'
idle_close = '0s'
[http.limits]
connections = 0
body = '0B'
[http.auth]
open = ['statistics']
[http.cors]
origins = ['https://wall.example/']
";
        let found = faults(text);
        let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(
            lines,
            [1, 4, 6, 9, 11, 14, 15, 17, 18, 20, 22],
            "{found:#?}"
        );
    }

    #[test]
    fn a_pair_can_be_told_more() {
        let text = "\
[[stat_server]]
name = 'S'
primary = 'h:1'
return_to_primary = true
switchover_min_interval = '2m'
profile_refresh = '10s'
[stat_server.addp]
trace = 'both'
[[stat_server]]
name = 'T'
primary = 'h:2'
[stat_server.addp]
trace = 'local'
";
        let settings = Settings::parse(text, Path::new("")).unwrap();
        let [first, second] = &settings.stat_servers[..] else {
            panic!("two pairs");
        };
        let (addp, other) = (first.session.addp.unwrap(), second.session.addp.unwrap());
        assert!(addp.local_trace && addp.remote_trace);
        assert!(other.local_trace && !other.remote_trace);
        assert!(first.return_to_primary && !second.return_to_primary);
        assert_eq!(first.switchover_min_interval, Duration::from_mins(2));
        assert_eq!(first.session.profile_refresh, Duration::from_secs(10));
        assert_eq!(second.session.profile_refresh, Duration::from_mins(10));

        let hasty = text.replace("'10s'", "'9s'").replace("'2m'", "'0s'");
        let lines: Vec<usize> = faults(&hasty).iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [5, 6]);
    }

    #[test]
    fn a_password_that_is_no_text_or_no_hash_is_told_and_not_shown() {
        let head =
            "[[stat_server]]\nname = 'S'\nprimary = 'h:1'\n[[http.auth.users]]\nname = 'x'\n";
        for hash in ["4711", "'4711'", "'$argon2id$4711'"] {
            let found = faults(&format!("{head}password_hash = {hash}\n"));
            assert_eq!(found.first().map(|(line, _)| *line), Some(6), "{found:?}");
            assert!(!format!("{found:?}").contains("4711"), "{found:?}");
        }
    }

    #[test]
    fn a_missing_pair_is_a_fault_of_no_line() {
        let found = faults("");
        assert_eq!(found.len(), 1);
        assert_eq!(found.first().unwrap().0, 0);
    }
}
