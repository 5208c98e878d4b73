//! A crash at any instant, and any failing call: no change is lost, none is there twice.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::store::engine::{Fault, Faults};
use crate::store::opening::open_with;
use crate::store::queue::LIMITS;

/// Fails history's `n`-th call and every later one, counted from 1: what a crash there leaves.
fn broken_from(n: u64, calls: &Arc<AtomicU64>) -> Faults {
    let calls = Arc::clone(calls);
    Faults {
        plan: Some(Arc::new(move |call| {
            let history = call.contains("vault") || call.contains("chunk");
            let is_broken = history && calls.fetch_add(1, Ordering::Relaxed) + 1 >= n;
            is_broken.then_some(Fault::Fail)
        })),
    }
}

fn live(path: &Path, faults: &Faults, rounds: std::ops::Range<u64>) {
    let clock = Clock::set_at(NOW);
    let mut config = config(path);
    config.history.bucket = Duration::from_secs(10);
    let opened = open_with(&config, &clock, faults, LIMITS).unwrap();
    record(&opened, (0..5).map(registered));
    for second in rounds {
        clock.set_wall(at(second * 10));
        let changes = (0..5).map(|id| sampled(id, second * 10, second.cast_signed()));
        record(&opened, changes);
        // An error is what the fault is for.
        opened.history.settle().unwrap_or_default();
    }
    opened.writer.close().unwrap();
}

#[test]
fn whatever_is_cut_short_every_change_is_there_once() {
    let expected: Vec<(u64, i64)> = (0..6_u64).map(|n| (n * 10, n.cast_signed())).collect();
    let mut broken = 0;
    for n in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let calls = Arc::new(AtomicU64::new(0));
        live(dir.path(), &broken_from(n, &calls), 0..3);
        if calls.load(Ordering::Relaxed) < n {
            break;
        }
        broken += 1;
        live(dir.path(), &Faults::default(), 3..6);
        let looked = look(dir.path(), &Clock::set_at(NOW)).unwrap();
        for id in 0..5 {
            assert_eq!(numbers(&looked.history, id), expected, "call {n}");
        }
    }
    assert!(broken > 20, "{broken} calls");
}

#[test]
fn a_volume_written_again_replaces_the_one_that_a_crash_left_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    live(dir.path(), &Faults::default(), 0..3);
    let history = dir.path().join("history");
    let copy = tempfile::tempdir().unwrap();
    let names = |path: &Path| {
        let mut names: Vec<String> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    let before = names(&history);
    let newest = before.last().unwrap();
    for (from, to) in [
        (newest.as_str(), "000001.0"),
        (newest.as_str(), "000009.0.building"),
    ] {
        std::fs::create_dir_all(copy.path()).unwrap();
        for entry in std::fs::read_dir(history.join(from)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::create_dir_all(history.join(to)).unwrap();
                std::fs::copy(entry.path(), history.join(to).join(entry.file_name())).unwrap();
            }
        }
    }
    live(dir.path(), &Faults::default(), 3..4);
    let after = names(&history);
    assert!(after.iter().all(|name| !name.ends_with(".building")));
    let looked = look(dir.path(), &Clock::set_at(NOW)).unwrap();
    assert_eq!(numbers(&looked.history, 0).len(), 4);
}
