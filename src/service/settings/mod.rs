//! What the file means: every fault found at once, each with its line, and then the rooms' own
//! settings.

mod check;
mod faults;
mod rules;

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use check::Check;
use faults::{Fault, read};

pub use faults::Faults;

use crate::model::{NotificationMode, Rules, Statistic};
use crate::wire::Recipe;
use crate::{api, peek, store, upstream};

/// Everything the service needs to know, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the HTTP interface listens.
    pub listen: SocketAddr,
    /// Where `internal_statistic` has a listener of its own, if it has.
    pub internal_listen: Option<SocketAddr>,
    /// The HTTP interface.
    pub http: api::Config,
    /// The store.
    pub store: store::Config,
    /// How another process tries to open the store, after an opening that came to no end.
    pub trial: Option<store::Trial>,
    /// The decision between store and live fetch.
    pub peek: peek::Config,
    /// The most statistics kept in memory.
    pub statistics_max: usize,
    /// The pairs, in order of precedence; the store gives the numbers at start.
    pub stat_servers: Vec<upstream::Config>,
    /// How statistics are treated.
    pub rules: Rules,
    /// Metrics that are spelled out here, each with the name of the pair that opens it.
    pub definitions: HashMap<String, (Recipe, Arc<str>)>,
    /// Opened at start, never idle.
    pub open: Vec<(Statistic, NotificationMode)>,
}

impl Settings {
    /// Reads and checks a configuration file. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// Every fault of the file, each with its line.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        let text = fs::read_to_string(path).map_err(|error| Faults {
            path: path.to_owned(),
            faults: vec![Fault {
                line: 0,
                text: format!("cannot be read: {error}"),
            }],
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|faults| Faults {
            path: path.to_owned(),
            faults,
        })
    }

    /// Settings from a text that is no file, such as the demo's.
    ///
    /// # Errors
    /// Every fault of the text, each with its line.
    pub fn from_text(text: &str) -> Result<Self, Faults> {
        let path = PathBuf::from("configuration");
        Self::parse(text, Path::new("")).map_err(|faults| Faults { path, faults })
    }

    /// How statistics are asked for.
    pub(super) fn plan(&self) -> upstream::Plan {
        upstream::Plan::new(self.rules.clone(), self.definitions.clone())
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Fault>> {
        let (file, faults) = read(text);
        let mut check = Check {
            text,
            folder,
            faults,
        };
        let settings = file.map(|file| check.settings(&file));
        check.faults.sort_by_key(|fault| fault.line);
        match settings {
            Some(settings) if check.faults.is_empty() => Ok(settings),
            _ => Err(check.faults),
        }
    }
}

#[cfg(test)]
mod tests;
