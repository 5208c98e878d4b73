//! What every statistic was: folded from the journal, packed, merged, and dropped when it is old.
//!
//! Lies beside `now/` in volumes, each a directory of the engine. A thread of its own keeps it; it
//! may be missing or damaged without anybody waiting for it.

mod alone;
mod bucket;
mod chunk;
mod column;
mod columns;
mod config;
mod content;
mod cursor;
mod decimal;
mod gaps;
mod glance;
mod keeper;
mod limits;
mod packer;
mod portable;
mod reading;
mod resampling;
mod row;
mod rows;
mod scanning;
mod shelf;
mod sizes;
mod tail;
mod texts;
mod verifying;
mod view;
mod volume;
mod writing;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::error::Error;
use super::status::{Health, Sequence};
use crate::model::Timestamp;

pub use alone::ChunkAlone;
pub use config::{HistoryConfig, RetentionOf};
pub use content::ContentRef;
pub use gaps::{Gap, Reason};
pub(super) use keeper::Keeper;
pub(super) use portable::{VolumeRestorer, write_shown, write_volumes};
pub(super) use reading::Offline;
pub use reading::{Past, PastSample, Range};
pub use resampling::Step;
pub use scanning::Contents;
pub(super) use tail::{Handoff, Translator};
pub(super) use verifying::verify;

/// How history is doing. Published through a watch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryStatus {
    /// Whether it can be kept. What cannot stays in the journal, as long as that has room.
    pub health: Health,
    /// The newest journal entry on history's own disk.
    pub folded: Sequence,
    /// The latest instant in what is folded.
    pub folded_at: Option<Timestamp>,
    /// Bytes on the disk.
    pub size: u64,
    /// Where damaged parts were moved since the start.
    pub set_aside: Vec<PathBuf>,
}

/// Reads what statistics were. Cheap to clone; reads go on while writing does, each sees one
/// consistent state. Blocks: history lies on the disk.
#[derive(Clone)]
pub struct History {
    source: Source,
}

#[derive(Clone)]
enum Source {
    /// Of a running store.
    Live(Arc<keeper::Shared>),
    /// Of a store that nobody has open.
    Offline(Arc<Offline>),
}

impl History {
    fn new(shared: Arc<keeper::Shared>) -> Self {
        Self {
            source: Source::Live(shared),
        }
    }

    pub(super) fn offline(offline: Offline) -> Self {
        Self {
            source: Source::Offline(Arc::new(offline)),
        }
    }

    /// That of a store which survives nothing.
    pub(crate) fn none() -> Self {
        Self::offline(Offline::default())
    }

    /// How it is doing, as that changes. Of a store that is only looked at, it never does.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<HistoryStatus> {
        match &self.source {
            Source::Live(shared) => shared.status(),
            Source::Offline(_) => watch::Sender::new(HistoryStatus::default()).subscribe(),
        }
    }

    /// Folds and merges everything that was flushed before the call. Blocks until it is done.
    ///
    /// # Errors
    /// The disk refused, or the store is closed.
    pub fn settle(&self) -> Result<(), Error> {
        let Source::Live(shared) = &self.source else {
            return Ok(());
        };
        let settled = shared.ask_to_settle()?;
        let settled = settled.recv().map_err(|_| Error::Closed)?;
        settled.map_err(Error::Engine)
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("History(..)")
    }
}
