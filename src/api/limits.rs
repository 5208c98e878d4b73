//! The limits as they are now: a reload exchanges those that are read for each request or connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::config::Limits;

/// The limits in force.
pub(super) struct LiveLimits {
    current: RwLock<Arc<Limits>>,
    /// Counts the exchanges.
    epoch: AtomicU64,
}

/// The limits as somebody saw them last, and as of which exchange.
pub(super) type Seen = Option<(u64, Arc<Limits>)>;

impl LiveLimits {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            current: RwLock::new(Arc::new(limits)),
            epoch: AtomicU64::new(0),
        }
    }

    pub(super) fn get(&self) -> Arc<Limits> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// As [`LiveLimits::get`], for who asks so often that a lock would be felt.
    pub(super) fn see<'a>(&self, seen: &'a mut Seen) -> &'a Limits {
        let epoch = self.epoch.load(Ordering::Acquire);
        let known = seen.take().filter(|(of, _)| *of == epoch);
        // Read after the count: limits that are newer than it are looked up once more next time.
        let (_, limits) = seen.insert(known.unwrap_or_else(|| (epoch, self.get())));
        limits
    }

    pub(super) fn replace(&self, limits: Limits) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(limits);
        self.epoch.fetch_add(1, Ordering::Release);
    }
}
