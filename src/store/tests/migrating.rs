//! A whole store of schema 1, with its history: nothing in it that schema 2 brought. Opened, brought to
//! the newest schema and read back, whatever fails on the way.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::engine::{Fault, Faults};
use super::migrations::tests::{dump, fill, fixture};
use super::opening::open_with;
use super::queue::LIMITS;
use super::*;

const DAYS: u32 = 3;
/// More than a page of statistics.
const STATISTICS: u32 = 70;

fn at(day: u32, number: u32) -> Timestamp {
    let seconds = u64::from(day) * 24 * 3600 + u64::from(number) * 10;
    Timestamp(NOW.0 + seconds * 1000)
}

/// What a statistic was at one of a day's instants. Two have other values than whole numbers.
fn value(id: u32, day: u32, number: u32) -> Value {
    let id = i64::from(id);
    match id {
        0 => Value::Decimal(format!("1{day}{number}.50").as_str().into()),
        1 => Value::Text(format!("day {day}, {number}").into()),
        id => Value::Integer(id * 1_000_000 + i64::from(day * 100 + number)),
    }
}

fn day(day: u32) -> impl Iterator<Item = Change> {
    (0..5).flat_map(move |number| {
        (0..STATISTICS).map(move |id| Change::Sample {
            id: StatisticId(id),
            sample: Sample {
                received_at: at(day, number),
                validated_at: at(day, number),
                ..sample(value(id, day, number))
            },
            revision: Revision {
                generation: 1,
                counter: u64::from(day * 100 + number),
            },
        })
    })
}

fn wait(opened: &Opened) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(opened.writer.flush()).unwrap();
}

/// Two days in volumes of their own, the third in the journal alone, and pages of before it. The
/// record that schema 2 brought is in none of it.
fn make() -> String {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(NOW);
    {
        let opened = open(&config(dir.path()), &clock).unwrap();
        opened.writer.record([
            Change::ServerNamed {
                server: ServerId(1),
                name: "main".into(),
            },
            Change::LinkUp {
                server: ServerId(1),
                at: NOW,
            },
        ]);
        opened.writer.record((0..STATISTICS).map(registered));
        opened.writer.record([subscribed(1), subscribed(2)]);
        for number in 0..2 {
            clock.set_wall(at(number, 4));
            opened.writer.record(day(number));
            wait(&opened);
            opened.history.settle().unwrap();
        }
        opened.writer.close().unwrap();
    }
    clock.set_wall(at(2, 4));
    let mut config = config(dir.path());
    config.flush_interval = Duration::from_millis(50);
    let opened = open(&config, &clock).unwrap();
    opened.writer.record(day(2));
    wait(&opened);
    let copy = tempfile::tempdir().unwrap();
    copy_directory(dir.path(), copy.path());
    let mut text = String::new();
    let history = copy.path().join("history");
    let mut places = vec![copy.path().join("now")];
    let volumes = fs::read_dir(history).unwrap();
    places.extend(volumes.map(|volume| volume.unwrap().path()));
    places.sort();
    for place in places {
        let db = open_engine(&place);
        if place.ends_with("now") {
            let meta = db.open_tree("meta").unwrap();
            meta.insert("schema_version", &1_u32.to_be_bytes()).unwrap();
        }
        let below = place.strip_prefix(copy.path()).unwrap();
        writeln!(text, "= {}", below.display()).unwrap();
        text += &dump(&db);
    }
    text
}

/// Lays the fixture down as a store.
fn lay_down(path: &Path) {
    let text = fixture("store_0001.txt", make);
    for part in text.split("= ").filter(|part| !part.is_empty()) {
        let (place, lines) = part.split_once('\n').unwrap();
        let db = open_engine(&path.join(place));
        fill(&db, lines);
        db.flush().unwrap();
    }
}

/// Everything of it is there, now and then.
fn is_whole(path: &Path, what: &str) {
    let clock = Clock::set_at(at(2, 10));
    let opened = open(&config(path), &clock).unwrap();
    let report = &opened.report;
    assert_eq!(report.schema, migrations::KNOWN, "{what}");
    assert_eq!(report.damaged, Vec::<String>::new(), "{what}");
    assert_eq!((&report.set_aside, report.in_memory), (&None, false));
    let loaded = &opened.loaded;
    assert_eq!(loaded.servers, [(ServerId(1), "main".to_owned())]);
    assert_eq!(loaded.statistics.len(), STATISTICS as usize, "{what}");
    for known in loaded.statistics.each() {
        assert_eq!(known.statistic, statistic(known.id.0), "{what}");
        let held = known.subscription.is_some();
        assert_eq!(held, [1, 2].contains(&known.id.0), "{what}");
        let last = known.last.as_ref().unwrap();
        assert_eq!(last.sample.value, value(known.id.0, 2, 4), "{what}");
        assert_eq!(last.sample.received_at, at(2, 4), "{what}");
    }
    // The journal's part is taken in, and all is read before and after it is folded.
    for folded in [false, true] {
        if folded {
            opened.history.settle().unwrap();
        }
        for id in 0..STATISTICS {
            let past = opened.history.past(StatisticId(id), Range::ALL).unwrap();
            assert_eq!(past.damaged, Vec::<String>::new(), "{what}");
            let found: Vec<_> = past.samples.into_iter().map(|s| (s.at, s.value)).collect();
            let expected: Vec<_> = (0..DAYS)
                .flat_map(|day| (0..5).map(move |number| (at(day, number), value(id, day, number))))
                .collect();
            assert_eq!(found, expected, "{what}: {id}, folded {folded}");
        }
    }
    let status = opened.history.status().borrow().clone();
    assert_eq!(status.set_aside, Vec::<PathBuf>::new(), "{what}");
    opened.writer.close().unwrap();
}

#[test]
fn a_whole_store_of_schema_1_is_taken_over_with_its_history() {
    let dir = tempfile::tempdir().unwrap();
    lay_down(dir.path());
    // A look reads it as it is.
    let looked = look(dir.path(), &clock()).unwrap();
    assert_eq!(looked.report.schema, 1);
    assert_eq!(looked.report.replayed_changes, u64::from(5 * STATISTICS));
    assert_eq!(looked.history.contents().unwrap().volumes, 2);
    drop(looked);
    for start in 1..3 {
        is_whole(dir.path(), &format!("start {start}"));
    }
    let verified = verify(dir.path(), &clock(), &mut |_, _| {}).unwrap();
    assert_eq!(verified.damaged, Vec::<String>::new());
}

/// Fails the migration's own steps one after the other, and everything that a start does around them.
fn whatever_fails(fault: Fault) {
    let mut failed = 0;
    for n in 1.. {
        let dir = tempfile::tempdir().unwrap();
        lay_down(dir.path());
        let calls = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&calls);
        let faults = Faults {
            plan: Some(Arc::new(move |call| {
                let own = call == "open" || call == "migrate";
                (own && counted.fetch_add(1, Ordering::Relaxed) + 1 == n).then_some(fault)
            })),
        };
        let mut config = config(dir.path());
        config.on_corruption = OnCorruption::Stop;
        // An error is what the fault is for.
        drop(open_with(&config, &clock(), &faults, LIMITS));
        if calls.load(Ordering::Relaxed) < n {
            break;
        }
        failed += 1;
        is_whole(dir.path(), &format!("{fault:?} {n}"));
    }
    assert!(failed >= 5, "{failed} calls");
}

#[test]
fn a_migration_that_fails_at_any_step_is_finished_by_the_next_start() {
    whatever_fails(Fault::Fail);
    whatever_fails(Fault::Panic);
}

#[test]
fn a_migration_stopped_at_any_step_is_finished_by_the_next_start() {
    for n in 0.. {
        let dir = tempfile::tempdir().unwrap();
        lay_down(dir.path());
        let mut left = n;
        let stopped = open_watched(&config(dir.path()), &clock(), None, &mut |now| {
            assert_eq!((now.version, now.name), (2, "instants"));
            if left == 0 {
                return ControlFlow::Break(());
            }
            left -= 1;
            ControlFlow::Continue(())
        });
        let ended = stopped.is_ok();
        assert!(ended || matches!(stopped, Err(Error::Closed)));
        drop(stopped);
        is_whole(dir.path(), &format!("stopped after {n}"));
        if ended {
            assert!(n >= 4, "{n} steps");
            break;
        }
    }
}
