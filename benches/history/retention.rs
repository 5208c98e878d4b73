//! How big the directory gets under a clock that runs ahead.

use std::path::Path;
use std::time::Duration;

use peekd::model::{Clock, Timestamp, Value};
use peekd::store::{Change, Error, HistoryConfig, RetentionOf, Sequence, open};

use crate::config;
use crate::day::BEGIN;
use crate::figures::{flush, registered, report, sample, size};

/// Ten retention periods under a clock that runs ahead: how big the directory gets.
pub(crate) fn retention(path: &Path) -> Result<(), Error> {
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
