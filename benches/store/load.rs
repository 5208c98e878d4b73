//! The store under full load in a process of its own, which is killed in the middle of it.

use std::path::Path;
use std::time::Duration;

use peekd::model::{Clock, Value};
use peekd::store::{Change, Error, open};

use crate::config;
use crate::figures::{number, report, sample};
use crate::journal::RATE_PER_S;

/// The variable that names the store to such a process.
pub(crate) const STORE: &str = "PEEKD_BENCH_LOAD";
const TICK: Duration = Duration::from_millis(10);

/// Records changes until it is killed; says when it begins.
pub(crate) fn run(path: &Path) {
    if let Err(error) = record(path) {
        report(&format!("failed: {error}"));
    }
}

fn record(path: &Path) -> Result<(), Error> {
    let clock = Clock::system();
    let opened = open(&config(path), &clock)?;
    let statistics = number("PEEKD_BENCH_STATISTICS", crate::STATISTICS);
    let mut random = fastrand::Rng::with_seed(1);
    let mut counter = 1 << 32;
    report("loading");
    loop {
        let now = clock.wall();
        let changes: Vec<Change> = (0..RATE_PER_S / 100)
            .map(|_| {
                counter += 1;
                let value = Value::Integer(random.i64(..5_000));
                sample(random.u32(..statistics), now, value, counter)
            })
            .collect();
        opened.writer.record(changes);
        std::thread::park_timeout(TICK);
    }
}
