//! As many changes a second as asked for: what is lost, how long flushes take, what it costs.

use std::path::Path;
use std::time::Duration;

use peekd::model::{Clock, Value};
use peekd::store::{Change, Error, open};
use tokio::time::Instant;

use crate::config;
use crate::figures::{flush, number, processor_ms, registered, report, resident, sample};
use crate::simulated::report_disk;

/// As many changes a second as asked for, for a minute.
pub(crate) fn sustained(path: &Path) -> Result<(), Error> {
    let rate = number("PEEKD_BENCH_RATE", 1_000_000);
    let seconds = number("PEEKD_BENCH_SECONDS", 60);
    let statistics = 100_000;
    let clock = Clock::system();
    let opened = open(&config(path), &clock)?;
    for first in (0..statistics).step_by(20_000) {
        opened
            .writer
            .record((first..first + 20_000).map(registered));
        flush(&opened);
    }
    let mut random = fastrand::Rng::with_seed(1);
    let mut flushes = Vec::new();
    let mut counter = 0;
    let began = Instant::now();
    let mut memory = 0;
    for tick in 1..=seconds * 50 {
        let now = clock.wall();
        let changes: Vec<Change> = (0..rate / 50)
            .map(|_| {
                counter += 1;
                sample(
                    random.u32(..statistics),
                    now,
                    Value::Integer(i64::try_from(counter % 5_000).unwrap_or(0)),
                    counter,
                )
            })
            .collect();
        opened.writer.record(changes);
        flushes.push(opened.writer.status().borrow().flush_last);
        memory = memory.max(resident());
        let due = Duration::from_millis(u64::from(tick) * 20);
        if let Some(left) = due.checked_sub(began.elapsed()) {
            std::thread::park_timeout(left);
        }
    }
    let took = began.elapsed();
    flush(&opened);
    let behind = began.elapsed().saturating_sub(took);
    let status = opened.writer.status().borrow().clone();
    flushes.sort_unstable();
    let at = |share: usize| {
        flushes
            .get(flushes.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    report(&format!(
        "{rate}/s asked, {counter} in {took:?}, durable {behind:?} later, {} lost; flush median {:?}, \
         99th percentile {:?}; memory at most {} MB; processor {} ms",
        status.lost_changes,
        at(50),
        at(99),
        memory >> 20,
        processor_ms(),
    ));
    let began = Instant::now();
    opened.history.settle()?;
    report(&format!(
        "folding and merging the rest {:?}",
        began.elapsed()
    ));
    opened.writer.close()?;
    report_disk(path, counter);
    Ok(())
}
