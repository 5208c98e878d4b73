//! What benches of the store share: figures about this process and its files, and made-up changes.

mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use peekd::model::{
    Epoch, ObjectType, Quality, Revision, Sample, ServerId, Statistic, StatisticId, Timestamp,
    Value,
};
use peekd::store::{Change, Error, Opened};

pub(crate) use process::{number, processor_ms_of, report, resident_of};

/// One thing to measure, in a directory of its own.
pub(crate) type Part = (&'static str, fn(&Path) -> Result<(), Error>);

/// Measures the parts, or the one that `PEEKD_BENCH_PART` names. Each has a directory that is removed
/// afterwards; with `PEEKD_BENCH_STORE` all use that one, and it stays.
pub(crate) fn measure(bench: &str, parts: &[Part]) {
    let part = std::env::var("PEEKD_BENCH_PART").unwrap_or_default();
    let kept = std::env::var("PEEKD_BENCH_STORE").ok().map(PathBuf::from);
    for (name, measure) in parts {
        if !part.is_empty() && part != *name {
            continue;
        }
        report(&format!("== {name}"));
        let path = format!("peekd-bench-{bench}-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(path);
        if let Err(error) = measure(kept.as_deref().unwrap_or(&path)) {
            report(&format!("failed: {error}"));
        }
        if kept.is_none()
            && path.exists()
            && let Err(error) = fs::remove_dir_all(&path)
        {
            report(&format!("{}: {error}", path.display()));
        }
    }
}

/// A statistic seen for the first time.
pub(crate) fn registered(id: u32) -> Change {
    const METRICS: [&str; 4] = [
        "TotalLoginTime",
        "CurrentAgentState",
        "AverageHandlingTime",
        "Total_Calls",
    ];
    let metric = METRICS.get(id as usize % 4).copied().unwrap_or_default();
    let object = format!("agent{:06}", id / 4);
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

/// A statistic's value at an instant; `counter` orders the changes.
pub(crate) fn sample(id: u32, at: Timestamp, value: Value, counter: u64) -> Change {
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

/// Waits until all is on the disk, on a thread of its own: a playing day's paused runtime cannot be
/// waited in.
pub(crate) fn flush(opened: &Opened) {
    let writer = opened.writer.clone();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.map(|runtime| runtime.block_on(writer.flush()))
        });
    });
}

/// Bytes that files below a directory take, as `du` counts.
pub(crate) fn size(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = fs::read_dir(path) else {
        return 0;
    };
    let sizes = entries.flatten().filter_map(|entry| {
        let data = entry.metadata().ok()?;
        let below = if data.is_dir() {
            size(&entry.path())
        } else {
            0
        };
        Some(data.blocks() * 512 + below)
    });
    sizes.sum()
}

/// Bytes of memory that this process uses.
pub(crate) fn resident() -> u64 {
    resident_of("self")
}

/// Milliseconds of processor time that this process has used.
pub(crate) fn processor_ms() -> u64 {
    processor_ms_of("self")
}
