//! A statistic as JSON, and how a list of them is asked for.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::value::RawValue;
use wildmatch::WildMatch;

use super::super::auth::Identity;
use super::super::error::ApiError;
use super::super::form::{self, FieldBound};
use super::super::metrics::Limit;
use crate::model::{Age, Timestamp};
use crate::peek::{Changes, Gone, PublicId, Selector, Standing, View, revision_text};

/// A statistic as it is now.
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the interface's own names"
)]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Statistic {
    id: String,
    statistic: String,
    metric: Box<str>,
    object_type: &'static str,
    object_id: Box<str>,
    tenant: Box<str>,
    notification_mode: Option<&'static str>,
    /// `null` while there is none.
    value: Option<Box<RawValue>>,
    quality: &'static str,
    /// Seconds since the last validation; `null` where that is not known.
    age: Option<f64>,
    source_time: Option<String>,
    received_at: Option<String>,
    validated_at: Option<String>,
    server: Option<String>,
    epoch: Option<u64>,
    revision: String,
    /// What a Stat Server refuses it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
}

/// A statistic that is no longer known.
#[derive(Serialize)]
pub(super) struct Tombstone {
    id: String,
    statistic: String,
    deleted: bool,
}

/// One thing that changed.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Change {
    Changed(Box<Statistic>),
    Deleted(Tombstone),
}

impl Change {
    /// All changes, those that are no longer known at the end.
    pub(super) fn all(changes: Changes) -> impl Iterator<Item = Self> {
        let shown = changes.changed.into_iter().map(Statistic::from);
        let gone = changes.dropped.into_iter().map(Tombstone::from);
        let shown = shown.map(|one| Self::Changed(Box::new(one)));
        shown.chain(gone.map(Self::Deleted))
    }
}

impl From<View> for Statistic {
    fn from(view: View) -> Self {
        let of = &*view.statistic;
        let last = view.last.as_ref();
        let time = |time: Timestamp| time.to_rfc3339();
        Self {
            id: view.id.to_string(),
            statistic: of.to_string(),
            metric: of.metric().into(),
            object_type: of.object_type().name(),
            object_id: of.object_id().into(),
            tenant: of.tenant().into(),
            notification_mode: view.mode.map(crate::model::NotificationMode::name),
            value: last.and_then(|last| RawValue::from_string(last.value.to_json()).ok()),
            quality: view.standing.name(),
            age: last.and_then(|last| seconds(last.age)),
            source_time: last.map(|last| time(last.source_time)),
            received_at: last.map(|last| time(last.received_at)),
            validated_at: last.map(|last| time(last.validated_at)),
            server: last.and_then(|last| last.server.as_deref().map(str::to_owned)),
            epoch: last.map(|last| last.epoch.0),
            revision: revision_text(view.revision),
            refusal: view.refusal.as_deref().map(str::to_owned),
        }
    }
}

impl From<Gone> for Tombstone {
    fn from(gone: Gone) -> Self {
        Self {
            id: gone.id.to_string(),
            statistic: gone.statistic.to_string(),
            deleted: true,
        }
    }
}

/// Seconds with milliseconds, as ages are shown.
pub(super) fn seconds(age: Age) -> Option<f64> {
    match age {
        Age::Known(ms) => Some(std::time::Duration::from_millis(ms).as_secs_f64()),
        Age::Unknown => None,
    }
}

/// A query's parameters: those that choose statistics, and the rest.
pub(in crate::api) struct Query {
    pub(in crate::api) selector: Selector,
    rest: Vec<(String, String)>,
}

impl Query {
    /// Reads a query of which `known` parameters are the endpoint's own, each given once at most.
    pub(in crate::api) fn read(
        text: &str,
        identity: Option<&Identity>,
        known: &[&str],
    ) -> Result<Self, ApiError> {
        const PARAMETERS: FieldBound = FieldBound {
            max: 5000,
            limit: Limit::Fields,
        };
        let mut query = Self {
            selector: Selector {
                tenants: identity.and_then(Identity::tenants),
                ..Selector::default()
            },
            rest: Vec::new(),
        };
        for field in form::parse(text.as_bytes(), PARAMETERS)? {
            let value = field.value.unwrap_or_default();
            if known.contains(&&*field.name) {
                if query.rest.iter().any(|(name, _)| *name == field.name) {
                    return Err(bad(format!("{} is given more than once", field.name)));
                }
                query
                    .rest
                    .push((field.name.into_owned(), value.into_owned()));
            } else {
                query.choose(&field.name, &value)?;
            }
        }
        Ok(query)
    }

    /// Refuses to follow a quality: what leaves it would never be told, and seem to have it for ever.
    pub(super) fn followed(self) -> Result<Self, ApiError> {
        match self.selector.standings {
            Some(_) => Err(bad(
                "quality narrows lists only, not what changes".to_owned()
            )),
            None => Ok(self),
        }
    }

    /// One of the endpoint's own parameters.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.rest.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// One of the endpoint's own parameters, as an instant.
    pub(super) fn instant(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let instant = Timestamp::read(text, now).map(Some);
        instant.ok_or_else(|| {
            bad(format!(
                "{name} is written as RFC 3339, as seconds or milliseconds since 1970, or as \
                 '1h ago'"
            ))
        })
    }

    fn choose(&mut self, name: &str, value: &str) -> Result<(), ApiError> {
        let selector = &mut self.selector;
        let glob = match name {
            "tenant" => &mut selector.tenant,
            "objectType" => &mut selector.object_type,
            "objectId" => &mut selector.object_id,
            "metric" => &mut selector.metric,
            "filter" => &mut selector.text,
            "quality" => {
                let standings = selector.standings.get_or_insert_default();
                for word in value.split(',') {
                    let standing: Result<Standing, ()> = word.parse();
                    standings.push(standing.map_err(|()| {
                        bad("quality is good, uncertain, waiting or bad".to_owned())
                    })?);
                }
                return Ok(());
            }
            "id" => {
                let ids = selector.ids.get_or_insert_with(HashSet::new);
                for text in value.split(',') {
                    let id: Result<PublicId, ()> = text.parse();
                    ids.insert(id.map_err(|()| bad("an id is none of this service's".to_owned()))?);
                }
                return Ok(());
            }
            _ => {
                return Err(bad(
                    "the query has a parameter that is not known here".to_owned()
                ));
            }
        };
        if glob.replace(WildMatch::new(value)).is_some() {
            return Err(bad(format!("{name} is given more than once")));
        }
        Ok(())
    }
}

fn bad(text: String) -> ApiError {
    ApiError::Request(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_mean_nothing_are_named_or_counted() {
        let read = |text| Query::read(text, None, &["limit"]);
        let query = read("metric=Total*&limit=5&quality=good,bad&id=1-00000000").unwrap();
        assert_eq!(query.get("limit"), Some("5"));
        assert_eq!(query.selector.standings.as_ref().map(Vec::len), Some(2));
        assert!(query.selector.ids.is_some() && query.selector.tenant.is_none());
        for (text, word) in [
            ("limit=1&limit=2", "limit"),
            ("metric=a&metric=b", "metric"),
            ("quality=fine", "quality"),
            ("id=x", "id"),
            ("colour=blue", "parameter"),
            ("metric=%zz", "metric"),
        ] {
            let error = read(text).err().unwrap().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
