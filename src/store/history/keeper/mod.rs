//! The handle to the one thread that keeps history: what the writer gives it, and what it tells.

mod folding;
mod merging;
mod retiring;
#[cfg(test)]
mod tests;
mod thread;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::limits::Limits;
use super::reading::Offline;
use super::tail::Handoff;
use super::view::Board;
use super::{History, HistoryStatus};
use crate::model::{Clock, Statistic, StatisticId, Timestamp};
use crate::store::Config;
use crate::store::engine::Faults;
use crate::store::error::Error;
use crate::store::status::{Health, Sequence};

/// Rows that wait to be taken in, at most. Beyond, the writer reads them from the journal later.
const INBOX_LEN_MAX: usize = 1_000_000;
/// No journal entry: history is not open yet.
const NOT_OPEN: u64 = u64::MAX;

/// Ends the thread when dropped, and waits for it.
pub(in crate::store) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the handles and the thread share.
pub(super) struct Shared {
    inbox: Mutex<Inbox>,
    wake: Condvar,
    /// The newest journal entry on history's disk, or [`NOT_OPEN`].
    folded: AtomicU64,
    /// The newest journal entry on the disk itself.
    flushed: AtomicU64,
    status: watch::Sender<HistoryStatus>,
    pub(super) board: Board,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
}

#[derive(Default)]
struct Inbox {
    queue: VecDeque<Handoff>,
    len: usize,
    closing: bool,
    /// Who wants everything folded and merged now.
    settle: Vec<mpsc::Sender<Result<(), String>>>,
}

impl Keeper {
    /// Starts the thread, which opens history by itself. `newest` is the newest journal entry: a
    /// history that knows newer ones belongs to another store.
    pub(in crate::store) fn start(
        config: &Config,
        newest: Sequence,
        clock: &Clock,
        faults: &Faults,
    ) -> Result<(Self, History), Error> {
        let shared = Arc::new(Shared {
            inbox: Mutex::default(),
            wake: Condvar::new(),
            folded: AtomicU64::new(NOT_OPEN),
            flushed: AtomicU64::new(newest.0),
            status: watch::Sender::new(HistoryStatus::default()),
            board: Board::default(),
            limits: Limits::new(config.history.clone()),
            clock: clock.clone(),
        });
        let worker = thread::Start {
            store: config.path.clone(),
            config: config.history.clone(),
            newest,
            faults: faults.clone(),
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name("store history".to_owned())
            .spawn(move || worker.run())
            .map_err(|error| Error::Engine(format!("no thread for history: {error}")))?;
        let history = History::new(Arc::clone(&shared));
        let thread = Some(thread);
        Ok((Self { shared, thread }, history))
    }

    /// The newest journal entry on history's disk; `None` while that is not known.
    pub(in crate::store) fn folded(&self) -> Option<Sequence> {
        let folded = self.shared.folded.load(Ordering::Acquire);
        (folded != NOT_OPEN).then_some(Sequence(folded))
    }

    /// Tells how far the journal is on the disk itself: whoever wants everything settled waits until
    /// that was given, too.
    pub(in crate::store) fn note_flushed(&self, durable: Sequence) {
        self.shared.flushed.store(durable.0, Ordering::Release);
    }

    /// Whether more rows may be given.
    pub(in crate::store) fn has_room(&self) -> bool {
        self.shared.lock().len < INBOX_LEN_MAX
    }

    /// Takes rows whose journal entries are on the disk itself, in their order.
    pub(in crate::store) fn give(&self, handoff: Handoff) {
        let mut inbox = self.shared.lock();
        inbox.len += handoff.len();
        inbox.queue.push_back(handoff);
        drop(inbox);
        self.shared.wake.notify_one();
    }

    /// Tells of a statistic known from earlier runs.
    pub(in crate::store) fn learn(&self, id: StatisticId, statistic: &Statistic) {
        self.shared.limits.learn(id, statistic);
    }

    /// Bytes on the disk, and the latest instant in what is folded.
    pub(in crate::store) fn figures(&self) -> (u64, Option<Timestamp>) {
        let status = self.shared.status.borrow();
        (status.size, status.folded_at)
    }

    /// History as it is now; what it shows stays on the disk as long as it is held. `None` while
    /// it is being opened.
    pub(in crate::store) fn freeze(&self) -> Option<History> {
        let view = self.shared.board.now()?;
        Some(History::offline(Offline { view }))
    }

    /// What is wrong with history, in words.
    pub(in crate::store) fn fault(&self) -> Option<String> {
        let status = self.shared.status.borrow();
        if let Health::Failing { message } = &status.health {
            return Some(message.clone());
        }
        let aside = status.set_aside.first()?;
        Some(format!(
            "damaged history was set aside as {}",
            aside.display()
        ))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(target: "peekd::store", "history's thread broke off");
        }
    }
}

/// What the thread does next.
struct Work {
    handoffs: Vec<Handoff>,
    settle: Vec<mpsc::Sender<Result<(), String>>>,
    closing: bool,
}

impl Shared {
    /// Waits for something to do, at most `wait`. Without room, rows are left where they are: the
    /// inbox fills, and then the writer leaves them to the journal.
    fn work(&self, wait: Duration, has_room: bool) -> Work {
        let idle = |inbox: &mut Inbox| {
            let has_rows = has_room && !inbox.queue.is_empty();
            !has_rows && inbox.settle.is_empty() && !inbox.closing
        };
        let waited = self.wake.wait_timeout_while(self.lock(), wait, idle);
        let (mut inbox, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let handoffs = if has_room {
            inbox.len = 0;
            inbox.queue.drain(..).collect()
        } else {
            Vec::new()
        };
        Work {
            handoffs,
            settle: std::mem::take(&mut inbox.settle),
            closing: inbox.closing,
        }
    }

    fn flushed(&self) -> Sequence {
        Sequence(self.flushed.load(Ordering::Acquire))
    }

    fn is_closing(&self) -> bool {
        self.lock().closing
    }

    fn set_folded(&self, folded: Sequence, at: Timestamp) {
        self.folded.store(folded.0, Ordering::Release);
        self.status.send_modify(|status| {
            status.folded = folded;
            status.folded_at = (at.0 > 0).then_some(at);
        });
    }

    pub(super) fn status(&self) -> watch::Receiver<HistoryStatus> {
        self.status.subscribe()
    }

    /// Asks for everything flushed to be folded and merged; answered through the receiver.
    pub(super) fn ask_to_settle(&self) -> Result<mpsc::Receiver<Result<(), String>>, Error> {
        let (done, settled) = mpsc::channel();
        let mut inbox = self.lock();
        if inbox.closing {
            return Err(Error::Closed);
        }
        inbox.settle.push(done);
        drop(inbox);
        self.wake.notify_one();
        Ok(settled)
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
