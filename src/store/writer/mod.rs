//! The handle to the one thread that writes. Recording never waits for the disk.

mod checkpoint;
mod exporting;
mod feeding;
mod thread;

use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::change::Change;
use super::codec::Record;
use super::error::Error;
use super::queue::{Limits, Queue, Taken};
use super::status::Status;
use crate::model::{Clock, EpochCounter};

pub(super) use exporting::{Entry, Portion};
pub(super) use thread::Start;

/// Hands changes to the store's writer. Cheap to clone; when the last clone is dropped the writer
/// ends as after [`Writer::close`], unobserved.
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
    ending: Arc<Ending>,
}

/// What the handle and the thread share.
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    status: watch::Sender<Status>,
    clock: Clock,
}

struct State {
    queue: Queue,
    /// Who wants to be given everything.
    takers: Vec<SyncSender<Portion>>,
    closing: bool,
    /// How the writer ended, once it has.
    closed: Option<Result<(), String>>,
}

/// Ends the writer when nobody can reach it any more.
struct Ending {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer is waiting for.
#[derive(Debug, Clone, Copy)]
enum Wait {
    /// Something to do.
    Work,
    /// The next interval, or somebody who waits for a flush.
    Interval(Instant),
    /// The next attempt after a fault; nobody can hurry it.
    Attempt(Instant),
}

/// Starts the writer's thread.
pub(super) fn start(
    start: Start,
    epochs: Arc<EpochCounter>,
    clock: Clock,
    limits: Limits,
) -> Result<Writer, Error> {
    let status = Status {
        durable: start.durable,
        ..Status::default()
    };
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            queue: Queue::new(limits),
            takers: Vec::new(),
            closing: false,
            closed: None,
        }),
        wake: Condvar::new(),
        status: watch::Sender::new(status),
        clock,
    });
    let worker = thread::Worker::new(start, Arc::clone(&shared), epochs);
    let thread = std::thread::Builder::new()
        .name("store writer".to_owned())
        .spawn(move || worker.run())
        .map_err(|error| Error::Engine(format!("no thread for the writer: {error}")))?;
    Ok(Writer {
        shared: Arc::clone(&shared),
        ending: Arc::new(Ending {
            shared,
            thread: Mutex::new(Some(thread)),
        }),
    })
}

impl Writer {
    /// Takes changes, in order. Never waits for the disk. When more is queued than the bound, older
    /// values give way to newer ones of the same statistic, which [`Status::lost_changes`] counts
    /// and the journal notes. After the end, changes are only counted.
    pub fn record(&self, changes: impl IntoIterator<Item = Change>) {
        // The caller's iterator may be slow or record something itself: not under the lock.
        let changes: Vec<Change> = changes.into_iter().collect();
        let now = self.shared.clock.wall();
        let mut state = self.shared.lock();
        if state.closing {
            state.queue.refuse(changes.len() as u64);
            return;
        }
        let was_empty = state.queue.is_empty();
        for change in changes {
            state.queue.push(change, now);
        }
        let wake = was_empty && !state.queue.is_empty();
        drop(state);
        if wake {
            self.shared.wake.notify_one();
        }
    }

    /// Resolves when everything recorded before the call is on the disk itself. While writing fails
    /// it goes on waiting; [`Writer::status`] tells of that.
    ///
    /// # Errors
    /// [`Error::Closed`] when the writer ended first.
    pub async fn flush(&self) -> Result<(), Error> {
        let (done, durable) = oneshot::channel();
        {
            let mut state = self.shared.lock();
            if state.closing {
                return Err(Error::Closed);
            }
            state.queue.wait(done);
        }
        self.shared.wake.notify_one();
        durable.await.map_err(|_| Error::Closed)
    }

    /// Everything that the store holds, in portions; ends without [`Portion::End`] when the writer
    /// does.
    pub(super) fn export(&self) -> Result<Receiver<Portion>, Error> {
        let (taker, portions) = sync_channel(exporting::PORTIONS_WAITING);
        let mut state = self.shared.lock();
        if state.closing {
            return Err(Error::Closed);
        }
        state.takers.push(taker);
        drop(state);
        self.shared.wake.notify_one();
        Ok(portions)
    }

    /// How writing is going, as it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// Writes everything recorded, a full checkpoint included, and frees the files for another
    /// opener. Blocks; calling it again tells the same result.
    ///
    /// # Errors
    /// The disk refused the last changes; what had been flushed before is safe.
    pub fn close(&self) -> Result<(), Error> {
        self.ending.shared.ask_to_close();
        // Whoever comes second waits here for the first.
        let mut thread = lock(&self.ending.thread);
        let panicked = thread.take().is_some_and(|thread| thread.join().is_err());
        match self.shared.lock().closed.clone() {
            Some(Ok(())) if !panicked => Ok(()),
            Some(Err(message)) => Err(Error::Engine(message)),
            _ => Err(Error::Engine("the writer's thread broke off".to_owned())),
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.shared.status.borrow();
        f.debug_tuple("Writer").field(&*status).finish()
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.shared.ask_to_close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn ask_to_close(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }

    /// Waits as told; true when the writer is to end.
    fn wait(&self, wait: Wait) -> bool {
        let mut state = self.lock();
        loop {
            if state.closing {
                return true;
            }
            let hurry = state.queue.has_waiters();
            let has_work = hurry || !state.queue.is_empty() || !state.takers.is_empty();
            let deadline = match wait {
                Wait::Work if has_work => return false,
                Wait::Interval(_) if hurry => return false,
                Wait::Work => {
                    state = self
                        .wake
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                Wait::Interval(deadline) | Wait::Attempt(deadline) => deadline,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.wake.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn take(&self) -> Taken {
        self.lock().queue.take()
    }

    fn give_back(&self, records: Vec<Record>) {
        self.lock().queue.give_back(records);
    }

    fn takers(&self) -> Vec<SyncSender<Portion>> {
        std::mem::take(&mut self.lock().takers)
    }

    fn refuse(&self, count: u64) {
        self.lock().queue.refuse(count);
    }

    /// Everything taken is durable up to `durable`.
    fn release(&self) {
        self.lock().queue.release();
    }

    /// Tells how things are to whoever watches. Flushes and their changes come as how many there were
    /// since the last time, with how long the last one took.
    fn publish(&self, news: Status) {
        let (lost_changes, queue_len) = {
            let state = self.lock();
            (state.queue.lost_total(), state.queue.len())
        };
        self.status.send_if_modified(|status| {
            let flush_last = match news.flushes {
                0 => status.flush_last,
                _ => news.flush_last,
            };
            let new = Status {
                lost_changes,
                queue_len,
                flushes: status.flushes + news.flushes,
                flushed_changes: status.flushed_changes + news.flushed_changes,
                flush_last,
                flush_max: status.flush_max.max(flush_last),
                ..news
            };
            let modified = *status != new;
            *status = new;
            modified
        });
    }

    /// The thread has ended; nobody may wait for it any more.
    fn end(&self, result: Result<(), String>) {
        let mut state = self.lock();
        state.closing = true;
        state.takers.clear();
        state.closed.get_or_insert(result);
        // Dropping the waiters tells them.
        drop(state.queue.take());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under the lock leaves whole values behind; going on is better than a second panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
