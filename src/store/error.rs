//! What can go wrong with the store, grouped by what a caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::engine::EngineError;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the store open; the engine's lock is exclusive.
    #[error(
        "the store {} is held by another process{}; stop it first, or ask it through its HTTP interface",
        path.display(), holder_text(*holder)
    )]
    Locked {
        /// The store's directory.
        path: PathBuf,
        /// The holder's process id, where the system tells it.
        holder: Option<u32>,
    },
    /// A newer program wrote this store.
    #[error("the store has schema {found}, this program knows schemas up to {known}")]
    SchemaTooNew {
        /// The schema number on disk.
        found: u32,
        /// The newest schema number this program knows.
        known: u32,
    },
    /// The files cannot be read, and the configuration or the caller forbids setting them aside.
    #[error("the store {} is damaged: {what}", path.display())]
    Damaged {
        /// The damaged directory.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// There is no store at this path.
    #[error("there is no store at {}", path.display())]
    Missing {
        /// Where a store was expected.
        path: PathBuf,
    },
    /// There is something where a store was to be made.
    #[error("{} is not empty; choose another directory or move it away", path.display())]
    NotEmpty {
        /// Where it is.
        path: PathBuf,
    },
    /// The operating system refused: permissions, a full disk, too many files.
    #[error("{}: {error}", path.display())]
    Io {
        /// What was being opened, made or moved.
        path: PathBuf,
        /// The system's answer; not named a source, or whoever tells the chain would say it twice.
        error: io::Error,
    },
    /// The storage engine failed in another way.
    #[error("the storage engine failed: {0}")]
    Engine(String),
    /// The store was closed before the work was done.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    /// Whether trying again cannot help until somebody changes something outside the program.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        match self {
            Self::SchemaTooNew { .. }
            | Self::Damaged { .. }
            | Self::Missing { .. }
            | Self::NotEmpty { .. }
            | Self::Closed => true,
            Self::Locked { .. } | Self::Io { .. } | Self::Engine(_) => false,
        }
    }

    /// Wraps the system's answer about `path`.
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            error,
        }
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        Self::Engine(error.0)
    }
}

fn holder_text(holder: Option<u32>) -> String {
    holder.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_answer_is_told_once() {
        let error = Error::io(Path::new("store"), io::Error::other("no such thing"));
        let chain = format!("{:#}", anyhow::Error::from(error));
        assert_eq!(chain, "store: no such thing");
    }
}
