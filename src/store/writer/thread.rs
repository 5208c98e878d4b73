//! The writer's loop: journal, flush, then pages; and what it does when the disk fails.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::checkpoint::Checkpoints;
use super::exporting::Exports;
use super::feeding::Feeder;
use super::{Shared, Wait};
use crate::model::EpochCounter;
use crate::store::codec::Record;
use crate::store::engine::{Engine, EngineError, Witness, background_panics};
use crate::store::history::Keeper;
use crate::store::image::Image;
use crate::store::journal::{self, Entry};
use crate::store::meta::Meta;
use crate::store::opening::EPOCHS_RESERVED;
use crate::store::snapshot::Snapshots;
use crate::store::status::{Health, Sequence, Status};

/// What the writer starts from.
pub(in crate::store) struct Start {
    pub(in crate::store) flush_interval: Duration,
    pub(in crate::store) journal_size_max: u64,
    pub(in crate::store) engine: Engine,
    pub(in crate::store) image: Image,
    pub(in crate::store) meta: Meta,
    /// The newest journal entry, durable already.
    pub(in crate::store) durable: Sequence,
    /// Bytes of the whole journal.
    pub(in crate::store) journal_size: u64,
    /// Bytes of the journal after the checkpoint.
    pub(in crate::store) tail_size: u64,
    /// Takes over what the journal need not keep; `None` for a store that survives nothing.
    pub(in crate::store) keeper: Option<Keeper>,
    /// Kept ahead of the numbers that are given; `None` for a store that survives nothing.
    pub(in crate::store) witness: Option<Witness>,
    pub(in crate::store) snapshots: Snapshots,
}

/// The thread's own state.
pub(super) struct Worker {
    shared: Arc<Shared>,
    epochs: Arc<EpochCounter>,
    flush_interval: Duration,
    engine: Engine,
    image: Image,
    meta: Meta,
    durable: Sequence,
    /// The epoch ceiling that is on the disk itself; the one in `meta` may be on its way.
    durable_epoch_ceiling: u64,
    checkpoints: Checkpoints,
    feeder: Feeder,
    witness: Option<Witness>,
    snapshots: Snapshots,
    exports: Exports,
    /// Numbered, in the image, not yet durable. Only when this is empty may pages be written.
    unflushed: Vec<Entry>,
    waiters: Vec<oneshot::Sender<()>>,
    /// Failed attempts since writing last worked.
    failures: u32,
    /// Panics of the engine's own threads already answered by reopening.
    panics_seen: u64,
    /// Bytes on the disk when they were last looked at, and when that is due again.
    size: u64,
    size_due: Instant,
    next_tick: Instant,
}

/// What one flush brought to the disk.
#[derive(Debug, Clone, Copy)]
struct Flushed {
    took: Duration,
    changes: u64,
}

/// Between two looks at how much disk is used.
const SIZE_INTERVAL: Duration = Duration::from_secs(30);
/// The wait between attempts grows up to this.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(1);
/// From this failure on the engine is reopened before each attempt: it may refuse for good.
const FAILURES_BEFORE_REOPEN: u32 = 3;
/// A checkpoint cycle starts at most this often: every 5 s at the default interval of 50 ms.
const CYCLE_TICKS: u32 = 100;
/// At the end, how often writing is tried again.
const CLOSE_ATTEMPTS: u32 = 5;

impl Worker {
    pub(super) fn new(start: Start, shared: Arc<Shared>, epochs: Arc<EpochCounter>) -> Self {
        let feeder = Feeder::new(start.keeper, start.durable);
        feeder.learn(start.image.statistics());
        Self {
            feeder,
            witness: start.witness,
            snapshots: start.snapshots,
            exports: Exports::default(),
            shared,
            epochs,
            flush_interval: start.flush_interval,
            engine: start.engine,
            image: start.image,
            durable: start.durable,
            checkpoints: Checkpoints::new(
                Sequence(start.meta.checkpoint.sequence),
                start.journal_size,
                start.tail_size,
                start.journal_size_max,
                start.flush_interval * CYCLE_TICKS,
            ),
            durable_epoch_ceiling: start.meta.epoch_ceiling,
            meta: start.meta,
            unflushed: Vec::new(),
            waiters: Vec::new(),
            failures: 0,
            panics_seen: background_panics(),
            size: 0,
            size_due: Instant::now(),
            next_tick: Instant::now(),
        }
    }

    pub(super) fn run(mut self) {
        // However this thread ends, nobody may be left waiting for it.
        let ended = Ended(Arc::clone(&self.shared));
        while !self.wait() {
            self.tick();
        }
        let result = self.finish();
        // Ends history's thread; what it has not folded stays in the journal.
        self.feeder = Feeder::new(None, self.durable);
        self.engine.release();
        ended.0.end(result.map_err(|error| error.0));
    }

    /// Waits until there is something to do and the interval has passed; true at the end.
    fn wait(&mut self) -> bool {
        if self.failures > 0 {
            return self.shared.wait(Wait::Attempt(self.next_tick));
        }
        if self.checkpoints.is_resting(&self.image, self.dispensable())
            && self.feeder.is_even(self.durable)
            && self.snapshots.is_resting()
            && self.exports.is_resting()
        {
            if self.shared.wait(Wait::Work) {
                return true;
            }
            // What arrives in the next interval shares a flush with the first.
            self.next_tick = Instant::now() + self.flush_interval;
        }
        self.shared.wait(Wait::Interval(self.next_tick))
    }

    fn tick(&mut self) {
        let began = Instant::now();
        self.next_tick = began + self.flush_interval;
        let result = self.persist().and_then(|()| {
            self.restore_engine()?;
            // Answers need the processor, too.
            let deadline = Instant::now() + self.flush_interval / 2;
            self.advance(Some(deadline))?;
            self.snapshots
                .advance(&self.image, &self.meta, self.durable, Some(deadline));
            self.feeder
                .catch_up(&self.engine, self.durable, Some(deadline))?;
            self.export(deadline);
            Ok(())
        });
        match result {
            Ok(()) => self.worked(),
            Err(error) => self.failed(&error),
        }
    }

    /// Takes what is queued and makes it durable, with whatever else was written before.
    fn persist(&mut self) -> Result<(), EngineError> {
        if self.failures >= FAILURES_BEFORE_REOPEN {
            self.reopen()?;
        }
        self.take()?;
        self.raise_epoch_ceiling()?;
        if let Some(witness) = &mut self.witness {
            let (epochs, ids) = (self.meta.epoch_ceiling, self.image.next_id());
            witness
                .cover(epochs, ids)
                .map_err(|error| EngineError(error.to_string()))?;
        }
        if !self.unflushed.is_empty() || self.checkpoints.unsynced {
            let began = Instant::now();
            for entry in &self.unflushed {
                entry.write(&self.engine)?;
            }
            self.engine.flush()?;
            self.flushed(began.elapsed());
        }
        for waiter in self.waiters.drain(..) {
            // Whoever waited may have given up.
            waiter.send(()).unwrap_or_default();
        }
        Ok(())
    }

    /// Numbers what is queued and puts it into the image. What a failed attempt left goes first,
    /// under the numbers it has.
    fn take(&mut self) -> Result<(), EngineError> {
        if !self.unflushed.is_empty() {
            return Ok(());
        }
        let mut taken = self.shared.take();
        self.waiters.append(&mut taken.waiters);
        let offered = taken.records.len();
        self.unflushed = journal::entries(self.durable, &mut taken.records)?;
        self.shared.refuse((offered - taken.records.len()) as u64);
        let to = self.unflushed.last().map(|entry| entry.sequence);
        let to = to.unwrap_or(self.durable);
        self.feeder.prepare(self.durable, &taken.records, to);
        for record in taken.records.drain(..) {
            if let Record::Change(change) = record {
                self.image.apply(change);
            }
        }
        self.shared.give_back(taken.records);
        Ok(())
    }

    /// Reserves more epochs long before the reserved ones are used up.
    fn raise_epoch_ceiling(&mut self) -> Result<(), EngineError> {
        let upcoming = self.epochs.upcoming().0;
        if upcoming.saturating_add(EPOCHS_RESERVED / 2) > self.durable_epoch_ceiling {
            self.meta.epoch_ceiling = upcoming.saturating_add(EPOCHS_RESERVED);
            self.checkpoints.unsynced = true;
            self.meta.write_start(&self.engine)?;
        }
        Ok(())
    }

    fn flushed(&mut self, took: Duration) {
        self.checkpoints.unsynced = false;
        self.durable_epoch_ceiling = self.meta.epoch_ceiling;
        let mut changes = 0;
        for entry in self.unflushed.drain(..) {
            changes += entry.records;
            self.checkpoints.grew(entry.size());
            self.durable = entry.sequence;
        }
        self.shared.release();
        self.feeder.flushed(self.durable);
        if changes > 0 {
            tracing::debug!(
                target: "peekd::store",
                sequence = self.durable.0,
                changes,
                "flushed",
            );
        }
        self.publish(Health::Ok, Some(Flushed { took, changes }));
    }

    fn advance(&mut self, deadline: Option<Instant>) -> Result<(), EngineError> {
        debug_assert!(self.unflushed.is_empty(), "the journal comes first");
        let dispensable = self.dispensable();
        self.checkpoints.advance(
            &self.engine,
            &mut self.image,
            &mut self.meta,
            self.durable,
            dispensable,
            deadline,
        )
    }

    /// The newest entry that the journal need not keep. While everything is being given out, it
    /// keeps all.
    fn dispensable(&self) -> Option<Sequence> {
        let folded = self.feeder.folded();
        folded.filter(|_| self.exports.is_resting())
    }

    /// Gives out what somebody asked for, as long as the journal has room for what it keeps.
    fn export(&mut self, deadline: Instant) {
        for taker in self.shared.takers() {
            self.exports.begin(taker);
        }
        if !self.exports.is_resting() && self.checkpoints.is_crowded() {
            self.exports.abandon("the journal is full");
        }
        self.exports
            .advance(&self.engine, &self.feeder, self.durable, deadline);
    }

    /// Writing works again, or one of the engine's threads has panicked: its cleaning thread may be
    /// gone for good, so it is started anew.
    fn restore_engine(&mut self) -> Result<(), EngineError> {
        let panics = background_panics();
        if (1..FAILURES_BEFORE_REOPEN).contains(&self.failures) || panics > self.panics_seen {
            self.reopen()?;
            self.panics_seen = panics;
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), EngineError> {
        self.checkpoints.abandon(&mut self.image);
        self.engine.reopen()
    }

    fn worked(&mut self) {
        if self.failures > 0 {
            tracing::info!(target: "peekd::store", "writing works again");
        }
        self.failures = 0;
        self.publish(Health::Ok, None);
    }

    fn failed(&mut self, error: &EngineError) {
        if self.failures == 0 {
            tracing::error!(target: "peekd::store", error = error.0, "writing fails");
        }
        let delay = self.flush_interval * 2_u32.saturating_pow(self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        self.next_tick = Instant::now() + delay.min(RETRY_DELAY_MAX);
        let message = error.0.clone();
        self.publish(Health::Failing { message }, None);
    }

    fn publish(&mut self, health: Health, flushed: Option<Flushed>) {
        if Instant::now() >= self.size_due {
            self.size_due = Instant::now() + SIZE_INTERVAL;
            self.size = self.engine.size();
        }
        let (history_size, history_folded_at) = self.feeder.figures();
        self.shared.publish(Status {
            durable: self.durable,
            health,
            size: self.size,
            history_size,
            history_folded_at,
            flush_last: flushed.map_or(Duration::ZERO, |flushed| flushed.took),
            flushes: flushed.is_some().into(),
            flushed_changes: flushed.map_or(0, |flushed| flushed.changes),
            history_fault: self.feeder.fault(),
            ..Status::default()
        });
    }

    /// The orderly end: everything queued, then a whole checkpoint.
    fn finish(&mut self) -> Result<(), EngineError> {
        let mut result = Ok(());
        for _ in 0..CLOSE_ATTEMPTS {
            result = self.settle();
            match &result {
                Ok(()) => {
                    self.worked();
                    break;
                }
                Err(error) => self.failed(error),
            }
        }
        result
    }

    fn settle(&mut self) -> Result<(), EngineError> {
        // The second time round takes what came while the first attempts failed.
        self.persist()?;
        self.persist()?;
        self.checkpoints.force();
        while !self.checkpoints.is_settled(&self.image) {
            // A cycle that a reopening cut short starts again, without its pause.
            self.checkpoints.force();
            self.advance(None)?;
            self.persist()?;
        }
        self.snapshots.finish(&self.image, &self.meta, self.durable);
        Ok(())
    }
}

/// Tells the handles when the thread ends, by a panic included.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end(Err("the writer's thread broke off".to_owned()));
    }
}
