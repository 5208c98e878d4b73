//! Reads buckets: rows in the order of the statistics' numbers, one chunk at a time in memory.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::bucket::{BucketV1, ChunkKey};
use super::glance::Glance;
use super::row::{Row, RowRef};
use super::rows::{Rows, RowsOf, Wanted};
use super::volume::Volume;
use crate::model::StatisticId;
use crate::store::codec::{Assembler, Joined};
use crate::store::engine::{Drawer, EngineError, Failure, Vault, catch};

/// A place in a bucket.
pub(super) struct Cursor<'w> {
    vault: Arc<Vault>,
    /// Keeps the volume's directory while it is read.
    volume: Arc<Volume>,
    bucket: Arc<BucketV1>,
    /// Chunks with nothing of it are passed over.
    wanted: Wanted<'w>,
    rows: Rows,
    /// The first statistic of the last chunk, once that was looked for.
    end: Option<u32>,
    /// Where the next chunk is looked for; `None` at the end.
    next: Option<ChunkKey>,
    /// Which chunk that must be, where that is known.
    expected: Option<u32>,
    /// Chunks that could not be read.
    pub(super) damaged: Vec<String>,
}

impl<'w> Cursor<'w> {
    /// At the first statistic of the bucket that is not before `from`.
    pub(super) fn open(
        volume: &Arc<Volume>,
        bucket: &Arc<BucketV1>,
        from: StatisticId,
        wanted: Wanted<'w>,
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
            wanted,
            rows: Rows::default(),
            end: None,
            next: Some(before.unwrap_or(start)),
            expected: before.map(|key| key.ordinal).or(expected),
            damaged: Vec::new(),
        };
        cursor.fill()?;
        while cursor.id().is_some_and(|id| id < from) {
            cursor.next_run()?;
        }
        Ok(cursor)
    }

    /// The statistic whose rows come next.
    pub(super) fn id(&self) -> Option<StatisticId> {
        self.rows.id()
    }

    /// What is left of its rows in the current chunk.
    pub(super) fn run(&mut self) -> RowsOf<'_> {
        self.rows.run()
    }

    /// Goes on with what comes after the run: the next statistic, or more of the same.
    pub(super) fn next_run(&mut self) -> Result<(), Failure> {
        self.rows.next_run();
        self.fill()
    }

    /// Reads chunks until there are rows, or no more chunks.
    fn fill(&mut self) -> Result<(), Failure> {
        while self.rows.id().is_none() {
            let Some(next) = self.next.take() else {
                return Ok(());
            };
            let Some((key, found)) = self.chunk_from(next)? else {
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
            self.next = Some(ChunkKey {
                ordinal: key.ordinal.saturating_add(1),
                ..key
            });
            let joined = match found {
                Found::Whole(joined) => joined,
                Found::Passed(last) => {
                    self.jump(key, last)?;
                    continue;
                }
                Found::Beyond => {
                    self.next = None;
                    continue;
                }
            };
            let wanted = self.wanted;
            let rows = joined.payload.and_then(|payload| {
                // The checksums keep accidents out; a decoder may still stumble over malice.
                catch(|| Rows::read(&payload, wanted))?
            });
            match rows {
                Ok(rows) => self.rows = rows,
                Err(fault) => self.damage(&fault),
            }
        }
        Ok(())
    }

    /// Passes over chunks between one whose statistics end with `last` and the next that may hold
    /// what is wanted.
    fn jump(&mut self, passed: ChunkKey, last: u32) -> Result<(), EngineError> {
        let Wanted::Which(which) = self.wanted else {
            return Ok(());
        };
        let in_bucket = |key: &ChunkKey| key.bucket == self.bucket.number;
        let before = |first, ordinal| {
            let key = ChunkKey {
                first,
                ordinal,
                ..passed
            };
            let found = self.vault.key_before(Drawer::Chunks, &key.to_bytes())?;
            Ok::<_, EngineError>(found.and_then(|key| ChunkKey::read(&key)).filter(in_bucket))
        };
        // What comes after the first of the last chunk is in that one.
        let end = match self.end {
            Some(end) => end,
            None => before(u32::MAX, u32::MAX)?.map_or(last, |key| key.first),
        };
        self.end = Some(end);
        let mut ids = (last.saturating_add(1)..end).map(StatisticId);
        let wanted = ids.find(|id| which(*id)).map_or(end, |id| id.0);
        // As at the beginning: the chunk before may begin with a lesser number and still hold it.
        if let Some(target) = before(wanted, 0)?
            && target.ordinal > passed.ordinal.saturating_add(1)
        {
            self.next = Some(target);
            self.expected = Some(target.ordinal);
        }
        Ok(())
    }

    /// The chunk at `from` or the next one, as much of it as is needed.
    fn chunk_from(&self, from: ChunkKey) -> Result<Option<(ChunkKey, Found)>, EngineError> {
        let mut assembler = Assembler::default();
        let (mut current, mut seen) = (None, None);
        // Everything is wanted, or what comes first has told that it is.
        let mut is_wanted = matches!(self.wanted, Wanted::All);
        self.vault
            .scan(Drawer::Chunks, &from.to_bytes(), |key, value| {
                let chunk = ChunkKey::read(key).filter(|key| key.bucket == from.bucket);
                if chunk.is_none() || current.is_some_and(|current| chunk != Some(current)) {
                    return ControlFlow::Break(());
                }
                current = chunk;
                if chunk.is_some_and(|chunk| self.wanted.is_before(chunk.first)) {
                    seen = Some(Found::Beyond);
                    return ControlFlow::Break(());
                }
                // Nothing is finished by this: all parts are of one chunk.
                drop(assembler.push(key, value));
                if !is_wanted {
                    match self.glance(&assembler) {
                        Glance::Unknown => {}
                        Glance::Wanted => is_wanted = true,
                        Glance::Passed(last) => seen = Some(Found::Passed(last)),
                        Glance::Beyond => seen = Some(Found::Beyond),
                    }
                }
                if seen.is_some() || assembler.is_complete() {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
        let found = seen.or_else(|| assembler.finish().map(Found::Whole));
        Ok(current.zip(found))
    }

    /// What the first parts of a chunk tell: most chunks hold nothing of one statistic, and what
    /// statistics they hold comes first.
    fn glance(&self, assembler: &Assembler) -> Glance {
        let Some(front) = assembler.so_far() else {
            return Glance::Unknown;
        };
        catch(|| Glance::at(front, self.wanted)).unwrap_or(Glance::Unknown)
    }

    fn damage(&mut self, what: &str) {
        let (volume, bucket) = (self.volume.name, self.bucket.number);
        let text = format!("history {volume}, bucket {bucket}: {what}");
        if self.damaged.last() != Some(&text) {
            self.damaged.push(text);
        }
    }
}

/// What became of looking for a chunk.
enum Found {
    Whole(Joined),
    /// Nothing of it is wanted, up to and with this statistic.
    Passed(u32),
    /// Nothing of it is wanted, nor of what comes after it.
    Beyond,
}

/// Several buckets and the tail as one: by statistic, and the older rows first.
pub(super) struct Merged<'t> {
    cursors: Vec<Cursor<'t>>,
    tail: std::slice::Iter<'t, &'t Row>,
    /// Where the current run comes from.
    place: Option<usize>,
}

/// Some rows of one statistic, from one place.
pub(super) enum Run<'a> {
    Chunk(RowsOf<'a>),
    Tail(std::slice::Iter<'a, &'a Row>),
}

impl<'t> Merged<'t> {
    /// `tail` is sorted by statistic and newer than all buckets.
    pub(super) fn new(cursors: Vec<Cursor<'t>>, tail: &'t [&'t Row]) -> Self {
        Self {
            cursors,
            tail: tail.iter(),
            place: None,
        }
    }

    /// The next rows: of the least statistic that any bucket has left, the oldest. What was not taken
    /// of the run before is passed over. `None` at the end.
    pub(super) fn next_run(&mut self) -> Result<Option<(StatisticId, Run<'_>)>, Failure> {
        if let Some(cursor) = self.place.and_then(|place| self.cursors.get_mut(place)) {
            cursor.next_run()?;
        }
        let Some((id, place)) = self.find() else {
            return Ok(None);
        };
        self.place = Some(place);
        let run = match self.cursors.get_mut(place) {
            Some(cursor) => Run::Chunk(cursor.run()),
            None => Run::Tail(take_run(&mut self.tail, id)),
        };
        Ok(Some((id, run)))
    }

    fn find(&self) -> Option<(StatisticId, usize)> {
        let ids = self.cursors.iter().enumerate();
        let ids = ids.filter_map(|(place, cursor)| Some((cursor.id()?, place)));
        let tail = self.tail.as_slice().first().map(|row| (row.id, usize::MAX));
        ids.chain(tail).min()
    }

    /// What could not be read on the way.
    pub(super) fn damaged(&self) -> Vec<String> {
        let damaged = self.cursors.iter().flat_map(|cursor| cursor.damaged.iter());
        damaged.cloned().collect()
    }
}

/// Takes the rows of a statistic from the front.
fn take_run<'t>(
    tail: &mut std::slice::Iter<'t, &'t Row>,
    id: StatisticId,
) -> std::slice::Iter<'t, &'t Row> {
    let rows = tail.as_slice();
    let len = rows.partition_point(|row| row.id <= id);
    let (run, rest) = rows.split_at_checked(len).unwrap_or((rows, &[]));
    *tail = rest.iter();
    run.iter()
}

impl<'a> Iterator for Run<'a> {
    type Item = RowRef<'a>;

    fn next(&mut self) -> Option<RowRef<'a>> {
        match self {
            Self::Chunk(rows) => rows.next(),
            Self::Tail(rows) => rows.next().map(|row| row.as_ref()),
        }
    }
}
