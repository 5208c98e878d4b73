//! Damaged, missing and foreign history hurts no answer, is told, and is never deleted.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::store::engine::{Fault, Faults};
use crate::store::opening::open_with;
use crate::store::queue::LIMITS;
use crate::store::verify;

/// A closed store with two volumes of history; returns their directories.
fn make(path: &Path) -> Vec<PathBuf> {
    let clock = Clock::set_at(NOW);
    let opened = open_at(path, &clock);
    record(&opened, (0..3).map(registered));
    for second in [0, 10, 100_000, 200_000] {
        clock.set_wall(at(second));
        record(
            &opened,
            (0..3).map(|id| sampled(id, second, second.cast_signed())),
        );
        taken_in(&opened);
    }
    opened.writer.close().unwrap();
    let volumes = fs::read_dir(path.join("history")).unwrap();
    let mut volumes: Vec<_> = volumes.map(|entry| entry.unwrap().path()).collect();
    volumes.sort();
    volumes
}

fn is_set_aside(path: &Path) -> bool {
    let mut entries = fs::read_dir(path).unwrap();
    entries.any(|entry| {
        let name = entry.unwrap().file_name();
        name.to_string_lossy().starts_with("history.set-aside-")
    })
}

#[test]
fn a_damaged_volume_is_set_aside_and_the_rest_serves() {
    let dir = tempfile::tempdir().unwrap();
    let volumes = make(dir.path());
    let file = volumes[0].join("db");
    let length = fs::metadata(&file).unwrap().len();
    fs::write(&file, vec![0x55; usize::try_from(length).unwrap()]).unwrap();
    let clock = Clock::set_at(at(200_000));
    let opened = open_at(dir.path(), &clock);
    assert_eq!(
        opened.loaded.statistics.len(),
        3,
        "answers do not depend on it"
    );
    opened.history.settle().unwrap();
    let status = opened.history.status().borrow().clone();
    assert_eq!(status.set_aside.len(), 1, "{status:?}");
    assert!(is_set_aside(dir.path()));
    let kept = numbers(&opened.history, 0);
    assert!(kept.contains(&(200_000, 200_000)), "{kept:?}");
    assert!(!kept.contains(&(0, 0)), "{kept:?}");
    // And it goes on.
    record(&opened, [sampled(0, 200_001, 8)]);
    taken_in(&opened);
    assert!(numbers(&opened.history, 0).contains(&(200_001, 8)));
    assert!(opened.writer.status().borrow().history_fault.is_some());
}

/// A disk that fails for a moment makes what is whole look damaged.
#[test]
fn a_volume_that_opens_at_the_second_or_third_attempt_is_not_set_aside() {
    for failures in 0..=3 {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path());
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let faults = Faults {
            plan: Some(Arc::new(move |call| {
                let opens = call == "open vault";
                let fails = opens && counted.fetch_add(1, Ordering::Relaxed) < failures;
                fails.then_some(Fault::Fail)
            })),
        };
        let clock = Clock::set_at(NOW);
        let opened = open_with(&config(dir.path()), &clock, &faults, LIMITS).unwrap();
        opened.history.contents().unwrap();
        let status = opened.history.status().borrow().clone();
        assert!(calls.load(Ordering::Relaxed) > failures);
        let expected = usize::from(failures == 3);
        assert_eq!(status.set_aside.len(), expected, "{failures} failures");
        assert_eq!(is_set_aside(dir.path()), failures == 3);
        opened.writer.close().unwrap();
    }
}

#[test]
fn a_missing_history_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    fs::remove_dir_all(dir.path().join("history")).unwrap();
    let clock = Clock::set_at(at(300_000));
    let opened = open_at(dir.path(), &clock);
    record(&opened, [sampled(0, 300_000, 8)]);
    taken_in(&opened);
    assert!(numbers(&opened.history, 0).contains(&(300_000, 8)));
}

#[test]
fn history_of_another_store_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    // The store was lost and begins to number its statistics anew.
    fs::remove_dir_all(dir.path().join("now")).unwrap();
    fs::remove_file(dir.path().join("starts")).unwrap();
    let opened = open_at(dir.path(), &Clock::set_at(at(300_000)));
    record(&opened, [registered(0), sampled(0, 300_000, 8)]);
    taken_in(&opened);
    assert_eq!(numbers(&opened.history, 0), [(300_000, 8)]);
    assert!(is_set_aside(dir.path()));
}

#[test]
fn history_still_fits_when_the_snapshot_replaces_what_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let now = dir.path().join("now");
    fs::write(now.join("db"), vec![0xA5; 100_000]).unwrap();
    fs::write(now.join("conf"), "no configuration").unwrap();
    let opened = open_at(dir.path(), &Clock::set_at(at(300_000)));
    assert!(opened.report.restored, "{:?}", opened.report);
    record(&opened, [sampled(0, 300_000, 8)]);
    taken_in(&opened);
    let numbers = numbers(&opened.history, 0);
    assert!(numbers.contains(&(10, 10)), "{numbers:?}");
    assert!(numbers.contains(&(300_000, 8)), "{numbers:?}");
    assert!(!is_set_aside(dir.path()));
    let past = opened.history.past(StatisticId(0), Range::ALL).unwrap();
    let is_lost = |gap: &Gap| gap.reason == Reason::Lost && gap.to >= Some(at(300_000));
    assert!(past.gaps.iter().any(is_lost), "{:?}", past.gaps);
    opened.writer.close().unwrap();
}

#[test]
fn flipped_bits_are_found_and_never_read_as_values() {
    let dir = tempfile::tempdir().unwrap();
    let volumes = make(dir.path());
    let good: Vec<(u64, i64)> = [0_u64, 10, 100_000, 200_000]
        .map(|s| (s, s.cast_signed()))
        .into();
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let clock = Clock::set_at(at(200_000));
    let mut found = 0;
    for round in 0..30 {
        let copy = tempfile::tempdir().unwrap();
        copy_directory(dir.path(), copy.path());
        let file = volumes[random.usize(..volumes.len())].join("db");
        let file = copy.path().join(file.strip_prefix(dir.path()).unwrap());
        let mut bytes = fs::read(&file).unwrap();
        // Most of a small database is nought.
        let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        for _ in 0..4 {
            bytes[random.usize(..=written)] ^= 1 << random.u8(..8);
        }
        fs::write(&file, bytes).unwrap();
        let verified = verify(copy.path(), &clock, &mut |_, _| {}).unwrap();
        found += usize::from(!verified.damaged.is_empty());
        let looked = look(copy.path(), &clock).unwrap();
        for id in 0..3 {
            let past = looked.history.past(StatisticId(id), Range::ALL).unwrap();
            for sample in past.samples {
                let Value::Integer(number) = sample.value else {
                    panic!("seed {seed}, round {round}: {sample:?}");
                };
                let second = (sample.at.0 - NOW.0) / 1000;
                assert!(
                    good.contains(&(second, number)),
                    "seed {seed}, round {round}"
                );
            }
        }
        let opened = open_at(copy.path(), &clock);
        assert_eq!(
            opened.loaded.statistics.len(),
            3,
            "seed {seed}, round {round}"
        );
    }
    assert!(found > 0, "seed {seed}");
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
