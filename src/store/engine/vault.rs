//! The engine as history uses it: a directory with two trees, written by one thread and read by any.
//!
//! Unlike [`super::Engine`] it is never reopened in place: a vault that fails is left and another
//! is opened.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::opening::{engine_failure, make_directory, sync_files, wait_for_lock};
use super::{EngineError, Failure, Faults, IN_FLIGHT_MAX, quiet, release};
use crate::store::error::Error;

/// The trees of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Drawer {
    /// What lies in the other, and what is complete.
    Facts,
    Chunks,
}

/// An open directory of history. Readers may use it while its one writer goes on.
pub(in crate::store) struct Vault {
    faults: Faults,
    /// Bytes handed over since the last flush; only the writer counts.
    in_flight: AtomicUsize,
    /// Empty only while being dropped.
    handles: Option<Handles>,
}

struct Handles {
    facts: sled::Tree,
    chunks: sled::Tree,
    file: File,
    db: sled::Db,
}

/// Several vaults are open at once, and chunks are read in their order.
const CACHE_CAPACITY: u64 = 8 * 1024 * 1024;
const FLUSH_EVERY_MS: u64 = 500;

impl Vault {
    /// Opens a directory, making it if it is missing.
    pub(in crate::store) fn open(path: &Path, faults: Faults) -> Result<Self, Failure> {
        make_directory(path)?;
        let opened = quiet::catch(|| {
            faults.check("open vault")?;
            open(path)
        });
        match opened {
            Ok(Ok(handles)) => Ok(Self {
                faults,
                in_flight: AtomicUsize::new(0),
                handles: Some(handles),
            }),
            Ok(Err(failure)) => Err(failure),
            Err(message) => Err(Failure::Damaged(format!("the engine panicked: {message}"))),
        }
    }

    /// Puts one value under a key.
    pub(in crate::store) fn insert(
        &self,
        drawer: Drawer,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), EngineError> {
        let size = key.len() + value.len();
        if self.in_flight.fetch_add(size, Ordering::Relaxed) + size > IN_FLIGHT_MAX {
            self.in_flight.store(size, Ordering::Relaxed);
            self.call("flush vault", |handles| {
                handles.db.flush()?;
                Ok(())
            })?;
        }
        self.call("insert chunk", |handles| {
            handles.tree(drawer).insert(key, value)?;
            Ok(())
        })
    }

    /// Removes a key, if it is there.
    pub(in crate::store) fn remove(&self, drawer: Drawer, key: &[u8]) -> Result<(), EngineError> {
        self.call("remove chunk", |handles| {
            handles.tree(drawer).remove(key)?;
            Ok(())
        })
    }

    /// Shows keys and values from `from` on, in order, until told to stop.
    pub(in crate::store) fn scan(
        &self,
        drawer: Drawer,
        from: &[u8],
        mut show: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        self.call("scan chunks", |handles| {
            for item in handles.tree(drawer).range(from..) {
                let (key, value) = item?;
                if show(&key, &value).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// The last key before `key`.
    pub(in crate::store) fn key_before(
        &self,
        drawer: Drawer,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, EngineError> {
        self.call("find chunk", |handles| {
            let found = handles.tree(drawer).get_lt(key)?;
            Ok(found.map(|(key, _)| key.to_vec()))
        })
    }

    /// Returns when everything written before is on the disk itself.
    pub(in crate::store) fn flush(&self) -> Result<(), EngineError> {
        self.in_flight.store(0, Ordering::Relaxed);
        self.call("sync vault", |handles| {
            handles.db.flush()?;
            handles.file.sync_data()?;
            Ok(())
        })
    }

    fn call<T>(
        &self,
        name: &str,
        work: impl FnOnce(&Handles) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let handles = self.handles.as_ref();
        let handles = handles.ok_or_else(|| EngineError("the vault is not open".to_owned()))?;
        quiet::catch(|| {
            self.faults.check(name)?;
            work(handles)
        })
        .unwrap_or_else(|message| Err(EngineError(format!("the engine panicked: {message}"))))
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        if let Some(handles) = self.handles.take() {
            release(handles);
        }
    }
}

impl Handles {
    const fn tree(&self, drawer: Drawer) -> &sled::Tree {
        match drawer {
            Drawer::Facts => &self.facts,
            Drawer::Chunks => &self.chunks,
        }
    }
}

fn open(path: &Path) -> Result<Handles, Failure> {
    let config = sled::Config::new()
        .cache_capacity(CACHE_CAPACITY)
        .flush_every_ms(Some(FLUSH_EVERY_MS));
    let db = wait_for_lock(path, &config.path(path))?;
    sync_files(path)?;
    let file = path.join("db");
    let file = File::options()
        .read(true)
        .write(true)
        .open(&file)
        .map_err(|error| Failure::Final(Error::io(&file, error)))?;
    let tree = |name: &str| db.open_tree(name).map_err(engine_failure);
    Ok(Handles {
        facts: tree("facts")?,
        chunks: tree("chunks")?,
        file,
        db,
    })
}

/// Bytes of all files below a directory, as far as they can be seen.
pub(in crate::store) fn size_of(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = fs::read_dir(path) else {
        return 0;
    };
    let sizes = entries.flatten().filter_map(|entry| {
        let data = entry.metadata().ok()?;
        Some(if data.is_dir() {
            size_of(&entry.path())
        } else {
            // What it takes, not how long it says it is.
            data.blocks() * 512
        })
    });
    sizes.sum()
}
