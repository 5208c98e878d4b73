//! Measures history: bytes a change after a simulated day, how fast it is read, and what sustained
//! load costs. Prints figures; asserts nothing. `PEEKD_BENCH_PART` picks one part.

mod day;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use peekd::model::{
    Clock, Epoch, ObjectType, Quality, Revision, Sample, ServerId, Statistic, StatisticId,
    Timestamp, Value,
};
use peekd::store::{
    Change, Config, Content, Error, HistoryConfig, OnCorruption, Opened, Range, RetentionOf,
    Sequence, open,
};
use tokio::time::Instant;

use day::{BEGIN, Day, play};

/// One thing to measure, in a directory of its own.
type Part = (&'static str, fn(&Path) -> Result<(), Error>);

fn main() {
    let part = std::env::var("PEEKD_BENCH_PART").unwrap_or_default();
    let parts: [Part; 4] = [
        ("day", simulated_day),
        ("million", million_statistics),
        ("sustained", sustained),
        ("retention", retention),
    ];
    for (name, measure) in parts {
        if !part.is_empty() && part != name {
            continue;
        }
        report(&format!("== {name}"));
        let path = format!("peekd-bench-history-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(path);
        if let Err(error) = measure(&path) {
            report(&format!("failed: {error}"));
        }
        if let Err(error) = fs::remove_dir_all(&path) {
            report(&format!("{}: {error}", path.display()));
        }
    }
}

fn config(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        flush_interval: Duration::from_millis(50),
        on_corruption: OnCorruption::Stop,
        journal_size_max: 256 << 20,
        history: HistoryConfig::default(),
    }
}

/// A day of `PEEKD_BENCH_STATISTICS` statistics: what it takes on the disk, and a scan of it.
fn simulated_day(path: &Path) -> Result<(), Error> {
    let statistics = number("PEEKD_BENCH_STATISTICS", 10_000);
    let hours = number("PEEKD_BENCH_HOURS", 15);
    let clock = Clock::set_at(BEGIN);
    let opened = open(&config(path), &clock)?;
    let day = Day {
        statistics,
        seed: 1,
        length: Duration::from_hours(u64::from(hours)),
        step: Duration::from_secs(5),
    };
    let began = Instant::now();
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
            flush(&opened);
        },
    );
    report(&format!(
        "{counter} changes played and recorded in {:?}",
        began.elapsed()
    ));
    report(&format!(
        "before folding the rest: now {} MB, history {} MB",
        size(&path.join("now")) >> 20,
        size(&path.join("history")) >> 20
    ));
    let began = Instant::now();
    opened.history.settle()?;
    report(&format!("folded and merged in {:?}", began.elapsed()));
    opened.writer.close()?;
    drop(opened);
    let opened = open(&config(path), &clock)?;
    scan(&opened, "first scan")?;
    scan(&opened, "second scan")?;
    report_disk(path, counter);
    let began = Instant::now();
    let mut samples = 0;
    for id in 0..100 {
        samples += opened
            .history
            .past(StatisticId(id * 97), Range::ALL)?
            .samples
            .len();
    }
    report(&format!(
        "one statistic's day: {:?} on average, {} samples",
        began.elapsed() / 100,
        samples / 100
    ));
    opened.writer.close()
}

/// One statistic's day out of a store of a million.
fn million_statistics(path: &Path) -> Result<(), Error> {
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
        for _ in 0..200 {
            let began = Instant::now();
            opened
                .history
                .past(StatisticId(random.u32(..STATISTICS)), Range::ALL)?;
            took.push(began.elapsed());
        }
        took.sort_unstable();
        let at = |place: usize| took.get(place).copied().unwrap_or_default();
        report(&format!(
            "{what}: one statistic's day, median {:?}, 99th percentile {:?}",
            at(100),
            at(198)
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

/// As many changes a second as asked for, for a minute.
fn sustained(path: &Path) -> Result<(), Error> {
    let rate = number("PEEKD_BENCH_RATE", 200_000);
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

/// Ten retention periods under a clock that runs ahead: how big the directory gets.
fn retention(path: &Path) -> Result<(), Error> {
    const STATISTICS: u32 = 2_000;
    let clock = Clock::set_at(BEGIN);
    let mut config = config(path);
    config.history = HistoryConfig {
        retention: Duration::from_hours(10 * 24),
        size_max: 128 << 20,
        bucket: Duration::from_hours(1),
        volume: Duration::from_hours(24),
        retention_of: RetentionOf::default(),
    };
    let opened = open(&config, &clock)?;
    opened.writer.record((0..STATISTICS).map(registered));
    let mut random = fastrand::Rng::with_seed(1);
    let (mut counter, mut size_max, mut dips) = (0, 0, 0);
    let mut before = Sequence::default();
    for hour in 0..100 * 24_u64 {
        let at = BEGIN.0 + hour * 3_600_000;
        clock.set_wall(Timestamp(at));
        let changes: Vec<Change> = (0..10_000)
            .map(|_| {
                counter += 1;
                let at = Timestamp(at + random.u64(..3_600_000));
                sample(
                    random.u32(..STATISTICS),
                    at,
                    Value::Integer(random.i64(..1 << 40)),
                    counter,
                )
            })
            .collect();
        // What was durable before the last hour belongs to a bucket that is over.
        let over = std::mem::replace(&mut before, opened.writer.status().borrow().durable);
        opened.writer.record(changes);
        flush(&opened);
        // An hour passes in a moment here: folding is given its time, merging is not.
        while opened.history.status().borrow().folded < over {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let now = size(&path.join("history"));
        dips += u32::from(now < size_max);
        size_max = size_max.max(now);
        if hour % 240 == 239 {
            report(&format!(
                "period {}: {} MB, at most {} MB so far",
                hour / 240 + 1,
                now >> 20,
                size_max >> 20
            ));
        }
    }
    report(&format!(
        "configured 128 MB; {counter} changes; at most {} MB, looked at {dips} times below that",
        size_max >> 20
    ));
    opened.writer.close()
}

fn scan(opened: &Opened, what: &str) -> Result<(), Error> {
    let (began, worked) = (Instant::now(), processor_ms());
    let (mut count, mut sum) = (0_u64, 0_i64);
    let damaged = opened
        .history
        .scan(Range::ALL, &|_| true, &mut |_, sample| {
            count += 1;
            if let Content::Integer(number) = sample.value {
                sum = sum.wrapping_add(number);
            }
            ControlFlow::Continue(())
        })?;
    let took = began.elapsed();
    let rate = u128::from(count) * 1000 / took.as_millis().max(1);
    report(&format!(
        "{what}: {count} samples in {took:?}, {rate}/s; {} ms of processor; sum {sum}, {} damaged",
        processor_ms().saturating_sub(worked),
        damaged.len()
    ));
    Ok(())
}

fn report_disk(path: &Path, changes: u64) {
    let whole = size(path);
    for part in ["now", "history"] {
        report(&format!("{part}: {} KB", size(&path.join(part)) >> 10));
    }
    let hundredths = whole * 100 / changes.max(1);
    report(&format!(
        "{changes} changes, {} KB: {}.{:02} bytes each",
        whole >> 10,
        hundredths / 100,
        hundredths % 100
    ));
}

fn registered(id: u32) -> Change {
    let object = format!("agent{:06}", id / 4);
    Change::Registered {
        id: StatisticId(id),
        statistic: Arc::new(Statistic::new(
            &format!("Metric{}", id % 4),
            ObjectType::Agent,
            &object,
            "Environment",
        )),
    }
}

fn sample(id: u32, at: Timestamp, value: Value, counter: u64) -> Change {
    Change::Sample {
        id: StatisticId(id),
        sample: Sample {
            value,
            quality: Quality::Good,
            source_time: u32::try_from(at.0 / 1000).unwrap_or(u32::MAX),
            received_at: at,
            validated_at: at,
            server: ServerId(0),
            epoch: Epoch(u64::from(id) + 5),
        },
        revision: Revision {
            generation: 1,
            counter,
        },
    }
}

/// Waits on a thread of its own: a playing day's paused runtime cannot be waited in.
fn flush(opened: &Opened) {
    let writer = opened.writer.clone();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.map(|runtime| runtime.block_on(writer.flush()))
        });
    });
}

fn number(name: &str, usual: u32) -> u32 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Bytes that files below a directory take.
fn size(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = fs::read_dir(path) else {
        return 0;
    };
    let sizes = entries.flatten().filter_map(|entry| {
        let data = entry.metadata().ok()?;
        let is_directory = data.is_dir();
        Some(if is_directory {
            size(&entry.path())
        } else {
            data.blocks() * 512
        })
    });
    sizes.sum()
}

/// Bytes of memory in use.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// Milliseconds of processor time of the whole process.
fn processor_ms() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks = fields.skip(11).take(2);
    ticks
        .filter_map(|field| field.parse::<u64>().ok())
        .sum::<u64>()
        * 10
}

#[expect(clippy::print_stdout, reason = "figures for people")]
fn report(line: &str) {
    println!("{line}");
}
