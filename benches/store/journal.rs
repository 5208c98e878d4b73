//! Journal throughput, bytes a change, and the time to load many last values.

use std::path::Path;
use std::time::Duration;

use peekd::model::{
    Clock, Epoch, Quality, Revision, Sample, ServerId, StatisticId, Timestamp, Value,
};
use peekd::store::{Change, Error, LoadedStatistics, Opened, open, read};
use tokio::time::Instant;

use crate::figures::{number, processor_ms, registered, report, resident, size};
use crate::{STATISTICS, config};

/// The published load of one Stat Server at its peak is 70,000 changes a second.
pub(crate) const RATE_PER_S: u32 = 70_000;
const PACED_S: u32 = 10;

pub(crate) fn journal(path: &Path) -> Result<(), Error> {
    let statistics = number("PEEKD_BENCH_STATISTICS", STATISTICS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Error::Engine(error.to_string()))?;
    runtime.block_on(measure(path, statistics))
}

async fn measure(path: &Path, statistics: u32) -> Result<(), Error> {
    let config = config(path);
    let clock = Clock::system();
    let opened = open(&config, &clock)?;

    let began = Instant::now();
    for first in (0..statistics).step_by(10_000) {
        let ids = first..statistics.min(first + 10_000);
        opened.writer.record(ids.clone().map(registered));
        opened
            .writer
            .record(ids.map(|id| sampled(&opened, &clock, id, u64::from(id))));
        opened.writer.flush().await?;
    }
    figure("fill", u64::from(statistics) * 2, began);
    opened.writer.close()?;
    figure("fill and close", u64::from(statistics) * 2, began);
    report(&format!(
        "disk {} MB, memory {} MB",
        size(path) >> 20,
        resident() >> 20
    ));
    drop(opened);

    let began = Instant::now();
    let (loaded, looked) = read(path, &clock)?;
    figure("read", loaded.statistics.len() as u64, began);
    report(&format!(
        "pages {}, memory {} MB",
        looked.pages,
        resident() >> 20
    ));
    drop(loaded);

    let mut opened = open(&config, &clock)?;
    report(&format!(
        "open {:?}, memory {} MB",
        opened.report.took,
        resident() >> 20
    ));
    opened.loaded.statistics = LoadedStatistics::default();
    let mut random = fastrand::Rng::with_seed(1);
    burst(&opened, &clock, statistics, &mut random).await?;
    paced(&opened, &clock, statistics, &mut random).await?;
    let began = Instant::now();
    opened.writer.close()?;
    report(&format!("close {:?}", began.elapsed()));
    let again = open(&config, &clock)?;
    let took = again.report.took;
    report(&format!(
        "open again {took:?}, memory {} MB",
        resident() >> 20
    ));
    again.writer.close()
}

/// As fast as the journal takes them.
async fn burst(
    opened: &Opened,
    clock: &Clock,
    statistics: u32,
    random: &mut fastrand::Rng,
) -> Result<(), Error> {
    let before = journal_bytes(opened);
    let began = Instant::now();
    for round in 0..50_u64 {
        let changes: Vec<Change> = (0..20_000)
            .map(|n| sampled(opened, clock, random.u32(..statistics), round * 20_000 + n))
            .collect();
        opened.writer.record(changes);
        opened.writer.flush().await?;
    }
    figure("journal burst", 1_000_000, began);
    let flush_max = opened.writer.status().borrow().flush_max;
    report(&format!(
        "sequence entries {}, longest flush {flush_max:?}",
        journal_bytes(opened) - before
    ));
    Ok(())
}

/// At the rate of a busy site, flush times as they come.
async fn paced(
    opened: &Opened,
    clock: &Clock,
    statistics: u32,
    random: &mut fastrand::Rng,
) -> Result<(), Error> {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let mut flushes = Vec::new();
    let processor = processor_ms();
    for round in 0..u64::from(PACED_S) * 100 {
        ticks.tick().await;
        let changes: Vec<Change> = (0..RATE_PER_S / 100)
            .map(|n| {
                let number = (1 << 32) + round * 10_000 + u64::from(n);
                sampled(opened, clock, random.u32(..statistics), number)
            })
            .collect();
        opened.writer.record(changes);
        flushes.push(opened.writer.status().borrow().flush_last);
    }
    opened.writer.flush().await?;
    flushes.sort_unstable();
    let at = |share: usize| flushes.get(flushes.len() * share / 100).copied();
    report(&format!(
        "{RATE_PER_S}/s for {PACED_S} s: flush p50 {:?}, p99 {:?}; {} ms of processor; memory {} MB",
        at(50).unwrap_or_default(),
        at(99).unwrap_or_default(),
        processor_ms() - processor,
        resident() >> 20,
    ));
    Ok(())
}

fn sampled(opened: &Opened, clock: &Clock, id: u32, number: u64) -> Change {
    let now = clock.wall();
    Change::Sample {
        id: StatisticId(id),
        sample: Sample {
            value: Value::Integer(i64::try_from(number % 5_000).unwrap_or_default()),
            quality: Quality::Good,
            source_time: u32::try_from(now.0 / 1000).unwrap_or(u32::MAX),
            received_at: now,
            validated_at: Timestamp(now.0),
            server: ServerId(0),
            epoch: Epoch(u64::from(id) + 5),
        },
        revision: Revision {
            generation: opened.generation,
            counter: number,
        },
    }
}

fn journal_bytes(opened: &Opened) -> u64 {
    opened.writer.status().borrow().durable.0
}

fn figure(what: &str, count: u64, began: Instant) {
    let took = began.elapsed();
    let rate = u128::from(count) * 1000 / took.as_millis().max(1);
    report(&format!("{what}: {count} in {took:?}, {rate}/s"));
}
