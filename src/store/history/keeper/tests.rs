//! The thread's own steps, one by one, under a clock that stands still.

use std::sync::atomic::{AtomicBool, AtomicU32};

use super::super::row::{Row, What};
use super::thread::{Start, Worker};
use super::*;
use crate::model::{Epoch, Quality, ServerId, Value};
use crate::store::HistoryConfig;
use crate::store::engine::Fault;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// A worker without its thread.
fn worker(path: &std::path::Path, faults: Faults) -> Worker {
    let config = HistoryConfig::default();
    let start = Start {
        store: path.to_owned(),
        newest: Sequence(0),
        faults,
        shared: Arc::new(Shared {
            inbox: Mutex::default(),
            wake: Condvar::new(),
            folded: AtomicU64::new(NOT_OPEN),
            flushed: AtomicU64::new(0),
            status: watch::Sender::new(HistoryStatus::default()),
            board: Board::default(),
            limits: Limits::new(config.clone()),
            clock: Clock::set_at(NOW),
        }),
        config,
    };
    start.open().unwrap()
}

/// One change of each of some statistics, as one entry of the journal.
fn entry(number: u64) -> Handoff {
    let at = Timestamp(NOW.0 + number);
    let row = |id| Row {
        id: StatisticId(id),
        at,
        what: What::Value(Value::Integer(number.cast_signed()).into(), Quality::Good),
        server: ServerId(1),
        epoch: Epoch(7),
    };
    Handoff {
        after: Sequence(number - 1),
        to: Sequence(number),
        rows: (0..5).map(row).collect(),
        latest: at,
        ..Handoff::default()
    }
}

fn buckets(worker: &Worker) -> usize {
    worker
        .shelf
        .kept
        .iter()
        .map(|kept| kept.buckets.len())
        .sum()
}

#[tokio::test(start_paused = true)]
async fn a_merge_that_failed_is_tried_again_after_ten_minutes() {
    let dir = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let tried = Arc::new(AtomicU32::new(0));
    let (switch, counted) = (Arc::clone(&broken), Arc::clone(&tried));
    let faults = Faults {
        plan: Some(Arc::new(move |call| {
            let writes = call == "insert chunk" && switch.load(Ordering::Relaxed);
            counted.fetch_add(u32::from(writes), Ordering::Relaxed);
            writes.then_some(Fault::Fail)
        })),
    };
    let mut worker = worker(dir.path(), faults);
    for number in 1..=12 {
        worker.take_in(vec![entry(number)]);
        worker.fold().unwrap();
    }
    assert_eq!(buckets(&worker), 12);
    broken.store(true, Ordering::Relaxed);
    assert!(worker.merge_if_due().is_err());
    let failed = tried.load(Ordering::Relaxed);
    assert!(failed > 0);

    // It is left alone, although it would fail again, and folding goes on.
    let almost = Duration::from_mins(10) - Duration::from_millis(1);
    tokio::time::advance(almost).await;
    worker.merge_if_due().unwrap();
    assert_eq!(tried.load(Ordering::Relaxed), failed);
    broken.store(false, Ordering::Relaxed);
    worker.take_in(vec![entry(13)]);
    worker.fold().unwrap();
    worker.merge_if_due().unwrap();
    assert_eq!(buckets(&worker), 13, "not before its time");

    tokio::time::advance(Duration::from_millis(1)).await;
    worker.merge_if_due().unwrap();
    assert_eq!(buckets(&worker), 2, "twelve are one");
    worker.retire().unwrap();
    let history = History::new(Arc::clone(&worker.shared));
    for id in 0..5 {
        let past = history.past(StatisticId(id), super::super::Range::ALL);
        let past = past.unwrap();
        assert_eq!(past.damaged, Vec::<String>::new());
        let values: Vec<_> = past.samples.into_iter().map(|found| found.value).collect();
        let expected: Vec<_> = (1..=13).map(Value::Integer).collect();
        assert_eq!(values, expected);
    }
}
