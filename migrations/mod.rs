//! Numbered migrations of the store's `now` directory, one file each; frozen once released.
//!
//! A fresh store runs the whole chain from 0, so there is one way to every schema. To add one:
//! a new file, a line in the table, a fixture made with `REGENERATE_FIXTURES=1`.

mod m0001_initial;
mod m0002_instants;

#[cfg(test)]
pub(in crate::store) mod tests;

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;

/// One step from the schema before to `version`.
#[derive(Clone, Copy)]
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

/// How far a migration has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrating {
    /// The schema that the store is being brought to.
    pub version: u32,
    /// What that is called.
    pub name: &'static str,
    /// Entries that are done.
    pub done: u64,
    /// Entries there are; 0 where they are not counted.
    pub total: u64,
}

/// Is told between batches how far a migration has come; may stop it there.
pub(super) type Watch<'a> = dyn FnMut(Migrating) -> ControlFlow<()> + 'a;

/// Tells how far a migration has come, and lets it be stopped between batches.
pub(super) struct Progress<'a> {
    now: Migrating,
    watch: &'a mut Watch<'a>,
    logged: Instant,
}

/// Between two lines of the log about one migration.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

impl Progress<'_> {
    /// Goes on, unless it is to be stopped.
    fn proceed(&mut self) -> Result<(), MigrationError> {
        let Migrating {
            version,
            done,
            total,
            ..
        } = self.now;
        if self.logged.elapsed() >= LOG_INTERVAL {
            self.logged = Instant::now();
            tracing::info!(target: "peekd::store", version, done, total, "still migrating");
        }
        match (self.watch)(self.now) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(MigrationError::Stopped),
        }
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
pub(super) fn run(db: &sled::Db, watch: &mut Watch<'_>) -> Result<Report, MigrationError> {
    run_through(MIGRATIONS, db, watch)
}

fn run_through(
    chain: &[Migration],
    db: &sled::Db,
    watch: &mut Watch<'_>,
) -> Result<Report, MigrationError> {
    let from = version(db)?;
    let newest = chain.last().map_or(0, |step| step.version);
    if from > newest {
        return Err(MigrationError::TooNew(from));
    }
    let mut to = from;
    for migration in chain.iter().filter(|step| step.version > from) {
        let (version, name) = (migration.version, migration.name);
        tracing::info!(target: "peekd::store", version, name, "migrating");
        let mut progress = Progress {
            now: Migrating {
                version,
                name,
                done: 0,
                total: 0,
            },
            watch: &mut |now| watch(now),
            logged: Instant::now(),
        };
        progress.proceed()?;
        (migration.up)(db, &mut progress)?;
        db.flush()?;
        progress.proceed()?;
        db.open_tree(META)?
            .insert(SCHEMA_VERSION, &version.to_be_bytes())?;
        db.flush()?;
        to = version;
        progress.proceed()?;
    }
    Ok(Report { from, to })
}
