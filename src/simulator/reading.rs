//! Values on their way to the wire, and whether one differs enough from the last to be told.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use bytes::BytesMut;

use crate::model::{State, Value};
use crate::wire::{AgentStatus, Charset, Event, decode_state};

/// A value that a test puts in the place of the model's.
#[derive(Debug, Clone)]
pub enum ScriptedValue {
    /// A number, with the digits to be sent.
    Number(String),
    /// A text that is no number.
    Text(String),
    /// The state of an agent.
    Agent(Box<AgentStatus>),
    /// The model's own value again, if it has one.
    Model,
}

/// What a statistic reads at an instant.
#[derive(Debug, Clone)]
pub enum Reading {
    /// A number without decimals.
    Whole(i64),
    /// A number with two decimals, in hundredths.
    Hundredths(i64),
    /// A text, possibly a number's.
    Text(Arc<str>),
    /// The state of an agent.
    Agent(Arc<AgentStatus>),
}

/// What a client was last sent of a statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    fingerprint: u64,
    hundredths: Option<i64>,
}

impl Sent {
    /// Whether `self` is news to who was last sent `last`: different, and for numbers by at least
    /// the insensitivity.
    pub(super) fn is_news_after(self, last: Self, insensitivity: i32) -> bool {
        if self.fingerprint == last.fingerprint {
            return false;
        }
        match (self.hundredths, last.hundredths) {
            (Some(now), Some(then)) => {
                now.abs_diff(then) >= u64::from(insensitivity.unsigned_abs()) * 100
            }
            _ => true,
        }
    }

    pub(super) fn is_zero(self) -> bool {
        self.hundredths == Some(0)
    }

    /// The number that was sent, if it was one.
    pub(super) fn reading(self) -> Option<Reading> {
        let hundredths = self.hundredths?;
        Some(match hundredths % 100 {
            0 => Reading::Whole(hundredths / 100),
            _ => Reading::Hundredths(hundredths),
        })
    }
}

impl Reading {
    pub(super) fn from_script(value: ScriptedValue) -> Option<Self> {
        match value {
            ScriptedValue::Number(text) | ScriptedValue::Text(text) => {
                Some(Self::Text(text.into()))
            }
            ScriptedValue::Agent(status) => Some(Self::Agent(Arc::new(*status))),
            ScriptedValue::Model => None,
        }
    }

    /// The number that differs from this one by just enough to be told.
    pub(super) fn aside(&self, insensitivity: i32) -> Self {
        let step = i64::from(insensitivity.unsigned_abs().max(1));
        match self {
            Self::Whole(number) => Self::Whole(number.saturating_add(step)),
            Self::Hundredths(number) => Self::Hundredths(number.saturating_add(step * 100)),
            other => other.clone(),
        }
    }

    pub(super) fn sent(&self) -> Sent {
        let mut hasher = DefaultHasher::new();
        let hundredths = match self {
            Self::Whole(number) => Some(number.saturating_mul(100)),
            Self::Hundredths(number) => Some(*number),
            Self::Text(text) => {
                text.hash(&mut hasher);
                hundredths_of(text)
            }
            Self::Agent(status) => {
                hasher.write(&status.encode(1, Charset::UTF_8));
                None
            }
        };
        // A text keeps its digits in the fingerprint: 42.001 is not 42.002.
        let fingerprint = match self {
            Self::Whole(_) | Self::Hundredths(_) => hundredths.unwrap_or_default().cast_unsigned(),
            _ => hasher.finish(),
        };
        Sent {
            fingerprint,
            hundredths,
        }
    }

    /// The reading as the event's value, appended to `out`. `compat` is the server's number that
    /// decides which fields a state has.
    pub fn write<'a>(&'a self, mut event: Event<'a>, compat: i64, out: &mut BytesMut) {
        match self {
            Self::Whole(number) => {
                let mut digits = itoa::Buffer::new();
                let event = Event {
                    int_value: *number,
                    text: Some(digits.format(*number).into()),
                    ..event
                };
                event.write(Charset::UTF_8, out);
                return;
            }
            Self::Hundredths(number) => {
                event.int_value = number / 100;
                event.text = Some(decimal(*number).into());
            }
            Self::Text(text) => {
                event.int_value = hundredths_of(text).unwrap_or(0) / 100;
                event.text = Some(text.as_ref().into());
            }
            Self::Agent(status) => {
                let body = status.encode(compat, Charset::UTF_8);
                let event = Event {
                    void: Some(&body),
                    ..event
                };
                event.write(Charset::UTF_8, out);
                return;
            }
        }
        event.write(Charset::UTF_8, out);
    }

    /// The value that a client makes of it.
    #[must_use]
    pub fn to_value(&self, compat: i64) -> Value {
        match self {
            Self::Whole(number) => Value::Integer(*number),
            Self::Hundredths(number) => Value::from_text(&decimal(*number)),
            Self::Text(text) => Value::from_text(text),
            Self::Agent(status) => {
                let body = status.encode(compat, Charset::UTF_8);
                let (state, _): (State, _) = decode_state(&body, compat, Charset::UTF_8);
                Value::State(Arc::new(state))
            }
        }
    }
}

fn decimal(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let amount = hundredths.unsigned_abs();
    format!("{sign}{}.{:02}", amount / 100, amount % 100)
}

/// A plain decimal number cut to two places; `None` for anything else.
fn hundredths_of(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let mut digits: String = whole.to_owned();
    digits.extend(fraction.chars().chain(['0', '0']).take(2));
    let hundredths: i64 = digits.parse().ok()?;
    Some(if text.len() > unsigned.len() {
        -hundredths
    } else {
        hundredths
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Sent {
        Reading::Text(text.into()).sent()
    }

    #[test]
    fn insensitivity_is_an_absolute_number() {
        assert!(!text("14").is_news_after(text("10"), 5));
        assert!(text("15").is_news_after(text("10"), 5));
        assert!(text("5").is_news_after(text("10"), 5));
        assert!(text("10.5").is_news_after(text("10"), 0));
        assert!(!text("10").is_news_after(text("10"), 0));
        assert!(text("idle").is_news_after(text("10"), 5));
        assert!(text("0.00").is_zero() && !text("-1").is_zero());
    }

    #[test]
    fn decimals_have_two_places() {
        assert_eq!(decimal(4250), "42.50");
        assert_eq!(decimal(-5), "-0.05");
        assert_eq!(hundredths_of("-42.509"), Some(-4250));
        assert_eq!(hundredths_of("1e5"), None);
    }
}
