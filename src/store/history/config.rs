//! How much history is kept, and how it is cut.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Statistic;

/// Settings of the store's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryConfig {
    /// How long a change is kept.
    pub retention: Duration,
    /// Bytes on disk at most; the oldest goes first.
    pub size_max: u64,
    /// How much of the journal is folded at once.
    pub bucket: Duration,
    /// How much of history lies in one volume, and is merged and dropped as a whole.
    pub volume: Duration,
    /// Retention of single statistics.
    pub retention_of: RetentionOf,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(30 * 24),
            size_max: 10 << 30,
            bucket: Duration::from_mins(5),
            volume: Duration::from_hours(24),
            retention_of: RetentionOf::default(),
        }
    }
}

/// A retention by statistic.
type Rule = dyn Fn(&Statistic) -> Option<Duration> + Send + Sync;

/// Tells how long the changes of a statistic are kept, where that is not as long as the others'.
#[derive(Clone)]
pub struct RetentionOf(pub Arc<Rule>);

impl Default for RetentionOf {
    fn default() -> Self {
        Self(Arc::new(|_| None))
    }
}

impl fmt::Debug for RetentionOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetentionOf(..)")
    }
}

/// The same function, not merely one that answers alike.
impl PartialEq for RetentionOf {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RetentionOf {}
