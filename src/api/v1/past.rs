//! The past as rows: of JSON, of JSON lines, of CSV.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::model::{Timestamp, Value};
use crate::peek::{Hole, PastPoint, Step};

/// A change; the columns are those of `peekd inspect history`.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    statistic: Option<&'a str>,
    time: String,
    value: Option<Box<RawValue>>,
    quality: &'static str,
    server: Option<String>,
    epoch: u64,
}

/// A step: what was asked for, and how many of its seconds are known.
#[derive(Serialize)]
pub(super) struct StepRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    statistic: Option<&'a str>,
    time: String,
    value: Option<Box<RawValue>>,
    known: f64,
}

/// When nothing was known, and why.
#[derive(Serialize)]
pub(super) struct Gap {
    from: String,
    to: Option<String>,
    reason: &'static str,
}

impl<'a> Row<'a> {
    pub(super) fn of(point: &PastPoint, statistic: Option<&'a str>) -> Self {
        Self {
            statistic,
            time: point.at.to_rfc3339(),
            value: raw(&point.value),
            quality: point.quality.name(),
            server: point.server.as_deref().map(str::to_owned),
            epoch: point.epoch.0,
        }
    }
}

impl<'a> StepRow<'a> {
    pub(super) fn of(step: &Step, statistic: Option<&'a str>) -> Self {
        Self {
            statistic,
            time: step.from.to_rfc3339(),
            value: step.value.as_ref().and_then(raw),
            known: step.known.as_secs_f64(),
        }
    }
}

impl From<Hole> for Gap {
    fn from(hole: Hole) -> Self {
        Self {
            from: hole.from.to_rfc3339(),
            to: hole.to.map(Timestamp::to_rfc3339),
            reason: hole.reason,
        }
    }
}

fn raw(value: &Value) -> Option<Box<RawValue>> {
    RawValue::from_string(value.to_json()).ok()
}

/// A row a line.
pub(super) fn lines<T: Serialize>(rows: impl Iterator<Item = T>) -> String {
    let mut text = String::new();
    for row in rows {
        text += &serde_json::to_string(&row).unwrap_or_default();
        text.push('\n');
    }
    text
}

/// Rows under a heading. A text stands as it is, a state as its JSON, and what is not known is empty.
pub(super) fn csv<T: Serialize>(heading: &[&str], rows: impl Iterator<Item = T>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory does not fail.
    writer.write_record(heading).unwrap_or_default();
    for row in rows {
        let fields = serde_json::to_value(&row).unwrap_or_default();
        let cells = heading.iter().map(|name| match fields.get(*name) {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        });
        writer.write_record(cells).unwrap_or_default();
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}
