//! What a start takes over from the store: the cache filled, and the list of what to open.

use std::collections::HashMap;
use std::sync::Arc;

use super::Settings;
use crate::cache::{Cache, Restored};
use crate::model::{
    Clock, NotificationMode, PasswordProof, ProofKey, ServerId, Statistic, StatisticId,
};
use crate::store::{self, Change, Loaded, LoadedStatistic};
use crate::upstream::OpenSpec;

/// The store's stable numbers for the configured names; new names get new ones.
pub(super) fn number_servers(
    settings: &Settings,
    loaded: &Loaded,
    writer: &store::Writer,
) -> HashMap<String, ServerId> {
    let mut ids: HashMap<String, ServerId> = loaded
        .servers
        .iter()
        .map(|(id, name)| (name.clone(), *id))
        .collect();
    let mut next = ids.values().map(|id| id.0).max().unwrap_or(0);
    for config in &settings.stat_servers {
        if !ids.contains_key(&config.name) {
            next = next.saturating_add(1);
            ids.insert(config.name.clone(), ServerId(next));
            let name = config.name.clone();
            writer.record([Change::ServerNamed {
                server: ServerId(next),
                name,
            }]);
        }
    }
    ids
}

/// Fills the cache with what the store knew. Returns also what is to be opened: what was open
/// before, and what the configuration lists.
pub(super) fn warm_cache(
    settings: &Settings,
    loaded: Loaded,
    clock: &Clock,
    generation: u32,
    proofs: &ProofKey,
) -> (Cache, Vec<OpenSpec>) {
    let cache = Cache::new(
        clock.clone(),
        generation,
        loaded.last_revision,
        loaded.next_id,
        settings.statistics_max,
    );
    let modes: HashMap<&Statistic, NotificationMode> = settings
        .open
        .iter()
        .map(|(statistic, mode)| (statistic, *mode))
        .collect();
    let mut wanted = Vec::new();
    for mut statistic in loaded.statistics {
        // What the configuration says now counts, not what it said when the statistic was opened.
        if let Some(subscription) = &mut statistic.subscription
            && let Some(mode) = modes.get(&*statistic.statistic)
        {
            subscription.mode = *mode;
        }
        let (restored, spec) = restore(settings, statistic, proofs);
        cache.restore(restored);
        wanted.extend(spec);
    }
    for (statistic, mode) in &settings.open {
        let Ok(slot) = cache.pin(statistic) else {
            tracing::error!(%statistic, "no room to open a configured statistic");
            continue;
        };
        if !slot.is_held() {
            let spec = configured(settings, slot.id, slot.statistic.clone(), *mode, proofs);
            wanted.push(spec);
        }
    }
    (cache, wanted)
}

fn restore(
    settings: &Settings,
    loaded: LoadedStatistic,
    proofs: &ProofKey,
) -> (Restored, Option<OpenSpec>) {
    let LoadedStatistic {
        id,
        statistic,
        subscription,
        protected,
        last,
    } = loaded;
    let password = settings.http.tenant_passwords.get(&*statistic.tenant);
    // Without its password, which is not stored, it stays closed until a caller brings that along.
    let held = subscription
        .filter(|_| !protected || password.is_some())
        .map(|subscription| subscription.mode);
    let spec = held.map(|mode| configured(settings, id, statistic.clone(), mode, proofs));
    let proof = match (protected, password) {
        (false, _) => Some(PasswordProof::NONE),
        (true, Some(password)) => Some(proofs.prove(password)),
        (true, None) => None,
    };
    let last = last.map(|last| (last.sample, last.revision));
    (
        Restored {
            id,
            statistic,
            last,
            held,
            proof,
        },
        spec,
    )
}

fn configured(
    settings: &Settings,
    id: StatisticId,
    statistic: Arc<Statistic>,
    mode: NotificationMode,
    proofs: &ProofKey,
) -> OpenSpec {
    let password = settings
        .http
        .tenant_passwords
        .get(&*statistic.tenant)
        .cloned()
        .unwrap_or_default();
    let proof = proofs.prove(&password);
    OpenSpec {
        id,
        statistic,
        mode,
        password,
        proof,
    }
}
