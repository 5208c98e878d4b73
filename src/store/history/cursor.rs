//! Reads buckets: rows in the order of the statistics' numbers, one chunk at a time in memory.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::bucket::{BucketV1, ChunkKey};
use super::row::Row;
use super::rows::Rows;
use super::volume::Volume;
use crate::model::StatisticId;
use crate::store::codec::{Assembler, Joined};
use crate::store::engine::{Drawer, EngineError, Failure, Vault, catch};

/// A place in a bucket.
pub(super) struct Cursor {
    vault: Arc<Vault>,
    /// Keeps the volume's directory while it is read.
    volume: Arc<Volume>,
    bucket: Arc<BucketV1>,
    /// Only this statistic's rows are shown.
    only: Option<StatisticId>,
    rows: Rows,
    /// Where the next chunk is looked for; `None` at the end.
    next: Option<ChunkKey>,
    /// Which chunk that must be, where that is known.
    expected: Option<u32>,
    /// Chunks that could not be read.
    pub(super) damaged: Vec<String>,
}

impl Cursor {
    /// At the first statistic of the bucket that is not before `from`.
    pub(super) fn open(
        volume: &Arc<Volume>,
        bucket: &Arc<BucketV1>,
        from: StatisticId,
        only: Option<StatisticId>,
    ) -> Result<Self, Failure> {
        let vault = volume.vault()?;
        let start = ChunkKey {
            bucket: bucket.number,
            first: from.0,
            ordinal: 0,
        };
        // The chunk before may begin with a lesser number and still hold this one.
        let before = vault.key_before(Drawer::Chunks, &start.to_bytes())?;
        let before = before.and_then(|key| ChunkKey::read(&key));
        let before = before.filter(|key| key.bucket == bucket.number);
        let expected = if from.0 == 0 { Some(0) } else { None };
        let mut cursor = Self {
            vault,
            volume: Arc::clone(volume),
            bucket: Arc::clone(bucket),
            only,
            rows: Rows::default(),
            next: Some(before.unwrap_or(start)),
            expected: before.map(|key| key.ordinal).or(expected),
            damaged: Vec::new(),
        };
        cursor.fill()?;
        while cursor.id().is_some_and(|id| id < from) {
            cursor.skip()?;
        }
        Ok(cursor)
    }

    /// The statistic whose rows come next.
    pub(super) fn id(&self) -> Option<StatisticId> {
        self.rows.id()
    }

    /// The next row, if it is of this statistic.
    pub(super) fn next_of(&mut self, id: StatisticId) -> Result<Option<Row>, Failure> {
        let row = self.rows.next_of(id);
        if self.rows.id().is_none() {
            self.fill()?;
        }
        Ok(row)
    }

    /// Passes over the rows of the next statistic in the current chunk.
    fn skip(&mut self) -> Result<(), Failure> {
        self.rows.skip_run();
        self.fill()
    }

    /// Reads chunks until there are rows, or no more chunks.
    fn fill(&mut self) -> Result<(), Failure> {
        while self.rows.id().is_none() {
            let Some(next) = self.next.take() else {
                return Ok(());
            };
            let Some((key, joined)) = self.chunk_from(next)? else {
                if self
                    .expected
                    .is_some_and(|expected| expected < self.bucket.chunks)
                {
                    self.damage("its last chunks are missing");
                }
                return Ok(());
            };
            if self
                .expected
                .is_some_and(|expected| expected != key.ordinal)
            {
                self.damage("a chunk is missing");
            }
            self.expected = Some(key.ordinal.saturating_add(1));
            if self.only.is_none_or(|only| key.first <= only.0) {
                self.next = Some(ChunkKey {
                    ordinal: key.ordinal.saturating_add(1),
                    ..key
                });
            }
            let only = self.only;
            let rows = joined.payload.and_then(|payload| {
                // The checksums keep accidents out; a decoder may still stumble over malice.
                catch(|| Rows::read(&payload, only))?
            });
            match rows {
                Ok(rows) => self.rows = rows,
                Err(fault) => self.damage(&fault),
            }
        }
        Ok(())
    }

    fn chunk_from(&self, from: ChunkKey) -> Result<Option<(ChunkKey, Joined)>, EngineError> {
        let mut assembler = Assembler::default();
        let mut found = None;
        self.vault
            .scan(Drawer::Chunks, &from.to_bytes(), |key, value| {
                if ChunkKey::read(key).is_none_or(|key| key.bucket != from.bucket) {
                    return ControlFlow::Break(());
                }
                found = assembler.push(key, value);
                match found {
                    Some(_) => ControlFlow::Break(()),
                    None => ControlFlow::Continue(()),
                }
            })?;
        let found = found.or_else(|| assembler.finish());
        Ok(found.and_then(|joined| Some((ChunkKey::read(&joined.prefix)?, joined))))
    }

    fn damage(&mut self, what: &str) {
        let (volume, bucket) = (self.volume.name, self.bucket.number);
        let text = format!("history {volume}, bucket {bucket}: {what}");
        if self.damaged.last() != Some(&text) {
            self.damaged.push(text);
        }
    }
}

/// Several buckets and the tail as one: by statistic, and the older rows first.
pub(super) struct Merged {
    cursors: Vec<Cursor>,
    tail: std::iter::Peekable<std::vec::IntoIter<Row>>,
    /// Of which statistic rows are being taken, and from where.
    run: Option<(StatisticId, usize)>,
}

impl Merged {
    /// `tail` is sorted by statistic and newer than all buckets.
    pub(super) fn new(cursors: Vec<Cursor>, tail: Vec<Row>) -> Self {
        Self {
            cursors,
            tail: tail.into_iter().peekable(),
            run: None,
        }
    }

    /// The next row: of the least statistic that any bucket has left, the oldest. `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Failure> {
        loop {
            if let Some((id, place)) = self.run {
                let row = match self.cursors.get_mut(place) {
                    Some(cursor) => cursor.next_of(id)?,
                    None => self.tail.next_if(|row| row.id == id),
                };
                if row.is_some() {
                    return Ok(row);
                }
            }
            self.run = self.find();
            if self.run.is_none() {
                return Ok(None);
            }
        }
    }

    /// Passes over what the source of the last row has left of its statistic in one chunk.
    pub(super) fn skip(&mut self) -> Result<(), Failure> {
        if let Some((id, place)) = self.run.take() {
            match self.cursors.get_mut(place) {
                Some(cursor) if cursor.id() == Some(id) => cursor.skip()?,
                Some(_) => {}
                None => while self.tail.next_if(|row| row.id == id).is_some() {},
            }
        }
        Ok(())
    }

    fn find(&mut self) -> Option<(StatisticId, usize)> {
        let ids = self.cursors.iter().enumerate();
        let ids = ids.filter_map(|(place, cursor)| Some((cursor.id()?, place)));
        let tail = self.tail.peek().map(|row| (row.id, usize::MAX));
        ids.chain(tail).min()
    }

    /// What could not be read on the way.
    pub(super) fn damaged(&self) -> Vec<String> {
        let damaged = self.cursors.iter().flat_map(|cursor| cursor.damaged.iter());
        damaged.cloned().collect()
    }
}
