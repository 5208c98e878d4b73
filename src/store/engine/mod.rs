//! The only file that calls the storage engine: trees, batches, flushes, and its panics.
//!
//! Knows keys and bytes, nothing of what they mean.

mod faults;
mod ladder;
mod lock;
mod opening;
mod past;
mod quiet;
mod vault;

use std::fs::File;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[cfg(test)]
pub(super) use faults::Fault;
pub(super) use faults::Faults;
pub(super) use ladder::climb;
pub(super) use opening::{Access, Failure, NOW, Place, make_directory, sync_directory};
pub(super) use past::{Ceilings, Witness, given};
pub(super) use quiet::{background_panics, catch};
pub(super) use vault::{Drawer, Vault, size_of};

/// What the engine said, or what it panicked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EngineError(pub(super) String);

impl From<sled::Error> for EngineError {
    fn from(error: sled::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for EngineError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// The trees of schema 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tree {
    Meta,
    Catalogue,
    Last,
    Journal,
}

/// An open store.
pub(super) struct Engine {
    place: Place,
    faults: Faults,
    schema: u32,
    /// Bytes handed over since the last flush.
    in_flight: AtomicUsize,
    /// Empty between a failed reopening and the next.
    handles: Option<Handles>,
}

struct Handles {
    db: sled::Db,
    meta: sled::Tree,
    catalogue: sled::Tree,
    last: sled::Tree,
    journal: sled::Tree,
    /// The engine's file, opened once more: its own flush ends in `sync_file_range`, which a power
    /// cut may undo.
    file: Option<File>,
}

/// More than this is never left to the engine's own threads. Its eight writing threads and the one
/// that hands them work wait for each other for ever when eight of its 512 KiB buffers are under way
/// and it has just cut its file short; what is handed over grows about threefold in its buffers.
const IN_FLIGHT_MAX: usize = 256 * 1024;
/// How long closing waits for the engine to let go of its files.
const RELEASE_WAIT_MAX: Duration = Duration::from_secs(5);

impl Engine {
    /// Whether what is written survives the process.
    pub(super) const fn is_on_disk(&self) -> bool {
        matches!(self.place, Place::Disk(_))
    }

    /// Bytes on the disk.
    pub(super) fn size(&self) -> u64 {
        match &self.place {
            Place::Disk(path) => size_of(path),
            Place::Memory => 0,
        }
    }

    pub(super) const fn schema(&self) -> u32 {
        self.schema
    }

    /// Puts one value under a key.
    pub(super) fn insert(&self, tree: Tree, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        self.make_room(key.len() + value.len())?;
        self.call("insert", |handles| {
            handles.tree(tree).insert(key, value)?;
            Ok(())
        })
    }

    /// Inserts and removes together: after a crash either all or nothing of it is there.
    pub(super) fn replace<'a>(
        &self,
        tree: Tree,
        insert: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        remove: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<(), EngineError> {
        let mut batch = sled::Batch::default();
        let mut size = 0;
        for (key, value) in insert {
            size += key.len() + value.len();
            batch.insert(key, value);
        }
        for key in remove {
            size += key.len();
            batch.remove(key);
        }
        self.make_room(size)?;
        self.call("replace", |handles| {
            handles.tree(tree).apply_batch(batch)?;
            Ok(())
        })
    }

    /// Removes a key, if it is there.
    pub(super) fn remove(&self, tree: Tree, key: &[u8]) -> Result<(), EngineError> {
        self.call("remove", |handles| {
            handles.tree(tree).remove(key)?;
            Ok(())
        })
    }

    /// Shows keys and values from `from` on, in order, until told to stop.
    pub(super) fn scan(
        &self,
        tree: Tree,
        from: &[u8],
        mut show: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        self.call("scan", |handles| {
            let tree = handles.tree(tree);
            for item in tree.range(from..) {
                let (key, value) = item?;
                // The engine lets go of pages it has read only when it has been asked for 64 of a 256th
                // of them. A scan asks for each page once, and so would leave all of them in memory.
                tree.get(&key)?;
                if show(&key, &value).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// The last key of a tree.
    pub(super) fn last_key(&self, tree: Tree) -> Result<Option<Vec<u8>>, EngineError> {
        self.call("last key", |handles| {
            Ok(handles.tree(tree).last()?.map(|(key, _)| key.to_vec()))
        })
    }

    /// Returns when everything written before is on the disk itself.
    pub(super) fn flush(&self) -> Result<(), EngineError> {
        self.hand_over()?;
        self.call("sync", |handles| {
            if let Some(file) = &handles.file {
                file.sync_data()?;
            }
            Ok(())
        })
    }

    /// Waits until what was handed over before is with the system, if there is too much of it.
    fn make_room(&self, size: usize) -> Result<(), EngineError> {
        if self.in_flight.load(Ordering::Relaxed) + size > IN_FLIGHT_MAX {
            self.hand_over()?;
        }
        self.in_flight.fetch_add(size, Ordering::Relaxed);
        Ok(())
    }

    fn hand_over(&self) -> Result<(), EngineError> {
        self.in_flight.store(0, Ordering::Relaxed);
        self.call("flush", |handles| {
            handles.db.flush()?;
            Ok(())
        })
    }

    /// Lets go of the files and takes them up again: after an error the engine refuses everything
    /// for good, and its own cleaning thread may have ended. A store in memory stays as it is.
    pub(super) fn reopen(&mut self) -> Result<(), EngineError> {
        if matches!(self.place, Place::Memory) {
            return Ok(());
        }
        self.faults.check("reopen")?;
        self.release();
        let engine = Self::open(self.place.clone(), Access::Serve, self.faults.clone());
        self.handles = engine?.handles.take();
        Ok(())
    }

    /// Closes the files and frees the lock.
    pub(super) fn release(&mut self) {
        if let Some(handles) = self.handles.take() {
            release(handles);
        }
    }

    /// Every call goes through here: tests' faults, the engine's errors and its panics become one
    /// kind of error.
    fn call<T>(
        &self,
        name: &str,
        work: impl FnOnce(&Handles) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let handles = self.handles.as_ref();
        let handles = handles.ok_or_else(|| EngineError("the store is not open".to_owned()))?;
        catch(|| {
            self.faults.check(name)?;
            work(handles)
        })
        .unwrap_or_else(|message| Err(EngineError(format!("the engine panicked: {message}"))))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.release();
    }
}

impl Handles {
    const fn tree(&self, tree: Tree) -> &sled::Tree {
        match tree {
            Tree::Meta => &self.meta,
            Tree::Catalogue => &self.catalogue,
            Tree::Last => &self.last,
            Tree::Journal => &self.journal,
        }
    }
}

/// Closes the files and frees the lock. Bounded: an engine whose thread has died waits for it for
/// ever, so the waiting happens elsewhere.
fn release<T: Send + 'static>(handles: T) {
    let (done, released) = mpsc::channel::<()>();
    let dropping = thread::Builder::new().name("store release".to_owned());
    let spawned = dropping.spawn(move || {
        if let Err(message) = catch(|| drop(handles)) {
            tracing::warn!(target: "peekd::store", message, "the engine did not close cleanly");
        }
        drop(done);
    });
    // The sender is only ever dropped, so the wait ends in "disconnected" or in a time-out.
    let waited = released.recv_timeout(RELEASE_WAIT_MAX);
    if spawned.is_err() || waited == Err(mpsc::RecvTimeoutError::Timeout) {
        tracing::warn!(target: "peekd::store", "the engine does not let go of its files");
    }
}
