//! Writes a bucket: rows into chunks, chunks onto the disk, and only then the fact of the bucket.

use std::sync::Arc;

use super::bucket::{BucketV1, ChunkKey, EventV1};
use super::chunk::Draft;
use super::row::RowRef;
use crate::store::codec::{self, Fault};
use crate::store::engine::{Drawer, EngineError, Vault};
use crate::store::status::Sequence;

/// A bucket on its way.
pub(super) struct BucketWriter {
    vault: Arc<Vault>,
    bucket: BucketV1,
    draft: Draft,
}

impl BucketWriter {
    /// A bucket of the journal entries after `after`, up to `to`.
    pub(super) fn new(
        vault: Arc<Vault>,
        number: u32,
        level: u8,
        after: Sequence,
        to: Sequence,
        events: Vec<EventV1>,
    ) -> Self {
        let mut bucket = BucketV1 {
            number,
            level,
            after: after.0,
            to: to.0,
            earliest: u64::MAX,
            latest: 0,
            rows: 0,
            chunks: 0,
            events: Vec::new(),
        };
        for event in &events {
            // What began long ago is known since now.
            bucket.earliest = bucket.earliest.min(event.to().0);
            bucket.latest = bucket.latest.max(event.to().0);
        }
        bucket.events = events;
        Self {
            vault,
            bucket,
            draft: Draft::default(),
        }
    }

    /// Takes the next row, in the order of the statistics' numbers.
    pub(super) fn push(&mut self, row: RowRef<'_>) -> Result<(), EngineError> {
        self.bucket.earliest = self.bucket.earliest.min(row.at.0);
        self.bucket.latest = self.bucket.latest.max(row.at.0);
        self.bucket.rows += 1;
        self.draft.push(row).map_err(EngineError)?;
        if self.draft.is_full() {
            self.cut()?;
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<(), EngineError> {
        let Some(first) = self.draft.first() else {
            return Ok(());
        };
        let key = ChunkKey {
            bucket: self.bucket.number,
            first,
            ordinal: self.bucket.chunks,
        };
        let payload = self.draft.finish().map_err(EngineError)?;
        self.write(Drawer::Chunks, &key.to_bytes(), &payload)?;
        self.bucket.chunks += 1;
        Ok(())
    }

    /// Makes the bucket count. Returns when it is on the disk itself.
    pub(super) fn finish(mut self) -> Result<Arc<BucketV1>, EngineError> {
        self.cut()?;
        self.vault.flush()?;
        let mut payload = Vec::new();
        codec::write(&mut payload, &self.bucket).map_err(EngineError)?;
        self.write(Drawer::Facts, &self.bucket.fact_key(), &payload)?;
        self.vault.flush()?;
        Ok(Arc::new(self.bucket))
    }

    fn write(&self, drawer: Drawer, prefix: &[u8], payload: &[u8]) -> Result<(), EngineError> {
        let sealed: Result<_, Fault> = codec::seal(prefix, payload);
        for part in sealed.map_err(EngineError)? {
            self.vault.insert(drawer, &part.key, &part.value)?;
        }
        Ok(())
    }
}
