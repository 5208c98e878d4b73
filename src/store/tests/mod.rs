//! The store through its public interface: what goes in comes out, whatever happens between.

mod backups;
mod damage;
mod failing;
mod forgetting;
mod golden;
mod migrating;
mod model;
mod reopening;
mod running;
mod trying;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::{
    Clock, Epoch, NotificationMode, ObjectType, Quality, Revision, Sample, ServerId, Statistic,
    StatisticId, Timestamp, Value,
};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn config(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        flush_interval: Duration::from_millis(2),
        on_corruption: OnCorruption::SetAside,
        journal_size_max: 1 << 20,
        history: HistoryConfig::default(),
    }
}

fn clock() -> Clock {
    Clock::set_at(NOW)
}

fn open_at(path: &Path) -> Opened {
    open(&config(path), &clock()).unwrap()
}

fn statistic(id: u32) -> Arc<Statistic> {
    let object = format!("agent-{id}");
    Arc::new(Statistic::new(
        "TotalLoginTime",
        ObjectType::Agent,
        &object,
        "Environment",
    ))
}

fn registered(id: u32) -> Change {
    Change::Registered {
        id: StatisticId(id),
        statistic: statistic(id),
    }
}

/// A sample whose value tells whose it is and which.
fn sampled(id: u32, number: u32) -> Change {
    Change::Sample {
        id: StatisticId(id),
        sample: sample(Value::Integer(
            i64::from(id) * 1_000_000 + i64::from(number),
        )),
        revision: Revision {
            generation: 1,
            counter: u64::from(number),
        },
    }
}

fn sample(value: Value) -> Sample {
    Sample {
        value,
        quality: Quality::Good,
        source_time: 1_799_999_999,
        received_at: NOW,
        validated_at: NOW,
        server: ServerId(1),
        epoch: Epoch(7),
    }
}

fn subscribed(id: u32) -> Change {
    Change::Subscribed {
        id: StatisticId(id),
        subscription: Subscription {
            mode: NotificationMode::Periodical,
            protected: true,
        },
    }
}

/// The statistic at this place.
fn loaded_at(loaded: &Loaded, place: usize) -> LoadedStatistic {
    loaded.statistics.each().nth(place).unwrap()
}

/// The number inside a value made by [`sampled`]; fails if it is another statistic's.
fn number_of(loaded: &LoadedStatistic) -> Option<u32> {
    assert_eq!(loaded.statistic, statistic(loaded.id.0));
    let last = loaded.last.as_ref()?;
    let Value::Integer(value) = last.sample.value else {
        panic!("{last:?}");
    };
    assert_eq!(value / 1_000_000, i64::from(loaded.id.0), "another's value");
    let number = u32::try_from(value % 1_000_000).unwrap();
    assert_eq!(last.revision.counter, u64::from(number));
    Some(number)
}

/// Opens a store that writes no pages for the next seconds: after a flush its files stand still,
/// and a copy of them is what a crash would leave.
fn open_quiet(path: &Path) -> Opened {
    let mut config = config(path);
    config.flush_interval = Duration::from_millis(50);
    open(&config, &clock()).unwrap()
}

/// The engine alone. It frees its lock a little after it was closed.
fn open_engine(path: &Path) -> sled::Db {
    for _ in 0..500 {
        match sled::Config::new().path(path).open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("lock") => {
                std::thread::park_timeout(Duration::from_millis(10));
            }
            opened => return opened.unwrap(),
        }
    }
    panic!("the engine never frees its lock");
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
