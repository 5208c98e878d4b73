//! A volume: one directory of the engine with some buckets, dropped and rewritten as a whole.
//!
//! That is how space comes back to the system although the engine itself returns none.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bucket::{BucketV1, ChunkKey, FACT_PREFIX};
use crate::store::codec::{self, Assembler, Joined};
use crate::store::engine::{Drawer, EngineError, Failure, Faults, Vault, size_of};
use crate::store::error::Error;

/// A volume's number, and how often it was rewritten. Its directory is called `000007.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) number: u32,
    pub(super) pass: u32,
}

impl Name {
    /// Reads a directory's name; `None` for any other.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (number, pass) = text.split_once('.')?;
        Some(Self {
            number: number.parse().ok()?,
            pass: pass.parse().ok()?,
        })
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:06}.{}", self.number, self.pass)
    }
}

/// One directory. Its engine is opened when it is first needed, and closed when told.
pub(super) struct Volume {
    pub(super) name: Name,
    path: PathBuf,
    faults: Faults,
    vault: Mutex<Option<Arc<Vault>>>,
    /// Turns of the keeper since it was last used.
    rested: AtomicU32,
}

/// About a minute.
const TURNS_OPEN: u32 = 120;

/// The key of the fact that a volume was made whole: an empty one is not mistaken for a lost one.
pub(super) const WHOLE: &[u8] = b"whole";

impl Volume {
    /// The volume in a directory that may or may not exist.
    pub(super) fn at(path: PathBuf, name: Name, faults: Faults) -> Self {
        Self {
            name,
            path,
            faults,
            vault: Mutex::new(None),
            rested: AtomicU32::new(0),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The open engine.
    pub(super) fn vault(&self) -> Result<Arc<Vault>, Failure> {
        self.rested.store(0, Ordering::Relaxed);
        let mut vault = self.lock();
        if let Some(open) = &*vault {
            return Ok(Arc::clone(open));
        }
        let open = Arc::new(Vault::open(&self.path, self.faults.clone())?);
        *vault = Some(Arc::clone(&open));
        Ok(open)
    }

    /// Lets go of the engine; whoever reads keeps it until the end of the reading.
    pub(super) fn close(&self) {
        // Dropped outside the lock: closing takes its time.
        let vault = self.lock().take();
        drop(vault);
    }

    /// Closes what nobody has used for a while; called now and then.
    pub(super) fn rest(&self) {
        let rested = self.rested.fetch_add(1, Ordering::Relaxed);
        if rested == TURNS_OPEN {
            self.close();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Vault>>> {
        self.vault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes in an empty volume that it is one.
    pub(super) fn mark_whole(&self) -> Result<(), Failure> {
        let vault = self.vault()?;
        for part in codec::seal(WHOLE, &[]).map_err(EngineError)? {
            vault.insert(Drawer::Facts, &part.key, &part.value)?;
        }
        Ok(vault.flush()?)
    }

    /// Reads which buckets there are, in the order of the journal. What a merge replaced and what a
    /// crash left is left out.
    pub(super) fn read_buckets(
        &self,
        damage: &mut Vec<String>,
    ) -> Result<Vec<Arc<BucketV1>>, Failure> {
        let vault = self.vault()?;
        let mut whole = false;
        let mut buckets: Vec<BucketV1> = Vec::new();
        each_value(&vault, Drawer::Facts, &[], |fact| {
            if fact.prefix == WHOLE {
                whole = true;
            } else if fact.prefix.starts_with(FACT_PREFIX) {
                let payload = fact.payload.and_then(|payload| codec::read(&payload));
                match payload {
                    Ok(bucket) => buckets.push(bucket),
                    Err(fault) => damage.push(format!("{}: a bucket: {fault}", self.name)),
                }
            } else {
                damage.push(format!("{}: an unknown fact", self.name));
            }
        })?;
        if !whole {
            // The engine opens some damaged files as if they were empty.
            let what = format!("history's volume {} opens empty", self.name);
            return Err(Failure::Damaged(what));
        }
        let replaced = |bucket: &BucketV1| buckets.iter().any(|newer| newer.supersedes(bucket));
        let mut valid: Vec<BucketV1> = buckets
            .iter()
            .filter(|bucket| !replaced(bucket))
            .cloned()
            .collect();
        valid.sort_by_key(|bucket| bucket.to);
        Ok(valid.into_iter().map(Arc::new).collect())
    }

    /// Removes what lies in the volume and belongs to none of its buckets.
    pub(super) fn remove_leftovers(&self, buckets: &[Arc<BucketV1>]) -> Result<(), Failure> {
        let vault = self.vault()?;
        let known = |number: u32| buckets.iter().any(|bucket| bucket.number == number);
        let mut from = Vec::new();
        loop {
            let mut found = None;
            vault.scan(Drawer::Chunks, &from, |key, _| {
                found = Some(ChunkKey::read(key).map(|key| key.bucket));
                ControlFlow::Break(())
            })?;
            let Some(Some(bucket)) = found else {
                break;
            };
            if !known(bucket) {
                self.remove_chunks(bucket, &mut || false)?;
            }
            let Some(next) = bucket.checked_add(1) else {
                break;
            };
            from = next.to_be_bytes().to_vec();
        }
        let mut facts = Vec::new();
        vault.scan(Drawer::Facts, FACT_PREFIX, |key, _| {
            let number = key.get(FACT_PREFIX.len()..);
            let number = number.and_then(|number| number.first_chunk::<4>());
            if number.is_some_and(|number| !known(u32::from_be_bytes(*number))) {
                facts.push(key.to_vec());
            }
            if key.starts_with(FACT_PREFIX) {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        for key in facts {
            vault.remove(Drawer::Facts, &key)?;
        }
        Ok(())
    }

    /// Removes a bucket that no reader uses, its fact first; true when it is gone as a whole.
    pub(super) fn remove_bucket(
        &self,
        bucket: &BucketV1,
        stop: &mut dyn FnMut() -> bool,
    ) -> Result<bool, Failure> {
        let vault = self.vault()?;
        let mut facts = Vec::new();
        let prefix = bucket.fact_key();
        vault.scan(Drawer::Facts, &prefix, |key, _| {
            if !key.starts_with(&prefix) {
                return ControlFlow::Break(());
            }
            facts.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        for key in facts {
            vault.remove(Drawer::Facts, &key)?;
        }
        self.remove_chunks(bucket.number, stop)
    }

    fn remove_chunks(&self, bucket: u32, stop: &mut dyn FnMut() -> bool) -> Result<bool, Failure> {
        let vault = self.vault()?;
        loop {
            let mut keys = Vec::new();
            vault.scan(Drawer::Chunks, &bucket.to_be_bytes(), |key, _| {
                let same = ChunkKey::read(key).is_some_and(|key| key.bucket == bucket);
                if !same || keys.len() >= REMOVALS_MAX {
                    return ControlFlow::Break(());
                }
                keys.push(key.to_vec());
                ControlFlow::Continue(())
            })?;
            if keys.is_empty() {
                return Ok(true);
            }
            if stop() {
                return Ok(false);
            }
            for key in keys {
                vault.remove(Drawer::Chunks, &key)?;
            }
        }
    }

    /// Bytes on the disk.
    pub(super) fn size(&self) -> u64 {
        size_of(&self.path)
    }

    /// Removes the directory; a crash leaves it under a name that is never opened.
    pub(super) fn remove(&self) -> Result<(), Error> {
        self.close();
        let dropped = self.path.with_file_name(format!("{}{DROPPED}", self.name));
        fs::rename(&self.path, &dropped).map_err(|error| Error::io(&self.path, error))?;
        fs::remove_dir_all(&dropped).map_err(|error| Error::io(&dropped, error))
    }
}

/// Keys removed between two looks at whether to stop.
const REMOVALS_MAX: usize = 256;
/// What the name of a directory being removed ends in.
pub(super) const DROPPED: &str = ".dropped";
/// What the name of a directory being written ends in.
pub(super) const BUILDING: &str = ".building";

/// Shows every value of a drawer from `from` on, put together from its parts.
pub(super) fn each_value(
    vault: &Vault,
    drawer: Drawer,
    from: &[u8],
    mut show: impl FnMut(Joined),
) -> Result<(), EngineError> {
    let mut assembler = Assembler::default();
    vault.scan(drawer, from, |key, value| {
        if let Some(joined) = assembler.push(key, value) {
            show(joined);
        }
        ControlFlow::Continue(())
    })?;
    if let Some(joined) = assembler.finish() {
        show(joined);
    }
    Ok(())
}
