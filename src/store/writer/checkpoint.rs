//! Checkpoint cycles: dirty pages in slices, then the mark from which the journal is replayed, then
//! the journal's oldest entries beyond its size.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;

use crate::store::codec::{self, CheckpointV1, part_key};
use crate::store::engine::{Engine, EngineError, Tree};
use crate::store::image::{Image, PageName};
use crate::store::journal;
use crate::store::loading::tree_of;
use crate::store::meta::Meta;
use crate::store::status::Sequence;

/// The journal that cuts the time between cycles short.
const CYCLE_JOURNAL_SIZE: u64 = 8 * 1024 * 1024;
/// Journal keys removed at once.
const REMOVALS_MAX: usize = 512;
/// Pages written between two looks at the clock.
const PAGES_PER_LOOK: usize = 8;

/// Where the current cycle stands. A step is taken only after a flush, which covers what the steps
/// before wrote.
#[derive(Debug)]
enum Stage {
    Resting,
    Writing { at: Mark, left: Vec<PageName> },
    Written { at: Mark },
    Marked { at: Mark },
}

/// The point of the journal up to which a cycle's pages hold everything.
#[derive(Debug, Clone, Copy)]
struct Mark {
    sequence: Sequence,
    /// Bytes of journal after the older checkpoint, up to this one.
    passed: u64,
}

/// The cycles' bookkeeping, and the journal's size.
#[derive(Debug)]
pub(super) struct Checkpoints {
    stage: Stage,
    done: Sequence,
    /// Pages written since the last whole cycle: to be written again if the engine is reopened.
    written: BTreeSet<PageName>,
    /// Something was written that no flush has covered.
    pub(super) unsynced: bool,
    last_cycle: Instant,
    forced: bool,
    journal_size: u64,
    tail_size: u64,
    journal_size_max: u64,
    cycle_interval: Duration,
    /// Up to here nothing is left to be trimmed.
    trimmed: Sequence,
    warned: bool,
}

impl Checkpoints {
    pub(super) fn new(
        done: Sequence,
        journal_size: u64,
        tail_size: u64,
        journal_size_max: u64,
        cycle_interval: Duration,
    ) -> Self {
        Self {
            stage: Stage::Resting,
            done,
            written: BTreeSet::new(),
            unsynced: false,
            last_cycle: Instant::now(),
            forced: false,
            journal_size,
            tail_size,
            journal_size_max,
            cycle_interval,
            trimmed: Sequence(0),
            warned: false,
        }
    }

    /// The journal grew by this many bytes.
    pub(super) const fn grew(&mut self, size: u64) {
        self.journal_size += size;
        self.tail_size += size;
    }

    /// Whether nothing is left to write or to flush, now or soon.
    pub(super) fn is_resting(&self, image: &Image, folded: Option<Sequence>) -> bool {
        matches!(self.stage, Stage::Resting)
            && folded.unwrap_or_default().min(self.done) <= self.trimmed
            && !self.unsynced
            && image.dirty().is_empty()
            && !image.names_dirty
    }

    /// Whether the journal is close to the length beyond which entries go whoever needs them.
    pub(super) const fn is_crowded(&self) -> bool {
        self.journal_size > self.journal_size_max / 4 * 3 && self.journal_size > self.tail_size
    }

    /// The next cycle starts at once.
    pub(super) const fn force(&mut self) {
        self.forced = true;
    }

    /// Whether a forced cycle has come to its end.
    pub(super) fn is_settled(&self, image: &Image) -> bool {
        !self.forced && self.is_resting(image, None)
    }

    /// The engine is about to be reopened, and may come back without what no whole cycle covers.
    pub(super) fn abandon(&mut self, image: &mut Image) {
        for name in std::mem::take(&mut self.written) {
            image.mark(name);
        }
        image.names_dirty = true;
        self.stage = Stage::Resting;
    }

    /// Takes the next step. Everything written before must be flushed, and the image must hold
    /// nothing that is not in the journal by then.
    pub(super) fn advance(
        &mut self,
        engine: &Engine,
        image: &mut Image,
        meta: &mut Meta,
        durable: Sequence,
        folded: Option<Sequence>,
        deadline: Option<Instant>,
    ) -> Result<(), EngineError> {
        if matches!(self.stage, Stage::Resting) && self.is_due(image) {
            self.stage = Stage::Writing {
                at: Mark {
                    sequence: durable,
                    passed: self.tail_size,
                },
                left: image.dirty().iter().copied().collect(),
            };
        }
        // Under load one cycle follows the other without a rest, and the journal would grow without
        // bound. Not later in a cycle: the mark tells the journal's size.
        if matches!(self.stage, Stage::Writing { .. }) {
            self.trim(engine, folded.unwrap_or_default())?;
        }
        match &mut self.stage {
            Stage::Resting => self.trim(engine, folded.unwrap_or_default())?,
            Stage::Writing { at, left } => {
                self.unsynced = true;
                write_pages(engine, image, left, &mut self.written, deadline)?;
                if left.is_empty() {
                    self.stage = Stage::Written { at: *at };
                }
            }
            Stage::Written { at } => {
                let at = *at;
                self.unsynced = true;
                let dropped = image.dropped();
                meta.dropped = (dropped.generation, dropped.counter);
                meta.write_checkpoint(engine, self.fact(at, image), &image.names())?;
                image.names_dirty = false;
                self.stage = Stage::Marked { at };
            }
            // The mark itself is flushed: only now may the journal before it go.
            Stage::Marked { at } => {
                self.done = at.sequence;
                self.tail_size = self.tail_size.saturating_sub(at.passed);
                self.written.clear();
                self.last_cycle = Instant::now();
                self.forced = false;
                self.stage = Stage::Resting;
            }
        }
        Ok(())
    }

    fn is_due(&self, image: &Image) -> bool {
        let dirty = !image.dirty().is_empty() || image.names_dirty;
        self.forced
            || (dirty
                && (self.last_cycle.elapsed() >= self.cycle_interval
                    || self.tail_size >= CYCLE_JOURNAL_SIZE))
    }

    fn fact(&self, at: Mark, image: &Image) -> CheckpointV1 {
        let after = self.tail_size.saturating_sub(at.passed);
        let revision = image.last_revision();
        CheckpointV1 {
            sequence: at.sequence.0,
            next_id: image.next_id(),
            journal_size: self.journal_size.saturating_sub(after),
            generation: revision.generation,
            counter: revision.counter,
        }
    }

    /// Removes some of the oldest entries: those that history has taken over, and any while the
    /// journal is longer than it may be. Entries after the checkpoint stay, whatever their size.
    fn trim(&mut self, engine: &Engine, folded: Sequence) -> Result<(), EngineError> {
        let taken_over = folded.min(self.done);
        let is_too_long =
            self.journal_size > self.journal_size_max && self.journal_size > self.tail_size;
        if taken_over <= self.trimmed && !is_too_long {
            return Ok(());
        }
        let mut surplus = self.journal_size.saturating_sub(self.journal_size_max);
        let mut removals: Vec<(Vec<u8>, Sequence, u64)> = Vec::new();
        let mut only_tail = true;
        let mut more = false;
        engine.scan(Tree::Journal, &[], |key, value| {
            let sequence = journal::sequence_of(key).unwrap_or_default();
            if sequence > self.done {
                return ControlFlow::Break(());
            }
            only_tail = false;
            // An entry goes with all of its parts: what a crash leaves of it would look damaged.
            if removals.last().is_none_or(|last| last.1 != sequence) {
                more = sequence <= taken_over || surplus > 0;
                if !more || removals.len() >= REMOVALS_MAX {
                    return ControlFlow::Break(());
                }
            }
            let size = (key.len() + value.len()) as u64;
            surplus = surplus.saturating_sub(size);
            removals.push((key.to_vec(), sequence, size));
            more = false;
            ControlFlow::Continue(())
        })?;
        if only_tail {
            // The recorded size was too great: a crash fell between removals and a checkpoint.
            self.journal_size = self.tail_size;
        }
        for entry in removals.chunk_by(|a, b| a.1 == b.1) {
            if entry.first().is_some_and(|part| part.1 > folded) {
                self.warn_of_loss();
            }
            self.unsynced = true;
            match entry {
                [(key, ..)] => engine.remove(Tree::Journal, key)?,
                parts => {
                    let keys = parts.iter().map(|part| part.0.clone());
                    engine.replace(Tree::Journal, [], keys)?;
                }
            }
            let size = entry.iter().map(|part| part.2).sum();
            self.journal_size = self.journal_size.saturating_sub(size);
        }
        if !more {
            self.trimmed = taken_over;
        }
        Ok(())
    }

    /// Told once: history does not keep up, and what is removed is lost to it.
    fn warn_of_loss(&mut self) {
        if !std::mem::replace(&mut self.warned, true) {
            tracing::error!(
                target: "peekd::store",
                journal_size_max = self.journal_size_max,
                "the journal is full and history has not taken it over: the oldest changes go",
            );
        }
    }
}

fn write_pages(
    engine: &Engine,
    image: &mut Image,
    left: &mut Vec<PageName>,
    written: &mut BTreeSet<PageName>,
    deadline: Option<Instant>,
) -> Result<(), EngineError> {
    while !left.is_empty() {
        for _ in 0..PAGES_PER_LOOK {
            let Some(&name) = left.last() else {
                break;
            };
            if image.dirty().contains(&name) {
                // Noted before writing: a failed write may have reached the disk or not.
                written.insert(name);
                write_page(engine, image, name)?;
                image.unmark(name);
            }
            left.pop();
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            break;
        }
    }
    Ok(())
}

/// Replaces a page as a whole, surplus parts of its older form included.
fn write_page(engine: &Engine, image: &mut Image, name: PageName) -> Result<(), EngineError> {
    let prefix = name.1.to_be_bytes();
    image.pack(name).map_err(EngineError)?;
    let parts = match image.page_payload(name).map_err(EngineError)? {
        Some(payload) => codec::seal(&prefix, &payload).map_err(EngineError)?,
        None => Vec::new(),
    };
    let now = u16::try_from(parts.len()).unwrap_or(u16::MAX);
    let stored = image.page_parts(name);
    let before = *stored;
    *stored = before.max(now);
    let tree = tree_of(name.0);
    match parts.as_slice() {
        // Cheaper than a batch, and by itself as atomic.
        [part] if before <= 1 => engine.insert(tree, &part.key, &part.value)?,
        parts => engine.replace(
            tree,
            parts
                .iter()
                .map(|part| (part.key.as_slice(), part.value.as_slice())),
            (now..before).map(|number| part_key(&prefix, number)),
        )?,
    }
    *image.page_parts(name) = now;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{ObjectType, Statistic, StatisticId, Timestamp};
    use crate::store::change::Change;
    use crate::store::codec::Record;
    use crate::store::engine::{Access, Faults, Place};

    /// Under load one cycle follows the other: what history has taken over goes all the same.
    #[test]
    fn the_journal_is_trimmed_while_cycles_never_rest() {
        let engine = Engine::open(Place::Memory, Access::Serve, Faults::default()).unwrap();
        let (mut image, mut meta) = (Image::default(), Meta::default());
        let mut checkpoints =
            Checkpoints::new(Sequence(0), 0, 0, u64::MAX, Duration::from_hours(1));
        let mut durable = Sequence(0);
        for number in 0..400 {
            let at = Timestamp(number);
            let mut started = vec![Record::Started { generation: 1, at }];
            for entry in &journal::entries(durable, &mut started).unwrap() {
                entry.write(&engine).unwrap();
                checkpoints.grew(entry.size());
                durable = entry.sequence;
            }
            let statistic = Statistic::new("A", ObjectType::Agent, &number.to_string(), "T");
            image.apply(Change::Registered {
                id: StatisticId(u32::try_from(number).unwrap()),
                statistic: Arc::new(statistic),
            });
            engine.flush().unwrap();
            checkpoints.force();
            let taken_over = Some(durable);
            checkpoints
                .advance(&engine, &mut image, &mut meta, durable, taken_over, None)
                .unwrap();
            assert!(!matches!(checkpoints.stage, Stage::Resting) || number % 3 == 2);
        }
        let mut left = 0;
        engine
            .scan(Tree::Journal, &[], |_, _| {
                left += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
        assert!(left < 10, "{left} entries of {}", durable.0);
    }
}
