//! The ladder of opening: as it is, without the engine's snapshots, set aside and rebuilt from the
//! snapshot of last values, set aside and cold, in memory.
//!
//! The engine panics or refuses on damaged files, and refusing to start is the worst answer of a
//! store of last-known values. Nothing damaged is deleted.

use std::fs;
use std::path::{Path, PathBuf};

use super::opening::{Failure, NOW, Place, make_directory, make_whole, sync_directory};
use super::past;
use crate::model::Timestamp;
use crate::store::error::Error;
use crate::store::{Config, OnCorruption};

/// An attempt that worked, and what it took.
#[derive(Debug)]
pub(in crate::store) struct Climbed<T> {
    pub(in crate::store) value: T,
    /// What failed on the way, in words.
    pub(in crate::store) notes: Vec<String>,
    pub(in crate::store) set_aside: Option<PathBuf>,
    pub(in crate::store) in_memory: bool,
    /// What was set aside was replaced by the snapshot of last values.
    pub(in crate::store) restored: bool,
}

const SET_ASIDE: &str = "now.set-aside-";
const SNAPSHOTS_ASIDE: &str = "now.snapshots-aside-";
/// Damaged stores are kept for people to look at, but not without end.
const SET_ASIDE_MAX: usize = 2;

/// Tries `attempt` rung by rung. It must open, migrate and read everything, since damage may show
/// only on reading. `restore` makes the directory anew from what lies beside it, if there is anything;
/// what it cannot use it puts into the directory that was set aside.
pub(in crate::store) fn climb<T>(
    config: &Config,
    now: Timestamp,
    attempt: &mut dyn FnMut(Place) -> Result<T, Failure>,
    restore: &mut dyn FnMut(&Path) -> Result<bool, Failure>,
) -> Result<Climbed<T>, Error> {
    let current = config.path.join(NOW);
    make_directory(&config.path)?;
    make_whole(&config.path).map_err(|failure| final_error(failure, &current))?;
    let mut climbed = Climbed {
        value: (),
        notes: Vec::new(),
        set_aside: None,
        in_memory: false,
        restored: false,
    };
    let damage = match attempt(Place::Disk(current.clone())) {
        Ok(value) => {
            sync_directory(&config.path)?;
            return Ok(climbed.with(value));
        }
        Err(Failure::Final(error)) => return Err(error),
        Err(Failure::Damaged(what)) => what,
    };
    tracing::error!(target: "peekd::store", what = damage, "the store cannot be read");
    climbed.notes.push(damage.clone());

    if move_snapshots(config, &current, now)? {
        // Whatever goes wrong now, a lock that the first attempt still holds included, is answered
        // by the next rung.
        match attempt(Place::Disk(current.clone())) {
            Ok(value) => {
                climbed
                    .notes
                    .push("opened without the engine's snapshots".to_owned());
                return Ok(climbed.with(value));
            }
            Err(failure) => climbed.notes.push(failure.to_string()),
        }
    }
    if config.on_corruption == OnCorruption::Stop {
        return Err(Error::Damaged {
            path: current,
            what: damage,
        });
    }
    if beside(&config.path, SET_ASIDE)?.len() >= SET_ASIDE_MAX {
        tracing::error!(
            target: "peekd::store",
            "{SET_ASIDE_MAX} damaged stores lie beside this one; running in memory, nothing survives",
        );
        climbed.in_memory = true;
        let value = attempt(Place::Memory).map_err(|failure| final_error(failure, &current))?;
        return Ok(climbed.with(value));
    }
    let aside = config.path.join(format!("{SET_ASIDE}{}", now.0));
    fs::rename(&current, &aside).map_err(|error| Error::io(&current, error))?;
    match restore(&aside) {
        Ok(restored) => climbed.restored = restored,
        Err(failure) => climbed.notes.push(failure.to_string()),
    }
    if !climbed.restored {
        past::set_aside(&config.path, &aside)?;
        make_whole(&config.path).map_err(|failure| final_error(failure, &current))?;
    }
    tracing::error!(
        target: "peekd::store",
        set_aside = %aside.display(),
        restored = climbed.restored,
        "the damaged store was set aside",
    );
    climbed.set_aside = Some(aside);
    let value =
        attempt(Place::Disk(current.clone())).map_err(|failure| final_error(failure, &current))?;
    sync_directory(&config.path)?;
    Ok(climbed.with(value))
}

impl Climbed<()> {
    fn with<T>(self, value: T) -> Climbed<T> {
        Climbed {
            value,
            notes: self.notes,
            set_aside: self.set_aside,
            in_memory: self.in_memory,
            restored: self.restored,
        }
    }
}

fn final_error(failure: Failure, path: &Path) -> Error {
    match failure {
        Failure::Final(error) => error,
        Failure::Damaged(what) => Error::Damaged {
            path: path.to_owned(),
            what,
        },
    }
}

/// Moves the engine's snapshots of its page table out of the way; it can do without. Tells whether
/// there were any.
fn move_snapshots(config: &Config, current: &Path, now: Timestamp) -> Result<bool, Error> {
    let snapshots = beside(current, "snap.")?;
    if snapshots.is_empty() {
        return Ok(false);
    }
    let aside = config.path.join(format!("{SNAPSHOTS_ASIDE}{}", now.0));
    make_directory(&aside)?;
    for snapshot in snapshots {
        let target = aside.join(snapshot.file_name().unwrap_or_default());
        fs::rename(&snapshot, &target).map_err(|error| Error::io(&snapshot, error))?;
    }
    Ok(true)
}

/// What lies in `directory` under names that begin with `prefix`.
fn beside(directory: &Path, prefix: &str) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(directory).map_err(|error| Error::io(directory, error))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Error::io(directory, error))?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
