//! History through the store's public interface: what happened is found again, and holes are holes.

mod bytes;
mod crashing;
mod damaging;
mod keeping;
mod reading;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::{
    Clock, Epoch, ObjectType, Quality, Revision, Sample, ServerId, Statistic, StatisticId,
    Timestamp, Value,
};
use crate::store::{Change, Config, OnCorruption, Opened, look, open};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn config(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        flush_interval: Duration::from_millis(2),
        on_corruption: OnCorruption::SetAside,
        journal_size_max: 1 << 20,
        history: HistoryConfig {
            bucket: Duration::from_mins(1),
            ..HistoryConfig::default()
        },
    }
}

fn open_at(path: &Path, clock: &Clock) -> Opened {
    open(&config(path), clock).unwrap()
}

fn statistic(id: u32) -> Arc<Statistic> {
    let object = format!("agent-{id}");
    let (metric, tenant) = ("TotalLoginTime", "Environment");
    Arc::new(Statistic::new(metric, ObjectType::Agent, &object, tenant))
}

fn registered(id: u32) -> Change {
    Change::Registered {
        id: StatisticId(id),
        statistic: statistic(id),
    }
}

fn at(second: u64) -> Timestamp {
    Timestamp(NOW.0 + second * 1000)
}

fn valued(id: u32, at: Timestamp, value: Value) -> Change {
    Change::Sample {
        id: StatisticId(id),
        sample: Sample {
            value,
            quality: Quality::Good,
            source_time: 0,
            received_at: at,
            validated_at: at,
            server: ServerId(1),
            epoch: Epoch(7 + u64::from(id)),
        },
        revision: Revision {
            generation: 1,
            counter: at.0,
        },
    }
}

fn sampled(id: u32, second: u64, number: i64) -> Change {
    valued(id, at(second), Value::Integer(number))
}

/// Hands over and waits until it is on the disk.
fn record(opened: &Opened, changes: impl IntoIterator<Item = Change>) {
    opened.writer.record(changes);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(opened.writer.flush()).unwrap();
}

/// Whole numbers of a statistic by second after [`NOW`].
fn numbers(history: &History, id: u32) -> Vec<(u64, i64)> {
    let past = history.past(StatisticId(id), Range::ALL).unwrap();
    assert_eq!(past.damaged, Vec::<String>::new());
    let numbers = past.samples.iter().map(|sample| {
        let Value::Integer(number) = sample.value else {
            panic!("{sample:?}");
        };
        ((sample.at.0 - NOW.0) / 1000, number)
    });
    numbers.collect()
}

fn owned(sample: &PastSample<ContentRef<'_>>) -> PastSample {
    PastSample {
        value: sample.value.value().unwrap(),
        at: sample.at,
        quality: sample.quality,
        server: sample.server,
        epoch: sample.epoch,
    }
}

fn all(history: &History) -> Vec<(u32, PastSample)> {
    let mut found = Vec::new();
    let damaged = history.scan(Range::ALL, &|_| true, &mut |id, sample| {
        found.push((id.0, owned(sample)));
        ControlFlow::Continue(())
    });
    assert_eq!(damaged.unwrap(), Vec::<String>::new());
    found
}

/// Waits until history has taken in everything flushed.
fn taken_in(opened: &Opened) {
    let durable = opened.writer.status().borrow().durable;
    opened.history.settle().unwrap();
    let folded = opened.history.status().borrow().folded;
    assert!(folded >= durable, "{folded:?} of {durable:?}");
}
