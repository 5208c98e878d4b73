//! `peekd inspect last`: the newest value of every statistic.

use std::collections::HashMap;
use std::io::Write;

use clap::Args;
use wildmatch::WildMatch;

use super::super::source::{Source, asked_otherwise};
use super::output::{Cell, Format, Output};
use super::remote;
use crate::model::{Age, Clock, ServerId, Timestamp};
use crate::store::{self, LastValue, LoadedStatistic};

/// Options of `inspect last`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Last {
    #[command(flatten)]
    source: Source,
    /// Only statistics whose text form matches; `*` and `?` stand for any text and any character.
    #[arg(long, value_name = "GLOB", default_value = "*")]
    filter: String,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const HEADINGS: &[&str] = &[
    "statistic",
    "value",
    "quality",
    "age_s",
    "source_time",
    "received_at",
    "validated_at",
    "server",
    "epoch",
];

impl Last {
    pub(super) fn run(&self, out: &mut impl Write, err: &mut impl Write) -> anyhow::Result<()> {
        let mut output = Output::new(self.format, HEADINGS, out)?;
        if let Some(service) = self.source.service()? {
            let age = |age| self.age(age);
            remote::last(&service, &self.filter, &mut |last| {
                output.row(last.cells(age))
            })?;
            return output.finish();
        }
        let clock = Clock::system();
        let read = store::read(&self.source.store, &clock);
        let (loaded, report) = read.map_err(asked_otherwise)?;
        for damage in &report.damaged {
            writeln!(err, "damaged, skipped: {damage}")?;
        }
        let servers: HashMap<ServerId, String> = loaded.servers.into_iter().collect();
        let filter = WildMatch::new(&self.filter);
        for statistic in loaded.statistics.into_each() {
            let name = statistic.statistic.to_string();
            if filter.matches(&name)
                && let Some(cells) = self.cells(name, statistic, &servers, &clock)
            {
                output.row(cells)?;
            }
        }
        output.finish()
    }

    fn cells(
        &self,
        name: String,
        statistic: LoadedStatistic,
        servers: &HashMap<ServerId, String>,
        clock: &Clock,
    ) -> Option<Vec<Cell>> {
        let LastValue { sample, .. } = statistic.last?;
        let age = match clock.age(clock.restore(sample.validated_at)) {
            Age::Known(ms) => Some(ms / 1000),
            Age::Unknown => None,
        };
        let server = servers.get(&sample.server).cloned();
        let time = |time: Timestamp| Cell::Text(time.to_rfc3339());
        Some(vec![
            Cell::Text(name),
            Cell::Value(sample.value),
            Cell::Text(sample.quality.name().to_owned()),
            self.age(age),
            time(Timestamp::from_unix_seconds(sample.source_time)),
            time(sample.received_at),
            time(sample.validated_at),
            Cell::Text(server.unwrap_or_else(|| format!("server {}", sample.server.0))),
            Cell::Number(sample.epoch.0),
        ])
    }

    /// An age in whole seconds; people are told in a word that it is not known.
    fn age(&self, seconds: Option<u64>) -> Cell {
        match seconds {
            Some(seconds) => Cell::Number(seconds),
            None if self.format == Format::Table => Cell::Text("unknown".to_owned()),
            None => Cell::None,
        }
    }
}
