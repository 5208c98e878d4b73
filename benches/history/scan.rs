//! How fast everything that is kept is gone through.

use std::ops::ControlFlow;
use std::path::Path;

use peekd::model::{Clock, Timestamp};
use peekd::store::{ContentRef, Error, History, Range, look};
use tokio::time::Instant;

use crate::day::BEGIN;
use crate::figures::{number, processor_ms, report};

/// Scans a store that the day left in `PEEKD_BENCH_STORE`, some times over.
pub(crate) fn part(path: &Path) -> Result<(), Error> {
    if !path.exists() {
        report("no store: PEEKD_BENCH_STORE names one that the part day made");
        return Ok(());
    }
    let looked = look(path, &Clock::set_at(BEGIN))?;
    for turn in 1..=number("PEEKD_BENCH_TURNS", 5) {
        scan(&looked.history, &format!("scan {turn}"))?;
    }
    Ok(())
}

/// Looks at every sample's statistic, instant and value; returns how many there are.
pub(crate) fn scan(history: &History, what: &str) -> Result<u64, Error> {
    let (began, worked) = (Instant::now(), processor_ms());
    let (mut count, mut sum) = (0_u64, 0_i64);
    let mut latest = Timestamp(0);
    let damaged = history.scan(Range::ALL, &|_| true, &mut |id, sample| {
        count += 1;
        latest = latest.max(sample.at);
        sum = sum.wrapping_mul(31).wrapping_add(i64::from(id.0));
        sum = sum.wrapping_add(sample.at.0.cast_signed());
        sum = sum.wrapping_add(match sample.value {
            ContentRef::Integer(number) => number,
            ContentRef::Decimal(mantissa, scale) => mantissa.wrapping_add(scale),
            ContentRef::Digits(text) | ContentRef::Text(text) | ContentRef::State(text) => {
                i64::try_from(text.len()).unwrap_or_default()
            }
            ContentRef::Fresh(_) => 0,
        });
        ControlFlow::Continue(())
    })?;
    let took = began.elapsed();
    let worked = processor_ms().saturating_sub(worked);
    let rate = |ms: u128| u128::from(count) * 1000 / ms.max(1);
    report(&format!(
        "{what}: {count} samples in {took:?}, {}/s; {worked} ms of processor, {} per second of it; \
         up to {}, sum {sum}, {} damaged",
        rate(took.as_millis()),
        rate(worked.into()),
        latest.0,
        damaged.len()
    ));
    Ok(count)
}
