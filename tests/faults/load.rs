//! A process that records under load and says what it was told is safe; and what a store must know
//! after that process came to a sudden end.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use peekd::model::{
    Clock, Epoch, ObjectType, Quality, Revision, Sample, ServerId, Statistic, StatisticId,
    Timestamp, Value,
};
use peekd::store::{self, Change, Config, HistoryConfig, OnCorruption, Range};

pub(crate) const STATISTICS: u32 = 12;
const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// Names the store's directory to the process.
const STORE: &str = "PEEKD_TEST_LOADED_STORE";

/// Buckets of three rounds, volumes of twelve: folding, merging and rewriting happen all the time.
pub(crate) fn config(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        flush_interval: Duration::from_millis(2),
        on_corruption: OnCorruption::Stop,
        // Room for all that history has not taken over by the end.
        journal_size_max: 256 << 20,
        history: HistoryConfig {
            retention: Duration::from_hours(24 * 10_000),
            bucket: Duration::from_mins(30),
            volume: Duration::from_hours(2),
            ..HistoryConfig::default()
        },
    }
}

pub(crate) fn at(round: u32) -> Timestamp {
    Timestamp(NOW.0 + u64::from(round) * 600_000)
}

pub(crate) fn registered(id: u32) -> Change {
    let object = format!("agent-{id}");
    Change::Registered {
        id: StatisticId(id),
        statistic: Arc::new(Statistic::new(
            "TotalLoginTime",
            ObjectType::Agent,
            &object,
            "Environment",
        )),
    }
}

/// A sample whose value tells whose it is and of which round; one statistic's is long.
pub(crate) fn sampled(id: u32, round: u32) -> Change {
    let value = if id == 0 {
        let filler = "x".repeat(round as usize * 997 % 9000);
        Value::Text(format!("{round}:{filler}").into())
    } else {
        Value::Integer(i64::from(id) * 1_000_000 + i64::from(round))
    };
    Change::Sample {
        id: StatisticId(id),
        sample: Sample {
            value,
            quality: Quality::Good,
            source_time: 0,
            received_at: at(round),
            validated_at: at(round),
            server: ServerId(1),
            epoch: Epoch(7),
        },
        revision: Revision {
            generation: 1,
            counter: u64::from(round),
        },
    }
}

/// The round inside a value; fails if it is another statistic's or changed in any way.
pub(crate) fn round_of(id: StatisticId, value: &Value) -> u32 {
    let round = match value {
        Value::Text(text) => text.split(':').next().unwrap().parse().unwrap(),
        Value::Integer(number) => u32::try_from(number % 1_000_000).unwrap(),
        other => panic!("{other:?}"),
    };
    let Change::Sample { sample, .. } = sampled(id.0, round) else {
        unreachable!("made above");
    };
    assert_eq!(&sample.value, value, "of {id:?}");
    round
}

/// Records rounds until it is ended from outside. A test only because the process is this program;
/// without its directory it does nothing.
#[tokio::test]
async fn child() {
    let Ok(path) = std::env::var(STORE) else {
        return;
    };
    let clock = Clock::set_at(NOW);
    let opened = store::open(&config(Path::new(&path)), &clock).unwrap();
    println!("opened {}", opened.generation);
    let last = opened.loaded.statistics.each();
    let last = last.filter_map(|known| Some((known.id, known.last?.sample.value)));
    let known = last.map(|(id, value)| round_of(id, &value)).max();
    opened.writer.record((0..STATISTICS).map(registered));
    for round in known.unwrap_or(0) + 1.. {
        clock.set_wall(at(round));
        let samples = (0..STATISTICS).map(|id| sampled(id, round));
        opened.writer.record(samples);
        opened.writer.flush().await.unwrap();
        println!("durable {round}");
    }
}

/// The running process; ended when dropped.
pub(crate) struct Loader {
    pub(crate) child: Child,
    lines: BufReader<ChildStdout>,
    complaints: Option<JoinHandle<String>>,
}

impl Loader {
    pub(crate) fn start(store: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["load::child", "--exact", "--nocapture"])
            .env(STORE, store)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let complaints = std::thread::spawn(move || {
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            said
        });
        Self {
            child,
            lines,
            complaints: Some(complaints),
        }
    }

    /// The next thing it was told is safe; `None` when it ended.
    pub(crate) fn next(&mut self, known: &mut Acknowledged) -> Option<()> {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if !line.ends_with('\n') {
                return None;
            }
            if let Some((_, round)) = line.split_once("durable ") {
                known.rounds.insert(round.trim().parse().unwrap());
                return Some(());
            }
            if let Some((_, generation)) = line.split_once("opened ") {
                known.generation = generation.trim().parse().unwrap();
                return Some(());
            }
            line.clear();
        }
        None
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Reads the rest of what it said, and that it did not panic.
    pub(crate) fn end(mut self, known: &mut Acknowledged, what: &str) {
        self.child.wait().unwrap();
        while self.next(known).is_some() {}
        let said = self.complaints.take().unwrap().join().unwrap();
        assert!(!said.contains("panicked"), "{what}: {said}");
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // Already ended, or the test is failing.
        self.child.kill().unwrap_or_default();
    }
}

/// What a store said is safe.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    pub(crate) generation: u32,
    pub(crate) rounds: BTreeSet<u32>,
    /// The newest round that a look found, acknowledged or not.
    seen: u32,
}

/// Checks a store that nobody has open against what was acknowledged.
pub(crate) fn check(path: &Path, known: &mut Acknowledged, what: &str) {
    let newest = known.rounds.last().copied().unwrap_or(0);
    let clock = Clock::set_at(at(newest + 2));
    match store::verify(path, &clock, &mut |_, _| {}) {
        Ok(verified) => assert_eq!(verified.damaged, Vec::<String>::new(), "{what}"),
        Err(store::Error::Missing { .. }) if known.generation == 0 => {}
        Err(error) => panic!("{what}: {error}"),
    }
    let opened = store::open(&config(path), &clock).unwrap_or_else(|error| {
        panic!("{what}, {newest} acknowledged: {error}");
    });
    let report = &opened.report;
    assert_eq!(report.damaged, Vec::<String>::new(), "{what}");
    assert_eq!((&report.set_aside, report.in_memory), (&None, false));
    assert!(opened.generation > known.generation, "{what}");
    let statistics = &opened.loaded.statistics;
    let complete = statistics.len() == STATISTICS as usize;
    assert!(complete || newest == 0, "{what}: {}", statistics.len());
    let mut survived = newest;
    for statistic in statistics.each() {
        let last = statistic.last.as_ref();
        let round = last.map_or(0, |last| round_of(statistic.id, &last.sample.value));
        assert!(
            (newest..=newest.max(known.seen) + 2).contains(&round),
            "{what}: {newest} acknowledged, {round} found"
        );
        survived = survived.max(round);
    }
    opened.history.settle().unwrap();
    let status = opened.history.status().borrow().clone();
    assert_eq!(status.set_aside, Vec::<std::path::PathBuf>::new(), "{what}");
    history_is_whole(&opened.history, known, survived, what);
    known.seen = survived;
    opened.writer.close().unwrap();
}

/// Every acknowledged change is in history, each once, in its order.
fn history_is_whole(history: &store::History, known: &Acknowledged, survived: u32, what: &str) {
    let mut found: Vec<Vec<u32>> = vec![Vec::new(); STATISTICS as usize];
    let damaged = history.scan(Range::ALL, &|_| true, &mut |id, sample| {
        let round = round_of(id, &sample.value.value().unwrap());
        assert_eq!(sample.at, at(round), "{what}");
        found[id.0 as usize].push(round);
        ControlFlow::Continue(())
    });
    assert_eq!(damaged.unwrap(), Vec::<String>::new(), "{what}");
    for (id, rounds) in found.iter().enumerate() {
        let ascending = rounds.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(ascending, "{what}: {id} has {rounds:?}");
        let there: BTreeSet<u32> = rounds.iter().copied().collect();
        let missing: Vec<_> = known.rounds.difference(&there).collect();
        assert!(missing.is_empty(), "{what}: {id} lacks {missing:?}");
        assert!(rounds.last() <= Some(&survived), "{what}: {id}");
    }
}

/// How often something is done: modestly, unless the environment asks for more.
pub(crate) fn times(variable: &str, modest: u32) -> u32 {
    let asked = std::env::var(variable).ok();
    asked.map_or(modest, |asked| asked.parse().unwrap())
}

/// What a random run is to be repeated from.
pub(crate) fn seed() -> u64 {
    let asked = std::env::var("PEEKD_TEST_SEED").ok();
    asked.map_or_else(|| fastrand::u64(..), |asked| asked.parse().unwrap())
}

pub(crate) fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
