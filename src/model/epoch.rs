//! Epochs: which opening of a statistic a sample belongs to.

use std::sync::atomic::{AtomicU64, Ordering};

/// Grows with every (re)opening of a statistic, over restarts too. Samples are ordered by epoch,
/// then by arrival within the epoch, never by a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u64);

/// Hands out epochs, each once.
///
/// The store makes one at start from a ceiling that it persisted first, so that no epoch of an
/// earlier run, however it ended, is handed out again.
#[derive(Debug)]
pub struct EpochCounter(AtomicU64);

impl EpochCounter {
    /// A counter whose first epoch is `first`.
    #[must_use]
    pub const fn starting_at(first: Epoch) -> Self {
        Self(AtomicU64::new(first.0))
    }

    /// The next epoch.
    pub fn allocate(&self) -> Epoch {
        Epoch(self.0.fetch_add(1, Ordering::Relaxed))
    }

    /// The epoch that [`EpochCounter::allocate`] would hand out next.
    #[must_use]
    pub fn upcoming(&self) -> Epoch {
        Epoch(self.0.load(Ordering::Relaxed))
    }
}
