//! Opens a store in another process first: what ends that one (an abort of the engine's, its stack or
//! memory used up) must not end the service, over and over.
//!
//! Costs as much as opening itself, so it is done only when the last opening came to no end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use super::engine::{Access, Engine, Failure, Faults, NOW, Place};
use super::error::Error;
use super::loading::recover;

/// How another process is asked to open a store.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The program, and what it is told before the store's path; it is to call [`try_opening`].
    pub program: PathBuf,
    /// Arguments before the path.
    pub arguments: Vec<String>,
    /// How long it may take.
    pub patience: Duration,
}

/// Between two looks at whether the process has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

impl Trial {
    /// Tries; an error says how the process ended before it had opened the store. That it found
    /// damage in order is no error: whoever opens the store next finds it, too.
    pub(super) fn run(&self, store: &Path) -> Result<(), String> {
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(store)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                tracing::warn!(target: "peekd::store", %error, "no process to try opening in");
                return Ok(());
            }
        };
        let began = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return judge(status),
                Ok(None) if began.elapsed() < self.patience => thread::park_timeout(LOOK_INTERVAL),
                Ok(None) | Err(_) => {
                    // It may have ended by now.
                    child.kill().unwrap_or_default();
                    drop(child.wait());
                    return Err(format!("opening it took longer than {:?}", self.patience));
                }
            }
        }
    }
}

fn judge(status: ExitStatus) -> Result<(), String> {
    if status.code().is_some() {
        return Ok(());
    }
    Err(format!("opening it ended a process ({status})"))
}

/// What the other process does: opens a store and reads what it knows now.
///
/// # Errors
/// It cannot be opened, in order.
pub fn try_opening(store: &Path) -> Result<(), Error> {
    let path = store.join(NOW);
    let opened = Engine::open(Place::Disk(path.clone()), Access::Look, Faults::default());
    match opened.and_then(|engine| Ok(recover(&engine).map(drop)?)) {
        Ok(()) => Ok(()),
        Err(Failure::Final(error)) => Err(error),
        Err(Failure::Damaged(what)) => Err(Error::Damaged { path, what }),
    }
}

/// A file that lies there while the store is being opened. Found by the next start, the last one died
/// of it, or was killed at it.
pub(super) struct Marker {
    path: PathBuf,
    /// The last opening came to no end.
    pub(super) was_there: bool,
}

impl Marker {
    pub(super) fn set(store: &Path) -> Self {
        let path = store.join("opening");
        let was_there = path.exists();
        // Without it the next start goes without a trial: no reason to refuse this one.
        fs::write(&path, "").unwrap_or_default();
        Self { path, was_there }
    }

    pub(super) fn remove(&self) {
        fs::remove_file(&self.path).unwrap_or_default();
    }
}
