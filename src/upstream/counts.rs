//! A pair's running figures. They change with every message, so they are shared as bare numbers
//! that nobody is woken for.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What a pair has to do with at this moment. Each figure is true on its own, not all at once.
#[derive(Debug, Default)]
pub struct PairCounts {
    wanted: AtomicUsize,
    open: AtomicUsize,
    skipped_messages: AtomicU64,
}

impl PairCounts {
    pub(super) fn set(&self, wanted: usize, open: usize, skipped_messages: u64) {
        self.wanted.store(wanted, Ordering::Relaxed);
        self.open.store(open, Ordering::Relaxed);
        let skipped = &self.skipped_messages;
        skipped.store(skipped_messages, Ordering::Relaxed);
    }

    /// Statistics that are to be open.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Statistics that the Stat Server acknowledged to hold open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Messages that were not understood, or answered nothing that was asked, since the start.
    #[must_use]
    pub fn skipped_messages(&self) -> u64 {
        self.skipped_messages.load(Ordering::Relaxed)
    }
}
