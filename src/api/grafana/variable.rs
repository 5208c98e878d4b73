//! What a dashboard's variables and ad hoc filters can be.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Look;
use super::query::payload_of;
use super::selection::{Key, Selection};
use crate::api::auth::Identity;
use crate::api::error::ApiError;
use crate::api::v1::Query;

/// A variable's definition.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    payload: Value,
}

/// A value that a variable can have.
#[derive(Serialize)]
pub(super) struct Variable {
    __text: String,
    __value: String,
}

/// A key that can be filtered by.
#[derive(Serialize)]
pub(super) struct TagKey {
    r#type: &'static str,
    text: &'static str,
}

/// A value that a key can have.
#[derive(Serialize)]
pub(super) struct TagValue {
    text: String,
}

/// The key whose values are asked for.
#[derive(Deserialize)]
pub(super) struct AskedTag {
    key: String,
}

/// `POST /grafana/variable`: `target` names a key, narrowed as a list of `/v1/statistics` is
/// (`objectId?objectType=Queue`) or by the payload's other fields.
pub(super) fn variable(
    look: &Look<'_>,
    identity: Option<&Identity>,
    asked: Asked,
) -> Result<Vec<Variable>, ApiError> {
    let payload = payload_of(asked.payload)?;
    let target = payload.get("target").and_then(Value::as_str);
    let target = target.unwrap_or(Key::Metric.name());
    let (name, query) = target.split_once('?').unwrap_or((target, ""));
    let key = Key::named(name.trim())?;
    let selector = Query::read(query.trim(), identity, &[])?.selector;
    let selection = Selection::by(selector).payload(&payload)?;
    let values = selection.values(look, key).into_iter();
    let variable = |text: String| Variable {
        __value: text.clone(),
        __text: text,
    };
    Ok(values.map(variable).collect())
}

/// `POST /grafana/tag-keys`.
pub(super) fn tag_keys() -> Vec<TagKey> {
    let key = |key: Key| TagKey {
        r#type: "string",
        text: key.name(),
    };
    Key::ALL.map(key).into()
}

/// `POST /grafana/tag-values`.
pub(super) fn tag_values(look: &Look<'_>, asked: &AskedTag) -> Result<Vec<TagValue>, ApiError> {
    let key = Key::named(&asked.key)?;
    let values = Selection::all(look).values(look, key).into_iter();
    Ok(values.map(|text| TagValue { text }).collect())
}
