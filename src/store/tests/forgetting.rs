//! What is forgotten stays forgotten, with its history where that was asked.

use super::*;

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.build().unwrap()
}

/// Folds and merges everything that was recorded.
fn settle(opened: &Opened) {
    runtime().block_on(opened.writer.flush()).unwrap();
    let folded = || opened.history.status().borrow().folded;
    while folded() < opened.writer.status().borrow().durable {
        opened.history.settle().unwrap();
    }
}

fn forget(opened: &Opened, id: u32, counter: u64) {
    let id = StatisticId(id);
    let revision = Revision {
        generation: 1,
        counter,
    };
    let changes = [
        Change::Forgotten { id },
        Change::Dropped { revision },
        Change::Erased { id },
    ];
    opened.writer.record(changes);
}

fn samples(opened: &Opened, id: u32) -> usize {
    let past = opened.history.past(StatisticId(id), Range::ALL).unwrap();
    assert_eq!(past.before, None);
    past.samples.len()
}

#[test]
fn rows_vanish_at_once_and_from_the_disk_when_their_volume_is_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open_at(dir.path());
    opened.writer.record((0..3).map(registered));
    opened.writer.record((0..3).map(|id| sampled(id, 1)));
    settle(&opened);
    assert_eq!((samples(&opened, 1), samples(&opened, 2)), (1, 1));
    // What is folded is rewritten with the volume; this row is in a later one.
    opened.writer.record([sampled(1, 2)]);
    forget(&opened, 1, 9);
    runtime().block_on(opened.writer.flush()).unwrap();
    let gone = || samples(&opened, 1) == 0;
    while !gone() {
        std::thread::yield_now();
    }
    let mut shown = Vec::new();
    let scanned = opened.history.scan(Range::ALL, &|_| true, &mut |id, _| {
        shown.push(id.0);
        ControlFlow::Continue(())
    });
    assert_eq!((scanned.unwrap(), shown), (Vec::new(), vec![0, 2]));
    settle(&opened);
    opened.writer.close().unwrap();
    drop(opened);

    let opened = open_at(dir.path());
    assert_eq!(opened.loaded.statistics.len(), 2);
    assert_eq!(opened.loaded.dropped.counter, 9);
    assert_eq!(opened.loaded.last_revision.counter, 9);
    assert_eq!((samples(&opened, 1), samples(&opened, 2)), (0, 1));
    opened.writer.close().unwrap();
    drop(opened);
    let verified = verify(dir.path(), &clock(), &mut |_, _| {}).unwrap();
    assert_eq!(verified.damaged, Vec::<String>::new());
    // The first volume was rewritten before; the row that came after it is gone.
    assert_eq!(
        verified.history_rows + verified.history_tail,
        3,
        "{verified:?}"
    );
}

#[test]
fn what_was_dropped_last_is_known_from_the_journal_the_checkpoint_and_the_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open_quiet(dir.path());
    opened.writer.record([registered(0), sampled(0, 1)]);
    forget(&opened, 0, 7);
    runtime().block_on(opened.writer.flush()).unwrap();
    let copy = dir.path().join("copy");
    copy_directory(&dir.path().join("now"), &copy.join("now"));
    let (from_journal, _) = read(&copy, &clock()).unwrap();
    assert_eq!(from_journal.dropped.counter, 7);
    opened.writer.close().unwrap();
    drop(opened);
    let (from_checkpoint, report) = read(dir.path(), &clock()).unwrap();
    assert_eq!(report.replayed_changes, 0);
    assert_eq!(from_checkpoint.dropped.counter, 7);
    fs::write(dir.path().join("now/db"), "garbage").unwrap();
    let opened = open_at(dir.path());
    assert!(opened.report.restored, "{:?}", opened.report);
    assert_eq!(opened.loaded.dropped.counter, 7);
}
