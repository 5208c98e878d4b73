//! A disk that is full, read-only, or fails: answers go on, it is told, and writing resumes by itself.

use std::ops::ControlFlow;

use peekd::model::{Clock, StatisticId};
use peekd::store::{self, Health, Range};
use tempfile::TempDir;

use crate::disk::Disk;
use crate::load::{STATISTICS, at, config, registered, round_of, sampled};
use crate::mount::Refusal;
use crate::power_cut::mounted;

#[tokio::test]
async fn a_disk_that_refuses_is_told_and_nothing_is_lost_when_it_works_again() {
    for refusal in [
        Refusal::Full,
        Refusal::ReadOnly,
        Refusal::Broken,
        Refusal::SyncBroken,
    ] {
        let Some(mounted) = mounted(Disk::empty(), u64::MAX, 0) else {
            return;
        };
        let path = mounted.path().join("store");
        let clock = Clock::set_at(at(0));
        let opened = store::open(&config(&path), &clock).unwrap();
        let mut status = opened.writer.status();
        opened.writer.record((0..STATISTICS).map(registered));
        let record = |round: u32| {
            clock.set_wall(at(round));
            let samples = (0..STATISTICS).map(|id| sampled(id, round));
            opened.writer.record(samples);
        };
        for round in 1..10 {
            record(round);
        }
        opened.writer.flush().await.unwrap();
        let durable = status.borrow().durable;

        mounted.refuse(Some(refusal));
        for round in 10..20 {
            record(round);
        }
        let failing = |status: &store::Status| matches!(status.health, Health::Failing { .. });
        let told = status.wait_for(failing).await.unwrap().clone();
        assert_eq!(
            told.durable, durable,
            "{refusal:?}: nothing more is promised"
        );
        let Health::Failing { message } = told.health else {
            unreachable!("waited for");
        };
        assert!(!message.is_empty(), "{refusal:?}");
        assert!(told.queue_len > 0, "{refusal:?}: it is tried again");

        mounted.refuse(None);
        record(20);
        opened.writer.flush().await.unwrap();
        let works = |status: &store::Status| status.health == Health::Ok;
        let now = status.wait_for(works).await.unwrap().clone();
        assert_eq!(now.lost_changes, 0, "{refusal:?}: the queue had room");
        opened.writer.close().unwrap();
        drop(opened);

        let copy = TempDir::new().unwrap();
        mounted.copy_to(copy.path());
        let path = copy.path().join("store");
        let verified = store::verify(&path, &clock, &mut |_, _| {}).unwrap();
        assert_eq!(verified.damaged, Vec::<String>::new(), "{refusal:?}");
        let looked = store::look(&path, &clock).unwrap();
        for id in 0..STATISTICS {
            let mut rounds = Vec::new();
            let wanted = |known: StatisticId| known.0 == id;
            let scanned = looked.history.scan(Range::ALL, &wanted, &mut |id, sample| {
                rounds.push(round_of(id, &sample.value.value().unwrap()));
                ControlFlow::Continue(())
            });
            assert_eq!(scanned.unwrap(), Vec::<String>::new(), "{refusal:?}");
            assert_eq!(rounds, (1..=20).collect::<Vec<u32>>(), "{refusal:?}: {id}");
        }
    }
}

/// A start must write: on a disk that refuses it is refused, and nothing is set aside for that.
#[test]
fn a_start_on_a_disk_that_refuses_leaves_everything_as_it_is() {
    let Some(mounted) = mounted(Disk::empty(), u64::MAX, 0) else {
        return;
    };
    let path = mounted.path().join("store");
    let clock = Clock::set_at(at(0));
    let opened = store::open(&config(&path), &clock).unwrap();
    opened.writer.record([registered(1), sampled(1, 1)]);
    opened.writer.close().unwrap();
    drop(opened);
    for refusal in [Refusal::Full, Refusal::ReadOnly] {
        mounted.refuse(Some(refusal));
        let config = store::Config {
            on_corruption: store::OnCorruption::SetAside,
            ..config(&path)
        };
        let refused = store::open(&config, &clock).map(|_| ()).unwrap_err();
        assert!(!refused.is_fatal(), "{refusal:?}: {refused}");
        mounted.refuse(None);
        let names = std::fs::read_dir(&path).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        let aside = |name: &std::ffi::OsString| name.to_string_lossy().contains("aside");
        assert!(!names.iter().any(aside), "{refusal:?}: {names:?}");
    }
    let opened = store::open(&config(&path), &clock).unwrap();
    assert_eq!(opened.loaded.statistics.len(), 1);
    opened.writer.close().unwrap();
}
