//! What a start takes over from the store: the cache filled, and the list of what to open.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::Settings;
use crate::cache::{Cache, Restored};
use crate::model::{Clock, NotificationMode, PasswordProof, ProofKey, Statistic, StatisticId};
use crate::store::{Loaded, LoadedStatistic, LoadedStatistics};
use crate::upstream::{OpenSpec, Specs, Upstream};

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

/// Fills the cache with what the store knew. Returns what is to be opened, list by list: what was open
/// before, and what the configuration lists.
pub(super) fn warm(
    cache: &Cache,
    settings: &Settings,
    statistics: LoadedStatistics,
    upstream: &Upstream,
    proofs: &ProofKey,
) -> Vec<Vec<OpenSpec>> {
    let modes = settings.open.iter();
    let warming = Warming {
        modes: modes.map(|(statistic, mode)| (statistic, *mode)).collect(),
        cache,
        settings,
        upstream,
        proofs,
    };
    cache.reserve(statistics.len());
    let mut wanted = warming.restore_all(statistics);
    let mut listed = Vec::new();
    let mut specs = upstream.specs();
    for (statistic, mode) in &settings.open {
        let Ok(slot) = cache.pin(statistic) else {
            tracing::error!(%statistic, "no room to open a configured statistic");
            continue;
        };
        // Also where it was open before: it is now kept open whatever the rules say.
        let (id, statistic) = (slot.id, slot.statistic.clone());
        let asked = (id, statistic, *mode);
        listed.extend(configured(settings, asked, &mut specs, proofs, true));
    }
    wanted.push(listed);
    wanted
}

/// What filling the cache takes.
struct Warming<'a> {
    cache: &'a Cache,
    settings: &'a Settings,
    /// What the configuration lists.
    modes: HashMap<&'a Statistic, NotificationMode>,
    upstream: &'a Upstream,
    proofs: &'a ProofKey,
}

/// So many statistics are put into the cache together: few enough that all of them are still near the
/// processor, many enough that two threads seldom meet at the index.
const BATCH_LEN: usize = 1024;

impl Warming<'_> {
    /// On two threads: nothing takes longer of a start, and nobody is answered meanwhile.
    fn restore_all(&self, statistics: LoadedStatistics) -> Vec<Vec<OpenSpec>> {
        let (first, second) = statistics.into_halves();
        let rest = Mutex::new(Some(second));
        let take_rest = || rest.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread::scope(|scope| {
            let help = || take_rest().map(|half| self.restore_half(half));
            let helper = thread::Builder::new().name("warm up".to_owned());
            let helper = helper.spawn_scoped(scope, help);
            let mut wanted = vec![self.restore_half(first)];
            // Perhaps no thread was to be had.
            if let Some(half) = take_rest() {
                wanted.push(self.restore_half(half));
            }
            match helper.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(Some(half))) => wanted.push(half),
                Ok(Err(panic)) => resume_unwind(panic),
                Ok(Ok(None)) | Err(_) => {}
            }
            wanted
        })
    }

    fn restore_half(&self, statistics: LoadedStatistics) -> Vec<OpenSpec> {
        let mut specs = self.upstream.specs();
        let mut wanted = Vec::with_capacity(statistics.len());
        let mut batch = Vec::with_capacity(BATCH_LEN);
        for statistic in statistics.into_each() {
            let (restored, spec) = self.restored(statistic, &mut specs);
            batch.push(restored);
            wanted.extend(spec);
            if batch.len() == BATCH_LEN {
                self.cache.restore(&mut batch);
            }
        }
        self.cache.restore(&mut batch);
        wanted
    }

    fn restored(
        &self,
        loaded: LoadedStatistic,
        specs: &mut Specs<'_>,
    ) -> (Restored, Option<OpenSpec>) {
        let LoadedStatistic {
            id,
            statistic,
            subscription,
            protected,
            last,
        } = loaded;
        let settings = self.settings;
        let password = settings.http.tenant_passwords.get(statistic.tenant());
        // Without its password, which is not stored, it stays closed until a caller brings that along.
        let subscription = subscription.filter(|_| !protected || password.is_some());
        let spec = subscription.and_then(|subscription| {
            // What the configuration says now counts, not what it said when the statistic was opened.
            let mode = self.modes.get(&*statistic).copied();
            let mode = mode.unwrap_or(subscription.mode);
            let asked = (id, statistic.clone(), mode);
            configured(settings, asked, specs, self.proofs, false)
        });
        let held = spec.as_ref().map(|spec| spec.mode);
        let proof = match (protected, password) {
            (false, _) => Some(PasswordProof::NONE),
            (true, Some(password)) => Some(self.proofs.prove(password)),
            (true, None) => None,
        };
        let restored = Restored {
            id,
            statistic,
            last: last.map(|last| last.sample),
            held,
            proof,
        };
        (restored, spec)
    }
}

/// What it takes to open a statistic with the passwords of the configuration; `None` for one that is
/// not to be kept open, unless it is `pinned`.
pub(super) fn configured(
    settings: &Settings,
    (id, statistic, mode): (StatisticId, Arc<Statistic>, NotificationMode),
    specs: &mut Specs<'_>,
    proofs: &ProofKey,
    pinned: bool,
) -> Option<OpenSpec> {
    let password = settings.http.tenant_passwords.get(statistic.tenant());
    let password = password.cloned().unwrap_or_default();
    let proof = proofs.prove(&password);
    let mut spec = match specs.spec(id, statistic.clone(), mode, (password, proof)) {
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
