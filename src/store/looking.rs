//! Opens a store that nobody has open, to look at it: nothing of its content is changed.

use std::path::Path;

use tokio::time::Instant;

use super::engine::{Access, Engine, EngineError, Failure, Faults, Place, Tree};
use super::error::Error;
use super::history::{Handoff, History, Offline, Translator};
use super::journal;
use super::loaded::Loaded;
use super::loading::{each_value, recover};
use super::opening::report_of;
use super::status::{OpenReport, Sequence};
use crate::model::Clock;

/// A store as it lies there.
#[derive(Debug)]
pub struct Looked {
    /// What it knows now.
    pub loaded: Loaded,
    /// How opening went.
    pub report: OpenReport,
    /// What was.
    pub history: History,
}

/// Reads what a store knows now, and nothing of its history.
///
/// # Errors
/// There is no store, a process has it open, a newer program wrote it, or it is damaged.
pub fn read(path: &Path, _clock: &Clock) -> Result<(Loaded, OpenReport), Error> {
    let ((), loaded, report) = open_with(path, &mut |_| Ok(()))?;
    Ok((loaded, report))
}

/// Reads what a store knows now, and opens its history.
///
/// # Errors
/// There is no store, a process has it open, a newer program wrote it, or it is damaged.
pub fn look(path: &Path, _clock: &Clock) -> Result<Looked, Error> {
    look_with(path, &mut |_| Ok(()))
}

/// As [`look`]; `more` may read on while the engine is open.
pub(super) fn look_with(
    path: &Path,
    more: &mut dyn FnMut(&Engine) -> Result<(), EngineError>,
) -> Result<Looked, Error> {
    let (offline, loaded, report) = open_with(path, &mut |engine| {
        more(engine)?;
        Offline::open(path, &mut |after| tail_of(engine, after))
    })?;
    Ok(Looked {
        loaded,
        report,
        history: History::offline(offline),
    })
}

fn open_with<T>(
    path: &Path,
    more: &mut dyn FnMut(&Engine) -> Result<T, Failure>,
) -> Result<(T, Loaded, OpenReport), Error> {
    let began = Instant::now();
    let current = path.join("now");
    // Opening would make the files.
    if !current.join("db").is_file() {
        return Err(Error::Missing {
            path: path.to_owned(),
        });
    }
    let place = Place::Disk(current.clone());
    let engine = Engine::open(place, Access::Look, Faults::default());
    let attempt = engine.and_then(|engine| {
        let recovered = recover(&engine)?;
        let more = more(&engine)?;
        Ok((report_of(&engine, &recovered), recovered, more))
    });
    match attempt {
        Ok((mut report, recovered, more)) => {
            report.damaged = recovered.damage.into_list();
            report.took = began.elapsed();
            Ok((more, recovered.image.loaded(), report))
        }
        Err(Failure::Final(error)) => Err(error),
        Err(Failure::Damaged(what)) => Err(Error::Damaged {
            path: current,
            what,
        }),
    }
}

/// What the journal holds after an entry, as rows.
fn tail_of(engine: &Engine, after: Sequence) -> Result<Handoff, EngineError> {
    let mut translator = Translator::default();
    let mut handoff = Handoff::behind(after);
    let from = Sequence(after.0.saturating_add(1));
    each_value(engine, Tree::Journal, &journal::key_of(from), |joined| {
        let Some(sequence) = journal::sequence_of(&joined.prefix) else {
            return;
        };
        translator.read_entry(sequence, joined.payload, &mut handoff);
    })?;
    Ok(handoff)
}
