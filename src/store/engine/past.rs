//! How often the store was started and which numbers it may have given, in a file beside the
//! engine's: the only witness left when the engine opens damaged files as if they were empty, or as
//! they were long ago.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::opening::sync_directory;
use crate::store::error::Error;

const NAME: &str = "starts";

/// Numbers that may have been given; all of them are given in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) struct Ceilings {
    /// The number of the last start whose store was whole; 0 before the first.
    pub(in crate::store) generation: u32,
    /// The first epoch that was certainly never given.
    pub(in crate::store) epochs: u64,
    /// The first statistic's number that was certainly never given.
    pub(in crate::store) ids: u32,
}

/// What the witness of a store says.
pub(in crate::store) fn given(store: &Path) -> Ceilings {
    // A witness that cannot be read says nothing; the store's own checksums still do.
    let text = fs::read_to_string(store.join(NAME)).unwrap_or_default();
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    // Older programs wrote the first number alone.
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or_default();
    Ceilings {
        generation: u32::try_from(next()).unwrap_or_default(),
        epochs: next(),
        ids: u32::try_from(next()).unwrap_or_default(),
    }
}

/// Keeps the witness ahead of the numbers that are given.
#[derive(Debug)]
pub(in crate::store) struct Witness {
    store: PathBuf,
    noted: Ceilings,
}

/// Statistics' numbers noted ahead of use, each time.
const IDS_RESERVED: u32 = 1 << 18;

impl Witness {
    /// Notes that start `generation` stands. Called when that number is durable in the store
    /// itself, so that a store never legitimately knows of fewer starts than its witness.
    pub(in crate::store) fn of_start(store: &Path, given: Ceilings) -> Result<Self, Error> {
        let mut witness = Self {
            store: store.to_owned(),
            noted: Ceilings {
                generation: given.generation,
                ..Ceilings::default()
            },
        };
        witness.cover(given.epochs, given.ids)?;
        Ok(witness)
    }

    /// Notes these ceilings, unless they are. Called before numbers below them may be given.
    pub(in crate::store) fn cover(&mut self, epochs: u64, ids: u32) -> Result<(), Error> {
        let before = self.noted;
        let mut noted = before;
        noted.epochs = noted.epochs.max(epochs);
        if noted.ids <= ids {
            noted.ids = ids.saturating_add(IDS_RESERVED);
        }
        if noted != before {
            note(&self.store, noted)?;
            self.noted = noted;
        }
        Ok(())
    }
}

fn note(store: &Path, given: Ceilings) -> Result<(), Error> {
    let path = store.join(NAME);
    let fresh = store.join("starts.new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&fresh)?;
        writeln!(file, "{} {} {}", given.generation, given.epochs, given.ids)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)
    };
    write().map_err(|error| Error::io(&path, error))?;
    sync_directory(store)
}

/// Moves the witness to where its store was set aside.
pub(in crate::store) fn set_aside(store: &Path, aside: &Path) -> Result<(), Error> {
    let path: PathBuf = store.join(NAME);
    match fs::rename(&path, aside.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(&path, error)),
        _ => Ok(()),
    }
}
