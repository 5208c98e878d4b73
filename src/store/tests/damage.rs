//! Damaged files: never a panic out of `open`, never a wrong value, nothing deleted.

use std::path::PathBuf;

use super::*;

const STATISTICS: u32 = 60;
const ROUNDS: u32 = 30;

/// A store that ended without a checkpoint for its last changes.
async fn make(path: &Path) {
    let store = open_at(path);
    store.writer.record((0..STATISTICS).map(registered));
    store.writer.record([sampled(0, 0)]);
    store.writer.close().unwrap();
    let store = open_quiet(path);
    let copied = path.join("copy");
    for round in 1..=ROUNDS {
        store
            .writer
            .record((0..STATISTICS).map(|id| sampled(id, round)));
        store.writer.flush().await.unwrap();
    }
    copy_directory(&path.join("now"), &copied.join("now"));
    for file in ["starts", "last-known"] {
        fs::copy(path.join(file), copied.join(file)).unwrap();
    }
    store.writer.close().unwrap();
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Opens a store that was harmed and checks that what it shows was once recorded.
fn check(path: &Path, harm: &str) -> OpenReport {
    let opened = open(&config(path), &clock()).unwrap_or_else(|error| panic!("{harm}: {error}"));
    for known in opened.loaded.statistics.each() {
        assert!(
            number_of(&known).is_none_or(|number| number <= ROUNDS),
            "{harm}"
        );
        assert!(known.id.0 < STATISTICS, "{harm}");
    }
    if let Some(aside) = &opened.report.set_aside {
        assert!(aside.join("db").exists(), "{harm}: nothing is deleted");
        // What the first store knew at its orderly end.
        assert!(opened.report.restored, "{harm}");
        assert_eq!(
            opened.loaded.statistics.len(),
            STATISTICS as usize,
            "{harm}"
        );
        assert_eq!(number_of(&loaded_at(&opened.loaded, 0)), Some(0), "{harm}");
        assert_eq!(opened.generation, 3, "{harm}");
    }
    // It goes on working.
    opened.writer.record([registered(0), sampled(0, ROUNDS)]);
    opened
        .writer
        .close()
        .unwrap_or_else(|error| panic!("{harm}: {error}"));
    opened.report
}

#[tokio::test]
async fn flipped_bits_and_cut_files_show_no_wrong_value() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path()).await;
    let seed = 20_261_122;
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut cold, mut partly) = (0, 0);
    for case in 0..220 {
        let harmed = tempfile::tempdir().unwrap();
        copy_directory(&dir.path().join("copy"), harmed.path());
        let files = files(&harmed.path().join("now"));
        let file = &files[random.usize(..files.len())];
        let mut bytes = fs::read(file).unwrap();
        // Most of the engine's file is room for more; harm what is used.
        let used = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        if used == 0 {
            continue;
        }
        let at = random.usize(..used);
        if case % 10 == 9 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << random.u32(..8);
        }
        fs::write(file, bytes).unwrap();
        let harm = format!("seed {seed}, case {case}, {} at {at}", file.display());
        let report = check(harmed.path(), &harm);
        cold += u32::from(report.set_aside.is_some());
        partly += u32::from(!report.damaged.is_empty() && report.set_aside.is_none());
    }
    println!("{cold} started cold, {partly} lost something or their snapshot");
}

#[tokio::test]
async fn every_own_value_changed_under_the_engine_is_skipped_and_described() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path()).await;
    for tree in ["meta", "catalogue", "last", "journal"] {
        let harmed = tempfile::tempdir().unwrap();
        copy_directory(&dir.path().join("copy"), harmed.path());
        {
            let db = open_engine(&harmed.path().join("now"));
            let tree = db.open_tree(tree).unwrap();
            for (number, item) in tree.iter().enumerate() {
                let (key, value) = item.unwrap();
                if key == migrations::SCHEMA_VERSION {
                    continue;
                }
                let mut bytes = value.to_vec();
                let at = (number * 7) % bytes.len();
                bytes[at] ^= 0x40;
                tree.insert(key, bytes).unwrap();
            }
            tree.insert(b"no key of ours", b"no value of ours").unwrap();
            db.flush().unwrap();
        }
        let report = check(harmed.path(), tree);
        assert!(!report.damaged.is_empty(), "{tree}");
        assert_eq!(report.set_aside, None, "{tree}");
    }
}

#[test]
fn lost_counters_are_taken_up_behind_everything_seen() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_at(dir.path());
    store.writer.record([registered(40), sampled(40, 1)]);
    store.writer.close().unwrap();
    open_at(dir.path()).writer.close().unwrap();
    {
        let db = open_engine(&dir.path().join("now"));
        let meta = db.open_tree("meta").unwrap();
        for key in ["generation", "epoch_ceiling", "checkpoint"] {
            meta.remove(codec::part_key(key.as_bytes(), 0))
                .unwrap()
                .unwrap();
        }
        db.flush().unwrap();
    }
    let store = open_at(dir.path());
    assert_eq!(store.generation, 3);
    assert_eq!(store.loaded.next_id, StatisticId(41));
    assert!(store.epochs.allocate() > Epoch(7));
    assert_eq!(number_of(&loaded_at(&store.loaded, 0)), Some(1));
}

/// Makes the engine refuse to open, whatever its snapshots say.
fn ruin(path: &Path) {
    let file = path.join("now/db");
    let len = fs::metadata(&file).unwrap().len();
    fs::write(&file, vec![0xA5; usize::try_from(len).unwrap()]).unwrap();
    fs::write(path.join("now/conf"), "no configuration").unwrap();
}

#[test]
fn ruined_stores_are_set_aside_twice_and_then_the_run_is_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    open_at(dir.path()).writer.close().unwrap();
    for round in 0..3_u64 {
        ruin(dir.path());
        let clock = Clock::set_at(Timestamp(NOW.0 + round));
        let opened = open(&config(dir.path()), &clock).unwrap();
        assert!(!opened.report.damaged.is_empty());
        assert_eq!(opened.report.in_memory, round == 2);
        assert_eq!(opened.report.set_aside.is_some(), round < 2);
        // Each time with what the run before left in `last-known`.
        assert!(opened.report.restored && opened.report.snapshot_at.is_some());
        let known = opened.loaded.statistics.each().map(|known| known.id.0);
        let expected = if round == 0 { Vec::new() } else { vec![1] };
        assert_eq!(known.collect::<Vec<_>>(), expected, "round {round}");
        opened.writer.record([registered(1)]);
        opened.writer.close().unwrap();
    }
}

#[tokio::test]
async fn the_snapshot_replaces_what_was_lost_and_no_number_is_given_twice() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path()).await;
    let copy = dir.path().join("copy");
    let lost = {
        // A run that registers and opens more, and is lost.
        let store = open_quiet(&copy);
        store
            .writer
            .record([registered(STATISTICS), sampled(STATISTICS, 1)]);
        store.writer.flush().await.unwrap();
        let epoch = store.epochs.allocate();
        let harmed = dir.path().join("harmed");
        copy_directory(&copy, &harmed);
        store.writer.close().unwrap();
        (epoch, harmed)
    };
    let (epoch, harmed) = lost;
    ruin(&harmed);
    let store = open_at(&harmed);
    assert!(store.report.restored, "{:?}", store.report);
    let known = &store.loaded;
    assert_eq!(known.statistics.len(), STATISTICS as usize);
    assert!(known.next_id.0 > STATISTICS, "the lost statistic's number");
    assert!(store.generation > 3, "{}", store.generation);
    assert!(store.epochs.allocate() > epoch);
    store.writer.close().unwrap();
}

#[tokio::test]
async fn a_damaged_snapshot_is_set_aside_with_its_store() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path()).await;
    ruin(dir.path());
    let snapshot = dir.path().join("last-known");
    let mut bytes = fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&snapshot, bytes).unwrap();
    let opened = open_at(dir.path());
    let aside = opened.report.set_aside.clone().unwrap();
    assert!(!opened.report.restored);
    assert!(opened.loaded.statistics.is_empty());
    assert!(aside.join("last-known").exists(), "nothing is deleted");
    opened.writer.close().unwrap();
}

#[test]
fn a_ruined_store_is_left_alone_when_told_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    open_at(dir.path()).writer.close().unwrap();
    ruin(dir.path());
    let mut stop = config(dir.path());
    stop.on_corruption = OnCorruption::Stop;
    let error = open(&stop, &clock()).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    assert!(error.is_fatal());
    assert!(matches!(
        read(dir.path(), &clock()),
        Err(Error::Damaged { .. })
    ));
}

#[tokio::test]
async fn the_engine_does_without_its_snapshots() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path()).await;
    let copy = dir.path().join("copy");
    let mut harmed = 0;
    for file in files(&copy.join("now")) {
        if file
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("snap.")
        {
            fs::write(file, "").unwrap();
            harmed += 1;
        }
    }
    assert!(harmed > 0);
    let opened = open_at(&copy);
    assert_eq!(opened.report.set_aside, None);
    assert_eq!(opened.loaded.statistics.len(), STATISTICS as usize);
    for known in opened.loaded.statistics.each() {
        assert_eq!(number_of(&known), Some(ROUNDS), "nothing is lost");
    }
}

/// The engine takes some damage for an empty store; its witness knows better.
#[tokio::test]
async fn a_store_that_opens_empty_is_damaged_and_not_new() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path()).await;
    let db = dir.path().join("now/db");
    let mut bytes = fs::read(&db).unwrap();
    for byte in bytes.iter_mut().step_by(97) {
        *byte ^= 0xff;
    }
    fs::write(&db, bytes).unwrap();

    let stop = Config {
        on_corruption: OnCorruption::Stop,
        ..config(dir.path())
    };
    let refused = open(&stop, &clock()).map(|_| ()).unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
    let opened = open(&config(dir.path()), &clock()).unwrap();
    let aside = opened.report.set_aside.clone().unwrap();
    assert!(aside.join("db").exists());
    opened.writer.close().unwrap();
    drop(opened);
    // It is the same store: its starts are counted on.
    let again = open(&config(dir.path()), &clock()).unwrap();
    assert_eq!(
        (again.report.set_aside.clone(), again.generation),
        (None, 4)
    );
    again.writer.close().unwrap();
}

#[tokio::test]
async fn a_store_that_lost_its_last_starts_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path()).await;
    // Files of an earlier day, put back under a witness of today.
    let old = dir.path().join("old");
    copy_directory(&dir.path().join("now"), &old);
    open(&config(dir.path()), &clock())
        .unwrap()
        .writer
        .close()
        .unwrap();
    fs::remove_dir_all(dir.path().join("now")).unwrap();
    fs::rename(&old, dir.path().join("now")).unwrap();
    let opened = open(&config(dir.path()), &clock()).unwrap();
    assert!(opened.report.set_aside.is_some());
    opened.writer.close().unwrap();
}
