//! Folds a whole bucket of the journal's tail onto history's disk.

use super::super::tail::Tail;
use super::super::writing::BucketWriter;
use super::thread::Worker;
use crate::model::Timestamp;
use crate::store::engine::Failure;

/// A bucket is closed early when it has so many rows: they are all in memory.
const BUCKET_LEN_MAX: usize = 1_000_000;

impl Worker {
    /// Folds when the tail's stretch of time is over or it has grown too long; tells whether.
    pub(super) fn fold_if_due(&mut self) -> Result<bool, Failure> {
        let is_due = self.is_fold_due();
        if is_due {
            self.fold()?;
        }
        Ok(is_due)
    }

    fn is_fold_due(&self) -> bool {
        if self.tail.is_empty() {
            return false;
        }
        let bucket = u64::try_from(self.config.bucket.as_millis()).unwrap_or(u64::MAX);
        let stretch = |at: Timestamp| at.0 / bucket.max(1);
        let now = self.latest.max(self.shared.clock.wall());
        self.tail.rows >= BUCKET_LEN_MAX || stretch(now) > stretch(self.tail.began)
    }

    /// Folds everything that was taken in. The tail is let go only when it is on the disk itself.
    pub(super) fn fold(&mut self) -> Result<(), Failure> {
        if self.tail.is_empty() {
            return Ok(());
        }
        let (after, to) = (self.tail.after, self.tail.to);
        let number = self.take_bucket_number();
        let events = self.tail.events.clone();
        let current = self.shelf.current()?;
        let vault = current.volume.vault()?;
        let mut writer = BucketWriter::new(vault, number, 0, after, to, events);
        for row in self.tail.sorted() {
            writer.push(row.as_ref())?;
        }
        let bucket = writer.finish()?;
        let rows = bucket.rows;
        self.shelf.current()?.buckets.push(bucket);
        self.tail = Tail::behind(to);
        self.show();
        self.shared.set_folded(to, self.latest);
        self.note_size();
        tracing::debug!(target: "peekd::store", sequence = to.0, rows, "folded");
        Ok(())
    }

    /// A number that nothing was written under, not even by an attempt that failed.
    pub(super) fn take_bucket_number(&mut self) -> u32 {
        let number = self.next_bucket;
        self.next_bucket = number.saturating_add(1);
        number
    }
}
