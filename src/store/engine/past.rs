//! How often the store was started, in a file beside the engine's: the only witness left when the
//! engine opens damaged files as if they were empty, or as they were long ago.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::opening::sync_directory;
use crate::store::error::Error;

const NAME: &str = "starts";

/// The number of the last start whose store was whole; 0 before the first.
pub(in crate::store) fn starts(store: &Path) -> u32 {
    // A witness that cannot be read says nothing; the store's own checksums still do.
    let text = fs::read_to_string(store.join(NAME)).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// Notes that start `generation` stands. Called when that number is durable in the store itself, so
/// that a store never legitimately knows of fewer starts than its witness.
pub(in crate::store) fn note_start(store: &Path, generation: u32) -> Result<(), Error> {
    let path = store.join(NAME);
    let fresh = store.join("starts.new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&fresh)?;
        writeln!(file, "{generation}")?;
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
