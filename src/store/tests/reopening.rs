//! What survives, what is refused, and what the disk looks like.

use super::*;

#[tokio::test]
async fn what_was_recorded_is_there_after_an_orderly_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_at(dir.path());
    assert_eq!(store.loaded.next_id, StatisticId(0));
    assert_eq!(store.generation, 1);
    let epoch = store.epochs.allocate();
    store.writer.record((0..200).map(registered));
    store.writer.record((0..200).map(|id| sampled(id, id)));
    store.writer.record([
        subscribed(3),
        subscribed(4),
        Change::Unsubscribed { id: StatisticId(4) },
        Change::Forgotten {
            id: StatisticId(199),
        },
        Change::Validated {
            id: StatisticId(5),
            at: Timestamp(NOW.0 + 5),
        },
        Change::Quality {
            id: StatisticId(6),
            quality: Quality::Uncertain,
        },
        Change::ServerNamed {
            server: ServerId(1),
            name: "main".into(),
        },
        Change::StatTypes {
            server_name: "main".into(),
            names: vec!["A".into(), "B".into()],
        },
    ]);
    store.writer.close().unwrap();
    store.writer.close().unwrap();
    assert!(matches!(store.writer.flush().await, Err(Error::Closed)));

    let again = open_at(dir.path());
    assert_eq!(again.generation, 2);
    assert!(again.epochs.allocate() > epoch);
    assert_eq!(
        again.report.replayed_changes, 0,
        "the checkpoint holds everything"
    );
    let loaded = &again.loaded;
    assert_eq!(loaded.statistics.len(), 199);
    assert_eq!(loaded.next_id, StatisticId(200), "199 is not given again");
    assert_eq!(loaded.last_revision.counter, 199);
    assert!(
        loaded
            .statistics
            .each()
            .all(|known| number_of(&known) == Some(known.id.0))
    );
    assert_eq!(
        loaded_at(loaded, 3).subscription.unwrap().mode,
        NotificationMode::Periodical
    );
    assert!(loaded_at(loaded, 3).subscription.unwrap().protected);
    assert_eq!(loaded_at(loaded, 4).subscription, None);
    let last = |id: usize| loaded_at(loaded, id).last.unwrap().sample;
    assert_eq!(last(5).validated_at, Timestamp(NOW.0 + 5));
    assert_eq!(last(6).quality, Quality::Uncertain);
    assert_eq!(loaded.servers, [(ServerId(1), "main".to_owned())]);
    assert_eq!(
        loaded.stat_types,
        [("main".to_owned(), vec!["A".to_owned(), "B".to_owned()])]
    );
    assert_eq!(again.report.damaged, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_flushed_is_there_without_an_orderly_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_quiet(dir.path());
    let epoch = store.epochs.allocate();
    store.writer.record((0..100).map(registered));
    for round in 0..20 {
        store.writer.record((0..100).map(|id| sampled(id, round)));
        store.writer.flush().await.unwrap();
        if round % 5 == 4 {
            let copy = tempfile::tempdir().unwrap();
            copy_directory(dir.path(), copy.path());
            let recovered = open_at(copy.path());
            assert!(recovered.epochs.allocate() > epoch);
            assert_eq!(recovered.generation, 2);
            assert_eq!(recovered.loaded.statistics.len(), 100);
            for known in recovered.loaded.statistics.each() {
                assert_eq!(number_of(&known), Some(round));
            }
        }
    }
}

#[tokio::test]
async fn a_value_of_a_mebibyte_is_kept_in_small_parts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_quiet(dir.path());
    let text = "0123456789abcdef".repeat(1 << 16);
    let big = Change::Sample {
        id: StatisticId(0),
        sample: sample(Value::Text(text.clone().into())),
        revision: Revision {
            generation: 1,
            counter: 1,
        },
    };
    store
        .writer
        .record([registered(0), big, registered(1), sampled(1, 2)]);
    store.writer.flush().await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_directory(dir.path(), copy.path());
    store.writer.close().unwrap();
    for path in [dir.path(), copy.path()] {
        let again = open_at(path);
        let last = loaded_at(&again.loaded, 0).last.unwrap();
        assert_eq!(last.sample.value, Value::Text(text.clone().into()));
        // A small value replaces all parts of the big one.
        again.writer.record([sampled(0, 3)]);
        again.writer.close().unwrap();
        let (loaded, report) = read(path, &clock()).unwrap();
        assert_eq!(report.damaged, Vec::<String>::new());
        assert_eq!(
            loaded
                .statistics
                .each()
                .map(|known| number_of(&known))
                .collect::<Vec<_>>(),
            [Some(3), Some(2)]
        );
        assert_eq!(fs::read_dir(path.join("now/blobs")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_change_too_big_to_keep_is_counted_and_nothing_else_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_at(dir.path());
    let huge = Change::Sample {
        id: StatisticId(0),
        sample: sample(Value::Text("x".repeat(5_000_000).into())),
        revision: Revision {
            generation: 1,
            counter: 2,
        },
    };
    store
        .writer
        .record([registered(0), sampled(0, 1), huge, registered(1)]);
    store.writer.flush().await.unwrap();
    store.writer.close().unwrap();
    assert_eq!(store.writer.status().borrow().lost_changes, 1);
    let (loaded, _) = read(dir.path(), &clock()).unwrap();
    assert_eq!(
        loaded
            .statistics
            .each()
            .map(|known| number_of(&known))
            .collect::<Vec<_>>(),
        [Some(1), None]
    );
}

#[test]
fn an_older_sample_never_replaces_a_newer_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_at(dir.path());
    store
        .writer
        .record([registered(0), sampled(0, 9), sampled(0, 8)]);
    store.writer.close().unwrap();
    let (loaded, _) = read(dir.path(), &clock()).unwrap();
    assert_eq!(number_of(&loaded_at(&loaded, 0)), Some(9));
}

#[test]
fn a_second_opener_is_told_who_holds_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_at(dir.path());
    for error in [
        open(&config(dir.path()), &clock()).unwrap_err(),
        read(dir.path(), &clock()).unwrap_err(),
    ] {
        let Error::Locked { path, holder } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(path, dir.path());
        assert_eq!(*holder, Some(std::process::id()));
        assert!(error.to_string().contains("stop it first"), "{error}");
    }
    store.writer.close().unwrap();
    open_at(dir.path());
}

#[test]
fn reading_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none");
    assert!(matches!(read(&missing, &clock()), Err(Error::Missing { path }) if path == missing));
    assert!(!missing.exists());

    open_at(dir.path()).writer.close().unwrap();
    for _ in 0..2 {
        read(dir.path(), &clock()).unwrap();
    }
    assert_eq!(open_at(dir.path()).generation, 2, "reading is no start");
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    open_at(dir.path()).writer.close().unwrap();
    {
        let db = open_engine(&dir.path().join("now"));
        let meta = db.open_tree("meta").unwrap();
        meta.insert(migrations::SCHEMA_VERSION, &9_u32.to_be_bytes())
            .unwrap();
        db.flush().unwrap();
    }
    for error in [
        open(&config(dir.path()), &clock()).unwrap_err(),
        read(dir.path(), &clock()).unwrap_err(),
    ] {
        assert!(
            matches!(error, Error::SchemaTooNew { found: 9, known: 2 }),
            "{error:?}"
        );
    }
}

#[test]
fn the_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/store");
    open_at(&path).writer.close().unwrap();
    for path in [path.join("now"), path] {
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}

#[tokio::test]
async fn the_journal_keeps_its_size_and_what_replaying_needs() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    small.journal_size_max = 20_000;
    let store = open(&small, &clock()).unwrap();
    store.writer.record([registered(0)]);
    for number in 0..20_000 {
        store.writer.record([sampled(0, number)]);
        if number % 500 == 0 {
            store.writer.flush().await.unwrap();
        }
    }
    store.writer.close().unwrap();
    // Removing goes on with the work of the next start.
    let store = open(&small, &clock()).unwrap();
    for number in 20_000..20_020 {
        store.writer.record([sampled(0, number)]);
        store.writer.flush().await.unwrap();
    }
    store.writer.close().unwrap();
    let db = open_engine(&dir.path().join("now"));
    let journal = db.open_tree("journal").unwrap();
    let items = journal.iter().map(Result::unwrap);
    let size: usize = items.map(|(key, value)| key.len() + value.len()).sum();
    assert!((10_000..40_000).contains(&size), "{size}");
    drop((journal, db));
    let (loaded, report) = read(dir.path(), &clock()).unwrap();
    assert_eq!(report.damaged, Vec::<String>::new());
    assert_eq!(number_of(&loaded_at(&loaded, 0)), Some(20_019));
}
