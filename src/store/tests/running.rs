//! A store is saved and checked while it is being written.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const STATISTICS: u32 = 300;

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.build().unwrap()
}

/// Saves a running store; tried again while history is being opened.
fn saved(writer: &Writer) -> Vec<u8> {
    loop {
        let mut file = Vec::new();
        match backup_running(writer, &mut file, &mut |_| {}) {
            Ok(()) => return file,
            Err(Error::Engine(what)) => assert!(what.contains("being opened"), "{what}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_backup_is_one_point_of_the_journal_however_much_is_written_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir.path().join("store"));
    config.journal_size_max = 1 << 30;
    let opened = open(&config, &clock()).unwrap();
    opened.writer.record((0..STATISTICS).map(registered));
    opened
        .writer
        .record((0..STATISTICS).map(|id| sampled(id, 1)));
    runtime().block_on(opened.writer.flush()).unwrap();
    let enough = AtomicBool::new(false);
    let files: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let writer = opened.writer.clone();
        let done = &enough;
        scope.spawn(move || {
            for number in 2.. {
                // In the order of the numbers, one round after the other.
                for id in 0..STATISTICS {
                    writer.record([sampled(id, number)]);
                }
                runtime().block_on(writer.flush()).unwrap();
                if done.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        let files = (0..3).map(|round| {
            if round == 2 {
                // What is folded is taken out of the journal.
                opened.history.settle().unwrap();
            }
            saved(&opened.writer)
        });
        let files = files.collect();
        enough.store(true, Ordering::Relaxed);
        files
    });
    opened.writer.close().unwrap();
    drop(opened);

    for (round, file) in files.iter().enumerate() {
        let path = dir.path().join(format!("restored-{round}"));
        restore(&mut file.as_slice(), &path, &mut |_| {}).unwrap();
        let verified = verify(&path, &clock(), &mut |_, _| {}).unwrap();
        assert_eq!(verified.damaged, Vec::<String>::new());
        let looked = look(&path, &clock()).unwrap();
        let numbers = looked.loaded.statistics.each().map(|known| {
            let number = number_of(&known).unwrap();
            let past = looked.history.past(known.id, Range::ALL).unwrap();
            // Every one since the first, up to the last value.
            assert_eq!(past.samples.len(), number as usize, "{:?}", known.id);
            number
        });
        let numbers: Vec<u32> = numbers.collect();
        assert_eq!(numbers.len(), STATISTICS as usize);
        let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
        assert!(
            first - last <= 1 && numbers.is_sorted_by(|a, b| a >= b),
            "{numbers:?}"
        );
        drop(looked);
        let opened = open_at(&path);
        assert_eq!(opened.report.damaged, Vec::<String>::new());
        opened.writer.record([sampled(0, 1_000_000)]);
        opened.writer.close().unwrap();
    }
}

#[test]
fn the_journal_is_kept_for_whoever_takes_it_and_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open_at(dir.path());
    opened.writer.record((0..STATISTICS).map(registered));
    drop(saved(&opened.writer));
    let portions = opened.writer.export().unwrap();
    // Nobody takes the rest: writing goes on.
    for number in 1..20 {
        let round = (0..STATISTICS).map(|id| sampled(id, number));
        opened.writer.record(round);
        runtime().block_on(opened.writer.flush()).unwrap();
    }
    opened.history.settle().unwrap();
    drop(portions);
    // Closing waits for nobody either.
    let portions = opened.writer.export().unwrap();
    opened.writer.close().unwrap();
    drop(portions);
    assert!(matches!(opened.writer.export(), Err(Error::Closed)));
    drop(opened);
    let verified = verify(dir.path(), &clock(), &mut |_, _| {}).unwrap();
    assert_eq!(verified.damaged, Vec::<String>::new());
}

#[test]
fn a_check_counts_what_is_there_and_can_be_ended() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open_quiet(dir.path());
    opened.writer.record((0..STATISTICS).map(registered));
    opened
        .writer
        .record((0..STATISTICS).map(|id| sampled(id, 1)));
    runtime().block_on(opened.writer.flush()).unwrap();
    drop(saved(&opened.writer));
    let on = |_: u64, _: u64| ControlFlow::Continue(());
    let verified = verify_running(&opened.writer, &mut { on }).unwrap();
    assert_eq!(verified.damaged, Vec::<String>::new());
    assert_eq!(verified.history_tail, u64::from(STATISTICS));
    assert!(verified.journal_entries > 1, "{verified:?}");
    let ended = verify_running(&opened.writer, &mut |_, _| ControlFlow::Break(()));
    assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
    opened.writer.close().unwrap();
}
