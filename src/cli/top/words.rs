//! Values, ages and instants as words for a terminal.

use std::time::Duration;

use super::told::{Quality, Shown};
use crate::model::Timestamp;

/// An age at a glance: its two largest units, or seconds.
pub(super) fn age(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds.filter(|seconds| seconds.is_finite()) else {
        return "unknown".to_owned();
    };
    duration(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

pub(super) fn duration(duration: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match duration.as_secs() {
        s if s < MINUTE => format!("{s}s"),
        s if s < HOUR => format!("{}m{:02}s", s / MINUTE, s % MINUTE),
        s if s < DAY => format!("{}h{:02}m", s / HOUR, s % HOUR / MINUTE),
        s => format!("{}d{:02}h", s / DAY, s % DAY / HOUR),
    }
}

/// The time of day in UTC, without the day: what a terminal shows is of today.
pub(super) fn time_of_day(rfc3339: &str) -> &str {
    rfc3339.get(11..19).unwrap_or(rfc3339)
}

pub(super) fn time(at: Timestamp) -> String {
    format!("{} UTC", time_of_day(&at.to_rfc3339()))
}

pub(super) fn value(value: &Shown) -> &str {
    match value {
        Shown::Nothing => "-",
        Shown::Number(_, text) | Shown::Text(text) => text,
    }
}

/// A statistic's text form within so many characters. Where that is too little the metric and the
/// object are kept, and of the metric a part at least.
pub(super) fn fitted(text: &str, width: usize) -> String {
    let len = |text: &str| text.chars().count();
    let mut parts = text.split(';');
    let (metric, object) = (parts.next(), parts.nth(1));
    let (Some(metric), Some(object)) = (metric, object) else {
        return text.to_owned();
    };
    if len(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(len(object) + 1).max(width / 3);
    if len(metric) <= room {
        return format!("{metric} {object}");
    }
    let kept: String = metric.chars().take(room.saturating_sub(1)).collect();
    format!("{kept}… {object}")
}

/// How far to trust a value. A good one that came over a line that is lost is not good any more.
pub(super) fn quality(quality: Quality, is_fresh: bool) -> &'static str {
    match quality {
        Quality::Good if is_fresh => "good",
        Quality::Good => "unconfirmed",
        Quality::Uncertain => "uncertain",
        Quality::Waiting => "waiting",
        Quality::Bad => "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_metric_and_object_are_kept() {
        let text = "TotalLoginTime;Agent;KSippola;Environment";
        for (width, words) in [
            (41, text),
            (40, "TotalLoginTime KSippola"),
            (23, "TotalLoginTime KSippola"),
            (20, "TotalLogin… KSippola"),
            (12, "Tot… KSippola"),
            (0, "… KSippola"),
        ] {
            assert_eq!(fitted(text, width), words);
        }
        assert_eq!(fitted("no statistic", 3), "no statistic");
    }

    #[test]
    fn ages_have_two_units_at_most() {
        for (seconds, words) in [
            (Some(0.9), "0s"),
            (Some(59.9), "59s"),
            (Some(61.0), "1m01s"),
            (Some(7_260.0), "2h01m"),
            (Some(90_000.0), "1d01h"),
            (Some(-1.0), "0s"),
            (Some(f64::MAX), "213503982334601d07h"),
            (Some(f64::NAN), "unknown"),
            (None, "unknown"),
        ] {
            assert_eq!(age(seconds), words);
        }
    }
}
