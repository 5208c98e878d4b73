//! What the store tells about itself: once at open, and after every flush.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::Timestamp;

/// The number of a journal entry. Grows by one with each, over restarts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

/// How the writer is doing. Published through a watch after every flush and every fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The newest journal entry known to be on the disk itself.
    pub durable: Sequence,
    /// Whether writing works.
    pub health: Health,
    /// Changes since start that history will lack: coalesced while the queue was full, or recorded
    /// after the end.
    pub lost_changes: u64,
    /// Flushes since start.
    pub flushes: u64,
    /// Changes since start that are on the disk itself.
    pub flushed_changes: u64,
    /// Bytes on the disk for what is known now, looked at every half minute.
    pub size: u64,
    /// Bytes on the disk for history.
    pub history_size: u64,
    /// The instant up to which changes are on history's own disk; `None` before anything is.
    pub history_folded_at: Option<Timestamp>,
    /// How long the last flush took.
    pub flush_last: Duration,
    /// The longest flush since start.
    pub flush_max: Duration,
    /// Changes recorded and not yet durable.
    pub queue_len: usize,
    /// What is wrong with history, in words; answers and the promise do not depend on it.
    pub history_fault: Option<String>,
}

/// Whether writing to the disk works.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Health {
    /// It does.
    #[default]
    Ok,
    /// It does not. Changes stay queued and are tried again.
    Failing {
        /// What the engine or the system said.
        message: String,
    },
}

/// How opening went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenReport {
    /// The newest journal entry found.
    pub recovered_sequence: Sequence,
    /// Pages read, of the catalogue and of the last values.
    pub pages: u64,
    /// Changes replayed from the journal over the pages.
    pub replayed_changes: u64,
    /// What could not be read and was skipped, or what else was wrong with the files.
    pub damaged: Vec<String>,
    /// Where a damaged store was moved, so that this one started cold, or from the snapshot.
    pub set_aside: Option<PathBuf>,
    /// What was set aside was replaced by the snapshot of last values: they may be some minutes
    /// older than those that were lost, and say so by their instants.
    pub restored: bool,
    /// When that snapshot was written.
    pub snapshot_at: Option<Timestamp>,
    /// How long opening took.
    pub took: Duration,
    /// Nothing of this run will survive, because too many damaged stores lie beside it.
    pub in_memory: bool,
    /// The schema number of the store.
    pub schema: u32,
}

/// Faults found while reading, described for people. Bounded, so that a store of garbage cannot
/// fill the memory with complaints.
#[derive(Debug, Default)]
pub(super) struct Damage {
    listed: Vec<String>,
    more: u64,
}

const DAMAGE_LISTED_MAX: usize = 256;

impl Damage {
    pub(super) fn note(&mut self, what: String) {
        if self.listed.len() < DAMAGE_LISTED_MAX {
            self.listed.push(what);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn into_list(mut self) -> Vec<String> {
        if self.more > 0 {
            self.listed.push(format!("and {} more", self.more));
        }
        self.listed
    }
}
