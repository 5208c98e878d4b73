//! Every step from the schema before to the one after, byte for byte.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

/// Everything in a store, one JSON line per key, and one for an empty tree.
pub(in crate::store) fn dump(db: &sled::Db) -> String {
    let mut names = db.tree_names();
    names.sort();
    let mut lines = Vec::new();
    for name in names {
        let tree = db.open_tree(&name).unwrap();
        let name = String::from_utf8_lossy(&name);
        if tree.is_empty() {
            lines.push(json!({ "tree": name }).to_string());
        }
        for item in &tree {
            let (key, value) = item.unwrap();
            let line = json!({ "tree": name, "key": hex(&key), "value": hex(&value) });
            lines.push(line.to_string());
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Fills a store with what [`dump`] wrote.
pub(in crate::store) fn fill(db: &sled::Db, lines: &str) {
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let tree = db.open_tree(line["tree"].as_str().unwrap()).unwrap();
        if let (Some(key), Some(value)) = (line["key"].as_str(), line["value"].as_str()) {
            tree.insert(unhex(key), unhex(value)).unwrap();
        }
    }
}

/// A checked-in fixture; `REGENERATE_FIXTURES=1` writes it from `make` if it is missing.
pub(in crate::store) fn fixture(name: &str, make: impl FnOnce() -> String) -> String {
    let path = fixtures().join(name);
    if !path.exists() && std::env::var("REGENERATE_FIXTURES").as_deref() == Ok("1") {
        std::fs::write(&path, make()).unwrap();
    }
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/fixtures")
}

pub(in crate::store) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn empty() -> sled::Db {
    sled::Config::new().temporary(true).open().unwrap()
}

fn migrate(db: &sled::Db) -> Result<Report, MigrationError> {
    run(db, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn a_fresh_store_goes_through_the_whole_chain_and_again_changes_nothing() {
    let db = empty();
    assert_eq!(migrate(&db).unwrap(), Report { from: 0, to: KNOWN });
    let after = dump(&db);
    assert_eq!(after, fixture("after_0002.jsonl", || after.clone()));
    assert_eq!(
        migrate(&db).unwrap(),
        Report {
            from: KNOWN,
            to: KNOWN
        }
    );
    assert_eq!(dump(&db), after);
}

#[test]
fn an_interrupted_first_migration_is_finished_by_the_next_run() {
    let db = empty();
    db.open_tree("journal")
        .unwrap()
        .insert("left", "over")
        .unwrap();
    let stopped = run(&db, &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(MigrationError::Stopped)));
    assert_eq!(version(&db).unwrap(), 0);
    migrate(&db).unwrap();
    assert_eq!(dump(&db), fixture("after_0002.jsonl", || unreachable!()));
}

#[test]
fn a_store_of_schema_1_becomes_one_of_schema_2_with_its_content() {
    let db = empty();
    fill(&db, &fixture("after_0001.jsonl", || unreachable!()));
    db.open_tree("journal").unwrap().insert("a", "b").unwrap();
    assert_eq!(migrate(&db).unwrap(), Report { from: 1, to: KNOWN });
    assert_eq!(
        db.open_tree("journal").unwrap().get("a").unwrap().unwrap(),
        "b"
    );
    db.open_tree("journal").unwrap().clear().unwrap();
    assert_eq!(dump(&db), fixture("after_0002.jsonl", || unreachable!()));
}

#[test]
fn a_newer_schema_is_refused() {
    let db = empty();
    migrate(&db).unwrap();
    let newer = (KNOWN + 1).to_be_bytes();
    let meta = db.open_tree(META).unwrap();
    meta.insert(SCHEMA_VERSION, &newer).unwrap();
    assert!(matches!(migrate(&db), Err(MigrationError::TooNew(found)) if found == KNOWN + 1));
}

/// The released steps, and two that last as later ones will: one copies a tree in batches, the next
/// drops what was copied.
const LASTING: &[Migration] = &[
    MIGRATIONS[0],
    MIGRATIONS[1],
    Migration {
        version: 3,
        name: "copied",
        up: copy,
    },
    Migration {
        version: 4,
        name: "dropped",
        up: drop_copied,
    },
];
const BATCH: usize = 100;

fn copy(db: &sled::Db, progress: &mut Progress<'_>) -> Result<(), MigrationError> {
    let (from, to) = (db.open_tree("last")?, db.open_tree("last.v3")?);
    to.clear()?;
    progress.now.total = from.len() as u64;
    let mut batch = sled::Batch::default();
    for (place, item) in from.iter().enumerate() {
        let (key, value) = item?;
        let value: Vec<u8> = value.iter().map(|byte| !byte).collect();
        batch.insert(key, value);
        if (place + 1) % BATCH == 0 {
            to.apply_batch(std::mem::take(&mut batch))?;
            db.flush()?;
            progress.now.done += BATCH as u64;
            progress.proceed()?;
        }
    }
    to.apply_batch(batch)?;
    progress.now.done = progress.now.total;
    if to.len() != from.len() {
        return Err(MigrationError::Engine(sled::Error::ReportableBug(
            "entries are missing".to_owned(),
        )));
    }
    Ok(())
}

fn drop_copied(db: &sled::Db, _: &mut Progress<'_>) -> Result<(), MigrationError> {
    Ok(db.drop_tree("last").map(|_| ())?)
}

/// A store of schema 1 with some batches in it.
fn make_old(db: &sled::Db) {
    fill(db, &fixture("content_0001.jsonl", || unreachable!()));
    let last = db.open_tree("last").unwrap();
    for number in 0..950_u32 {
        let key = [b"more".as_slice(), &number.to_be_bytes()].concat();
        last.insert(key, vec![7; 200]).unwrap();
    }
    db.flush().unwrap();
}

/// What becomes of that store when nothing interrupts.
fn finished() -> String {
    let db = empty();
    make_old(&db);
    let mut told = Vec::new();
    let report = run_through(LASTING, &db, &mut |now| {
        told.push(now);
        ControlFlow::Continue(())
    });
    assert_eq!(report.unwrap(), Report { from: 1, to: 4 });
    let copying: Vec<u64> = told
        .iter()
        .filter(|now| now.version == 3 && now.done > 0)
        .map(|now| now.done)
        .collect();
    assert!(copying.is_sorted() && copying.len() >= 9, "{copying:?}");
    assert!(told.iter().all(|now| now.done <= now.total));
    let after = dump(&db);
    assert!(after.contains("last.v3") && !after.contains(r#""tree":"last"}"#));
    after
}

#[test]
fn a_migration_stopped_after_any_batch_is_finished_by_the_next_run() {
    let finished = finished();
    for n in 0.. {
        let db = empty();
        make_old(&db);
        let mut left = n;
        let stopped = run_through(LASTING, &db, &mut |_| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            left -= 1;
            ControlFlow::Continue(())
        });
        let ended = stopped.is_ok();
        assert!(ended || matches!(stopped, Err(MigrationError::Stopped)));
        let to = run_through(LASTING, &db, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(to.to, 4);
        assert_eq!(dump(&db), finished, "stopped after {n}");
        if ended {
            assert!(n > 15, "{n} batches");
            break;
        }
    }
}

/// Names a store and after how many batches to die, to a process of this program.
const DYING: &str = "PEEKD_TEST_MIGRATION";

/// A test only because the process is this program; without its orders it does nothing.
#[test]
fn dying() {
    let Ok(orders) = std::env::var(DYING) else {
        return;
    };
    let (n, path) = orders.split_once(' ').unwrap();
    let mut left: u32 = n.parse().unwrap();
    let db = sled::Config::new().path(path).open().unwrap();
    run_through(LASTING, &db, &mut |_| {
        if left == 0 {
            std::process::abort();
        }
        left -= 1;
        ControlFlow::Continue(())
    })
    .unwrap();
}

#[test]
fn a_process_that_dies_after_any_batch_leaves_a_migration_that_can_be_finished() {
    let finished = finished();
    let old = tempfile::tempdir().unwrap();
    make_old(&sled::Config::new().path(old.path()).open().unwrap());
    for n in 0_u32.. {
        let dir = tempfile::tempdir().unwrap();
        // The engine frees its files a little after it was closed, and then writes nothing more.
        copy_files(old.path(), dir.path());
        let died = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["store::migrations::tests::dying", "--exact"])
            .env(DYING, format!("{n} {}", dir.path().display()))
            .output()
            .unwrap();
        let db = sled::Config::new().path(dir.path()).open().unwrap();
        let ended = died.status.success();
        run_through(LASTING, &db, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(dump(&db), finished, "died after {n}");
        if ended {
            assert!(n > 15, "{n} batches");
            break;
        }
    }
}

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_files(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
