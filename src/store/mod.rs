//! The persistent store: a journal of every change, pages of what is known now, history of what was.
//!
//! The only room that names the storage engine. One thread writes; nobody else waits for the disk.
//! At start the pages are read and the journal is replayed over them. `look` looks offline.

mod alone;
mod backup;
mod change;
mod codec;
mod engine;
mod error;
mod history;
mod image;
mod journal;
mod lasts;
mod loaded;
mod loading;
mod looking;
mod meta;
#[path = "../../migrations/mod.rs"]
mod migrations;
mod opening;
mod queue;
mod running;
mod sizes;
mod snapshot;
mod status;
mod trial;
mod verifying;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

#[doc(hidden)]
pub use alone::BatchAlone;
pub use backup::{backup, restore};
pub use change::{Change, LastValue, Subscription};
pub use error::Error;
#[doc(hidden)]
pub use history::ChunkAlone;
pub use history::{
    ContentRef, Contents, Gap, History, HistoryConfig, HistoryStatus, Past, PastSample, Range,
    Reason, RetentionOf, Step,
};
pub use loaded::{Loaded, LoadedStatistic, LoadedStatistics};
pub use looking::{Looked, look, read};
pub use migrations::Migrating;
pub use opening::{Opened, open, open_watched};
pub use running::{backup_running, verify_running};
pub use sizes::{TreeSize, sizes};
pub use status::{Health, OpenReport, Sequence, Status};
pub use trial::{Trial, try_opening};
pub use verifying::{Verified, verify};
pub use writer::Writer;

/// Where and how the store keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The store's directory; made if missing, for its owner only.
    pub path: PathBuf,
    /// How long changes are collected before they are flushed: what a crash may cost, plus the
    /// flush in progress.
    pub flush_interval: Duration,
    /// What to do with files that cannot be read.
    pub on_corruption: OnCorruption,
    /// Bytes of journal kept, besides what replaying needs, should history not take them over.
    pub journal_size_max: u64,
    /// What is kept of the past.
    pub history: HistoryConfig,
}

/// What to do with files that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCorruption {
    /// Move them aside under a name that says so, and start cold.
    SetAside,
    /// Refuse to start.
    Stop,
}
