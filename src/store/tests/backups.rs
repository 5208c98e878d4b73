//! One file holds the whole store, and gives it back or says why not.

use super::*;

fn make(path: &Path) {
    let opened = open_at(path);
    opened.writer.record((0..200).map(registered));
    opened.writer.record((0..200).map(|id| sampled(id, 1)));
    runtime().block_on(opened.writer.flush()).unwrap();
    // History may still be opening, and then has nothing to settle.
    let folded = || opened.history.status().borrow().folded;
    while folded() < opened.writer.status().borrow().durable {
        opened.history.settle().unwrap();
    }
    opened.writer.record((0..200).map(|id| sampled(id, 2)));
    opened.writer.close().unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.build().unwrap()
}

fn saved(path: &Path) -> Vec<u8> {
    let mut file = Vec::new();
    backup(path, &mut file, &mut |_| {}).unwrap();
    file
}

fn back(file: &[u8], path: &Path) -> Result<(), Error> {
    restore(&mut &*file, path, &mut |_| {})
}

#[test]
fn a_restored_store_holds_what_was_saved_and_serves() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    make(&first);
    let (mut file, mut saved, mut back) = (Vec::new(), 0, 0);
    backup(&first, &mut file, &mut |count| saved = count).unwrap();
    restore(&mut &*file, &second, &mut |count| back = count).unwrap();
    assert_eq!(saved, back);
    let (before, after) = (
        look(&first, &clock()).unwrap(),
        look(&second, &clock()).unwrap(),
    );
    assert_eq!(after.loaded, before.loaded);
    for id in [0, 77, 199] {
        let past = |looked: &Looked| looked.history.past(StatisticId(id), Range::ALL).unwrap();
        assert_eq!(past(&after), past(&before));
        assert_eq!(past(&after).samples.len(), 2);
    }
    drop((before, after));
    let verified = verify(&second, &clock(), &mut |_, _| {}).unwrap();
    assert_eq!(verified.damaged, Vec::<String>::new());
    assert_eq!(verified.history_rows, 200);
    let opened = open_at(&second);
    assert_eq!(opened.report.damaged, Vec::<String>::new());
    assert_eq!(opened.loaded.statistics.len(), 200);
}

#[test]
fn a_store_that_is_there_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    make(&path);
    let file = saved(&path);
    let refused = back(&file, &path);
    assert!(
        matches!(refused, Err(Error::NotEmpty { .. })),
        "{refused:?}"
    );
    assert_eq!(read(&path, &clock()).unwrap().0.statistics.len(), 200);
}

#[test]
fn a_file_that_is_cut_or_changed_makes_no_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    make(&path);
    let file = saved(&path);
    let target = dir.path().join("target");
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..20 {
        let mut bytes = file.clone();
        if random.bool() {
            bytes.truncate(random.usize(..file.len()));
        } else {
            bytes[random.usize(..file.len())] ^= 1 << random.u8(..8);
        }
        back(&bytes, &target).unwrap_err();
        assert!(!target.exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
