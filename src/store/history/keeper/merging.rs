//! Merges small buckets into bigger ones, and at the end of its time a volume into a fresh one.
//!
//! What is merged stays until the result counts and no reader uses it any more.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::bucket::{BucketV1, EventV1};
use super::super::cursor::{Cursor, Merged};
use super::super::row::RowRef;
use super::super::rows::Wanted;
use super::super::shelf::{Kept, discard};
use super::super::volume::{Name, Volume};
use super::super::writing::BucketWriter;
use super::thread::Worker;
use crate::model::{StatisticId, Timestamp};
use crate::store::engine::Failure;
use crate::store::status::Sequence;

/// Buckets of one level that are merged at once.
const FAN_IN: usize = 12;
/// A volume takes no more when it has this share of all history may have: dropping one is coarse,
/// and rewriting one needs as much again.
const VOLUME_SHARE: u64 = 8;
/// Between two looks at what else there is to do.
const SLICE: Duration = Duration::from_millis(20);

/// Before a merge that failed is tried again.
const MERGE_RETRY_WAIT: Duration = Duration::from_mins(10);
/// Rows between two looks at the clock.
const ROWS_PER_LOOK: usize = 1024;

/// How a merge ended.
enum Outcome {
    Done(Arc<BucketV1>),
    /// The store is being closed, or something cannot be read; nothing was changed.
    Left,
}

impl Worker {
    /// Ends volumes whose time is over, rewrites ended ones, merges small buckets.
    pub(super) fn merge_if_due(&mut self) -> Result<(), Failure> {
        self.end_volume_if_over()?;
        let last = self.shelf.kept.len().saturating_sub(1);
        let ended = self.shelf.kept.iter().take(last);
        let ended = ended
            .map(|kept| kept.volume.name)
            .find(|name| name.pass == 0 && self.may_merge(*name));
        if let Some(name) = ended {
            return self.rewrite(name);
        }
        self.merge_level()
    }

    /// Rewrites every volume, the current one included.
    pub(super) fn seal_all(&mut self) -> Result<(), Failure> {
        let names: Vec<Name> = self
            .shelf
            .kept
            .iter()
            .map(|kept| kept.volume.name)
            .collect();
        for name in names {
            if name.pass == 0 && self.may_merge(name) {
                self.rewrite(name)?;
            }
        }
        Ok(())
    }

    /// Begins a new volume where the current one has had its time or its share of the disk.
    pub(super) fn end_volume_if_over(&mut self) -> Result<(), Failure> {
        if self.is_volume_over() {
            self.shelf.begin_volume()?;
            self.show();
        }
        Ok(())
    }

    fn is_volume_over(&self) -> bool {
        let Some(current) = self.shelf.kept.last() else {
            return false;
        };
        let Some(first) = current.buckets.first() else {
            return false;
        };
        let span = u64::try_from(self.config.volume.as_millis()).unwrap_or(u64::MAX);
        let stretch = |at: u64| at / span.max(1);
        let now = self.latest.max(self.shared.clock.wall());
        current.volume.name.pass == 0
            && (stretch(now.0) > stretch(first.earliest)
                || current.volume.size() > self.config.size_max / VOLUME_SHARE)
    }

    /// Merges the first run of enough buckets of one level within the current volume.
    fn merge_level(&mut self) -> Result<(), Failure> {
        let Some(current) = self.shelf.kept.last() else {
            return Ok(());
        };
        if !self.may_merge(current.volume.name) {
            return Ok(());
        }
        let mut runs = current.buckets.chunk_by(|a, b| a.level == b.level);
        let Some(run) = runs.rfind(|run| run.len() >= FAN_IN) else {
            return Ok(());
        };
        let run: Vec<_> = run.iter().take(FAN_IN).cloned().collect();
        let volume = Arc::clone(&current.volume);
        let kept = Kept {
            volume: Arc::clone(&volume),
            buckets: run,
        };
        let Outcome::Done(bucket) = self.merge(&kept, &volume, &|_| true)? else {
            return Ok(());
        };
        let replaced = |old: &Arc<BucketV1>| kept.buckets.iter().any(|run| Arc::ptr_eq(run, old));
        let place = self.shelf.kept.iter_mut();
        for current in place.filter(|kept| Arc::ptr_eq(&kept.volume, &volume)) {
            current.buckets.retain(|old| !replaced(old));
            current.buckets.push(Arc::clone(&bucket));
            current.buckets.sort_by_key(|bucket| bucket.to);
        }
        let retired = kept.buckets.into_iter();
        self.retired
            .extend(retired.map(|bucket| (Arc::clone(&volume), bucket)));
        self.show();
        Ok(())
    }

    /// Rewrites a volume into a fresh directory as one bucket, without what is no longer kept.
    pub(super) fn rewrite(&mut self, name: Name) -> Result<(), Failure> {
        let kept = self.shelf.kept.iter().find(|kept| kept.volume.name == name);
        let Some(kept) = kept.cloned() else {
            return Ok(());
        };
        let next = Name {
            pass: name.pass.saturating_add(1),
            ..name
        };
        let draft = Arc::new(self.shelf.draft(next)?);
        let now = self.shared.clock.wall();
        let shared = Arc::clone(&self.shared);
        let since = Cell::new((StatisticId(u32::MAX), Timestamp(0)));
        let is_kept = |row: RowRef<'_>| {
            if since.get().0 != row.id {
                since.set((row.id, shared.limits.since(row.id, now)));
            }
            row.at >= since.get().1
        };
        self.rewriting = Some(name);
        let outcome = self.merge(&kept, &draft, &is_kept);
        self.rewriting = None;
        draft.close();
        let Outcome::Done(bucket) = outcome? else {
            return discard(&draft);
        };
        let volume = self.shelf.publish(&draft)?;
        let fresh = Kept {
            volume,
            buckets: vec![bucket],
        };
        if let Some(place) = self
            .shelf
            .kept
            .iter_mut()
            .find(|kept| kept.volume.name == name)
        {
            *place = fresh;
        }
        self.retired_volumes.push(kept.volume);
        self.show();
        self.note_size();
        Ok(())
    }

    /// Whether a volume's buckets can be merged, as far as is known.
    pub(super) fn may_merge(&self, name: Name) -> bool {
        let now = Instant::now();
        let is_put_off = |(other, until): &(Name, Instant)| *other == name && now < *until;
        !self.unmergeable.contains(&name) && !self.put_off.iter().any(is_put_off)
    }

    /// What failed is left as it is for a while: it must not keep the rest from being folded.
    fn merge(
        &mut self,
        from: &Kept,
        into: &Arc<Volume>,
        is_kept: &dyn Fn(RowRef<'_>) -> bool,
    ) -> Result<Outcome, Failure> {
        let outcome = self.try_merge(from, into, is_kept);
        if outcome.is_err() {
            let name = from.volume.name;
            self.put_off.retain(|(other, _)| *other != name);
            self.put_off.push((name, Instant::now() + MERGE_RETRY_WAIT));
        }
        outcome
    }

    fn try_merge(
        &mut self,
        from: &Kept,
        into: &Arc<Volume>,
        is_kept: &dyn Fn(RowRef<'_>) -> bool,
    ) -> Result<Outcome, Failure> {
        let (Some(first), Some(last)) = (from.buckets.first(), from.buckets.last()) else {
            return Ok(Outcome::Left);
        };
        let mut merged = open_merged(from)?;
        let oldest = self.shared.limits.longest(self.shared.clock.wall());
        let levels = from.buckets.iter().map(|bucket| bucket.level);
        let level = levels.max().unwrap_or(0).saturating_add(1);
        let (after, to) = (Sequence(first.after), Sequence(last.to));
        let number = self.take_bucket_number();
        let mut writer = BucketWriter::new(
            into.vault()?,
            number,
            level,
            after,
            to,
            events(from, oldest),
        );
        let mut slice = Instant::now();
        let mut rows = 0_usize;
        while let Some((_, run)) = merged.next_run()? {
            for row in run {
                if is_kept(row) {
                    writer.push(row)?;
                }
                rows += 1;
                if rows.is_multiple_of(ROWS_PER_LOOK) && slice.elapsed() >= SLICE {
                    if self.breathe()? {
                        return Ok(Outcome::Left);
                    }
                    slice = Instant::now();
                }
            }
        }
        let damaged = merged.damaged();
        if !damaged.is_empty() {
            self.unmergeable.push(from.volume.name);
            self.note_damage(damaged);
            return Ok(Outcome::Left);
        }
        Ok(Outcome::Done(writer.finish()?))
    }
}

fn open_merged(from: &Kept) -> Result<Merged<'static>, Failure> {
    let cursors = from.buckets.iter();
    let cursors =
        cursors.map(|bucket| Cursor::open(&from.volume, bucket, StatisticId(0), Wanted::All));
    Ok(Merged::new(cursors.collect::<Result<_, _>>()?, &[]))
}

fn events(from: &Kept, oldest: Timestamp) -> Vec<EventV1> {
    let events = from.buckets.iter().flat_map(|bucket| &bucket.events);
    events
        .filter(|event| event.to() >= oldest)
        .copied()
        .collect()
}
