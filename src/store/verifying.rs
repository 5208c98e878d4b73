//! Reads a whole store that nobody has open, and says what of it cannot be read.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use super::codec::Joined;
use super::engine::{Engine, EngineError, Tree};
use super::error::Error;
use super::loading::each_value;
use super::{codec, history, journal, looking};
use crate::model::Clock;

/// What was read, and what could not be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Everything that is damaged, in words.
    pub damaged: Vec<String>,
    /// Statistics in the catalogue.
    pub statistics: u64,
    /// Pages of the catalogue and of the last values.
    pub pages: u64,
    /// Journal entries.
    pub journal_entries: u64,
    /// Volumes of history.
    pub history_volumes: u64,
    /// Buckets in them.
    pub history_buckets: u64,
    /// Chunks in those.
    pub history_chunks: u64,
    /// Rows in those.
    pub history_rows: u64,
    /// Rows that are still in the journal only.
    pub history_tail: u64,
    /// Buckets that a crash left half written. No damage.
    pub history_leftovers: u64,
}

/// Checks everything. `progress` is shown how much of how much has been read.
///
/// # Errors
/// There is no store, a process has it open, a newer program wrote it, or it cannot be opened.
pub fn verify(
    path: &Path,
    _clock: &Clock,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verified, Error> {
    let mut verified = Verified::default();
    let looked = looking::look_with(path, &mut |engine| verify_journal(engine, &mut verified))?;
    verified.damaged.extend(looked.report.damaged);
    verified.statistics = looked.loaded.statistics.len() as u64;
    verified.pages = looked.report.pages;
    history::verify(&looked.history, &mut verified, false, &mut |done, total| {
        progress(done, total);
        ControlFlow::Continue(())
    })?;
    verified.tell_once();
    Ok(verified)
}

impl Verified {
    /// Of the same damage found twice one is told.
    pub(super) fn tell_once(&mut self) {
        let mut seen = BTreeSet::new();
        self.damaged.retain(|damage| seen.insert(damage.clone()));
    }

    /// Reads a journal entry.
    pub(super) fn take_entry(&mut self, joined: Joined) {
        self.journal_entries += 1;
        let number = journal::sequence_of(&joined.prefix).map_or(0, |sequence| sequence.0);
        let mut faults = Vec::new();
        match joined.payload {
            Ok(payload) => codec::read_records(&payload, &mut faults, &mut drop),
            Err(fault) => faults.push(fault),
        }
        let faults = faults.into_iter();
        self.damaged
            .extend(faults.map(|fault| format!("journal entry {number}: {fault}")));
    }
}

/// The whole journal, also what no start would replay.
fn verify_journal(engine: &Engine, verified: &mut Verified) -> Result<(), EngineError> {
    each_value(engine, Tree::Journal, &[], |joined| {
        verified.take_entry(joined);
    })
}
