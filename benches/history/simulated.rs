//! A simulated contact centre's day: what it takes on the disk.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use peekd::model::{Clock, StatisticId};
use peekd::store::{Change, Error, Opened, Range, open, sizes};
use tokio::time::Instant;

use crate::config;
use crate::day::{BEGIN, Day, play};
use crate::figures::{flush, number, report, sample, size};
use crate::scan::scan;

/// The day of `data/scenarios/day-10k.toml`, or its first `PEEKD_BENCH_HOURS`.
pub(crate) fn day(path: &Path) -> Result<(), Error> {
    let hours = number("PEEKD_BENCH_HOURS", 15);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/scenarios/day-10k.toml");
    let scenario = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let scenario = scenario.and_then(|text| text.parse().map_err(|error| format!("{error}")));
    let scenario = scenario.map_err(|error| Error::Engine(format!("{file}: {error}")))?;
    let clock = Clock::set_at(BEGIN);
    let opened = open(&config(path), &clock)?;
    let day = Day {
        scenario,
        length: Duration::from_hours(u64::from(hours)),
        step: Duration::from_secs(5),
    };
    let began = Instant::now();
    let changes = record(day, &opened, &clock);
    report(&format!(
        "{changes} changes played and recorded in {:?}",
        began.elapsed()
    ));
    let began = Instant::now();
    opened.history.settle()?;
    report(&format!("folded and merged in {:?}", began.elapsed()));
    opened.writer.close()?;
    drop(opened);
    let opened = open(&config(path), &clock)?;
    let found = scan(&opened.history, "first scan")?;
    scan(&opened.history, "second scan")?;
    let (mut samples, mut longest) = (0, Duration::ZERO);
    let began = Instant::now();
    for id in 0..100 {
        let began = Instant::now();
        let past = opened.history.past(StatisticId(id * 97), Range::ALL)?;
        samples += past.samples.len();
        longest = longest.max(began.elapsed());
    }
    report(&format!(
        "one statistic's day: {:?} on average, at most {longest:?}, {} samples",
        began.elapsed() / 100,
        samples / 100
    ));
    opened.writer.close()?;
    drop(opened);
    report_disk(path, found);
    for tree in sizes(path)? {
        let (keys, bytes) = (tree.keys, tree.bytes);
        let (name, each) = (tree.name, ratio(bytes, found));
        report(&format!(
            "{name}: {keys} keys, {} KB, {each} bytes a change",
            bytes >> 10
        ));
    }
    Ok(())
}

/// Plays the day into the store; returns how many changes there were.
fn record(day: Day, opened: &Opened, clock: &Clock) -> u64 {
    let mut counter = 0;
    play(
        day,
        &mut |statistics| {
            let known = (0_u32..).zip(statistics);
            opened
                .writer
                .record(known.map(|(id, statistic)| Change::Registered {
                    id: StatisticId(id),
                    statistic: Arc::new(statistic.clone()),
                }));
        },
        &mut |changes| {
            let samples = changes.iter().map(|(at, id, value)| {
                counter += 1;
                sample(*id, *at, value.clone(), counter)
            });
            opened.writer.record(samples.collect::<Vec<_>>());
            if let Some((at, ..)) = changes.last() {
                clock.set_wall(*at);
            }
            flush(opened);
        },
    );
    counter
}

/// What lies on the disk.
pub(crate) fn report_disk(path: &Path, changes: u64) {
    let whole = size(path);
    for part in ["now", "history"] {
        let size = size(&path.join(part));
        report(&format!("{part}: {} KB on the disk", size >> 10));
    }
    report(&format!(
        "{changes} changes, {} KB: {} bytes each",
        whole >> 10,
        ratio(whole, changes)
    ));
}

/// Two digits behind the point of a quotient.
fn ratio(above: u64, below: u64) -> String {
    let hundredths = above * 100 / below.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
