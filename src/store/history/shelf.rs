//! All volumes of a store's history, oldest first; the last takes what is folded.
//!
//! Finishes at opening what a crash interrupted, and sets damaged volumes aside.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::bucket::BucketV1;
use super::volume::{BUILDING, DROPPED, Name, Volume};
use crate::model::Timestamp;
use crate::store::engine::{Failure, Faults, make_directory, size_of, sync_directory};
use crate::store::error::Error;
use crate::store::status::Sequence;

/// A volume and what counts of it.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) volume: Arc<Volume>,
    pub(super) buckets: Vec<Arc<BucketV1>>,
}

/// The volumes.
pub(super) struct Shelf {
    store: PathBuf,
    root: PathBuf,
    faults: Faults,
    pub(super) kept: Vec<Kept>,
    /// The next volume's number.
    next: u32,
}

/// What opening found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What could not be read.
    pub(super) damaged: Vec<String>,
    /// Where damaged volumes were moved.
    pub(super) set_aside: Vec<PathBuf>,
}

/// The directory of a store's history.
pub(super) fn root_of(store: &Path) -> PathBuf {
    store.join("history")
}

const SET_ASIDE: &str = "history.set-aside-";
/// How often a volume is tried before it is called damaged, and the pause between.
const OPEN_ATTEMPTS: u32 = 3;
const OPEN_PAUSE: Duration = Duration::from_millis(100);

impl Shelf {
    /// Opens everything, to write to it.
    pub(super) fn open(
        store: &Path,
        now: Timestamp,
        faults: Faults,
    ) -> Result<(Self, Found), Failure> {
        let root = root_of(store);
        make_directory(&root)?;
        let mut shelf = Self::empty(store, faults);
        let mut found = Found::default();
        for leftover in directories(&root, |name| {
            name.ends_with(DROPPED) || name.ends_with(BUILDING)
        })? {
            fs::remove_dir_all(&leftover).map_err(|error| Error::io(&leftover, error))?;
        }
        let mut names = names(&root)?;
        while let Some(name) = names.pop() {
            shelf.next = shelf.next.max(name.number.saturating_add(1));
            let Some(kept) = shelf.open_volume(name, now, &mut found)? else {
                continue;
            };
            // An older form that its rewriting outlived.
            for older in names.extract_if(.., |older| older.number == name.number) {
                shelf.volume(older).remove()?;
            }
            shelf.kept.push(kept);
        }
        shelf.kept.reverse();
        Ok((shelf, found))
    }

    /// Opens everything, to look at it: changes no file name and sets nothing aside.
    pub(super) fn look(store: &Path) -> Result<(Self, Found), Failure> {
        let root = root_of(store);
        let mut shelf = Self::empty(store, Faults::default());
        let mut found = Found::default();
        if !root.is_dir() {
            return Ok((shelf, found));
        }
        let mut names = names(&root)?;
        while let Some(name) = names.pop() {
            let volume = shelf.volume(name);
            match volume.read_buckets(&mut found.damaged) {
                Ok(buckets) => {
                    names.retain(|older| older.number != name.number);
                    shelf.kept.push(Kept { volume, buckets });
                }
                Err(Failure::Damaged(what)) => found.damaged.push(format!("{name}: {what}")),
                Err(failure) => return Err(failure),
            }
        }
        shelf.kept.reverse();
        Ok((shelf, found))
    }

    fn empty(store: &Path, faults: Faults) -> Self {
        Self {
            store: store.to_owned(),
            root: root_of(store),
            faults,
            kept: Vec::new(),
            next: 1,
        }
    }

    fn volume(&self, name: Name) -> Arc<Volume> {
        let path = self.root.join(name.to_string());
        Arc::new(Volume::at(path, name, self.faults.clone()))
    }

    fn open_volume(
        &self,
        name: Name,
        now: Timestamp,
        found: &mut Found,
    ) -> Result<Option<Kept>, Failure> {
        let volume = self.volume(name);
        let read = |damaged: &mut Vec<String>| {
            damaged.clear();
            let buckets = volume.read_buckets(damaged)?;
            volume.remove_leftovers(&buckets)?;
            Ok(buckets)
        };
        let mut damaged = Vec::new();
        let mut buckets = read(&mut damaged);
        for _ in 1..OPEN_ATTEMPTS {
            if !matches!(buckets, Err(Failure::Damaged(_))) {
                break;
            }
            // A disk that fails for a moment makes what is whole look damaged.
            volume.close();
            std::thread::park_timeout(OPEN_PAUSE);
            buckets = read(&mut damaged);
        }
        found.damaged.append(&mut damaged);
        match buckets {
            Ok(buckets) => {
                volume.close();
                Ok(Some(Kept { volume, buckets }))
            }
            Err(Failure::Damaged(what)) => {
                found.damaged.push(format!("{name}: {what}"));
                found.set_aside.push(self.set_aside(&volume, now)?);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Moves a damaged volume beside the store, under a name that says so.
    pub(super) fn set_aside(&self, volume: &Volume, now: Timestamp) -> Result<PathBuf, Error> {
        volume.close();
        let aside = format!("{SET_ASIDE}{}-{}", now.0, volume.name);
        let aside = self.store.join(aside);
        fs::rename(volume.path(), &aside).map_err(|error| Error::io(volume.path(), error))?;
        tracing::error!(
            target: "peekd::store",
            set_aside = %aside.display(),
            "a damaged volume of history was set aside",
        );
        Ok(aside)
    }

    /// The newest journal entry that history holds.
    pub(super) fn folded(&self) -> Sequence {
        let buckets = self.kept.iter().flat_map(|kept| &kept.buckets);
        let newest = buckets.map(|bucket| bucket.last_sequence()).max();
        newest.unwrap_or_default()
    }

    /// The volume that takes what is folded; made if the last one is closed.
    pub(super) fn current(&mut self) -> Result<&mut Kept, Failure> {
        let is_open = |kept: &Kept| kept.volume.name.pass == 0;
        if !self.kept.last().is_some_and(is_open) {
            self.begin_volume()?;
        }
        let last = self.kept.last_mut();
        last.ok_or_else(|| Failure::Damaged("history has no volume".to_owned()))
    }

    /// Starts a new volume behind the others.
    pub(super) fn begin_volume(&mut self) -> Result<(), Failure> {
        let name = Name {
            number: self.next,
            pass: 0,
        };
        let draft = self.draft(name)?;
        let volume = self.publish(&draft)?;
        self.next += 1;
        self.kept.push(Kept {
            volume,
            buckets: Vec::new(),
        });
        Ok(())
    }

    /// A fresh volume under a name that is never opened.
    pub(super) fn draft(&self, name: Name) -> Result<Volume, Failure> {
        let building = self.root.join(format!("{name}{BUILDING}"));
        if building.exists() {
            fs::remove_dir_all(&building).map_err(|error| Error::io(&building, error))?;
        }
        let draft = Volume::at(building, name, self.faults.clone());
        draft.mark_whole()?;
        Ok(draft)
    }

    /// Gives a draft its own name: the volume is there as a whole or not at all.
    pub(super) fn publish(&self, draft: &Volume) -> Result<Arc<Volume>, Failure> {
        draft.close();
        sync_directory(draft.path())?;
        let volume = self.volume(draft.name);
        fs::rename(draft.path(), volume.path()).map_err(|error| Error::io(draft.path(), error))?;
        sync_directory(&self.root)?;
        Ok(volume)
    }

    /// A number greater than that of any bucket.
    pub(super) fn next_bucket(&self) -> u32 {
        let buckets = self.kept.iter().flat_map(|kept| &kept.buckets);
        let greatest = buckets.map(|bucket| bucket.number).max();
        greatest.map_or(0, |number| number.saturating_add(1))
    }

    /// Bytes on the disk, volumes being written or removed included.
    pub(super) fn size(&self) -> u64 {
        size_of(&self.root)
    }
}

/// Removes a draft that came to nothing.
pub(super) fn discard(draft: &Volume) -> Result<(), Failure> {
    draft.close();
    let removed = fs::remove_dir_all(draft.path());
    Ok(removed.map_err(|error| Error::io(draft.path(), error))?)
}

/// The volumes' names, ascending.
fn names(root: &Path) -> Result<Vec<Name>, Error> {
    let mut names: Vec<Name> = directories(root, |name| Name::read(name).is_some())?
        .iter()
        .filter_map(|path| Name::read(&path.file_name()?.to_string_lossy()))
        .collect();
    names.sort_unstable();
    Ok(names)
}

fn directories(root: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(|error| Error::io(root, error))? {
        let entry = entry.map_err(|error| Error::io(root, error))?;
        if wanted(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
