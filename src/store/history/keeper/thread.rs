//! The thread's loop: open, take in, fold what is due, and tidy up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::bucket::BucketV1;
use super::super::config::HistoryConfig;
use super::super::shelf::{Found, Shelf, root_of};
use super::super::tail::{Handoff, Tail};
use super::super::view::View;
use super::super::volume::Volume;
use super::{Shared, Work};
use crate::model::Timestamp;
use crate::store::engine::{Failure, Faults, sync_directory};
use crate::store::error::Error;
use crate::store::status::{Health, Sequence};

/// How often it looks at the clock while nothing happens.
const IDLE_WAIT: Duration = Duration::from_millis(500);
/// Between two attempts when writing or opening fails.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// Rows in memory at most, but for those of one turn.
const TAIL_LEN_MAX: usize = 2_000_000;
/// So many failures in a row, and the volume itself is suspected.
const FAILURES_BEFORE_NEW: u32 = 8;

/// Is told how settling went.
type Waiter = std::sync::mpsc::Sender<Result<(), String>>;

/// What the thread starts from.
pub(super) struct Start {
    pub(super) store: PathBuf,
    pub(super) config: HistoryConfig,
    pub(super) newest: Sequence,
    pub(super) faults: Faults,
    pub(super) shared: Arc<Shared>,
}

/// The thread's own state.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) config: HistoryConfig,
    pub(super) shelf: Shelf,
    pub(super) tail: Tail,
    /// The last instant taken in.
    pub(super) latest: Timestamp,
    /// Replaced, and removed when no reader uses them.
    pub(super) retired: Vec<(Arc<Volume>, Arc<BucketV1>)>,
    pub(super) retired_volumes: Vec<Arc<Volume>>,
    /// Not to be merged: some of their chunks cannot be read, and nothing damaged is deleted.
    pub(super) unmergeable: Vec<super::super::volume::Name>,
    /// Not to be merged before an instant: the last attempt failed.
    pub(super) put_off: Vec<(super::super::volume::Name, Instant)>,
    pub(super) next_bucket: u32,
    /// The volume that is being rewritten, which cannot be dropped meanwhile.
    pub(super) rewriting: Option<super::super::volume::Name>,
    damaged: Vec<String>,
    /// Turns that failed since one last worked.
    failures: u32,
    /// The journal's newest entry at the start, until it was taken in.
    awaited: Option<Sequence>,
    /// Who waits until everything is settled.
    settling: Vec<Waiter>,
}

impl Start {
    pub(super) fn run(self) {
        let shared = Arc::clone(&self.shared);
        if let Some(mut worker) = self.open() {
            worker.run();
        }
        shared.board.close();
    }

    /// Opens history; tried again until it works or the store is closed.
    pub(super) fn open(self) -> Option<Worker> {
        loop {
            match self.attempt() {
                Ok((opened, found)) => return Some(self.begin(opened, found)),
                Err(failure) => self.shared.fail(&failure),
            }
            // What is given meanwhile stays in the journal: nothing is given before `folded` is
            // known.
            if self.shared.pause(RETRY_WAIT) {
                return None;
            }
        }
    }

    fn attempt(&self) -> Result<(Shelf, Found), Failure> {
        let now = self.shared.clock.wall();
        let (opened, mut found) = Shelf::open(&self.store, now, self.faults.clone())?;
        if opened.folded() <= self.newest {
            return Ok((opened, found));
        }
        // Its statistics' numbers are those of another catalogue.
        let (folded, newest) = (opened.folded().0, self.newest.0);
        drop(opened);
        let root = root_of(&self.store);
        let aside = self.store.join(format!("history.set-aside-{}", now.0));
        std::fs::rename(&root, &aside).map_err(|error| Error::io(&root, error))?;
        sync_directory(&self.store)?;
        found.damaged.push(format!(
            "history knows journal entry {folded}, the store none after {newest}: set aside"
        ));
        found.set_aside.push(aside);
        let (fresh, _) = Shelf::open(&self.store, now, self.faults.clone())?;
        Ok((fresh, found))
    }

    fn begin(self, opened: Shelf, found: Found) -> Worker {
        for damage in &found.damaged {
            tracing::error!(target: "peekd::store", damage, "history is damaged");
        }
        let folded = opened.folded();
        let buckets = opened.kept.iter().flat_map(|kept| &kept.buckets);
        let buckets = buckets.inspect(|bucket| self.shared.limits.obey(&bucket.events));
        let latest = buckets.map(|bucket| bucket.latest).max().unwrap_or(0);
        let awaited = (folded < self.newest).then_some(self.newest);
        let worker = Worker {
            shared: self.shared,
            config: self.config,
            next_bucket: opened.next_bucket(),
            shelf: opened,
            tail: Tail::behind(folded),
            latest: Timestamp(latest),
            retired: Vec::new(),
            retired_volumes: Vec::new(),
            unmergeable: Vec::new(),
            put_off: Vec::new(),
            rewriting: None,
            damaged: found.damaged,
            failures: 0,
            awaited,
            settling: Vec::new(),
        };
        worker.shared.status.send_modify(|status| {
            status.health = Health::Ok;
            status.set_aside = found.set_aside;
        });
        worker.show();
        worker.shared.set_folded(folded, worker.latest);
        worker.note_size();
        worker
    }
}

impl Worker {
    fn run(&mut self) {
        loop {
            let wait = if self.failures > 0 {
                RETRY_WAIT
            } else {
                IDLE_WAIT
            };
            let work = self.shared.work(wait, self.has_room());
            if work.closing {
                return;
            }
            let (settled, result) = self.turn(work);
            match &result {
                Ok(()) => {
                    self.failures = 0;
                    self.shared.recover();
                }
                Err(failure) => self.failed(failure),
            }
            for waiter in settled {
                let answer = result.as_ref().map_err(ToString::to_string);
                // Whoever waited may have given up.
                waiter.send(answer.copied()).unwrap_or_default();
            }
        }
    }

    /// Who waited for this turn, and what to tell them.
    fn turn(&mut self, work: Work) -> (Vec<Waiter>, Result<(), Failure>) {
        self.settling.extend(work.settle);
        let is_idle = work.handoffs.is_empty();
        if is_idle && self.awaited.take().is_some() {
            // Less is coming than was promised: what there is must not be kept back for ever.
            self.show();
        }
        self.take_in(work.handoffs);
        // The writer may be reading in the journal what it could not give at once.
        let has_all = self.tail.to >= self.shared.flushed();
        let result = if has_all && !self.settling.is_empty() {
            self.settle()
        } else {
            self.tidy(is_idle)
        };
        if has_all || result.is_err() {
            return (std::mem::take(&mut self.settling), result);
        }
        (Vec::new(), result)
    }

    fn tidy(&mut self, is_idle: bool) -> Result<(), Failure> {
        if self.fold_if_due()? || is_idle {
            self.merge_if_due()?;
            self.retire()?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Failure> {
        self.fold()?;
        self.seal_all()?;
        self.retire()
    }

    /// Whether more may be taken in: while folding fails, the tail must not fill the memory.
    const fn has_room(&self) -> bool {
        self.tail.rows < TAIL_LEN_MAX
    }

    pub(super) fn take_in(&mut self, handoffs: Vec<Handoff>) {
        if handoffs.is_empty() {
            return;
        }
        let reached = handoffs.iter().map(|handoff| handoff.to).max();
        self.awaited = self.awaited.filter(|awaited| reached < Some(*awaited));
        for handoff in handoffs {
            for (id, statistic) in &handoff.registered {
                self.shared.limits.learn(*id, statistic);
            }
            self.shared.limits.obey(&handoff.events);
            let latest = self.latest;
            self.latest = self.latest.max(handoff.latest);
            self.tail.add(handoff, latest);
        }
        self.show();
    }

    /// Goes on taking in and folding in the middle of something long; true when it must end.
    pub(super) fn breathe(&mut self) -> Result<bool, Failure> {
        let work = self.shared.work(Duration::ZERO, self.has_room());
        self.shared.put_back(work.settle);
        self.take_in(work.handoffs);
        if self.fold_if_due()? {
            // A long merge must not let the disk fill.
            self.end_volume_if_over()?;
            self.drop_surplus();
            self.remove_retired()?;
        }
        Ok(work.closing)
    }

    /// Shows the present state to readers; not before the journal's unfolded end is in it, or what
    /// happened last before a restart would seem never to have been.
    pub(super) fn show(&self) {
        if self.awaited.is_some() {
            return;
        }
        self.shared.board.show(View {
            kept: self.shelf.kept.clone(),
            tail: self.tail.clone(),
            damaged: self.damaged.clone(),
        });
    }

    pub(super) fn note_size(&self) {
        let size = self.shelf.size();
        self.shared.status.send_modify(|status| status.size = size);
    }

    pub(super) fn note_damage(&mut self, damaged: Vec<String>) {
        for damage in &damaged {
            tracing::error!(target: "peekd::store", damage, "history is damaged");
        }
        self.damaged.extend(damaged);
    }

    /// The engine refuses for good after an error: what is open is closed and opened anew. Nothing
    /// is set aside while the service runs: a disk that fails for a while makes everything look
    /// damaged.
    fn failed(&mut self, failure: &Failure) {
        self.shared.fail(failure);
        for kept in &self.shelf.kept {
            kept.volume.close();
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures.is_multiple_of(FAILURES_BEFORE_NEW) && self.shelf.begin_volume().is_ok() {
            tracing::warn!(target: "peekd::store", "history goes on in a new volume");
            self.show();
        }
    }
}

impl Shared {
    /// Waits without taking anything; true when the store is being closed.
    fn pause(&self, wait: Duration) -> bool {
        let open = |inbox: &mut super::Inbox| !inbox.closing;
        let waited = self.wake.wait_timeout_while(self.lock(), wait, open);
        let (inbox, _) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
        inbox.closing
    }

    fn put_back(&self, settle: Vec<Waiter>) {
        self.lock().settle.extend(settle);
    }

    fn fail(&self, failure: &Failure) {
        let message = format!("history: {failure}");
        let failing = Health::Failing {
            message: message.clone(),
        };
        self.status.send_if_modified(|status| {
            let news = status.health != failing;
            if news {
                tracing::error!(target: "peekd::store", message, "history cannot be kept");
                status.health = failing.clone();
            }
            news
        });
    }

    fn recover(&self) {
        self.status.send_if_modified(|status| {
            let was_failing = status.health != Health::Ok;
            if was_failing {
                tracing::info!(target: "peekd::store", "history works again");
                status.health = Health::Ok;
            }
            was_failing
        });
    }
}
