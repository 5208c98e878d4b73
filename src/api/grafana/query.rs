//! What a panel shows: a series for each statistic that is a number, or a table of all.

use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Look;
use super::selection::{Filter, Key, Selection};
use crate::api::error::ApiError;
use crate::api::metrics::number;
use crate::model::{self, Age, Timestamp};
use crate::peek::{Aggregate, Board, LastSeen, Standing, View};

/// What a series is called unless the panel says otherwise.
pub(super) const LEGEND: &str = "{{metric}} {{objectId}}";

/// Series that one query may mean: each is read from the disk.
const SERIES_MAX: usize = 1000;
/// Points of a series unless the panel says otherwise, and at most.
const POINTS: f64 = 500.0;
const POINTS_MAX: f64 = 2000.0;

/// A panel's request, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    #[serde(default)]
    range: Option<Range>,
    #[serde(default)]
    max_data_points: Option<f64>,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default, alias = "adhocFilters")]
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
struct Range {
    from: String,
    to: String,
}

#[derive(Deserialize)]
struct Target {
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    payload: Value,
}

/// What answers a target.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    Series(Series),
    Table(Table),
}

#[derive(Serialize)]
pub(super) struct Series {
    target: String,
    datapoints: Vec<Point>,
}

/// A value and its time in milliseconds.
type Point = (Option<Box<RawValue>>, u64);

#[derive(Serialize)]
pub(super) struct Table {
    r#type: &'static str,
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

#[derive(Serialize)]
struct Column {
    text: &'static str,
    r#type: &'static str,
}

/// What of the past a panel shows.
struct Window {
    from: Timestamp,
    to: Timestamp,
    step: Duration,
    /// Whether what is known now belongs to it.
    is_present: bool,
}

/// `POST /grafana/query`. Whatever a panel shows is asked for, and so not idle.
pub(super) async fn query(look: &Look<'_>, asked: Asked) -> Result<Vec<Answer>, ApiError> {
    let points = asked.max_data_points;
    let window = asked
        .range
        .map(|range| Window::of(&range, points, look.board.now()));
    let window = window.transpose()?;
    let mut answers = Vec::new();
    for target in asked.targets {
        // A query that nobody filled in yet.
        let Some(name) = target.target.filter(|name| !name.is_empty()) else {
            continue;
        };
        let payload = payload_of(target.payload)?;
        let selection = Selection::all(look).target(&name)?;
        let selection = selection.payload(&payload)?.filters(&asked.filters)?;
        let views = selection.views(look).inspect(|view| {
            look.board.touch([view.id]);
        });
        let text = |name| payload.get(name).and_then(Value::as_str);
        if text("format").or(text("type")) == Some("table") {
            answers.push(Answer::Table(table(views)));
            continue;
        }
        let legend = text("legend").filter(|text| !text.is_empty());
        let legend = legend.unwrap_or(LEGEND);
        let numbers: Vec<View> = views.filter(is_number).take(SERIES_MAX + 1).collect();
        if numbers.len() > SERIES_MAX {
            return Err(ApiError::Request(format!(
                "the query means more than {SERIES_MAX} statistics: narrow it, or ask for a table"
            )));
        }
        let series = numbers
            .iter()
            .map(|view| series(look.board, view, legend, window.as_ref()));
        for series in join_all(series).await {
            answers.push(Answer::Series(series?));
        }
    }
    Ok(answers)
}

/// A payload as an object. Older versions send it as a text.
pub(super) fn payload_of(payload: Value) -> Result<Map<String, Value>, ApiError> {
    let no_object = || ApiError::Request("a payload is a JSON object".to_owned());
    match payload {
        Value::Null => Ok(Map::new()),
        Value::Object(fields) => Ok(fields),
        Value::String(text) if text.trim().is_empty() => Ok(Map::new()),
        Value::String(text) => serde_json::from_str(&text).map_err(|_| no_object()),
        _ => Err(no_object()),
    }
}

impl Window {
    fn of(range: &Range, points: Option<f64>, now: Timestamp) -> Result<Self, ApiError> {
        let wrong = |text: &str| ApiError::Request(text.to_owned());
        let ends = Timestamp::read(&range.from, now).zip(Timestamp::read(&range.to, now));
        let (from, to) =
            ends.ok_or_else(|| wrong("range has from and to, each a time as in RFC 3339"))?;
        if from >= to {
            return Err(wrong("range.from is not before range.to"));
        }
        // A count of pixels, whatever is sent.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to what fits"
        )]
        let points = points.unwrap_or(POINTS).clamp(1.0, POINTS_MAX) as u64;
        let end = to.min(now);
        let length = end.0.saturating_sub(from.0);
        Ok(Self {
            from,
            to: end,
            step: Duration::from_millis(length.div_ceil(points).max(1)),
            is_present: to >= now && from < now,
        })
    }
}

fn is_number(view: &View) -> bool {
    let last = view.last.as_ref();
    last.is_some_and(|last| number(&last.value).is_some())
}

/// The statistic's course, or without a window its last value. Where nothing is known there is
/// `null`, so that a gap is drawn as one.
async fn series(
    board: &Board,
    view: &View,
    legend: &str,
    window: Option<&Window>,
) -> Result<Series, ApiError> {
    let mut datapoints = Vec::new();
    if let Some(window) = window.filter(|window| window.from < window.to) {
        let ends = (window.from, window.to);
        let steps = board.steps(view.id, ends, window.step, Aggregate::Last);
        let steps = steps.await.map_err(|_| ApiError::HistoryUnreadable)?;
        let length = u64::try_from(window.step.as_millis()).unwrap_or(u64::MAX);
        datapoints.extend(steps.into_iter().map(|step| {
            // The value is the one at the step's end.
            let at = step.from.0.saturating_add(length).min(window.to.0);
            (step.value.as_ref().and_then(point), at)
        }));
    }
    if let Some(last) = &view.last
        && window.is_none_or(|window| window.is_present && view.standing == Standing::Good)
    {
        let at = holds_at(view, last);
        // Of this moment there is one point, and this is the newest.
        while datapoints.last().is_some_and(|(_, other)| *other >= at) {
            datapoints.pop();
        }
        datapoints.push((point(&last.value), at));
    }
    Ok(Series {
        target: named(view, legend),
        datapoints,
    })
}

fn point(value: &model::Value) -> Option<Box<RawValue>> {
    RawValue::from_string(number(value)?).ok()
}

/// When the value was surely right: now, while a live Stat Server vouches for it, else when it was
/// last validated.
fn holds_at(view: &View, last: &LastSeen) -> u64 {
    match last.age {
        Age::Known(ms) if view.standing == Standing::Good => last.validated_at.0.saturating_add(ms),
        _ => last.validated_at.0,
    }
}

fn named(view: &View, legend: &str) -> String {
    let mut name = legend.replace("{{statistic}}", &view.statistic.to_string());
    for key in Key::ALL {
        let place = format!("{{{{{}}}}}", key.name());
        name = name.replace(&place, key.of(view));
    }
    name
}

fn table(views: impl Iterator<Item = View>) -> Table {
    let mut all_numbers = true;
    let rows = views
        .map(|view| {
            let last = view.last.as_ref();
            let value = last.map_or(Value::Null, |last| shown(&last.value));
            all_numbers &= value.is_number() || value.is_null();
            let age = last.and_then(|last| match last.age {
                Age::Known(ms) => Some(Duration::from_millis(ms).as_secs_f64()),
                Age::Unknown => None,
            });
            vec![
                json!(last.map(|last| last.validated_at.0)),
                json!(Key::Metric.of(&view)),
                json!(Key::ObjectType.of(&view)),
                json!(Key::ObjectId.of(&view)),
                json!(Key::Tenant.of(&view)),
                value,
                json!(Key::Quality.of(&view)),
                json!(age),
            ]
        })
        .collect();
    let value_type = if all_numbers { "number" } else { "string" };
    let column = |(text, r#type)| Column { text, r#type };
    let columns = [
        ("validated", "time"),
        ("metric", "string"),
        ("objectType", "string"),
        ("objectId", "string"),
        ("tenant", "string"),
        ("value", value_type),
        ("quality", "string"),
        ("age", "number"),
    ];
    Table {
        r#type: "table",
        columns: columns.map(column).into(),
        rows,
    }
}

/// A value for a cell: of a state its status, which is what a person looks for.
fn shown(value: &model::Value) -> Value {
    let json = value.to_json();
    let value = serde_json::from_str(&json).unwrap_or(Value::Null);
    match value {
        Value::Object(fields) => fields.get("status").cloned().unwrap_or(Value::String(json)),
        other => other,
    }
}
