//! What a start takes over from the store: the cache filled, and the list of what to open.

use std::collections::HashMap;
use std::sync::Arc;

use super::Settings;
use crate::cache::{Cache, Restored};
use crate::model::{Clock, NotificationMode, PasswordProof, ProofKey, Statistic, StatisticId};
use crate::store::{Loaded, LoadedStatistic, LoadedStatistics};
use crate::upstream::{OpenSpec, Upstream};

/// An empty cache that goes on where the store stopped.
pub(super) fn cold_cache(
    settings: &Settings,
    loaded: &Loaded,
    clock: &Clock,
    generation: u32,
) -> Cache {
    let cache = Cache::new(
        clock.clone(),
        generation,
        loaded.last_revision,
        loaded.next_id,
        settings.statistics_max,
    );
    cache.replace_rules(settings.rules.clone());
    cache
}

/// Fills the cache with what the store knew. Returns what is to be opened: what was open before, and
/// what the configuration lists.
pub(super) fn warm(
    cache: &Cache,
    settings: &Settings,
    statistics: LoadedStatistics,
    upstream: &Upstream,
    proofs: &ProofKey,
) -> Vec<OpenSpec> {
    let modes: HashMap<&Statistic, NotificationMode> = settings
        .open
        .iter()
        .map(|(statistic, mode)| (statistic, *mode))
        .collect();
    cache.reserve(statistics.len());
    let mut wanted = Vec::with_capacity(statistics.len());
    for mut statistic in statistics.into_each() {
        // What the configuration says now counts, not what it said when the statistic was opened.
        if let Some(subscription) = &mut statistic.subscription
            && let Some(mode) = modes.get(&*statistic.statistic)
        {
            subscription.mode = *mode;
        }
        let (restored, spec) = restore(settings, statistic, upstream, proofs);
        cache.restore(restored);
        wanted.extend(spec);
    }
    for (statistic, mode) in &settings.open {
        let Ok(slot) = cache.pin(statistic) else {
            tracing::error!(%statistic, "no room to open a configured statistic");
            continue;
        };
        // Also where it was open before: it is now kept open whatever the rules say.
        let (id, statistic) = (slot.id, slot.statistic.clone());
        let spec = configured(settings, (id, statistic, *mode), upstream, proofs, true);
        wanted.extend(spec);
    }
    wanted
}

fn restore(
    settings: &Settings,
    loaded: LoadedStatistic,
    upstream: &Upstream,
    proofs: &ProofKey,
) -> (Restored, Option<OpenSpec>) {
    let LoadedStatistic {
        id,
        statistic,
        subscription,
        protected,
        last,
    } = loaded;
    let password = settings.http.tenant_passwords.get(statistic.tenant());
    // Without its password, which is not stored, it stays closed until a caller brings that along.
    let mode = subscription
        .filter(|_| !protected || password.is_some())
        .map(|subscription| subscription.mode);
    let spec = mode.and_then(|mode| {
        let asked = (id, statistic.clone(), mode);
        configured(settings, asked, upstream, proofs, false)
    });
    let held = spec.as_ref().map(|spec| spec.mode);
    let proof = match (protected, password) {
        (false, _) => Some(PasswordProof::NONE),
        (true, Some(password)) => Some(proofs.prove(password)),
        (true, None) => None,
    };
    let last = last.map(|last| last.sample);
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

/// What it takes to open a statistic with the passwords of the configuration; `None` for one that is
/// not to be kept open, unless it is `pinned`.
pub(super) fn configured(
    settings: &Settings,
    (id, statistic, mode): (StatisticId, Arc<Statistic>, NotificationMode),
    upstream: &Upstream,
    proofs: &ProofKey,
    pinned: bool,
) -> Option<OpenSpec> {
    let password = settings.http.tenant_passwords.get(statistic.tenant());
    let password = password.cloned().unwrap_or_default();
    let proof = proofs.prove(&password);
    let mut spec = match upstream.spec(id, statistic.clone(), mode, (password, proof)) {
        Ok(spec) => spec,
        Err(error) => {
            tracing::error!(%statistic, %error, "a statistic cannot be opened");
            return None;
        }
    };
    if !spec.terms.manner.keep_open {
        if !pinned {
            return None;
        }
        spec.keep_open();
    }
    Some(spec)
}
