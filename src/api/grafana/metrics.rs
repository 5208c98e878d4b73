//! What a panel's query editor offers: the metrics that are known, and what narrows each of them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Look;
use super::query::payload_of;
use super::selection::{Key, Selection};
use crate::api::error::ApiError;

/// Something to choose in a list.
#[derive(Serialize)]
pub(super) struct Choice {
    label: String,
    value: String,
}

/// A metric, and what the editor asks besides.
#[derive(Serialize)]
pub(super) struct Metric {
    #[serde(flatten)]
    name: Choice,
    payloads: &'static [Payload],
}

/// A field of the editor.
#[derive(Serialize)]
struct Payload {
    name: &'static str,
    label: &'static str,
    r#type: &'static str,
    placeholder: &'static str,
    /// Without options Grafana asks for them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    options: &'static [StaticChoice],
}

#[derive(Serialize)]
struct StaticChoice {
    label: &'static str,
    value: &'static str,
}

const PAYLOADS: [Payload; 6] = [
    field("objectType", "Object type", "select", "any"),
    field("objectId", "Objects", "multi-select", "all"),
    field("tenant", "Tenant", "select", "any"),
    field("quality", "Quality", "multi-select", "any"),
    Payload {
        options: &[
            StaticChoice {
                label: "Time series",
                value: "timeseries",
            },
            StaticChoice {
                label: "Table",
                value: "table",
            },
        ],
        ..field("format", "Format", "select", "Time series")
    },
    field("legend", "Legend", "input", super::query::LEGEND),
];

const fn field(
    name: &'static str,
    label: &'static str,
    r#type: &'static str,
    placeholder: &'static str,
) -> Payload {
    Payload {
        name,
        label,
        r#type,
        placeholder,
        options: &[],
    }
}

impl From<String> for Choice {
    fn from(value: String) -> Self {
        Self {
            label: value.clone(),
            value,
        }
    }
}

/// `POST /grafana/metrics`: `*` for all, and each metric by its name.
pub(super) fn metrics(look: &Look<'_>) -> Vec<Metric> {
    let names = Selection::all(look).values(look, Key::Metric);
    let everything = Choice {
        label: "(all metrics)".to_owned(),
        value: "*".to_owned(),
    };
    let names = names.into_iter().map(Choice::from);
    let metric = |name| Metric {
        name,
        payloads: &PAYLOADS,
    };
    [everything].into_iter().chain(names).map(metric).collect()
}

/// What the editor holds so far, and the field that it wants to offer something in.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    metric: Option<String>,
    #[serde(default)]
    payload: Value,
    #[serde(default)]
    name: String,
}

/// `POST /grafana/metric-payload-options`: what the field can be, given the other ones.
pub(super) fn payload_options(look: &Look<'_>, asked: Asked) -> Result<Vec<Choice>, ApiError> {
    let key = Key::named(&asked.name)?;
    let mut payload: Map<String, Value> = payload_of(asked.payload)?;
    payload.remove(key.name());
    let mut selection = Selection::all(look);
    if let Some(metric) = asked.metric.filter(|metric| !metric.is_empty()) {
        selection = selection.target(&metric)?;
    }
    let values = selection.payload(&payload)?.values(look, key);
    Ok(values.into_iter().map(Choice::from).collect())
}
