//! Opens the engine once: its settings, the wait for its lock, the schema, and what its errors mean.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::Duration;

use super::{Engine, EngineError, Faults, Handles, lock, past, quiet, release};
use crate::store::error::Error;
use crate::store::migrations::{self, Migrating, MigrationError, Watch};

/// Where the engine keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Place {
    /// In this directory.
    Disk(PathBuf),
    /// Nowhere that survives.
    Memory,
}

/// What the store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Access {
    /// To write: makes and migrates what is missing.
    Serve,
    /// To look: changes nothing of the content.
    Look,
}

/// Why one attempt to open did not work.
#[derive(Debug)]
pub(in crate::store) enum Failure {
    /// The files are to blame; another rung may help.
    Damaged(String),
    /// Setting files aside would not help, or would be wrong.
    Final(Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what) => f.write_str(what),
            Self::Final(error) => error.fmt(f),
        }
    }
}

/// Reading through the engine failed: its files are to blame.
impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Damaged(error.0)
    }
}

/// The system refused: no file is to blame.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// Whoever hears of it says by himself that it is the engine that failed.
impl From<Failure> for EngineError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Final(Error::Engine(what)) => Self(what),
            other => Self(other.to_string()),
        }
    }
}

/// Enough to write pages; answers never come from the engine. In bytes as on the disk, each of its pages
/// rounded up to a power of two.
const CACHE_CAPACITY: u64 = 16 * 1024 * 1024;
/// The engine's own flusher also cleans its segments, so it is never switched off.
const FLUSH_EVERY_MS: u64 = 500;
/// The engine frees its lock a little after it is dropped.
const LOCK_WAIT_STEP: Duration = Duration::from_millis(20);
const LOCK_WAIT_STEPS: u32 = 50;

impl Engine {
    pub(in crate::store) fn open(
        place: Place,
        access: Access,
        faults: Faults,
    ) -> Result<Self, Failure> {
        Self::open_watched(place, access, faults, &mut |_| ControlFlow::Continue(()))
    }

    /// As [`Engine::open`]; `watch` is told how far a migration has come, and may stop it.
    pub(in crate::store) fn open_watched(
        place: Place,
        access: Access,
        faults: Faults,
        watch: &mut Watch<'_>,
    ) -> Result<Self, Failure> {
        let opened = quiet::catch(|| {
            faults.check("open")?;
            open(&place, access, &faults, watch)
        });
        match opened {
            Ok(Ok((handles, schema))) => Ok(Self {
                place,
                faults,
                schema,
                in_flight: AtomicUsize::new(0),
                handles: Some(handles),
            }),
            Ok(Err(failure)) => Err(failure),
            Err(message) => Err(Failure::Damaged(format!("the engine panicked: {message}"))),
        }
    }
}

fn open(
    place: &Place,
    access: Access,
    faults: &Faults,
    watch: &mut Watch<'_>,
) -> Result<(Handles, u32), Failure> {
    let config = sled::Config::new()
        .cache_capacity(CACHE_CAPACITY)
        .flush_every_ms(Some(FLUSH_EVERY_MS));
    let (db, file) = match place {
        Place::Memory => (config.temporary(true).open().map_err(engine_failure)?, None),
        Place::Disk(path) => {
            let db = wait_for_lock(path, &config.path(path))?;
            let file = path.join("db");
            let file = File::options()
                .read(true)
                .write(true)
                .open(&file)
                .map_err(|error| Failure::Final(Error::io(&file, error)))?;
            (db, Some(file))
        }
    };
    if let Place::Disk(path) = place {
        was_not_empty(&db, path)?;
        sync_files(path)?;
    }
    let schema = match access {
        Access::Serve => migrate(&db, faults, watch)?,
        Access::Look => schema(&db, place)?,
    };
    let tree = |name: &str| db.open_tree(name).map_err(engine_failure);
    let handles = Handles {
        meta: tree("meta")?,
        catalogue: tree("catalogue")?,
        last: tree("last")?,
        journal: tree("journal")?,
        file,
        db,
    };
    Ok((handles, schema))
}

/// The name of the engine's directory.
pub(in crate::store) const NOW: &str = "now";

/// The engine opens some damaged files as an empty store. Told before anything is written.
fn was_not_empty(db: &sled::Db, path: &Path) -> Result<(), Failure> {
    // A directory that is being made beside the store's own is empty for good reason.
    let starts = past::given(path.parent().unwrap_or(path)).generation;
    if path.ends_with(NOW) && starts > 0 && migrations::version(db).map_err(migration_failure)? == 0
    {
        let what = format!("it was started {starts} times and now opens empty");
        return Err(Failure::Damaged(what));
    }
    Ok(())
}

fn migrate(db: &sled::Db, faults: &Faults, watch: &mut Watch<'_>) -> Result<u32, Failure> {
    let mut fault = None;
    let report = migrations::run(db, &mut |now: Migrating| match faults.check("migrate") {
        Ok(()) => watch(now),
        Err(error) => {
            fault = Some(error);
            ControlFlow::Break(())
        }
    });
    match fault {
        Some(error) => Err(error.into()),
        None => Ok(report.map_err(migration_failure)?.to),
    }
}

fn schema(db: &sled::Db, place: &Place) -> Result<u32, Failure> {
    match migrations::version(db).map_err(migration_failure)? {
        found if found > migrations::KNOWN => Err(too_new(found)),
        0 => Err(Failure::Final(Error::Missing {
            path: match place {
                Place::Disk(path) => path.clone(),
                Place::Memory => PathBuf::new(),
            },
        })),
        found => Ok(found),
    }
}

pub(super) fn wait_for_lock(path: &Path, config: &sled::Config) -> Result<sled::Db, Failure> {
    // Counted, not timed: a test may have stopped the clock.
    for _ in 0..LOCK_WAIT_STEPS {
        remove_half_made(path)?;
        match config.open() {
            Err(error) if is_lock(&error) => thread::park_timeout(LOCK_WAIT_STEP),
            other => return other.map_err(engine_failure),
        }
    }
    Err(Failure::Final(Error::Locked {
        path: path.parent().unwrap_or(path).to_owned(),
        holder: lock::holder(&path.join("db")),
    }))
}

/// Removes what the engine was writing as its next snapshot when it was cut short: it would be taken
/// for the newest one. Only under the engine's own lock, or it might be somebody's who is opening it.
fn remove_half_made(path: &Path) -> Result<(), Error> {
    let half_made = |file: &Path| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("snap.") && name.ends_with(".generating")
    };
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|file| half_made(file))
        .collect();
    let Ok(db) = File::options().write(true).open(path.join("db")) else {
        return Ok(());
    };
    if found.is_empty() || db.try_lock().is_err() {
        return Ok(());
    }
    for file in found {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io(&file, error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The engine wraps the system's answer in a text.
fn is_lock(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

fn migration_failure(error: MigrationError) -> Failure {
    match error {
        MigrationError::TooNew(found) => too_new(found),
        MigrationError::Engine(error) => engine_failure(error),
        MigrationError::Number => Failure::Damaged(error.to_string()),
        MigrationError::Stopped => Failure::Final(Error::Closed),
    }
}

const fn too_new(found: u32) -> Failure {
    Failure::Final(Error::SchemaTooNew {
        found,
        known: migrations::KNOWN,
    })
}

/// A refusal by the system is not the files' fault; anything else is taken for damage.
pub(super) fn engine_failure(error: sled::Error) -> Failure {
    use io::ErrorKind as Kind;
    match error {
        sled::Error::Io(error)
            if matches!(
                error.kind(),
                Kind::PermissionDenied
                    | Kind::StorageFull
                    | Kind::QuotaExceeded
                    | Kind::ReadOnlyFilesystem
                    | Kind::OutOfMemory
            ) || error.raw_os_error() == Some(TOO_MANY_FILES) =>
        {
            Failure::Final(Error::Engine(error.to_string()))
        }
        error => Failure::Damaged(error.to_string()),
    }
}

/// `EMFILE`, for which the standard library has no kind.
const TOO_MANY_FILES: i32 = 24;

/// Makes what lies in a directory of the engine's survive a power cut: the engine itself never syncs
/// its settings, nor the names of its files.
pub(super) fn sync_files(path: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(path).map_err(|error| Error::io(path, error))? {
        let file = entry.map_err(|error| Error::io(path, error))?.path();
        match File::open(&file).and_then(|file| file.sync_all()) {
            // The engine removes what it has replaced.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            synced => synced.map_err(|error| Error::io(&file, error))?,
        }
    }
    sync_directory(path)
}

/// Makes the engine's directory as a whole or not at all: settings that a power cut tore would be
/// taken for damage. Does nothing where there is one.
pub(super) fn make_whole(store: &Path) -> Result<(), Failure> {
    let current = store.join(NOW);
    let mut entries = fs::read_dir(&current).into_iter().flatten();
    if entries.next().is_some() {
        return Ok(());
    }
    let draft = store.join("now.making");
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(|error| Error::io(&draft, error))?;
    }
    make_directory(&draft)?;
    let config = sled::Config::new().path(&draft);
    match quiet::catch(|| config.open().map_err(engine_failure)) {
        Ok(opened) => release(opened?),
        Err(message) => {
            let what = format!("the engine panicked: {message}");
            return Err(Failure::Final(Error::Engine(what)));
        }
    }
    sync_files(&draft)?;
    fs::rename(&draft, &current).map_err(|error| Error::io(&draft, error))?;
    Ok(sync_directory(store)?)
}

/// Makes a directory's entries survive a power cut.
pub(in crate::store) fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| Error::io(path, error))
}

/// Makes a directory that only its owner may enter, and those above it, unless they are there. It
/// survives a power cut: its name is synced, too.
pub(in crate::store) fn make_directory(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt as _;
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    if let Some(parent) = parent {
        make_directory(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made.map_err(|error| Error::io(path, error))?,
    }
    match sync_directory(parent.unwrap_or(Path::new("."))) {
        // Whoever may make a directory there need not be allowed to list what else is.
        Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_reopening_is_told_once() {
        let error = EngineError::from(Failure::Final(Error::Engine("disk full".to_owned())));
        assert_eq!(
            Error::Engine(error.0).to_string(),
            "the storage engine failed: disk full"
        );
        let damaged = EngineError::from(Failure::Damaged("no end".to_owned()));
        assert_eq!(damaged.0, "no end");
    }
}
