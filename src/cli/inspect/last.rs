//! `peekd inspect last`: the newest value of every statistic.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use wildmatch::WildMatch;

use super::super::table::Table;
use super::asked_otherwise;
use super::output::{Format, cut, text};
use crate::model::{Age, Clock, ServerId, Timestamp, Value};
use crate::store::{self, LastValue, Loaded, LoadedStatistic};

/// Options of `inspect last`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Last {
    /// The store's directory.
    #[arg(long, value_name = "DIR", default_value = "peekd-store")]
    store: PathBuf,
    /// Only statistics whose text form matches; `*` and `?` stand for any text and any character.
    #[arg(long, value_name = "GLOB", default_value = "*")]
    filter: String,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One line of the output; the columns are promised to scripts.
#[derive(Debug, Serialize)]
struct Row<V> {
    statistic: String,
    value: V,
    quality: &'static str,
    age_s: Option<u64>,
    source_time: String,
    received_at: String,
    validated_at: String,
    server: String,
    epoch: u64,
}

impl Last {
    pub(super) fn run(&self, out: &mut impl Write, err: &mut impl Write) -> anyhow::Result<()> {
        let clock = Clock::system();
        let (loaded, report) = store::read(&self.store, &clock).map_err(asked_otherwise)?;
        for damage in &report.damaged {
            writeln!(err, "damaged, skipped: {damage}")?;
        }
        self.print(loaded, &clock, out)
    }

    fn print(&self, loaded: Loaded, clock: &Clock, out: &mut impl Write) -> anyhow::Result<()> {
        let servers: HashMap<ServerId, String> = loaded.servers.into_iter().collect();
        let filter = WildMatch::new(&self.filter);
        let rows = loaded
            .statistics
            .into_iter()
            .filter_map(|statistic| row(statistic, &servers, clock))
            .filter(|row| filter.matches(&row.statistic));
        match self.format {
            Format::Table => {
                let mut table = Table::new([
                    "statistic",
                    "value",
                    "quality",
                    "age_s",
                    "source_time",
                    "received_at",
                    "validated_at",
                    "server",
                    "epoch",
                ]);
                for row in rows {
                    table.row([
                        row.statistic,
                        cut(text(&row.value)),
                        row.quality.to_owned(),
                        row.age_s
                            .map_or_else(|| "unknown".to_owned(), |age| age.to_string()),
                        row.source_time,
                        row.received_at,
                        row.validated_at,
                        row.server,
                        row.epoch.to_string(),
                    ]);
                }
                table.write(out)?;
            }
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                for row in rows {
                    let value = text(&row.value);
                    writer.serialize(row.with_value(value))?;
                }
                writer.flush()?;
            }
            Format::Jsonl => {
                for row in rows {
                    let value = serde_json::value::RawValue::from_string(row.value.to_json())?;
                    serde_json::to_writer(&mut *out, &row.with_value(value))?;
                    writeln!(out)?;
                }
            }
        }
        Ok(())
    }
}

impl<V> Row<V> {
    fn with_value<W>(self, value: W) -> Row<W> {
        Row {
            statistic: self.statistic,
            value,
            quality: self.quality,
            age_s: self.age_s,
            source_time: self.source_time,
            received_at: self.received_at,
            validated_at: self.validated_at,
            server: self.server,
            epoch: self.epoch,
        }
    }
}

fn row(
    statistic: LoadedStatistic,
    servers: &HashMap<ServerId, String>,
    clock: &Clock,
) -> Option<Row<Value>> {
    let LastValue { sample, .. } = statistic.last?;
    let age_s = match clock.age(clock.restore(sample.validated_at)) {
        Age::Known(ms) => Some(ms / 1000),
        Age::Unknown => None,
    };
    let server = servers.get(&sample.server);
    Some(Row {
        statistic: statistic.statistic.to_string(),
        value: sample.value,
        quality: sample.quality.name(),
        age_s,
        source_time: Timestamp::from_unix_seconds(sample.source_time).to_rfc3339(),
        received_at: sample.received_at.to_rfc3339(),
        validated_at: sample.validated_at.to_rfc3339(),
        server: server
            .cloned()
            .unwrap_or_else(|| format!("server {}", sample.server.0)),
        epoch: sample.epoch.0,
    })
}
