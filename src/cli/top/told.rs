//! What the service tells, as far as it is shown. Values are kept as short texts: a wall of states
//! would otherwise take megabytes that nobody looks at.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Characters of a value that are kept.
const VALUE_LEN_MAX: usize = 80;

/// One thing that a stream told of a statistic.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) id: Box<str>,
    /// The text form.
    pub(super) statistic: Box<str>,
    /// `None` for what is no longer known.
    pub(super) reading: Option<Reading>,
}

/// A statistic's value and how far to trust it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) value: Shown,
    pub(super) quality: Quality,
    /// Seconds when it was told; `None` where that is not known.
    pub(super) age: Option<f64>,
}

/// A value as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shown {
    /// There is none yet, or it is `null`.
    Nothing,
    /// A number, as it was written.
    Number(f64, Box<str>),
    /// A state, a text, or the words of a refusal.
    Text(Box<str>),
}

/// How far to trust a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Quality {
    Good,
    Uncertain,
    Waiting,
    Bad,
}

/// A pair of Stat Servers, as `/v1/servers` tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) active: Active,
    pub(super) mode: Option<String>,
    pub(super) last_switchover: Option<Switchover>,
    pub(super) statistics: Opens,
    /// Seconds.
    pub(super) addp_round_trip: Option<f64>,
}

/// The side that is asked.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Active {
    pub(super) side: String,
    pub(super) address: String,
    /// RFC 3339.
    pub(super) since: String,
}

/// How many statistics are to be open, and are.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Opens {
    pub(super) wanted: usize,
    pub(super) open: usize,
}

/// A change from one Stat Server of a pair to the other.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Switchover {
    /// RFC 3339.
    pub(super) at: String,
    pub(super) to: String,
    pub(super) reason: String,
}

#[derive(Deserialize)]
pub(super) struct Servers {
    pub(super) servers: Vec<Server>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    statistic: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    quality: Option<Quality>,
    #[serde(default)]
    age: Option<f64>,
    #[serde(borrow, default)]
    refusal: Option<Cow<'a, str>>,
    #[serde(default)]
    deleted: bool,
}

/// A `snapshot` or an `update`.
#[derive(Deserialize)]
struct Several<'a> {
    #[serde(borrow, alias = "changes")]
    statistics: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct State {
    status: String,
    #[serde(default)]
    since: Option<String>,
}

/// Reads what a `snapshot` or `update` event says.
pub(super) fn several(data: &str) -> serde_json::Result<Vec<Told>> {
    let several: Several<'_> = serde_json::from_str(data)?;
    Ok(several.statistics.into_iter().map(Told::from).collect())
}

impl From<Item<'_>> for Told {
    fn from(one: Item<'_>) -> Self {
        let quality = one.quality.unwrap_or(Quality::Waiting);
        let reading = Reading {
            value: match (quality, &one.refusal) {
                (Quality::Bad, Some(refusal)) => Shown::Text(cut(refusal)),
                _ => one.value.map_or(Shown::Nothing, shown),
            },
            quality,
            age: one.age,
        };
        Self {
            id: one.id.into(),
            statistic: one.statistic.into(),
            reading: (!one.deleted).then_some(reading),
        }
    }
}

fn shown(json: &RawValue) -> Shown {
    let json = json.get();
    match json.as_bytes().first() {
        Some(b'n') | None => Shown::Nothing,
        Some(b'"') => {
            let text: String = serde_json::from_str(json).unwrap_or_default();
            Shown::Text(cut(&text))
        }
        Some(b'{') => match serde_json::from_str::<State>(json) {
            Ok(State { status, since }) => {
                let since = since.as_deref().and_then(|since| since.get(11..19));
                let words = since.map_or(status.clone(), |since| format!("{status} {since}"));
                Shown::Text(cut(&words))
            }
            Err(_) => Shown::Text("not understood".into()),
        },
        Some(_) => match json.parse() {
            Ok(number) => Shown::Number(number, cut(json)),
            Err(_) => Shown::Text(cut(json)),
        },
    }
}

fn cut(text: &str) -> Box<str> {
    let end = text.char_indices().nth(VALUE_LEN_MAX);
    let end = end.map_or(text.len(), |(at, _)| at);
    let kept = text.get(..end).unwrap_or_default();
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_tombstones_are_read() {
        let data = r#"{"changes":[
            {"id":"1-0","statistic":"A;Queue;9@S;E","metric":"A","value":1.50,"quality":"good","age":0.25},
            {"id":"1-1","statistic":"B;Agent;\"x\";E","value":{"status":"LoggedIn","since":"2026-01-02T03:04:05.000Z","agent":"x"},"quality":"uncertain","age":null},
            {"id":"1-2","statistic":"C;Queue;9@S;E","value":null,"quality":"waiting"},
            {"id":"1-3","statistic":"D;Queue;9@S;E","value":null,"quality":"bad","refusal":"No such \"queue\""},
            {"id":"1-4","statistic":"E;Queue;9@S;E","deleted":true}]}"#;
        let told = several(data).unwrap();
        let values: Vec<_> = told.iter().map(|told| told.reading.clone()).collect();
        let reading = |value, quality, age| {
            Some(Reading {
                value,
                quality,
                age,
            })
        };
        let text = |text: &str| Shown::Text(text.into());
        assert_eq!(
            values,
            [
                reading(Shown::Number(1.5, "1.50".into()), Quality::Good, Some(0.25)),
                reading(text("LoggedIn 03:04:05"), Quality::Uncertain, None),
                reading(Shown::Nothing, Quality::Waiting, None),
                reading(text("No such \"queue\""), Quality::Bad, None),
                None,
            ]
        );
        assert_eq!(&*told[1].statistic, "B;Agent;\"x\";E");
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let long = "ü".repeat(1000);
        let data = format!(r#"{{"statistics":[{{"id":"1","statistic":"A","value":"{long}"}}]}}"#);
        let told = several(&data).unwrap();
        let Some(Shown::Text(text)) = told[0].reading.clone().map(|reading| reading.value) else {
            panic!("no text: {told:?}");
        };
        assert_eq!(text.chars().count(), VALUE_LEN_MAX);
    }

    #[test]
    fn what_is_no_peekd_event_is_an_error() {
        for wrong in ["", "[]", "{}", r#"{"changes":[{"id":1}]}"#] {
            assert!(several(wrong).is_err(), "{wrong}");
        }
    }
}
