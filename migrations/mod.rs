//! Numbered migrations of the store's `now` directory, one file each; frozen once released.
//!
//! A fresh store runs the whole chain from 0, so there is one way to every schema. To add one:
//! a new file, a line in the table, a fixture made with `REGENERATE_FIXTURES=1`.

mod m0001_initial;
mod m0002_instants;

#[cfg(test)]
pub(in crate::store) mod tests;

use std::sync::atomic::{AtomicBool, Ordering};

/// One step from the schema before to `version`.
struct Migration {
    version: u32,
    name: &'static str,
    /// Safe to run again from any point at which it may have been interrupted.
    up: fn(&sled::Db, &mut Progress<'_>) -> Result<(), MigrationError>,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "initial",
        up: m0001_initial::up,
    },
    Migration {
        version: 2,
        name: "instants",
        up: m0002_instants::up,
    },
];

/// The newest schema this program knows.
pub(super) const KNOWN: u32 = newest(MIGRATIONS);

/// The last number of the table; an error of the compiler when it does not count 1, 2, 3, ...
const fn newest(mut rest: &[Migration]) -> u32 {
    let mut newest = 0;
    while let [first, others @ ..] = rest {
        newest += 1;
        assert!(
            first.version == newest,
            "migrations are numbered 1, 2, 3, ..."
        );
        rest = others;
    }
    newest
}

const META: &str = "meta";
/// Where the schema's number is kept: four bytes, big-endian.
pub(super) const SCHEMA_VERSION: &[u8] = b"schema_version";

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) from: u32,
    pub(super) to: u32,
}

/// Why a store was not migrated.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrationError {
    #[error("schema {0} is newer than this program")]
    TooNew(u32),
    #[error("the schema number is not one")]
    Number,
    #[error("stopped before the end")]
    Stopped,
    #[error(transparent)]
    Engine(#[from] sled::Error),
}

/// Lets a migration be stopped between batches.
pub(super) struct Progress<'a> {
    stop: &'a AtomicBool,
}

impl Progress<'_> {
    fn proceed(&self) -> Result<(), MigrationError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(MigrationError::Stopped);
        }
        Ok(())
    }
}

/// The schema's number; 0 for a store that has none yet.
pub(super) fn version(db: &sled::Db) -> Result<u32, MigrationError> {
    // Opening a tree makes it; a store that has no meta tree has no schema and is left alone.
    if !db.tree_names().iter().any(|name| name == META.as_bytes()) {
        return Ok(0);
    }
    let Some(bytes) = db.open_tree(META)?.get(SCHEMA_VERSION)? else {
        return Ok(0);
    };
    let bytes = <[u8; 4]>::try_from(&*bytes).map_err(|_| MigrationError::Number)?;
    Ok(u32::from_be_bytes(bytes))
}

/// Brings a store to the newest schema. Each step's number is written after everything else of it
/// is durable, so that an interrupted step runs again.
pub(super) fn run(db: &sled::Db, stop: &AtomicBool) -> Result<Report, MigrationError> {
    let from = version(db)?;
    if from > KNOWN {
        return Err(MigrationError::TooNew(from));
    }
    let mut to = from;
    let mut progress = Progress { stop };
    for migration in MIGRATIONS.iter().filter(|step| step.version > from) {
        progress.proceed()?;
        tracing::info!(
            target: "peekd::store",
            version = migration.version,
            name = migration.name,
            "migrating",
        );
        (migration.up)(db, &mut progress)?;
        db.flush()?;
        to = migration.version;
        db.open_tree(META)?
            .insert(SCHEMA_VERSION, &to.to_be_bytes())?;
        db.flush()?;
    }
    Ok(Report { from, to })
}
