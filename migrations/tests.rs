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
    run(db, &AtomicBool::new(false))
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
    let stopped = run(&db, &AtomicBool::new(true));
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
