//! The house rules that a machine can check: who may know whom, headers, words, documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms a room may name. `ARCHITECTURE.md` shows the same table.
const MAY_KNOW: [(&str, &[&str]); 12] = [
    ("model", &[]),
    ("wire", &["model"]),
    ("upstream", &["model", "wire"]),
    ("cache", &["model"]),
    ("store", &["model"]),
    ("ingest", &["model", "upstream", "cache", "store"]),
    ("peek", &["model", "upstream", "cache", "store"]),
    ("dashboard", &[]),
    ("api", &["model", "peek", "dashboard"]),
    ("simulator", &["model", "wire"]),
    (
        "service",
        &[
            "model", "wire", "upstream", "cache", "store", "ingest", "peek", "api",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "wire",
            "upstream",
            "store",
            "api",
            "service",
            "simulator",
        ],
    ),
];

/// Libraries that only these rooms may name.
const PRIVATE_LIBRARIES: [(&str, &[&str]); 5] = [
    ("sled", &["store"]),
    ("bincode", &["store"]),
    ("warp", &["api"]),
    ("hyper", &["api", "cli"]),
    ("ratatui", &["cli"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Code without comments: good enough to look for names in.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let without = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    text.lines().map(without).collect::<Vec<_>>().join("\n")
}

/// The identifiers that follow `prefix`, also inside `prefix{a, b}`.
fn names_after<'a>(code: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let ident = |text: &'a str| {
        let end = text
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(text.len());
        &text[..end]
    };
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split('}').next().unwrap_or_default();
                names.extend(list.split(',').map(|item| ident(item.trim())));
            }
            None => drop(names.insert(ident(rest))),
        }
    }
    names
}

#[test]
fn rooms_know_only_whom_they_may() {
    let rooms: BTreeMap<&str, &[&str]> = MAY_KNOW.into_iter().collect();
    let mut faults = Vec::new();
    for (room, may_know) in &rooms {
        for file in rust_files(&root().join("src").join(room)) {
            // A room's own tests may play against simulated Stat Servers.
            if file.components().any(|part| part.as_os_str() == "tests") {
                continue;
            }
            for name in names_after(&code_of(&file), "crate::") {
                let known = name == *room || may_know.contains(&name) || !rooms.contains_key(name);
                if !known {
                    faults.push(format!("{} names {name}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let folders: BTreeSet<String> = fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = rooms.keys().map(|room| (*room).to_owned()).collect();
    assert_eq!(folders, listed, "every room is in the table");
}

#[test]
fn each_library_stays_in_its_room() {
    let mut faults = Vec::new();
    for file in rust_files(&root().join("src")) {
        let code = code_of(&file);
        let inside = file.strip_prefix(root().join("src")).unwrap().to_path_buf();
        let room = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .into_owned();
        for (library, rooms) in PRIVATE_LIBRARIES {
            let named = [format!("{library}::"), format!("use {library}")];
            let uses = named.iter().any(|name| code.contains(name.as_str()));
            if uses && !rooms.contains(&room.as_str()) {
                faults.push(format!("{} names {library}", inside.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_file_says_what_it_is_for_and_leaves_nothing_unfinished() {
    let mut faults = Vec::new();
    let folders = ["src", "migrations", "tests", "benches"];
    for file in folders
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
    {
        let text = fs::read_to_string(&file).unwrap();
        if !text.starts_with("//!") && !text.starts_with("#!") {
            faults.push(format!("{} has no //! header", file.display()));
        }
        // Written in two parts, so that this file does not find itself.
        for word in [
            concat!("FIX", "ME"),
            concat!("TO", "DO"),
            concat!("dbg", "!("),
            concat!("#[ign", "ore"),
        ] {
            if text.contains(word) {
                faults.push(format!("{} holds {word}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_architecture_shows_the_table_and_every_room() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (room, may_know) in MAY_KNOW {
        let knows = if may_know.is_empty() {
            "nobody".to_owned()
        } else {
            may_know.join(", ")
        };
        let row = format!("| `{room}` | {knows} |");
        assert!(text.contains(&row), "ARCHITECTURE.md lacks the row {row}");
    }
}

#[test]
fn every_migration_file_is_in_the_table() {
    let table = fs::read_to_string(root().join("migrations/mod.rs")).unwrap();
    for file in rust_files(&root().join("migrations")) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if name.starts_with("m0") {
            assert!(
                table.contains(&format!("{name}::up")),
                "{name} is in no table"
            );
            let fixture = format!("migrations/fixtures/after_{}.jsonl", &name[1..5]);
            assert!(root().join(&fixture).exists(), "{fixture} is missing");
        }
    }
}
