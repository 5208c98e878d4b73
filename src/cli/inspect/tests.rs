//! What each command prints of a small store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;

use super::Inspect;
use crate::model::{
    Clock, Epoch, ObjectType, Quality, Revision, Sample, ServerId, Statistic, StatisticId,
    Timestamp, Value,
};
use crate::store::{Change, Config, HistoryConfig, OnCorruption, open};

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    inspect: Inspect,
}

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn make(path: &Path) {
    let config = Config {
        path: path.to_owned(),
        flush_interval: Duration::from_millis(2),
        on_corruption: OnCorruption::Stop,
        journal_size_max: 1 << 20,
        history: HistoryConfig::default(),
    };
    let opened = open(&config, &Clock::set_at(NOW)).unwrap();
    let server = ServerId(1);
    let name = "main".to_owned();
    opened.writer.record([Change::ServerNamed { server, name }]);
    for (id, metric) in [(0, "Waiting"), (1, "Answered")] {
        let id = StatisticId(id);
        let statistic = Statistic::new(metric, ObjectType::Queue, "9001", "Environment");
        let statistic = Arc::new(statistic);
        opened.writer.record([Change::Registered { id, statistic }]);
        for second in 0..3 {
            let at = Timestamp(NOW.0 + second * 1000);
            opened.writer.record([Change::Sample {
                id,
                sample: Sample {
                    value: Value::Integer(i64::try_from(second).unwrap()),
                    quality: Quality::Good,
                    source_time: 0,
                    received_at: at,
                    validated_at: at,
                    server,
                    epoch: Epoch(5),
                },
                revision: Revision {
                    generation: 1,
                    counter: second,
                },
            }]);
        }
    }
    let at = Timestamp(NOW.0 + 2500);
    opened.writer.record([Change::LinkDown { server, at }]);
    opened.writer.close().unwrap();
}

fn run(path: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let store = path.to_str().unwrap();
    let line = [&["inspect"], arguments, &["--store", store]].concat();
    let mut out = Vec::new();
    let line = Line::try_parse_from(line)?;
    line.inspect.run(&mut out, &mut Vec::new())?;
    Ok(String::from_utf8(out)?)
}

#[test]
fn history_is_listed_with_the_promised_columns() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let csv = run(
        dir.path(),
        &["history", "--format", "csv", "--filter", "Wait*"],
    )
    .unwrap();
    assert_eq!(
        csv,
        "statistic,time,value,quality,server,epoch\n\
         Waiting;Queue;9001;Environment,2023-11-14T22:13:20.000Z,0,good,main,5\n\
         Waiting;Queue;9001;Environment,2023-11-14T22:13:21.000Z,1,good,main,5\n\
         Waiting;Queue;9001;Environment,2023-11-14T22:13:22.000Z,2,good,main,5\n"
    );
    let since = [
        "history",
        "--format",
        "jsonl",
        "--since",
        "2023-11-14T22:13:22Z",
    ];
    let lines = run(dir.path(), &since).unwrap();
    assert_eq!(lines.lines().count(), 2);
    assert!(lines.starts_with(
        r#"{"statistic":"Waiting;Queue;9001;Environment","time":"2023-11-14T22:13:22.000Z","value":2,"#
    ));
    let drawn = run(dir.path(), &["history", "--plot"]).unwrap();
    assert!(drawn.contains('█'), "{drawn}");
}

#[test]
fn gaps_are_listed_with_the_promised_columns() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let since = ["--since", "2023-11-14T22:13:20Z", "--filter", "Wait*"];
    let csv = run(
        dir.path(),
        &[&["gaps", "--format", "csv"], &since[..]].concat(),
    )
    .unwrap();
    assert_eq!(
        csv,
        "statistic,from,to,reason\n\
         Waiting;Queue;9001;Environment,2023-11-14T22:13:22.500Z,,link down\n"
    );
}

#[test]
fn verify_tells_what_was_read_and_fails_on_damage() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let told = run(dir.path(), &["verify"]).unwrap();
    assert!(told.starts_with("2 statistics\n"), "{told}");
    assert!(told.ends_with("everything can be read\n"), "{told}");
    let history = dir.path().join("history/000001.0");
    std::fs::create_dir_all(&history).unwrap();
    std::fs::write(history.join("db"), "garbage").unwrap();
    assert!(run(dir.path(), &["verify"]).is_err());
}

#[test]
fn schema_tells_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let told = run(dir.path(), &["schema", "--format", "csv"]).unwrap();
    assert!(told.contains("\nstatistics,2\n"), "{told}");
    assert!(told.starts_with("name,value\nschema,2\n"), "{told}");
}
