//! What a running service takes over from a changed configuration: Stat Servers, rules, definitions
//! and the list of what is always open. The rest is named as needing a restart.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::pairs::Pairs;
use super::warm_up::configured;
use crate::cache::Cache;
use crate::model::{ProofKey, Statistic};
use crate::upstream::Upstream;

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
    /// Takes over one configuration after the other until `stop`.
    pub(super) async fn run(
        mut self,
        mut asked: mpsc::Receiver<Settings>,
        stop: CancellationToken,
    ) {
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

    async fn take_over(&mut self, settings: Settings) {
        for section in needing_restart(&self.settings, &settings) {
            tracing::warn!(section, "changed settings that need a restart");
        }
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
                slot.unpin();
            }
        }
        let mut wanted = Vec::new();
        for (statistic, mode) in &settings.open {
            let Ok(slot) = self.cache.pin(statistic) else {
                tracing::error!(%statistic, "no room to open a configured statistic");
                continue;
            };
            let (id, statistic) = (slot.id, slot.statistic.clone());
            wanted.extend(configured(
                settings,
                (id, statistic, *mode),
                &self.upstream,
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
    check("http.auth.realm", http.realm != wanted_http.realm);
    check("http.auth.open", http.open_paths != wanted_http.open_paths);
    check("http.cors", http.origins != wanted_http.origins);
    check(
        "http.internal",
        differ(&http.internal, &wanted_http.internal),
    );
    check("http.limits", differ(&http.limits, &wanted_http.limits));
    check(
        "http.limits.open_statistics",
        now.statistics_max != wanted.statistics_max,
    );
    let names = |settings: &Settings| {
        let names = settings.http.tenant_passwords.keys().cloned();
        names.collect::<HashSet<String>>()
    };
    check("tenant", names(now) != names(wanted));
    sections
}
