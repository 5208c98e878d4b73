//! Which metrics a pair defines.

use std::collections::HashSet;
use std::sync::Arc;

/// The stat types of a pair, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StatTypes {
    /// Never fetched: the pair is taken to define every metric, after those that surely do.
    #[default]
    Unknown,
    /// Fetched on this or an earlier run.
    Known(Arc<HashSet<String>>),
}

impl StatTypes {
    /// The stat types with these names.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self::Known(Arc::new(names.into_iter().collect()))
    }

    /// Whether `metric` is among them; `None` when that is not known.
    #[must_use]
    pub fn define(&self, metric: &str) -> Option<bool> {
        match self {
            Self::Unknown => None,
            Self::Known(names) => Some(names.contains(metric)),
        }
    }
}
