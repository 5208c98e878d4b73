//! The past as rows: of JSON, of JSON lines, of CSV.

use std::collections::HashMap;

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

/// When nothing was known of a statistic; the columns are those of `peekd inspect gaps`.
#[derive(Serialize)]
pub(super) struct GapRow<'a> {
    statistic: &'a str,
    #[serde(flatten)]
    gap: Gap,
}

impl<'a> GapRow<'a> {
    pub(super) fn of(hole: Hole, statistic: &'a str) -> Self {
        Self {
            statistic,
            gap: hole.into(),
        }
    }
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
    let mut out = csv_heading(heading);
    for row in rows {
        // By way of its text: a number that was read would not keep its digits.
        let row = serde_json::to_string(&row).unwrap_or_default();
        csv_row(heading, &row, &mut out);
    }
    String::from_utf8(out).unwrap_or_default()
}

/// The first line of CSV.
pub(super) fn csv_heading(heading: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    record(heading.iter().map(|&name| name.to_owned()), &mut out);
    out
}

/// Adds a line of CSV from a row of JSON.
pub(super) fn csv_row(heading: &[&str], row: &str, out: &mut Vec<u8>) {
    let fields: HashMap<&str, &RawValue> = serde_json::from_str(row).unwrap_or_default();
    let cells = heading.iter().map(|name| match fields.get(name) {
        Some(field) if field.get() != "null" => {
            let text = serde_json::from_str(field.get());
            text.unwrap_or_else(|_| field.get().to_owned())
        }
        _ => String::new(),
    });
    record(cells, out);
}

fn record(cells: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(cells).unwrap_or_default();
    writer.flush().unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Epoch, Quality};

    #[test]
    fn numbers_keep_their_digits_in_every_form() {
        let point = |value: &str| PastPoint {
            at: Timestamp(0),
            value: Value::from_text(value),
            quality: Quality::Good,
            server: None,
            epoch: Epoch(1),
        };
        for (value, cell) in [
            ("42.50", "42.50"),
            ("99999999999999999999", "99999999999999999999"),
            ("a,b", "\"a,b\""),
        ] {
            let point = point(value);
            let text = csv(&["value", "server"], [Row::of(&point, None)].into_iter());
            assert_eq!(text, format!("value,server\n{cell},\n"));
        }
        let text = lines([Row::of(&point("42.50"), None)].into_iter());
        assert!(text.contains("\"value\":42.50,"), "{text}");
    }
}
