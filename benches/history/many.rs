//! One statistic's day out of a store of very many.

use std::path::Path;

use peekd::model::{Clock, StatisticId, Timestamp, Value};
use peekd::store::{Change, Error, Range, open};
use tokio::time::Instant;

use crate::config;
use crate::day::BEGIN;
use crate::figures::{flush, processor_ms, registered, report, resident, sample};
use crate::simulated::report_disk;

/// One statistic's day out of a store of a million.
pub(crate) fn million(path: &Path) -> Result<(), Error> {
    const STATISTICS: u32 = 1_000_000;
    let clock = Clock::set_at(BEGIN);
    let opened = open(&config(path), &clock)?;
    let mut random = fastrand::Rng::with_seed(1);
    let mut counter = 0;
    for first in (0..STATISTICS).step_by(20_000) {
        opened
            .writer
            .record((first..first + 20_000).map(registered));
        flush(&opened);
    }
    // Twelve changes each over a day, in the buckets of that day.
    for minute in (0..24 * 60).step_by(5) {
        let at = Timestamp(BEGIN.0 + minute * 60_000);
        clock.set_wall(at);
        for _ in 0..2 {
            let changes: Vec<Change> = (0..STATISTICS / 48)
                .map(|_| {
                    counter += 1;
                    let id = random.u32(..STATISTICS);
                    let at = Timestamp(at.0 + random.u64(..300_000));
                    sample(id, at, Value::Integer(random.i64(..5_000)), counter)
                })
                .collect();
            opened.writer.record(changes);
            flush(&opened);
        }
    }
    let ask = |what: &str| -> Result<(), Error> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut took = Vec::new();
        let worked = processor_ms();
        for _ in 0..200 {
            let began = Instant::now();
            opened
                .history
                .past(StatisticId(random.u32(..STATISTICS)), Range::ALL)?;
            took.push(began.elapsed());
        }
        // Merging goes on meanwhile, and counts as well.
        let worked = processor_ms().saturating_sub(worked);
        took.sort_unstable();
        let at = |place: usize| took.get(place).copied().unwrap_or_default();
        report(&format!(
            "{what}: one statistic's day, median {:?}, 99th percentile {:?}; {} us of \
             processor each",
            at(100),
            at(198),
            worked * 1000 / 200
        ));
        Ok(())
    };
    ask("in the day's buckets")?;
    opened.history.settle()?;
    ask("merged")?;
    report_disk(path, counter);
    report(&format!("memory {} MB", resident() >> 20));
    opened.writer.close()
}
