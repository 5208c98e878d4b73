//! Measures the store: journal throughput, bytes a change, and the time to load many last values.
//! Prints figures; asserts nothing. `PEEKD_BENCH_STATISTICS` sets the size.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use peekd::model::{
    Clock, Epoch, ObjectType, Quality, Revision, Sample, ServerId, Statistic, StatisticId,
    Timestamp, Value,
};
use peekd::store::{Change, Config, HistoryConfig, OnCorruption, Opened, open, read};
use tokio::time::Instant;

const STATISTICS: u32 = 1_200_000;
/// The published load of one Stat Server at its peak is 70,000 changes a second.
const RATE_PER_S: u32 = 70_000;
const PACED_S: u32 = 10;

fn main() {
    let statistics = std::env::var("PEEKD_BENCH_STATISTICS");
    let statistics = statistics.ok().and_then(|text| text.parse().ok());
    let statistics = statistics.unwrap_or(STATISTICS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(statistics)),
        Err(error) => report(&format!("no runtime: {error}")),
    }
}

async fn run(statistics: u32) {
    let path = std::env::temp_dir().join(format!("peekd-bench-store-{}", std::process::id()));
    if let Err(error) = measure(&path, statistics).await {
        report(&format!("failed: {error}"));
    }
    if let Err(error) = fs::remove_dir_all(&path) {
        report(&format!("{}: {error}", path.display()));
    }
}

async fn measure(path: &Path, statistics: u32) -> Result<(), peekd::store::Error> {
    let config = Config {
        path: path.to_owned(),
        flush_interval: Duration::from_millis(50),
        on_corruption: OnCorruption::Stop,
        journal_size_max: 1 << 30,
        history: HistoryConfig::default(),
    };
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
    opened.loaded.statistics = Vec::new();
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
) -> Result<(), peekd::store::Error> {
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
) -> Result<(), peekd::store::Error> {
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

fn registered(id: u32) -> Change {
    let object = format!("agent{:06}", id / 4);
    let metric = [
        "TotalLoginTime",
        "CurrentAgentState",
        "AverageHandlingTime",
        "Total_Calls",
    ];
    let metric = metric.get(id as usize % 4).copied().unwrap_or_default();
    Change::Registered {
        id: StatisticId(id),
        statistic: Arc::new(Statistic::new(
            metric,
            ObjectType::Agent,
            &object,
            "Environment",
        )),
    }
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

fn size(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else {
        return 0;
    };
    entries
        .flatten()
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, data)| {
            if data.is_dir() {
                size(&path)
            } else {
                data.len()
            }
        })
        .sum()
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
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok());
    ticks.sum::<u64>() * 10
}

#[expect(clippy::print_stdout, reason = "figures for people")]
fn report(line: &str) {
    println!("{line}");
}
