//! Goes through everything that is kept, statistic by statistic, with little in memory.

use std::ops::ControlFlow;

use super::History;
use super::content::{Content, ContentRef};
use super::cursor::{Cursor, Merged, Run};
use super::reading::{PastSample, Range};
use super::row::{RowRef, What};
use super::rows::Wanted;
use crate::model::{StatisticId, Timestamp};
use crate::store::engine::Failure;
use crate::store::error::Error;
use crate::store::status::Sequence;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents {
    /// Directories.
    pub volumes: u64,
    /// Buckets in them.
    pub buckets: u64,
    /// Rows in those.
    pub rows: u64,
    /// Rows that are not folded yet.
    pub tail_rows: u64,
    /// The newest journal entry that is folded.
    pub folded: Sequence,
    /// The first instant of what is folded.
    pub earliest: Option<Timestamp>,
    /// The last.
    pub latest: Option<Timestamp>,
}

impl History {
    /// How much is kept.
    ///
    /// # Errors
    /// History is not open.
    pub fn contents(&self) -> Result<Contents, Error> {
        let view = self.view()?;
        let buckets = || view.kept.iter().flat_map(|kept| &kept.buckets);
        Ok(Contents {
            volumes: view.kept.len() as u64,
            buckets: buckets().count() as u64,
            rows: buckets().map(|bucket| bucket.rows).sum(),
            tail_rows: view.tail.rows as u64,
            folded: view.tail.after,
            earliest: buckets().map(|bucket| Timestamp(bucket.earliest)).min(),
            latest: buckets().map(|bucket| Timestamp(bucket.latest)).max(),
        })
    }

    /// Shows the changes in a range of all wanted statistics, by ascending number and then in the
    /// order of arrival, until told to stop. Values are as history keeps them: whoever wants no
    /// states pays for none. Returns what could not be read; [`History::past`] tells what time that
    /// leaves in doubt.
    ///
    /// # Errors
    /// History is not open, or its files cannot be read at all.
    pub fn scan(
        &self,
        range: Range,
        wanted: &dyn Fn(StatisticId) -> bool,
        each: &mut dyn FnMut(StatisticId, &PastSample<ContentRef<'_>>) -> ControlFlow<()>,
    ) -> Result<Vec<String>, Error> {
        let view = self.view()?;
        let mut damaged = Vec::new();
        let mut cursors = Vec::new();
        for kept in &view.kept {
            for bucket in &kept.buckets {
                if !bucket.overlaps(range.from, range.to) {
                    continue;
                }
                match Cursor::open(&kept.volume, bucket, StatisticId(0), Wanted::Which(wanted)) {
                    Ok(cursor) => cursors.push(cursor),
                    Err(Failure::Damaged(what)) => damaged.push(what),
                    Err(Failure::Final(error)) => return Err(error),
                }
            }
        }
        let tail = view.tail.sorted();
        let mut merged = Merged::new(cursors, &tail);
        let mut showing = Showing {
            range,
            since: range.from,
            last: None,
            each,
        };
        let mut current = None;
        while let Some((id, run)) = merged.next_run().map_err(final_error)? {
            if current != Some(id) {
                if !wanted(id) {
                    continue;
                }
                current = Some(id);
                showing.since = self.kept_since(id).max(range.from);
                showing.last = None;
            }
            let shown = match run {
                Run::Chunk(rows) => showing.show(id, rows),
                Run::Tail(rows) => showing.show(id, rows.map(|row| row.as_ref())),
            };
            if shown.is_break() {
                return Ok(damaged);
            }
        }
        damaged.extend(merged.damaged());
        Ok(damaged)
    }
}

/// One statistic's rows on their way to whoever scans.
struct Showing<'a> {
    range: Range,
    /// The first instant that is shown.
    since: Timestamp,
    /// What it was at the end of the rows before.
    last: Option<PastSample<Content>>,
    each: &'a mut dyn FnMut(StatisticId, &PastSample<ContentRef<'_>>) -> ControlFlow<()>,
}

impl Showing<'_> {
    /// Shows the samples that rows mean.
    fn show<'r>(
        &mut self,
        id: StatisticId,
        rows: impl Iterator<Item = RowRef<'r>>,
    ) -> ControlFlow<()> {
        let before = self.last.take();
        let mut last = before.as_ref().map(PastSample::as_ref);
        for row in rows {
            match row.what {
                What::Value(value, quality) => {
                    last = Some(PastSample {
                        at: row.at,
                        value,
                        quality,
                        server: row.server,
                        epoch: row.epoch,
                    });
                }
                What::Quality(quality) => match &mut last {
                    Some(known) => {
                        known.at = row.at;
                        known.quality = quality;
                    }
                    None => continue,
                },
                What::Closed => continue,
            }
            if let Some(sample) = &last
                && self.since <= sample.at
                && sample.at < self.range.to
            {
                (self.each)(id, sample)?;
            }
        }
        self.last = last.map(PastSample::into_owned);
        ControlFlow::Continue(())
    }
}

fn final_error(failure: Failure) -> Error {
    match failure {
        Failure::Final(error) => error,
        Failure::Damaged(what) => Error::Engine(what),
    }
}
