//! What a query of `/metrics` chooses: nothing for the service's own figures, or statistics by
//! pattern.

use std::time::Duration;

use crate::api::error::ApiError;
use crate::api::form::{self, FieldBound};
use crate::api::metrics::Limit;
use crate::model::StatisticPattern;

/// The parameters, read.
#[derive(Debug, Default, PartialEq)]
pub(in crate::api) struct Choice {
    pub(in crate::api) patterns: Vec<StatisticPattern>,
    pub(in crate::api) age_max_ms: Option<u64>,
}

impl Choice {
    /// Reads `match=PATTERN`, any number of them, and `max_age=SECONDS`. Prometheus' own name for
    /// the former, `match[]`, will do as well.
    pub(in crate::api) fn read(query: &str) -> Result<Self, ApiError> {
        const PARAMETERS: FieldBound = FieldBound {
            max: 1000,
            limit: Limit::Fields,
        };
        let mut choice = Self::default();
        for field in form::parse(query.as_bytes(), PARAMETERS)? {
            let value = field.value.unwrap_or_default();
            match &*field.name {
                "match" | "match[]" => {
                    let pattern = StatisticPattern::new(&value);
                    let pattern = pattern.map_err(|error| bad(&format!("match: {error}")))?;
                    choice.patterns.push(pattern);
                }
                "max_age" if choice.age_max_ms.is_none() => {
                    let seconds: Result<u32, _> = value.parse();
                    let seconds = seconds.map_err(|_| bad("max_age is a number of seconds"))?;
                    let age_max = Duration::from_secs(seconds.into());
                    choice.age_max_ms =
                        Some(u64::try_from(age_max.as_millis()).unwrap_or(u64::MAX));
                }
                "max_age" => return Err(bad("max_age is given more than once")),
                _ => return Err(bad("the query may have match and max_age, nothing else")),
            }
        }
        if choice.patterns.is_empty() && choice.age_max_ms.is_some() {
            return Err(bad("max_age goes with match"));
        }
        Ok(choice)
    }
}

fn bad(text: &str) -> ApiError {
    ApiError::Request(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_collected_and_what_is_wrong_is_named() {
        let read = |query| Choice::read(query).map_err(|error| error.to_string());
        assert_eq!(read(""), Ok(Choice::default()));
        let choice = read("match=Curr*%3BQueue&match[]=Total*&max_age=60").unwrap();
        assert_eq!(
            (choice.patterns.len(), choice.age_max_ms),
            (2, Some(60_000))
        );
        for (query, word) in [
            ("match=", "match:"),
            ("match=a;b;c;d;e;f;g;h;i", "match:"),
            ("max_age=60", "goes with match"),
            ("match=a&max_age=soon", "seconds"),
            ("match=a&max_age=1&max_age=2", "more than once"),
            ("mach=a", "nothing else"),
        ] {
            let error = read(query).unwrap_err();
            assert!(error.contains(word), "{query}: {error}");
        }
    }
}
