//! From a path to an open store: the ladder, loading, and what a start leaves on disk before
//! anything else happens.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use tokio::time::Instant;

use super::codec::Record;
use super::engine::{
    Access, Ceilings, Engine, EngineError, Failure, Faults, Place, Witness, climb, given,
    make_directory,
};
use super::error::Error;
use super::history::{History, Keeper};
use super::loaded::Loaded;
use super::loading::{Recovered, recover};
use super::migrations::{Migrating, Watch};
use super::queue::{LIMITS, Limits};
use super::snapshot::{self, Snapshots};
use super::status::OpenReport;
use super::trial::{Marker, Trial};
use super::writer::{self, Start, Writer};
use super::{Config, journal};
use crate::model::{Clock, Epoch, EpochCounter};

/// An open store.
#[derive(Debug)]
pub struct Opened {
    /// Where changes go.
    pub writer: Writer,
    /// What the store knew.
    pub loaded: Loaded,
    /// Hands out epochs that no earlier run did.
    pub epochs: Arc<EpochCounter>,
    /// The number of this start, for [`crate::model::Revision`].
    pub generation: u32,
    /// How opening went.
    pub report: OpenReport,
    /// What was. Opened by a thread of its own: nothing waits for it.
    pub history: History,
}

/// Epochs made durable ahead of use, each time.
pub(super) const EPOCHS_RESERVED: u64 = 1 << 20;

/// Opens the store, making it if it is missing, and starts its writer. Blocks; a damaged store is
/// answered as the configuration says.
///
/// # Errors
/// Another process holds the store, a newer program wrote it, it is damaged and must not be set
/// aside, or the system refuses.
pub fn open(config: &Config, clock: &Clock) -> Result<Opened, Error> {
    open_with(config, clock, &Faults::default(), LIMITS)
}

/// As [`open`]; where the last opening came to no end, another process tries first. `watch` is told
/// between batches how far a migration has come, and may stop it: the next start finishes it.
///
/// # Errors
/// As [`open`]; and that it was closed, when a migration was stopped.
pub fn open_watched(
    config: &Config,
    clock: &Clock,
    trial: Option<&Trial>,
    watch: &mut dyn FnMut(Migrating) -> ControlFlow<()>,
) -> Result<Opened, Error> {
    let Some(trial) = trial else {
        let faults = Faults::default();
        return open_guarded(config, clock, &faults, LIMITS, &mut || Ok(()), watch);
    };
    make_directory(&config.path)?;
    let marker = Marker::set(&config.path);
    let mut died = false;
    let mut before = || {
        let tried = if marker.was_there {
            tracing::warn!(
                target: "peekd::store",
                "the last opening came to no end; another process tries first",
            );
            trial.run(&config.path)
        } else {
            Ok(())
        };
        died |= tried.is_err();
        tried.map_err(Failure::Damaged)
    };
    let faults = Faults::default();
    let opened = open_guarded(config, clock, &faults, LIMITS, &mut before, watch);
    if opened.is_ok() || !died {
        marker.remove();
    }
    opened
}

pub(super) fn open_with(
    config: &Config,
    clock: &Clock,
    faults: &Faults,
    limits: Limits,
) -> Result<Opened, Error> {
    let watch = &mut |_| ControlFlow::Continue(());
    open_guarded(config, clock, faults, limits, &mut || Ok(()), watch)
}

/// `before` is asked before the engine opens files that it did not write just now.
fn open_guarded(
    config: &Config,
    clock: &Clock,
    faults: &Faults,
    limits: Limits,
    before: &mut dyn FnMut() -> Result<(), Failure>,
    watch: &mut Watch<'_>,
) -> Result<Opened, Error> {
    let began = Instant::now();
    let snapshot_at = snapshot::taken_at(&config.path);
    let mut loaded_in_memory = false;
    let mut attempt = |place| {
        if matches!(place, Place::Disk(_)) {
            before()?;
        }
        let engine = match place {
            Place::Memory => in_memory(config, faults, &mut loaded_in_memory)?,
            Place::Disk(_) => Engine::open_watched(place, Access::Serve, faults.clone(), watch)?,
        };
        let recovered = recover(&engine)?;
        knows_its_past(config, &engine, &recovered)?;
        Ok((engine, recovered))
    };
    let mut restore = |aside: &Path| snapshot::load(&config.path, aside);
    let climbed = climb(config, clock.wall(), &mut attempt, &mut restore)?;
    let (engine, recovered) = climbed.value;
    let mut report = report_of(&engine, &recovered);
    report.set_aside = climbed.set_aside;
    report.in_memory = climbed.in_memory;
    report.restored = climbed.restored || loaded_in_memory;
    report.snapshot_at = snapshot_at.filter(|_| report.restored);
    report.damaged = climbed.notes;

    let loaded = recovered.image.loaded();
    let first_epoch = recovered.meta.epoch_ceiling;
    let newest = recovered.last_sequence;
    let (mut start, damage) = begin(config, clock, engine, recovered)?;
    report.damaged.extend(damage);
    let generation = start.meta.generation;
    let epochs = Arc::new(EpochCounter::starting_at(Epoch(first_epoch)));
    let mut history = History::none();
    if !report.in_memory {
        let given = Ceilings {
            generation,
            epochs: start.meta.epoch_ceiling,
            ids: loaded.next_id.0,
        };
        start.witness = Some(Witness::of_start(&config.path, given)?);
        start.snapshots = Snapshots::new(Some(config.path.clone()));
        let (keeper, opening) = Keeper::start(config, newest, clock, faults)?;
        start.keeper = Some(keeper);
        history = opening;
    }
    let writer = writer::start(start, Arc::clone(&epochs), clock.clone(), limits)?;
    report.took = began.elapsed();
    tell(&report, generation);
    Ok(Opened {
        writer,
        loaded,
        epochs,
        generation,
        report,
        history,
    })
}

/// An engine whose content is lost at the end; it begins with the snapshot of last values, if that
/// can be read.
fn in_memory(config: &Config, faults: &Faults, loaded: &mut bool) -> Result<Engine, Failure> {
    match snapshot::load_in_memory(&config.path) {
        Ok(Some(engine)) => {
            *loaded = true;
            return Ok(engine);
        }
        Ok(None) => {}
        Err(failure) => tracing::warn!(
            target: "peekd::store",
            %failure,
            "the snapshot of last values cannot be read",
        ),
    }
    Engine::open(Place::Memory, Access::Serve, faults.clone())
}

/// A store that knows of fewer starts than its witness has lost what was flushed since.
fn knows_its_past(config: &Config, engine: &Engine, recovered: &Recovered) -> Result<(), Failure> {
    let (known, witnessed) = (recovered.meta.generation, given(&config.path).generation);
    if engine.is_on_disk() && known < witnessed {
        let what = format!("it was started {witnessed} times and knows only of {known}");
        return Err(Failure::Damaged(what));
    }
    Ok(())
}

/// What opening tells of itself so far.
pub(super) fn report_of(engine: &Engine, recovered: &Recovered) -> OpenReport {
    OpenReport {
        recovered_sequence: recovered.last_sequence,
        pages: recovered.pages,
        replayed_changes: recovered.replayed_changes,
        schema: engine.schema(),
        ..OpenReport::default()
    }
}

/// Makes this start's number, its epochs and its journal record durable, before any is used.
fn begin(
    config: &Config,
    clock: &Clock,
    engine: Engine,
    recovered: Recovered,
) -> Result<(Start, Vec<String>), EngineError> {
    let mut meta = recovered.meta;
    meta.generation = meta.generation.saturating_add(1);
    meta.epoch_ceiling = meta.epoch_ceiling.saturating_add(EPOCHS_RESERVED);
    meta.write_start(&engine)?;
    let started = Record::Started {
        generation: meta.generation,
        at: clock.wall(),
    };
    let checkpoint_size = meta.checkpoint.journal_size;
    let mut journal_size = recovered.journal_size;
    let mut durable = recovered.last_sequence;
    for entry in &journal::entries(durable, &mut vec![started])? {
        entry.write(&engine)?;
        journal_size += entry.size();
        durable = entry.sequence;
    }
    engine.flush()?;
    let start = Start {
        flush_interval: config.flush_interval,
        journal_size_max: config.journal_size_max,
        engine,
        image: recovered.image,
        meta,
        durable,
        journal_size,
        tail_size: journal_size.saturating_sub(checkpoint_size),
        keeper: None,
        witness: None,
        snapshots: Snapshots::new(None),
    };
    Ok((start, recovered.damage.into_list()))
}

fn tell(report: &OpenReport, generation: u32) {
    for damage in &report.damaged {
        tracing::warn!(target: "peekd::store", damage, "skipped while opening");
    }
    if let Some(at) = report.snapshot_at {
        tracing::warn!(
            target: "peekd::store",
            written = at.to_rfc3339(),
            "the last values come from the snapshot",
        );
    }
    tracing::info!(
        target: "peekd::store",
        sequence = report.recovered_sequence.0,
        generation,
        pages = report.pages,
        replayed = report.replayed_changes,
        took = ?report.took,
        "recovered",
    );
}
