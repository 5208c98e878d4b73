//! A disk that fails: nothing crashes, nothing recorded is lost, and what is missing is counted.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::engine::{Fault, Faults};
use super::opening::open_with;
use super::queue::{LIMITS, Limits};
use super::*;

/// Makes the engine's `n`-th call fail, counted from 1, once. History's calls do not count: its
/// thread has an order of its own.
fn nth(n: u64, fault: Fault, calls: &Arc<AtomicU64>) -> Faults {
    let calls = Arc::clone(calls);
    Faults {
        plan: Some(Arc::new(move |call| {
            let history = call.contains("vault") || call.contains("chunk");
            (!history && calls.fetch_add(1, Ordering::Relaxed) + 1 == n).then_some(fault)
        })),
    }
}

/// Whether anything of a store was moved out of the way.
fn is_anything_aside(path: &Path) -> bool {
    let mut entries = fs::read_dir(path).unwrap();
    entries.any(|entry| {
        entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("aside")
    })
}

/// Opens, records and closes a store; returns whether that worked although a call failed.
async fn live(path: &Path, faults: &Faults) -> Result<(), Error> {
    let opened = open_with(&config(path), &clock(), faults, LIMITS)?;
    opened.writer.record((0..70).map(registered));
    for number in 0..3 {
        opened.writer.record((0..70).map(|id| sampled(id, number)));
        opened.writer.flush().await?;
    }
    opened.writer.close()
}

async fn fail_each_call(fault: Fault) {
    let mut opened = 0;
    for n in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let calls = Arc::new(AtomicU64::new(0));
        let faults = nth(n, fault, &calls);
        let result = live(dir.path(), &faults).await;
        if calls.load(Ordering::Relaxed) < n {
            break;
        }
        // A fault while opening may be answered by an error; after that, by trying again.
        if result.is_err() {
            assert_eq!(opened, 0, "call {n}: {result:?}");
            live(dir.path(), &Faults::default()).await.unwrap();
        } else if !is_anything_aside(dir.path()) {
            opened += 1;
        }
        let (loaded, report) = read(dir.path(), &clock()).unwrap();
        assert_eq!(report.damaged, Vec::<String>::new(), "call {n}");
        assert_eq!(loaded.statistics.len(), 70, "call {n}");
        for known in loaded.statistics.each() {
            assert_eq!(number_of(&known), Some(2), "call {n}");
        }
    }
    assert!(opened > 10, "the faults reached the writer");
}

#[tokio::test]
async fn whichever_call_fails_everything_is_there_in_the_end() {
    fail_each_call(Fault::Fail).await;
}

#[tokio::test]
async fn whichever_call_panics_everything_is_there_in_the_end() {
    fail_each_call(Fault::Panic).await;
}

/// A disk that refuses while the switch is on.
fn switched(broken: &Arc<AtomicBool>) -> Faults {
    let broken = Arc::clone(broken);
    Faults {
        plan: Some(Arc::new(move |_| {
            broken.load(Ordering::Relaxed).then_some(Fault::Fail)
        })),
    }
}

#[tokio::test]
async fn a_full_queue_keeps_the_newest_and_counts_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let limits = Limits {
        changes: 100,
        bytes: usize::MAX,
    };
    let opened = open_with(&config(dir.path()), &clock(), &switched(&broken), limits).unwrap();
    let writer = &opened.writer;
    let mut status = writer.status();
    writer.record((0..10).map(registered));
    writer.flush().await.unwrap();

    broken.store(true, Ordering::Relaxed);
    writer.record((0..100).map(|number| sampled(number % 10, number)));
    status
        .wait_for(|status| matches!(status.health, Health::Failing { .. }))
        .await
        .unwrap();
    // The queue is full: of 50 more per statistic, one is kept.
    for number in 100..150 {
        writer.record((0..10).map(|id| sampled(id, number)));
    }
    let confirmed = Timestamp(NOW.0 + 9);
    let id = StatisticId(0);
    writer.record([Change::Validated { id, at: confirmed }, registered(10)]);
    writer.record([Change::Forgotten { id: StatisticId(9) }]);

    broken.store(false, Ordering::Relaxed);
    writer.flush().await.unwrap();
    let now = status
        .wait_for(|status| status.health == Health::Ok && status.queue_len == 0)
        .await
        .unwrap()
        .clone();
    assert_eq!(now.lost_changes, 49 * 10 + 1);
    writer.close().unwrap();

    let (loaded, _) = read(dir.path(), &clock()).unwrap();
    assert_eq!(loaded.statistics.len(), 10);
    for known in loaded.statistics.each() {
        assert_eq!(number_of(&known), (known.id.0 < 9).then_some(149));
    }
    let first = loaded_at(&loaded, 0).last.unwrap();
    assert_eq!(first.sample.validated_at, confirmed);
    assert_eq!(lost_in_journal(dir.path()), [491]);
}

/// The `Lost` records of a closed store's journal.
fn lost_in_journal(path: &Path) -> Vec<u64> {
    let place = engine::Place::Disk(path.join("now"));
    let engine = engine::Engine::open(place, engine::Access::Look, Faults::default()).unwrap();
    let mut found = Vec::new();
    let mut faults = Vec::new();
    let mut assembler = codec::Assembler::default();
    let mut take = |joined: codec::Joined| {
        codec::read_records(&joined.payload.unwrap(), &mut faults, &mut |record| {
            if let codec::Record::Lost { count, .. } = record {
                found.push(count);
            }
        });
    };
    engine
        .scan(engine::Tree::Journal, &[], |key, value| {
            assembler.push(key, value).into_iter().for_each(&mut take);
            ControlFlow::Continue(())
        })
        .unwrap();
    assembler.finish().into_iter().for_each(&mut take);
    assert_eq!(faults, Vec::<String>::new());
    found
}

#[tokio::test]
async fn closing_a_store_whose_disk_fails_ends_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let opened = open_with(&config(dir.path()), &clock(), &switched(&broken), LIMITS).unwrap();
    opened.writer.record([registered(0), sampled(0, 1)]);
    opened.writer.flush().await.unwrap();
    broken.store(true, Ordering::Relaxed);
    opened.writer.record([sampled(0, 2)]);
    assert!(matches!(opened.writer.close(), Err(Error::Engine(_))));
    assert!(matches!(opened.writer.close(), Err(Error::Engine(_))));
    let (loaded, _) = read(dir.path(), &clock()).unwrap();
    let number = number_of(&loaded_at(&loaded, 0));
    assert!(number >= Some(1), "{number:?}");
}

#[tokio::test]
async fn a_late_change_is_counted_and_dropping_all_handles_ends_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open_at(dir.path());
    let status = opened.writer.status();
    opened.writer.record([registered(0)]);
    drop(opened);
    let again = open_at(dir.path());
    assert_eq!(again.loaded.statistics.len(), 1);
    assert_eq!(status.borrow().queue_len, 0);
}
