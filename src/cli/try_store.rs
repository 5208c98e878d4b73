//! `peekd try-store`, hidden: opens a store in a process that may die of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::store::{self, Trial};

/// What `try-store` takes.
#[derive(Debug, Args)]
pub(super) struct TryStore {
    /// The store's directory.
    store: PathBuf,
}

/// A store of a million statistics is opened and read in about a second.
const PATIENCE: Duration = Duration::from_mins(1);

impl TryStore {
    pub(super) fn run(self) -> anyhow::Result<()> {
        Ok(store::try_opening(&self.store)?)
    }
}

/// This program, told to try; `None` where the system does not say which it is.
pub(super) fn trial() -> Option<Trial> {
    Some(Trial {
        program: std::env::current_exe().ok()?,
        arguments: vec!["try-store".to_owned()],
        patience: PATIENCE,
    })
}
