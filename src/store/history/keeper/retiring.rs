//! Lets go of what is too old, too much, or replaced, once no reader uses it.

use std::sync::Arc;

use super::super::shelf::Kept;
use super::super::volume::Name;
use super::thread::Worker;
use crate::model::Timestamp;
use crate::store::engine::Failure;

/// Rewritten so often, a volume holds only what is kept longer than usual.
const PASSES_MAX: u32 = 2;

impl Worker {
    /// Drops whole volumes beyond the retention or the size, and removes what was replaced.
    pub(super) fn retire(&mut self) -> Result<(), Failure> {
        self.drop_old()?;
        self.drop_surplus();
        let ended = self.shelf.kept.iter().rev().skip(1);
        ended.for_each(|kept| kept.volume.rest());
        self.remove_retired()
    }

    fn drop_old(&mut self) -> Result<(), Failure> {
        let now = self.shared.clock.wall();
        let longest = self.shared.limits.longest(now);
        let usual = self.shared.limits.usual(now);
        while let Some(oldest) = self.shelf.kept.first() {
            if self.shelf.kept.len() < 2 || !is_over(oldest, longest) {
                break;
            }
            self.drop_oldest();
        }
        let thinned: Vec<Name> = self
            .shelf
            .kept
            .iter()
            .filter(|kept| kept.volume.name.pass > 0 && kept.volume.name.pass < PASSES_MAX)
            .filter(|kept| is_over(kept, usual) && self.may_merge(kept.volume.name))
            .map(|kept| kept.volume.name)
            .collect();
        for name in thinned {
            self.rewrite(name)?;
        }
        Ok(())
    }

    pub(super) fn drop_surplus(&mut self) {
        while self.shelf.kept.len() > 1 && self.kept_size() > self.config.size_max {
            let oldest = self.shelf.kept.first().map(|kept| kept.volume.name);
            if oldest == self.rewriting {
                break;
            }
            self.drop_oldest();
        }
    }

    /// Bytes of the volumes that are kept; those being removed are on their way out.
    fn kept_size(&self) -> u64 {
        self.shelf.kept.iter().map(|kept| kept.volume.size()).sum()
    }

    fn drop_oldest(&mut self) {
        let oldest = self.shelf.kept.remove(0);
        tracing::info!(target: "peekd::store", volume = %oldest.volume.name, "history dropped");
        self.retired_volumes.push(oldest.volume);
        self.show();
    }

    pub(super) fn remove_retired(&mut self) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let mut stop = || shared.is_closing();
        let mut rest = Vec::new();
        for (volume, bucket) in std::mem::take(&mut self.retired) {
            // With the volume, its buckets go as well.
            if self
                .retired_volumes
                .iter()
                .any(|gone| Arc::ptr_eq(gone, &volume))
            {
                continue;
            }
            let is_read = Arc::strong_count(&bucket) > 1;
            if is_read || !volume.remove_bucket(&bucket, &mut stop)? {
                rest.push((volume, bucket));
            }
        }
        self.retired = rest;
        let (gone, read): (Vec<_>, Vec<_>) = std::mem::take(&mut self.retired_volumes)
            .into_iter()
            .partition(|volume| Arc::strong_count(volume) == 1);
        self.retired_volumes = read;
        let removed = !gone.is_empty();
        for volume in gone {
            volume.remove()?;
        }
        if removed {
            self.note_size();
        }
        Ok(())
    }
}

fn is_over(kept: &Kept, limit: Timestamp) -> bool {
    kept.buckets.iter().all(|bucket| bucket.latest < limit.0)
}
