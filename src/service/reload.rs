//! What a running service takes over from a changed configuration: Stat Servers, rules, definitions
//! and the list of what is always open. The rest is named as needing a restart.

use std::collections::HashSet;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::pairs::Pairs;
use super::warm_up::configured;
use crate::api;
use crate::cache::Cache;
use crate::model::{ProofKey, Statistic};
use crate::upstream::{OpenSpec, Upstream};

/// Reloads under way; another one waits.
pub(super) const RELOAD_QUEUE_LEN: usize = 4;

/// What a reload changes.
pub(super) struct Reloads {
    pub(super) pairs: Pairs,
    pub(super) cache: Arc<Cache>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) proofs: ProofKey,
    pub(super) settings: Settings,
}

impl Reloads {
    /// Has what is wanted at the start opened, then takes over one configuration after the other
    /// until `stop`.
    pub(super) async fn run(
        mut self,
        mut asked: mpsc::Receiver<Settings>,
        wanted: Vec<Vec<OpenSpec>>,
        stop: CancellationToken,
    ) {
        // Not before the first answers: they need nothing of it, and it takes a while.
        for some in wanted {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.upstream.want(some) => {}
            }
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                settings = asked.recv() => match settings {
                    Some(settings) => self.take_over(settings).await,
                    None => return stop.cancelled().await,
                },
            }
        }
    }

    async fn take_over(&mut self, mut settings: Settings) {
        for section in needing_restart(&self.settings, &settings) {
            tracing::warn!(section, "changed settings that need a restart");
        }
        // As those at the edge: a statistic opened with another password would be nobody's.
        let tenant_passwords = &self.settings.http.tenant_passwords;
        settings.http.tenant_passwords.clone_from(tenant_passwords);
        self.upstream.replace_plan(settings.plan());
        self.cache.replace_rules(settings.rules.clone());
        self.pairs.arrange(&settings.stat_servers);
        self.reopen(&settings).await;
        tracing::info!(
            stat_servers = settings.stat_servers.len(),
            open = settings.open.len(),
            "took over the configuration"
        );
        self.settings.stat_servers = settings.stat_servers;
        self.settings.rules = settings.rules;
        self.settings.definitions = settings.definitions;
        self.settings.open = settings.open;
    }

    /// Opens what the list names now. What it named before stays open until it is idle.
    async fn reopen(&self, settings: &Settings) {
        let listed: HashSet<&Statistic> = settings.open.iter().map(|(one, _)| one).collect();
        for (statistic, _) in &self.settings.open {
            if !listed.contains(statistic)
                && let Some(slot) = self.cache.ask(statistic)
            {
                self.cache.unpin(&slot);
            }
        }
        let (mut wanted, mut specs) = (Vec::new(), self.upstream.specs());
        for (statistic, mode) in &settings.open {
            let Ok(slot) = self.cache.pin(statistic) else {
                tracing::error!(%statistic, "no room to open a configured statistic");
                continue;
            };
            let (id, statistic) = (slot.id, slot.statistic.clone());
            wanted.extend(configured(
                settings,
                (id, statistic, *mode),
                &mut specs,
                &self.proofs,
                true,
            ));
        }
        self.upstream.want(wanted).await;
    }
}

/// The sections of the file that differ and are not taken over by a running service.
fn needing_restart(now: &Settings, wanted: &Settings) -> Vec<&'static str> {
    // Their debug forms hold every setting, and no secret.
    let differ = |now: &dyn std::fmt::Debug, wanted: &dyn std::fmt::Debug| {
        format!("{now:?}") != format!("{wanted:?}")
    };
    let (http, wanted_http) = (&now.http, &wanted.http);
    let mut sections = Vec::new();
    let mut check = |name, differs| {
        if differs {
            sections.push(name);
        }
    };
    check("store", differ(&now.store, &wanted.store));
    check("peek", differ(&now.peek, &wanted.peek));
    check("http.listen", now.listen != wanted.listen);
    check("http.threads", http.threads != wanted_http.threads);
    check("http.drain_timeout", http.drain != wanted_http.drain);
    // A certificate is exchanged for another one only.
    let encrypted = http.tls.is_some();
    check(
        "http.tls_certificate",
        encrypted != wanted_http.tls.is_some(),
    );
    let moved = now.internal_listen != wanted.internal_listen;
    let faces = (http.internal.on_main, wanted_http.internal.on_main);
    check("http.allow_cleartext_basic", faces.0 != faces.1 && !moved);
    check("http.auth.realm", http.realm != wanted_http.realm);
    check("http.auth.open", http.open_paths != wanted_http.open_paths);
    check("http.cors", http.origins != wanted_http.origins);
    let inside = |internal: &api::Internal| (internal.networks.clone(), internal.hosts.clone());
    let (within, wanted_within) = (inside(&http.internal), inside(&wanted_http.internal));
    check("http.internal", moved || differ(&within, &wanted_within));
    let proxies = (&http.trusted_proxies, &wanted_http.trusted_proxies);
    check("http.trusted_proxies", differ(proxies.0, proxies.1));
    check("http.access_log", http.access_log != wanted_http.access_log);
    check(
        "http.limits.open_statistics",
        now.statistics_max != wanted.statistics_max,
    );
    check("tenant", !same_passwords(http, wanted_http));
    sections.extend(http.limits.differ_at_start(&wanted_http.limits));
    sections
}

fn same_passwords(http: &api::Config, wanted: &api::Config) -> bool {
    let (now, wanted) = (&http.tenant_passwords, &wanted.tenant_passwords);
    let same = |(name, password): (&String, &SecretString)| {
        let other = now.get(name).map(ExposeSecret::expose_secret);
        other == Some(password.expose_secret())
    };
    now.len() == wanted.len() && wanted.iter().all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_taken_over_is_named() {
        let servers = "[[stat_server]]\nname = 'S'\nprimary = '127.0.0.1:7100'\n";
        let now = Settings::from_text(servers).unwrap();
        assert_eq!(needing_restart(&now, &now), Vec::<&str>::new());
        for (text, section) in [
            ("[http]\ndrain_timeout = '1s'\n", "http.drain_timeout"),
            (
                "[http]\nallow_cleartext_basic = true\n",
                "http.allow_cleartext_basic",
            ),
            ("[http]\nlisten = '127.0.0.1:1'\n", "http.listen"),
            ("[http]\nthreads = 77\n", "http.threads"),
            ("[http.internal]\nlisten = '127.0.0.1:1'\n", "http.internal"),
            ("[http]\naccess_log = true\n", "http.access_log"),
            (
                "[http.limits]\nconnections_per_address = 7\nbody = '1KiB'\n",
                "http.limits.connections_per_address",
            ),
            ("[store]\npath = 'elsewhere'\n", "store"),
            ("[peek]\ndeadline = '1s'\n", "peek"),
        ] {
            let wanted = Settings::from_text(&format!("{text}{servers}")).unwrap();
            assert_eq!(needing_restart(&now, &wanted), [section]);
        }
        let with_password = |password: &str| {
            let mut settings = now.clone();
            let password = password.to_owned().into();
            let passwords = &mut settings.http.tenant_passwords;
            passwords.insert("Resources".to_owned(), password);
            settings
        };
        let (one, other) = (with_password("one"), with_password("other"));
        assert_eq!(needing_restart(&one, &other), ["tenant"]);
        assert_eq!(needing_restart(&one, &now), ["tenant"]);
        assert!(needing_restart(&one, &with_password("one")).is_empty());
    }
}
