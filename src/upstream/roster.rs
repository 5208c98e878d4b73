//! The pairs in their order of precedence, and which of them a statistic belongs to.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::handle::{Command, Held, PairHandle};
use super::subscription::{HandedOver, OpenSpec};
use crate::model::{ServerId, StatisticId};

/// The pairs. Shared by whoever asks them, and by themselves for what one hands to another.
#[derive(Debug, Default)]
pub struct Roster {
    pairs: RwLock<Arc<[PairHandle]>>,
    /// Counts the changes of what the pairs define.
    definitions: watch::Sender<u64>,
}

impl Roster {
    /// An empty roster.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Exchanges the pairs; the order is that of precedence.
    pub fn replace(&self, pairs: Vec<PairHandle>) {
        *self.pairs.write().unwrap_or_else(PoisonError::into_inner) = pairs.into();
        self.definitions_changed();
    }

    /// The pairs now.
    #[must_use]
    pub fn pairs(&self) -> Arc<[PairHandle]> {
        let pairs = self.pairs.read().unwrap_or_else(PoisonError::into_inner);
        pairs.clone()
    }

    /// Whether the pair that holds what is in `held` is one of them.
    pub(super) fn lists(&self, held: &Arc<Held>) -> bool {
        self.pairs()
            .iter()
            .any(|pair| Arc::ptr_eq(&pair.held, held))
    }

    /// The pair that holds the statistic: once asked there, it stays there. Else the one it belongs
    /// to: the one that its definition names, or the first that surely defines its metric, or the
    /// first that might.
    pub(super) fn home(&self, spec: &OpenSpec) -> Option<PairHandle> {
        home(&self.pairs(), spec).cloned()
    }

    /// As [`Roster::home`], of a statistic that nobody holds.
    pub(super) fn route(&self, metric: &str, server: Option<&str>) -> Option<PairHandle> {
        route(&self.pairs(), metric, server).cloned()
    }

    /// Has these statistics kept open, each where it belongs. Those that belong nowhere are given to
    /// the first pair, whose refusals are retried: configurations change.
    pub(super) async fn want(&self, mut specs: Vec<OpenSpec>) {
        while !specs.is_empty() {
            let pairs = self.pairs();
            specs = want_of(&pairs, specs).await;
            // A pair may have been taken off meanwhile; if none was, the service is stopping.
            if Arc::ptr_eq(&pairs, &self.pairs()) {
                return;
            }
        }
    }

    pub(super) async fn close(&self, ids: &[StatisticId]) {
        for pair in &*self.pairs() {
            let held = |id: &&StatisticId| pair.held.contains(**id);
            let ids: Vec<StatisticId> = ids.iter().filter(held).copied().collect();
            if !ids.is_empty() && pair.commands.send(Command::Close(ids)).await.is_err() {
                tracing::debug!(server = %pair.name, "the pair has stopped");
            }
        }
    }

    /// Gives each statistic to the next pair that may have it. Returns those that no pair is left
    /// for. Never waits, since pairs that waited for each other might do so for ever.
    pub(super) fn pass_on(&self, from: ServerId, handed: Vec<HandedOver>) -> Vec<HandedOver> {
        let pairs = self.pairs();
        let mut left = Vec::new();
        let mut by_pair: HashMap<ServerId, Vec<HandedOver>> = HashMap::new();
        for mut statistic in handed {
            if let Some(round) = &mut statistic.round {
                round.tried.push(from);
            }
            match next(&pairs, from, &statistic) {
                Some(pair) => by_pair.entry(pair.id).or_default().push(statistic),
                None => left.push(statistic),
            }
        }
        for pair in &*pairs {
            let Some(statistics) = by_pair.remove(&pair.id) else {
                continue;
            };
            // Named as held from now on, so that nobody looks for it where it is no more.
            let held = statistics
                .iter()
                .filter(|one| one.spec.terms.manner.keep_open);
            pair.held.insert(held.map(|statistic| statistic.spec.id));
            if let Err(refused) = pair.commands.try_send(Command::TakeOver(statistics))
                && let Command::TakeOver(statistics) = refused.into_inner()
            {
                pair.held
                    .remove(statistics.iter().map(|statistic| statistic.spec.id));
                left.extend(statistics);
            }
        }
        left
    }

    /// Whether another pair than this surely defines the metric.
    pub(super) fn is_defined_elsewhere(&self, metric: &str, than: ServerId) -> bool {
        let defines = |pair: &PairHandle| pair.id != than && pair.defines(metric) == Some(true);
        self.pairs().iter().any(defines)
    }

    /// Tells every pair that what is defined where has changed.
    pub(super) fn definitions_changed(&self) {
        self.definitions.send_modify(|count| *count += 1);
    }

    /// Changes whenever the pairs change, or what one of them defines.
    #[must_use]
    pub fn definitions(&self) -> watch::Receiver<u64> {
        self.definitions.subscribe()
    }
}

/// Tells each of these pairs what belongs there; returns what was of pairs that have stopped.
async fn want_of(pairs: &[PairHandle], specs: Vec<OpenSpec>) -> Vec<OpenSpec> {
    let mut by_pair: HashMap<ServerId, Vec<OpenSpec>> = HashMap::new();
    // All at once: a list that grows is there twice while it does, and room is taken as it is filled.
    let count = specs.len();
    for spec in specs {
        if let Some(pair) = home(pairs, &spec).or_else(|| pairs.first()) {
            let room = || Vec::with_capacity(count);
            by_pair.entry(pair.id).or_insert_with(room).push(spec);
        }
    }
    let mut left = Vec::new();
    for pair in pairs {
        if let Some(specs) = by_pair.remove(&pair.id)
            && let Err(stopped) = pair.commands.send(Command::Want(specs)).await
            && let Command::Want(specs) = stopped.0
        {
            tracing::debug!(server = %pair.name, "the pair has stopped");
            left.extend(specs);
        }
    }
    left
}

fn home<'a>(pairs: &'a [PairHandle], spec: &OpenSpec) -> Option<&'a PairHandle> {
    let holder = pairs.iter().find(|pair| pair.held.contains(spec.id));
    let server = spec.terms.manner.spelled_out.as_ref();
    let server = server.map(|spelled| &*spelled.server);
    holder.or_else(|| route(pairs, spec.statistic.metric(), server))
}

fn route<'a>(
    pairs: &'a [PairHandle],
    metric: &str,
    server: Option<&str>,
) -> Option<&'a PairHandle> {
    if let Some(server) = server {
        return pairs.iter().find(|pair| &*pair.name == server);
    }
    let verdicts: Vec<Option<bool>> = pairs.iter().map(|pair| pair.defines(metric)).collect();
    let first = |wanted| verdicts.iter().position(|verdict| *verdict == wanted);
    let at = first(Some(true)).or_else(|| first(None))?;
    pairs.get(at)
}

/// The next pair for a statistic that `from` refused: the one after it, round the ring, that may
/// define its metric and has not refused it yet, those first that are connected. For one that moved:
/// where it belongs now.
fn next<'a>(
    pairs: &'a [PairHandle],
    from: ServerId,
    statistic: &HandedOver,
) -> Option<&'a PairHandle> {
    let metric = statistic.spec.statistic.metric();
    let Some(round) = &statistic.round else {
        let mut others = pairs.iter().filter(|pair| pair.id != from);
        return others.find(|pair| pair.defines(metric) == Some(true));
    };
    let at = pairs.iter().position(|pair| pair.id == from)?;
    let (before, after) = pairs.split_at(at);
    let ring = after.iter().skip(1).chain(before);
    let mut may_have_it =
        ring.filter(|pair| !round.tried.contains(&pair.id) && pair.defines(metric) != Some(false));
    let connected = may_have_it.clone().find(|pair| pair.is_connected());
    // Where none is connected it may wait for a connection, unless somebody waits to be told at once.
    connected.or_else(|| may_have_it.next().filter(|_| statistic.accepted))
}
