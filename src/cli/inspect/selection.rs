//! Which statistics of which store, and what stretch of time.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use clap::Args;
use wildmatch::WildMatch;

use super::super::source::{Source, asked_otherwise};
use super::when;
use crate::model::{Clock, ServerId, StatisticId, Timestamp};
use crate::store::{self, Looked, Range};

/// What is asked for.
#[derive(Debug, Args)]
pub(super) struct Selection {
    #[command(flatten)]
    pub(super) source: Source,
    /// Only statistics whose text form matches; `*` and `?` stand for any text and any character.
    #[arg(long, value_name = "GLOB", default_value = "*")]
    pub(super) filter: String,
    /// From this instant on: RFC 3339, or `1h ago`.
    #[arg(long, value_name = "T", value_parser = when::read)]
    pub(super) since: Option<Timestamp>,
    /// Up to and without this instant.
    #[arg(long, value_name = "T", value_parser = when::read)]
    pub(super) until: Option<Timestamp>,
}

/// An opened store and what of it is wanted.
pub(super) struct Selected {
    pub(super) looked: Looked,
    pub(super) names: BTreeMap<StatisticId, String>,
    servers: HashMap<ServerId, String>,
    pub(super) range: Range,
}

impl Selection {
    pub(super) fn open(&self, err: &mut impl Write) -> anyhow::Result<Selected> {
        let looked = store::look(&self.source.store, &Clock::system()).map_err(asked_otherwise)?;
        for damage in &looked.report.damaged {
            writeln!(err, "damaged, skipped: {damage}")?;
        }
        let filter = WildMatch::new(&self.filter);
        let known = looked.loaded.statistics.each();
        let names = known.map(|known| (known.id, known.statistic.to_string()));
        let names = names.filter(|(_, name)| filter.matches(name)).collect();
        let servers = looked.loaded.servers.iter().cloned().collect();
        Ok(Selected {
            names,
            servers,
            range: Range {
                from: self.since.unwrap_or(Range::ALL.from),
                to: self.until.unwrap_or(Range::ALL.to),
            },
            looked,
        })
    }
}

impl Selected {
    /// Whether nothing was left out.
    pub(super) fn is_all(&self) -> bool {
        self.names.len() == self.looked.loaded.statistics.len() && self.range == Range::ALL
    }

    /// The configured name of a server.
    pub(super) fn server(&self, server: ServerId) -> String {
        let name = self.servers.get(&server).cloned();
        name.unwrap_or_else(|| format!("server {}", server.0))
    }
}
