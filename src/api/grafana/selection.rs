//! Which statistics a panel or a variable wants: the words of a query editor, with Grafana's ways of
//! writing several values into one.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};
use wildmatch::WildMatch;

use super::Look;
use crate::api::error::ApiError;
use crate::model::{ObjectType, StatisticId, StatisticPattern};
use crate::peek::{Selector, View};

/// What statistics can be told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Metric,
    ObjectType,
    ObjectId,
    Tenant,
    Quality,
    Server,
}

impl Key {
    pub(super) const ALL: [Self; 6] = [
        Self::Metric,
        Self::ObjectType,
        Self::ObjectId,
        Self::Tenant,
        Self::Quality,
        Self::Server,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Metric => "metric",
            Self::ObjectType => "objectType",
            Self::ObjectId => "objectId",
            Self::Tenant => "tenant",
            Self::Quality => "quality",
            Self::Server => "server",
        }
    }

    /// The key of this name.
    pub(super) fn named(name: &str) -> Result<Self, ApiError> {
        let mut all = Self::ALL.into_iter();
        all.find(|key| key.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            ApiError::Request(format!("there is {names}, and nothing else to choose by"))
        })
    }

    pub(super) fn of(self, view: &View) -> &str {
        let statistic = &*view.statistic;
        match self {
            Self::Metric => statistic.metric(),
            Self::ObjectType => statistic.object_type().name(),
            Self::ObjectId => statistic.object_id(),
            Self::Tenant => statistic.tenant(),
            Self::Quality => view.standing.name(),
            Self::Server => {
                let last = view.last.as_ref();
                last.and_then(|last| last.server.as_deref()).unwrap_or("")
            }
        }
    }
}

/// An ad hoc filter of a dashboard.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    key: String,
    #[serde(default)]
    operator: String,
    #[serde(default)]
    value: String,
}

/// A choice of statistics.
pub(super) struct Selection {
    selector: Selector,
    conditions: Vec<Condition>,
}

struct Condition {
    key: Key,
    /// Whether those that match are wanted, or the others.
    wanted: bool,
    globs: Vec<WildMatch>,
}

impl Selection {
    /// All there is to see.
    pub(super) fn all(look: &Look<'_>) -> Self {
        Self {
            selector: look.selector.clone(),
            conditions: Vec::new(),
        }
    }

    /// As a selector has it.
    pub(super) fn by(selector: Selector) -> Self {
        Self {
            selector,
            conditions: Vec::new(),
        }
    }

    /// Narrows it to what a panel's target means: a metric, or a pattern of several parts
    /// (`metric;objectType;objectId;tenant`).
    pub(super) fn target(mut self, target: &str) -> Result<Self, ApiError> {
        if target.contains(';') {
            let pattern = StatisticPattern::new(target);
            let pattern = pattern.map_err(|error| ApiError::Request(error.to_string()))?;
            self.selector.patterns = Some(vec![pattern]);
        } else {
            self.narrow(Key::Metric, true, alternatives(target));
        }
        Ok(self)
    }

    /// Narrows it by whatever of a payload names a key. What is empty there admits everything.
    pub(super) fn payload(mut self, payload: &Map<String, Value>) -> Result<Self, ApiError> {
        for key in Key::ALL {
            let globs = match payload.get(key.name()) {
                None | Some(Value::Null) => continue,
                Some(Value::String(text)) if text.is_empty() => continue,
                Some(Value::String(text)) => alternatives(text),
                Some(Value::Array(items)) if items.is_empty() => continue,
                Some(Value::Array(items)) => {
                    let texts = items.iter().map(Value::as_str);
                    let texts: Option<Vec<&str>> = texts.collect();
                    let texts = texts.ok_or_else(|| no_text(key))?;
                    texts.into_iter().flat_map(alternatives).collect()
                }
                Some(_) => return Err(no_text(key)),
            };
            self.narrow(key, true, globs);
        }
        Ok(self)
    }

    /// Narrows it by a dashboard's ad hoc filters.
    pub(super) fn filters(mut self, filters: &[Filter]) -> Result<Self, ApiError> {
        for filter in filters {
            let wanted = match filter.operator.as_str() {
                "" | "=" | "=~" => true,
                "!=" | "!~" => false,
                _ => {
                    return Err(ApiError::Request(
                        "a filter's operator is =, !=, =~ or !~ (globs)".to_owned(),
                    ));
                }
            };
            let key = Key::named(&filter.key)?;
            self.narrow(key, wanted, alternatives(&filter.value));
        }
        Ok(self)
    }

    fn narrow(&mut self, key: Key, wanted: bool, texts: Vec<String>) {
        let canonical = |text: String| match (key, text.parse::<ObjectType>()) {
            // Either vocabulary and any case will do, as everywhere.
            (Key::ObjectType, Ok(object_type)) => object_type.name().to_owned(),
            _ => text,
        };
        let globs = texts.into_iter().map(canonical);
        self.conditions.push(Condition {
            key,
            wanted,
            globs: globs.map(|text| WildMatch::new(&text)).collect(),
        });
    }

    /// What is chosen, as it is now.
    pub(super) fn views(&self, look: &Look<'_>) -> impl Iterator<Item = View> {
        let numbers = look.board.numbers(StatisticId(0), &self.selector);
        let views = numbers.into_iter();
        let views = views.filter_map(|id| look.board.at(id, &self.selector));
        views.filter(|view| {
            self.conditions.iter().all(|condition| {
                let text = condition.key.of(view);
                condition.globs.iter().any(|glob| glob.matches(text)) == condition.wanted
            })
        })
    }

    /// What the key can be among them.
    pub(super) fn values(&self, look: &Look<'_>, key: Key) -> BTreeSet<String> {
        self.views(look)
            .map(|view| key.of(&view).to_owned())
            .filter(|text| !text.is_empty())
            .collect()
    }
}

fn no_text(key: Key) -> ApiError {
    let name = key.name();
    ApiError::Request(format!("{name} is neither a text nor a list of texts"))
}

/// The values that Grafana wrote into one: `(a|b)` as in a regular expression, with a backslash
/// before what is special there, or `{a,b}`.
fn alternatives(text: &str) -> Vec<String> {
    let within = |open, close| {
        let rest = text.strip_prefix(open)?;
        rest.strip_suffix(close)
    };
    let texts: Vec<&str> = if let Some(texts) = within('(', ')') {
        texts.split('|').collect()
    } else if let Some(texts) = within('{', '}') {
        texts.split(',').collect()
    } else {
        vec![text]
    };
    let mut all = Vec::with_capacity(texts.len());
    for text in texts {
        all.push(text.to_owned());
        if text.contains('\\') {
            all.push(unescaped(text));
        }
    }
    all
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.extend(characters.next()),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_values_in_one_are_taken_apart() {
        for (text, parts) in [
            ("9001@SIP_Switch", vec!["9001@SIP_Switch"]),
            ("(9001@SIP|9002@SIP)", vec!["9001@SIP", "9002@SIP"]),
            ("{a,b}", vec!["a", "b"]),
            (r"a\.b", vec![r"a\.b", "a.b"]),
            ("(a", vec!["(a"]),
            ("", vec![""]),
            ("\\", vec!["\\", ""]),
        ] {
            assert_eq!(alternatives(text), parts, "{text}");
        }
    }

    #[test]
    fn keys_are_found_by_their_names_only() {
        for key in Key::ALL {
            assert_eq!(Key::named(key.name()).ok(), Some(key));
        }
        let error = Key::named("colour").unwrap_err().to_string();
        assert!(error.contains("objectId"), "{error}");
    }
}
