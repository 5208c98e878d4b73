//! `peekd inspect verify`: reads everything, says what is damaged; exit code 1 if anything is.

use std::io::Write;

use anyhow::bail;
use clap::Args;

use super::super::progress::Progress;
use super::super::source::{Source, asked_otherwise};
use super::remote;
use crate::model::Clock;
use crate::store;

/// Options of `inspect verify`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    source: Source,
}

impl Verify {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        let mut progress = Progress::new("changes");
        let mut show = |done, total| progress.show(done, total);
        let verified = match self.source.service()? {
            Some(service) => remote::verify(&service, &mut show),
            None => store::verify(&self.source.store, &Clock::system(), &mut show)
                .map_err(asked_otherwise),
        };
        progress.end();
        let verified = verified?;
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
