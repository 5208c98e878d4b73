//! Flipped bits and cut files anywhere in a store: never a crash, never a wrong value shown as good.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use peekd::model::Clock;
use peekd::store::{self, Config, OnCorruption, OpenReport, Range};
use tempfile::TempDir;

use crate::load::{
    Acknowledged, Loader, STATISTICS, at, config, copy_directory, registered, round_of, sampled,
    seed, times,
};

/// So many at least.
const ROUNDS: u32 = 40;

/// A store with merged and fresh history, a snapshot of the last values, and a journal that no
/// checkpoint covers, as a kill leaves it; and the newest round in it.
fn make(path: &Path) -> u32 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clock = Clock::set_at(at(0));
    let opened = store::open(&config(path), &clock).unwrap();
    opened.writer.record((0..STATISTICS).map(registered));
    for round in 1..ROUNDS / 2 {
        clock.set_wall(at(round));
        let samples = (0..STATISTICS).map(|id| sampled(id, round));
        opened.writer.record(samples);
        runtime.block_on(opened.writer.flush()).unwrap();
        if round % 8 == 0 {
            opened.history.settle().unwrap();
        }
    }
    opened.writer.close().unwrap();
    let mut known = Acknowledged::default();
    let mut loader = Loader::start(path);
    while known.rounds.last() < Some(&ROUNDS) {
        loader.next(&mut known).unwrap();
    }
    loader.kill();
    loader.end(&mut known, "made");
    known.rounds.last().unwrap() + 2
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

/// Flips a bit, or cuts the file's end off, somewhere in what is used of it.
fn harm(file: &Path, random: &mut fastrand::Rng) -> Option<String> {
    let mut bytes = fs::read(file).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0)? + 1;
    let place = random.usize(..used);
    let what = if random.u32(..8) == 0 {
        bytes.truncate(place);
        "cut"
    } else {
        bytes[place] ^= 1 << random.u32(..8);
        "flipped"
    };
    fs::write(file, bytes).unwrap();
    Some(format!("{} {what} at {place}", file.display()))
}

/// The rung of the ladder from which the store was opened.
fn rung(report: &OpenReport) -> &'static str {
    match report {
        report if report.in_memory => "in memory",
        report if report.restored => "from last-known",
        report if report.set_aside.is_some() => "cold",
        report if report.damaged.is_empty() => "as it was",
        report
            if report
                .damaged
                .iter()
                .any(|what| what.contains("engine's snapshots")) =>
        {
            "without the engine's snapshots"
        }
        _ => "with parts skipped",
    }
}

fn check(path: &Path, newest: u32, what: &str) -> (OpenReport, bool) {
    let clock = &Clock::set_at(at(newest));
    // Whatever it says, it says it in order.
    let verified = store::verify(path, clock, &mut |_, _| {});
    if let Ok(looked) = store::look(path, clock) {
        history_is_true(&looked.history, newest, what);
    }
    let config = Config {
        on_corruption: OnCorruption::SetAside,
        ..config(path)
    };
    let opened = store::open(&config, clock).unwrap_or_else(|error| panic!("{what}: {error}"));
    for known in opened.loaded.statistics.each() {
        assert!(known.id.0 < STATISTICS, "{what}: {known:?}");
        if let Some(last) = &known.last {
            let round = round_of(known.id, &last.sample.value);
            assert!(round <= newest, "{what}");
        }
    }
    opened.history.settle().unwrap();
    history_is_true(&opened.history, newest, what);
    let aside = !opened.history.status().borrow().set_aside.is_empty();
    // It goes on working.
    opened
        .writer
        .record([registered(0), sampled(0, newest + 1)]);
    let closed = opened.writer.close();
    closed.unwrap_or_else(|error| panic!("{what}: {error}"));
    let unnoticed = verified.is_ok_and(|verified| verified.damaged.is_empty());
    let rung = rung(&opened.report);
    assert!(!unnoticed || rung != "with parts skipped", "{what}: {rung}");
    (opened.report, aside)
}

/// Whatever history shows was once recorded, at that instant.
fn history_is_true(history: &store::History, newest: u32, what: &str) {
    let scanned = history.scan(Range::ALL, &|_| true, &mut |id, sample| {
        if let Ok(value) = sample.value.value() {
            let round = round_of(id, &value);
            assert!(round <= newest && sample.at == at(round), "{what}: {round}");
        }
        ControlFlow::Continue(())
    });
    scanned.unwrap_or_else(|error| panic!("{what}: {error}"));
}

#[test]
fn flipped_bits_and_cut_files_show_nothing_wrong() {
    let dir = TempDir::new().unwrap();
    let made = dir.path().join("made");
    let newest = make(&made);
    let seed = seed();
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut rungs: BTreeMap<&str, u32> = BTreeMap::new();
    let (mut harmed, mut volumes) = (0, 0);
    for _ in 0..times("PEEKD_HARMS", 60) {
        let copy = dir.path().join("copy");
        copy_directory(&made, &copy);
        let mut found = Vec::new();
        // History has more files than all else together; each part has its turn.
        match random.u32(..10) {
            0..5 => files(&copy.join("now"), &mut found),
            5..8 => files(&copy.join("history"), &mut found),
            _ => found.extend(["last-known", "starts"].map(|name| copy.join(name))),
        }
        let file = &found[random.usize(..found.len())];
        if let Some(what) = harm(file, &mut random) {
            let (report, aside) = check(&copy, newest, &format!("seed {seed}, {what}"));
            *rungs.entry(rung(&report)).or_default() += 1;
            volumes += u32::from(aside);
            harmed += 1;
        }
        fs::remove_dir_all(&copy).unwrap();
    }
    println!("{harmed} harmed: {rungs:?}; a volume of history set aside in {volumes}");
}
