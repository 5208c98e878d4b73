//! `peekd inspect verify`: reads everything, says what is damaged; exit code 1 if anything is.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::asked_otherwise;
use super::progress::Progress;
use crate::model::Clock;
use crate::store;

/// Options of `inspect verify`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// The store's directory.
    #[arg(long, value_name = "DIR", default_value = "peekd-store")]
    store: PathBuf,
}

impl Verify {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        let mut progress = Progress::new("changes");
        let verified = store::verify(&self.store, &Clock::system(), &mut |done, total| {
            progress.show(done, total);
        });
        progress.end();
        let verified = verified.map_err(asked_otherwise)?;
        for (what, count) in [
            ("statistics", verified.statistics),
            ("pages", verified.pages),
            ("journal entries", verified.journal_entries),
            ("changes only in the journal", verified.history_tail),
            ("volumes of history", verified.history_volumes),
            ("buckets of history", verified.history_buckets),
            ("chunks of history", verified.history_chunks),
            ("changes in history", verified.history_rows),
            (
                "buckets that a crash left unfinished, no damage",
                verified.history_leftovers,
            ),
        ] {
            writeln!(out, "{count} {what}")?;
        }
        for damage in &verified.damaged {
            writeln!(out, "damaged: {damage}")?;
        }
        if verified.damaged.is_empty() {
            writeln!(out, "everything can be read")?;
            return Ok(());
        }
        bail!(
            "{} parts of the store are damaged; `peekd serve` skips them or sets them aside",
            verified.damaged.len()
        )
    }
}
