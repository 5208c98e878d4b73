//! Goes through everything that is kept, statistic by statistic, with little in memory.

use std::ops::ControlFlow;

use super::History;
use super::content::Content;
use super::cursor::{Cursor, Merged};
use super::reading::{PastSample, Range};
use super::row::What;
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
        each: &mut dyn FnMut(StatisticId, &PastSample<Content>) -> ControlFlow<()>,
    ) -> Result<Vec<String>, Error> {
        let view = self.view()?;
        let mut damaged = Vec::new();
        let mut cursors = Vec::new();
        for kept in &view.kept {
            for bucket in &kept.buckets {
                if !bucket.overlaps(range.from, range.to) {
                    continue;
                }
                match Cursor::open(&kept.volume, bucket, StatisticId(0), None) {
                    Ok(cursor) => cursors.push(cursor),
                    Err(Failure::Damaged(what)) => damaged.push(what),
                    Err(Failure::Final(error)) => return Err(error),
                }
            }
        }
        let mut merged = Merged::new(cursors, view.tail.sorted());
        let mut run = None;
        let mut since = range.from;
        let mut last: Option<PastSample<Content>> = None;
        while let Some(row) = merged.next().map_err(final_error)? {
            if run != Some(row.id) {
                if !wanted(row.id) {
                    merged.skip().map_err(final_error)?;
                    continue;
                }
                run = Some(row.id);
                since = self.kept_since(row.id).max(range.from);
                last = None;
            }
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
                && since <= sample.at
                && sample.at < range.to
                && each(row.id, sample).is_break()
            {
                return Ok(damaged);
            }
        }
        damaged.extend(merged.damaged());
        Ok(damaged)
    }
}

fn final_error(failure: Failure) -> Error {
    match failure {
        Failure::Final(error) => error,
        Failure::Damaged(what) => Error::Engine(what),
    }
}
