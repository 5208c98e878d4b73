//! Statistics' values for Prometheus: chosen by pattern, numbers only, each with its age and whether
//! a live Stat Server vouches for it.

use std::fmt::Write as _;

use super::exposition::Format;
use crate::api::error::ApiError;
use crate::model::{Age, Statistic, StatisticId, Value};
use crate::peek::{Board, Selector, Standing, View};

/// A figure of each statistic.
const FIGURES: [(&str, &str); 4] = [
    ("peekd_statistic_value", "The last value"),
    (
        "peekd_statistic_valid",
        "Whether a live Stat Server vouches for the value",
    ),
    (
        "peekd_statistic_age_seconds",
        "Seconds since the value was last validated; +Inf where that is not known",
    ),
    (
        "peekd_statistic_validated_timestamp_seconds",
        "When the value was last validated",
    ),
];

/// The chosen values as text. They are asked for and so not idle; those not validated within
/// `age_max_ms` are left out.
///
/// # Errors
/// The text is longer than `bytes_max`.
pub(in crate::api) fn values(
    board: &Board,
    selector: &Selector,
    age_max_ms: Option<u64>,
    (format, bytes_max): (Format, usize),
) -> Result<String, ApiError> {
    let mut families: [String; FIGURES.len()] = FIGURES.map(|(name, help)| {
        // The lines of one name stand together, so each name has a text of its own.
        format!("# HELP {name} {help}\n# TYPE {name} gauge\n")
    });
    let mut len: usize = families.iter().map(String::len).sum();
    for id in board.numbers(StatisticId(0), selector) {
        let Some(view) = board.at(id, selector) else {
            continue;
        };
        board.touch([view.id]);
        let Some(figures) = figures(&view, age_max_ms) else {
            continue;
        };
        let labels = labels(&view.statistic);
        for ((family, (name, _)), figure) in families.iter_mut().zip(FIGURES).zip(figures) {
            let before = family.len();
            // Writing to a text in memory does not fail.
            writeln!(family, "{name}{{{labels}}} {figure}").unwrap_or_default();
            len += family.len() - before;
        }
        if len > bytes_max {
            return Err(ApiError::AnswerTooLarge(bytes_max));
        }
    }
    let mut text = families.concat();
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    Ok(text)
}

/// In the order of [`FIGURES`]; `None` for what is no number, and for what is too old.
fn figures(view: &View, age_max_ms: Option<u64>) -> Option<[String; FIGURES.len()]> {
    let last = view.last.as_ref()?;
    let value = number(&last.value)?;
    let age = match (last.age, age_max_ms) {
        (Age::Known(ms), Some(max)) if ms > max => return None,
        (Age::Unknown, Some(_)) => return None,
        (Age::Known(ms), _) => seconds(ms),
        (Age::Unknown, None) => "+Inf".to_owned(),
    };
    let valid = u8::from(view.standing == Standing::Good);
    let validated = last.validated_at.0;
    Some([value, valid.to_string(), age, seconds(validated)])
}

/// The digits as sent, if a reader that only knows double precision takes them.
pub(in crate::api) fn number(value: &Value) -> Option<String> {
    match value {
        Value::Integer(number) => Some(number.to_string()),
        Value::Decimal(digits) => {
            let number: f64 = digits.parse().ok()?;
            number.is_finite().then(|| digits.to_string())
        }
        Value::Text(_) | Value::State(_) => None,
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

fn labels(statistic: &Statistic) -> String {
    let mut labels = String::new();
    let [filter, time_profile, time_range, time_range2] = statistic.refinements();
    let reset = if statistic.reset() { "true" } else { "" };
    for (name, value) in [
        ("metric", statistic.metric()),
        ("object_type", statistic.object_type().name()),
        ("object_id", statistic.object_id()),
        ("tenant", statistic.tenant()),
        ("filter", filter),
        ("time_profile", time_profile),
        ("time_range", time_range),
        ("time_range2", time_range2),
        ("reset", reset),
    ] {
        // An empty label and none are the same to Prometheus.
        if value.is_empty() {
            continue;
        }
        if !labels.is_empty() {
            labels.push(',');
        }
        labels.push_str(name);
        labels.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => labels.push_str("\\\\"),
                '"' => labels.push_str("\\\""),
                '\n' => labels.push_str("\\n"),
                other => labels.push(other),
            }
        }
        labels.push('"');
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObjectType;

    #[test]
    fn labels_are_escaped_and_empty_ones_left_out() {
        let statistic = Statistic::new("a\"b", ObjectType::Queue, "c\\d", "e\nf");
        assert_eq!(
            labels(&statistic),
            r#"metric="a\"b",object_type="Queue",object_id="c\\d",tenant="e\nf""#
        );
        let text = labels(&statistic.refined(["", "Shift", "", ""], true));
        assert!(
            text.ends_with(r#",time_profile="Shift",reset="true""#),
            "{text}"
        );
    }

    #[test]
    fn only_numbers_that_fit_are_told() {
        for (text, told) in [
            ("1025", Some("1025")),
            ("42.50", Some("42.50")),
            ("-0", Some("-0")),
            ("99999999999999999999", Some("99999999999999999999")),
            ("1e999", None),
            ("NaN", None),
            ("ready", None),
        ] {
            assert_eq!(number(&Value::from_text(text)).as_deref(), told, "{text}");
        }
    }
}
