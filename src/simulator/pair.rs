//! Pairs of servers: which stat types each defines, and how a server is named.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use tokio_util::sync::CancellationToken;

use super::catalogue::Metric;
use super::command::Role;
use super::server::Side;
use super::world::Baseline;

/// The only pair's name, unless pairs are configured.
const NAME: &str = "StatServer";

/// One primary and its backup, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairConfig {
    /// The name by which commands tell pairs apart.
    pub name: String,
    /// The stat types that the pair defines; empty for all.
    pub stat_types: Vec<String>,
}

impl Default for PairConfig {
    fn default() -> Self {
        Self {
            name: NAME.to_owned(),
            stat_types: Vec::new(),
        }
    }
}

/// A stat type that the simulated servers do not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no stat type '{0}' to simulate")]
pub struct UnknownStatType(pub(super) String);

/// One pair of a simulator, from [`Simulator::pair`](super::Simulator::pair).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PairId(usize);

impl PairId {
    /// The pair that there always is.
    pub const FIRST: Self = Self(0);

    pub(super) const fn at(position: usize) -> Self {
        Self(position)
    }

    /// One server of this pair.
    #[must_use]
    pub const fn server(self, role: Role) -> ServerId {
        ServerId { pair: self, role }
    }
}

/// One server. A bare [`Role`] stands for that server of the first pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerId {
    /// The pair it belongs to.
    pub pair: PairId,
    /// Its place in it.
    pub role: Role,
}

impl From<Role> for ServerId {
    fn from(role: Role) -> Self {
        PairId::FIRST.server(role)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pair.0 {
            0 => write!(f, "{}", self.role),
            pair => write!(f, "{} of pair {}", self.role, pair + 1),
        }
    }
}

#[derive(Debug)]
pub(super) struct Pair {
    name: String,
    stat_types: RwLock<Arc<[Metric]>>,
    primary: Side,
    backup: Side,
}

impl Pair {
    fn with(
        name: String,
        stat_types: Vec<Metric>,
        baseline: &Arc<Baseline>,
        stop: &CancellationToken,
    ) -> Self {
        Self {
            name,
            stat_types: RwLock::new(stat_types.into()),
            primary: Side::new(Arc::clone(baseline), stop),
            backup: Side::new(Arc::clone(baseline), stop),
        }
    }

    fn new(
        config: PairConfig,
        baseline: &Arc<Baseline>,
        stop: &CancellationToken,
    ) -> Result<Self, UnknownStatType> {
        let stat_types = metrics(config.stat_types)?;
        Ok(Self::with(config.name, stat_types, baseline, stop))
    }

    pub(super) fn stat_types(&self) -> Arc<[Metric]> {
        let stat_types = self.stat_types.read();
        stat_types.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn define(&self, names: Vec<String>) -> Result<(), UnknownStatType> {
        let stat_types = metrics(names)?.into();
        *self
            .stat_types
            .write()
            .unwrap_or_else(PoisonError::into_inner) = stat_types;
        Ok(())
    }

    pub(super) fn side(&self, role: Role) -> &Side {
        match role {
            Role::Primary => &self.primary,
            Role::Backup => &self.backup,
        }
    }
}

/// The stat types with these names; all there are when none is named.
fn metrics(names: Vec<String>) -> Result<Vec<Metric>, UnknownStatType> {
    if names.is_empty() {
        return Ok(Metric::ALL.to_vec());
    }
    let find = |name: String| Metric::named(&name).ok_or(UnknownStatType(name));
    names.into_iter().map(find).collect()
}

/// All pairs, at least one.
#[derive(Debug)]
pub(super) struct Pairs {
    first: Pair,
    others: Vec<Pair>,
}

impl Pairs {
    /// One pair that defines everything.
    pub(super) fn one(baseline: &Arc<Baseline>, stop: &CancellationToken) -> Self {
        Self {
            first: Pair::with(NAME.to_owned(), Metric::ALL.to_vec(), baseline, stop),
            others: Vec::new(),
        }
    }

    pub(super) fn new(
        configs: Vec<PairConfig>,
        baseline: &Arc<Baseline>,
        stop: &CancellationToken,
    ) -> Result<Self, UnknownStatType> {
        let mut configs = configs.into_iter();
        let first = Pair::new(configs.next().unwrap_or_default(), baseline, stop)?;
        let others = configs.map(|config| Pair::new(config, baseline, stop));
        let others = others.collect::<Result<_, _>>()?;
        Ok(Self { first, others })
    }

    /// The pair; the first for the id of another simulator's that this one does not have.
    pub(super) fn find(&self, id: PairId) -> &Pair {
        let other = id.0.checked_sub(1).and_then(|other| self.others.get(other));
        other.unwrap_or(&self.first)
    }

    pub(super) fn named(&self, name: &str) -> Option<PairId> {
        let mut ids = self.ids();
        ids.find(|id| self.find(*id).name == name)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = PairId> + use<> {
        (0..=self.others.len()).map(PairId)
    }

    pub(super) fn servers(&self) -> impl Iterator<Item = ServerId> + use<> {
        let servers = |pair: PairId| Role::ALL.map(|role| pair.server(role));
        self.ids().flat_map(servers)
    }
}
