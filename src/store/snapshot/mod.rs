//! A plain copy of the catalogue and the last values beside the engine's files: what is left to
//! start from when those cannot be read.
//!
//! It is a backup without journal and history: keys and values under checksums, no engine needed.

mod writing;

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::backup;
use super::codec::CheckpointV1;
use super::engine::{Access, Ceilings, Engine, Failure, Faults, Place, given, sync_directory};
use super::error::Error;
use super::loading::recover;
use crate::model::Timestamp;

pub(super) use writing::Snapshots;

/// The file's name.
const NAME: &str = "last-known";
/// Journal entries that may have been written after the newest snapshot, at most. Numbers go on
/// behind them, so that history, which holds some of them, still fits.
const ENTRIES_SKIPPED: u64 = 1 << 32;

fn path_of(store: &Path) -> PathBuf {
    store.join(NAME)
}

/// Makes the engine's directory anew out of the snapshot, if there is one. Numbers go on behind all
/// that may have been given. A snapshot that cannot be used is put into `aside`: the next store has
/// a catalogue of its own.
pub(super) fn load(store: &Path, aside: &Path) -> Result<bool, Failure> {
    let loaded = try_load(store);
    if loaded.is_err() {
        set_aside(store, aside)?;
    }
    loaded
}

fn try_load(store: &Path) -> Result<bool, Failure> {
    let path = path_of(store);
    let Ok(file) = File::open(&path) else {
        return Ok(false);
    };
    let draft = store.join("now.loading");
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(|error| Error::io(&draft, error))?;
    }
    backup::fill_now(&mut BufReader::new(file), &draft)?;
    skip_what_was_given(&draft, given(store))?;
    sync_directory(&draft)?;
    fs::rename(&draft, store.join("now")).map_err(|error| Error::io(&draft, error))?;
    sync_directory(store)?;
    Ok(true)
}

fn skip_what_was_given(draft: &Path, given: Ceilings) -> Result<(), Failure> {
    let place = Place::Disk(draft.to_owned());
    let engine = Engine::open(place, Access::Serve, Faults::default())?;
    go_on_behind(&engine, given)
}

/// An engine in memory that holds the snapshot, if there is one; nothing on the disk changes.
pub(super) fn load_in_memory(store: &Path) -> Result<Option<Engine>, Failure> {
    let Ok(file) = File::open(path_of(store)) else {
        return Ok(None);
    };
    let engine = Engine::open(Place::Memory, Access::Serve, Faults::default())?;
    backup::fill_engine(&mut BufReader::new(file), &engine)?;
    go_on_behind(&engine, given(store))?;
    Ok(Some(engine))
}

/// When the snapshot was written, as far as the system tells.
pub(super) fn taken_at(store: &Path) -> Option<Timestamp> {
    let modified = fs::metadata(path_of(store)).ok()?.modified().ok()?;
    let since = modified.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp(u64::try_from(since.as_millis()).ok()?))
}

fn go_on_behind(engine: &Engine, given: Ceilings) -> Result<(), Failure> {
    let mut recovered = recover(engine)?;
    if let Some(damage) = recovered.damage.into_list().first() {
        return Err(Failure::Damaged(format!("the snapshot: {damage}")));
    }
    let meta = &mut recovered.meta;
    meta.generation = meta.generation.max(given.generation);
    meta.epoch_ceiling = meta.epoch_ceiling.max(given.epochs);
    meta.write_start(engine)?;
    let checkpoint = CheckpointV1 {
        sequence: recovered.last_sequence.0.saturating_add(ENTRIES_SKIPPED),
        next_id: recovered.image.next_id().max(given.ids),
        journal_size: 0,
        ..meta.checkpoint
    };
    meta.write_checkpoint(engine, checkpoint, &recovered.image.names())?;
    engine.flush()?;
    Ok(())
}

fn set_aside(store: &Path, aside: &Path) -> Result<(), Error> {
    let path = path_of(store);
    match fs::rename(&path, aside.join(NAME)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&path, error)),
        _ => Ok(()),
    }
}
