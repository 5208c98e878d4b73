//! A statistic's past in equal steps: what it was last, at least, at most and on average.

use std::time::Duration;

use super::History;
use super::gaps::Gap;
use super::reading::{Past, PastSample, Range};
use crate::model::{StatisticId, Timestamp, Value};
use crate::store::error::Error;

/// One step of a resampled past.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its beginning.
    pub from: Timestamp,
    /// The value at its end; `None` when that is in a gap.
    pub last: Option<Value>,
    /// The mean of the values that held in it, each counted once.
    pub mean: Option<f64>,
    /// The least.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
    /// The mean by how long each value held, gaps left out.
    pub weighted_mean: Option<f64>,
    /// Changes in it.
    pub count: u64,
    /// How much of it the value is known of; nothing when it is one whole gap.
    pub known: Duration,
}

/// More steps than anybody can look at.
const STEPS_MAX: u64 = 1_000_000;

impl History {
    /// The past of a statistic in equal steps from the range's beginning on. States and texts have
    /// no means.
    ///
    /// # Errors
    /// History is not open or cannot be read, or the range has more than a million steps.
    pub fn resample(
        &self,
        id: StatisticId,
        range: Range,
        step: Duration,
    ) -> Result<Vec<Step>, Error> {
        let step = u64::try_from(step.as_millis()).unwrap_or(u64::MAX).max(1);
        let count = range.to.0.saturating_sub(range.from.0).div_ceil(step);
        if count > STEPS_MAX {
            return Err(Error::Engine(format!(
                "{count} steps are too many; ask for a longer step or a shorter time"
            )));
        }
        let past = self.past(id, range)?;
        Ok(resample(&past, range, step))
    }
}

/// A stretch of time in which one value held.
struct Held<'a> {
    from: u64,
    to: u64,
    value: &'a Value,
}

fn resample(past: &Past, range: Range, step: u64) -> Vec<Step> {
    let held = held(past, range);
    let mut changes = past.samples.iter().peekable();
    let mut steps = Vec::new();
    let mut first = 0;
    let mut from = range.from.0;
    while from < range.to.0 {
        let to = from.saturating_add(step).min(range.to.0);
        while held.get(first).is_some_and(|held| held.to <= from) {
            first += 1;
        }
        let within = held.iter().skip(first).take_while(|held| held.from < to);
        let mut filled = fill(from, to, within);
        while changes.next_if(|sample| sample.at.0 < to).is_some() {
            filled.count += 1;
        }
        steps.push(filled);
        from = to;
    }
    steps
}

fn fill<'a>(from: u64, to: u64, within: impl Iterator<Item = &'a Held<'a>>) -> Step {
    let mut step = Step {
        from: Timestamp(from),
        last: None,
        mean: None,
        min: None,
        max: None,
        weighted_mean: None,
        count: 0,
        known: Duration::ZERO,
    };
    let (mut sum, mut values, mut area, mut time) = (0.0, 0.0, 0.0, 0.0);
    for held in within {
        let known = Duration::from_millis(held.to.min(to) - held.from.max(from));
        step.known += known;
        step.last = (held.to >= to).then(|| held.value.clone());
        let Some(number) = number(held.value) else {
            continue;
        };
        sum += number;
        values += 1.0;
        area += number * known.as_secs_f64();
        time += known.as_secs_f64();
        step.min = Some(step.min.map_or(number, |min| min.min(number)));
        step.max = Some(step.max.map_or(number, |max| max.max(number)));
    }
    step.mean = (values > 0.0).then(|| sum / values);
    step.weighted_mean = (time > 0.0).then(|| area / time);
    step
}

/// When which value held, gaps left out.
fn held(past: &Past, range: Range) -> Vec<Held<'_>> {
    let samples: Vec<&PastSample> = past.before.iter().chain(&past.samples).collect();
    let mut held = Vec::new();
    for (place, sample) in samples.iter().enumerate() {
        let next = samples.get(place + 1).map_or(range.to, |next| next.at);
        let mut from = sample.at.max(range.from).0;
        let to = next.min(range.to).0;
        for gap in &past.gaps {
            cut(gap, &mut from, to, |from, to| {
                held.push(Held {
                    from,
                    to,
                    value: &sample.value,
                });
            });
        }
        if from < to {
            let value = &sample.value;
            held.push(Held { from, to, value });
        }
    }
    held
}

/// Leaves a gap out of a stretch: what lies before it is kept, `from` moves behind it.
fn cut(gap: &Gap, from: &mut u64, to: u64, mut keep: impl FnMut(u64, u64)) {
    let end = gap.to.map_or(u64::MAX, |to| to.0);
    if gap.from.0 >= to || end <= *from {
        return;
    }
    if *from < gap.from.0 {
        keep(*from, gap.from.0);
    }
    *from = end;
}

#[expect(clippy::cast_precision_loss, reason = "means are not exact anyway")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Decimal(digits) => digits.parse().ok(),
        Value::Text(_) | Value::State(_) => None,
    }
}
