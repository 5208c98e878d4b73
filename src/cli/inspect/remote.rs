//! The same questions to a running service, each in one request, or a page at a time.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::ask::{Link, Service, query};
use super::super::block_on;
use super::output::Cell;
use super::plot;
use super::selection::Selection;
use crate::model::{Clock, Timestamp};
use crate::store::{Range, Verified};

/// Statistics in an answer: a page of states is long, and an answer has a limit.
const PAGE_LEN: usize = 2000;

#[derive(Deserialize)]
struct Page {
    statistics: Vec<Last>,
    cursor: Option<String>,
}

/// A statistic as `/v1/statistics` tells it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Last {
    id: String,
    statistic: String,
    value: Option<Box<RawValue>>,
    quality: String,
    age: Option<f64>,
    source_time: Option<String>,
    received_at: Option<String>,
    validated_at: Option<String>,
    server: Option<String>,
    epoch: Option<u64>,
}

/// A line of `/v1/history`.
#[derive(Deserialize)]
pub(super) struct Change {
    statistic: String,
    time: String,
    value: Option<Box<RawValue>>,
    quality: String,
    server: Option<String>,
    epoch: u64,
}

/// A line of `/v1/gaps`.
#[derive(Deserialize)]
pub(super) struct Gap {
    statistic: String,
    from: String,
    to: Option<String>,
    reason: String,
}

/// A line of `/v1/verify`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Checked {
    Progress { done: u64, total: u64 },
    Verified(Found),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    statistics: u64,
    pages: u64,
    journal_entries: u64,
    history_tail: u64,
    history_volumes: u64,
    history_buckets: u64,
    history_chunks: u64,
    history_rows: u64,
    damaged: Vec<String>,
}

#[derive(Deserialize)]
struct Steps {
    points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    value: Option<serde_json::Value>,
}

fn text(text: Option<String>) -> Cell {
    text.map_or(Cell::None, Cell::Text)
}

fn json(value: Option<Box<RawValue>>) -> Cell {
    value.map_or(Cell::None, Cell::Json)
}

impl Last {
    /// In the order of the columns; `age` shows whole seconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an age is no less than nothing, and cut to whole seconds"
    )]
    pub(super) fn cells(self, age: impl FnOnce(Option<u64>) -> Cell) -> Vec<Cell> {
        vec![
            Cell::Text(self.statistic),
            json(self.value),
            Cell::Text(self.quality),
            age(self.age.map(|seconds| seconds as u64)),
            text(self.source_time),
            text(self.received_at),
            text(self.validated_at),
            text(self.server),
            self.epoch.map_or(Cell::None, Cell::Number),
        ]
    }
}

impl Change {
    pub(super) fn cells(self) -> Vec<Cell> {
        vec![
            Cell::Text(self.statistic),
            Cell::Text(self.time),
            json(self.value),
            Cell::Text(self.quality),
            text(self.server),
            Cell::Number(self.epoch),
        ]
    }
}

impl Gap {
    pub(super) fn cells(self) -> Vec<Cell> {
        vec![
            Cell::Text(self.statistic),
            Cell::Text(self.from),
            text(self.to),
            Cell::Text(self.reason),
        ]
    }
}

/// Takes a line, or a row of a list.
type Take<'a, T> = &'a mut dyn FnMut(T) -> anyhow::Result<()>;

/// Shows every statistic that has a value.
pub(super) fn last(service: &Service, filter: &str, take: Take<'_, Last>) -> anyhow::Result<()> {
    block_on(async {
        let mut link = service.connect().await?;
        pages(&mut link, filter, take).await
    })
}

async fn pages(link: &mut Link<'_>, filter: &str, take: Take<'_, Last>) -> anyhow::Result<()> {
    let mut cursor = None;
    loop {
        let query = query([
            ("limit", Some(PAGE_LEN.to_string())),
            ("filter", (filter != "*").then(|| filter.to_owned())),
            ("cursor", cursor),
        ]);
        let page: Page = link.get_json(&format!("/v1/statistics{query}")).await?;
        let with_value = page.statistics.into_iter();
        with_value
            .filter(|last| last.value.is_some())
            .try_for_each(&mut *take)?;
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// Shows every change.
pub(super) fn history(
    service: &Service,
    selection: &Selection,
    take: Take<'_, Change>,
) -> anyhow::Result<()> {
    block_on(async {
        let mut link = service.connect().await?;
        each(&mut link, &target("/v1/history", selection), take).await
    })
}

/// Shows every gap.
pub(super) fn gaps(
    service: &Service,
    selection: &Selection,
    take: Take<'_, Gap>,
) -> anyhow::Result<()> {
    block_on(async {
        let mut link = service.connect().await?;
        each(&mut link, &target("/v1/gaps", selection), take).await
    })
}

fn target(path: &str, selection: &Selection) -> String {
    let filter = &selection.filter;
    let query = query([
        (
            "from",
            Some(selection.since.unwrap_or_default().to_rfc3339()),
        ),
        ("to", selection.until.map(Timestamp::to_rfc3339)),
        ("filter", (filter != "*").then(|| filter.clone())),
    ]);
    format!("{path}{query}")
}

async fn each<T: for<'de> Deserialize<'de>>(
    link: &mut Link<'_>,
    target: &str,
    take: Take<'_, T>,
) -> anyhow::Result<()> {
    let mut coming = link.get(target, "application/x-ndjson").await?;
    while let Some(line) = coming.line().await? {
        take(serde_json::from_slice(&line)?)?;
    }
    Ok(())
}

/// Has the whole store read. `progress` is shown how much of how much.
pub(super) fn verify(
    service: &Service,
    progress: &mut dyn FnMut(u64, u64),
) -> anyhow::Result<Verified> {
    block_on(async {
        let mut link = service.connect().await?;
        let mut found = None;
        each(&mut link, "/v1/verify", &mut |checked| {
            match checked {
                Checked::Progress { done, total } if total > 0 => progress(done, total),
                Checked::Progress { .. } => {}
                Checked::Verified(verified) => found = Some(verified),
            }
            Ok(())
        })
        .await?;
        let Some(found) = found else {
            bail!("the service gave up; its log says why");
        };
        Ok(Verified {
            damaged: found.damaged,
            statistics: found.statistics,
            pages: found.pages,
            journal_entries: found.journal_entries,
            history_volumes: found.history_volumes,
            history_buckets: found.history_buckets,
            history_chunks: found.history_chunks,
            history_rows: found.history_rows,
            history_tail: found.history_tail,
            history_leftovers: 0,
        })
    })
}

/// Draws each statistic: what it has changes in is known from all of them, its course is asked for.
pub(super) fn plot(
    service: &Service,
    selection: &Selection,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    block_on(async {
        let mut link = service.connect().await?;
        let mut extents: BTreeMap<String, (Timestamp, Timestamp)> = BTreeMap::new();
        let clock = Clock::system();
        each(
            &mut link,
            &target("/v1/history", selection),
            &mut |change: Change| {
                let Some(at) = Timestamp::read(&change.time, clock.wall()) else {
                    bail!("an instant that cannot be read: {}", change.time);
                };
                let extent = extents.entry(change.statistic).or_insert((at, at));
                extent.1 = at;
                Ok(())
            },
        )
        .await?;
        let mut ids = Vec::new();
        pages(&mut link, &selection.filter, &mut |last| {
            if let Some(extent) = extents.get(&last.statistic) {
                ids.push((last.id, last.statistic, *extent));
            }
            Ok(())
        })
        .await?;
        for (id, name, (first, latest)) in ids {
            let end = selection.until.unwrap_or(clock.wall()).min(clock.wall());
            let range = Range {
                from: selection.since.unwrap_or_default().max(first),
                to: end.max(Timestamp(latest.0.saturating_add(1))),
            };
            let steps = course(&mut link, &id, range, plot::step_of(range)).await?;
            plot::draw(&name, range, &steps, out)?;
        }
        Ok(())
    })
}

async fn course(
    link: &mut Link<'_>,
    id: &str,
    range: Range,
    step: Duration,
) -> anyhow::Result<Vec<Option<f64>>> {
    let query = query([
        ("from", Some(range.from.to_rfc3339())),
        ("to", Some(range.to.to_rfc3339())),
        ("step", Some(format!("{}ms", step.as_millis()))),
        ("aggregate", Some("weightedMean".to_owned())),
    ]);
    let target = format!("/v1/statistics/{id}/history{query}");
    let steps: Steps = link.get_json(&target).await?;
    let points = steps.points.into_iter();
    let number = |point: Point| point.value.as_ref().and_then(serde_json::Value::as_f64);
    Ok(points.map(number).collect())
}
