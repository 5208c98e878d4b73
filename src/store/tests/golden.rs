//! The bytes of each schema, frozen: each record's, and those of a whole store with content.

use super::codec::{Assembler, Encoder, Record, read_records};
use super::migrations::tests::{dump, fill, fixture, hex};
use super::*;
use crate::model::{AgentState, State};

/// One of each kind of change, with every kind of value.
fn changes() -> Vec<Change> {
    let state = State::Agent(AgentState {
        status: "WaitForNextCall".into(),
        since: AgentState::since(1_700_000_000),
        agent: "KSippola".into(),
        login: Some("4711".into()),
        place: None,
    });
    let refined = statistic(2).refined(["VIP", "Shift", "0-20", "0-60"], true);
    let values = [
        Value::Integer(-3),
        Value::Decimal("42.50".into()),
        Value::Text("n/a".into()),
        Value::State(Arc::new(state)),
    ];
    let mut changes = vec![
        Change::ServerNamed {
            server: ServerId(1),
            name: "main".into(),
        },
        Change::StatTypes {
            server_name: "main".into(),
            names: vec!["A".into(), "B".into()],
        },
        Change::LinkUp {
            server: ServerId(1),
            at: NOW,
        },
    ];
    changes.extend([0, 1, 3, 300, 5].map(registered));
    let (id, statistic) = (StatisticId(2), Arc::new(refined));
    changes.push(Change::Registered { id, statistic });
    changes.extend([
        subscribed(1),
        subscribed(2),
        Change::Unsubscribed { id: StatisticId(2) },
    ]);
    for (number, value) in (0..).zip(values) {
        changes.push(Change::Sample {
            id: StatisticId(number),
            sample: Sample {
                received_at: Timestamp(NOW.0 + u64::from(number)),
                server: ServerId(2),
                ..sample(value)
            },
            revision: Revision {
                generation: 1,
                counter: 10 + u64::from(number),
            },
        });
    }
    changes.extend([
        sampled(300, 20),
        Change::Validated {
            id: StatisticId(1),
            at: Timestamp(NOW.0 + 50),
        },
        Change::Quality {
            id: StatisticId(2),
            quality: Quality::Uncertain,
        },
        Change::LinkDown {
            server: ServerId(1),
            at: Timestamp(NOW.0 + 60),
        },
        Change::Forgotten { id: StatisticId(5) },
    ]);
    changes
}

#[test]
fn each_record_has_its_bytes_and_reads_back() {
    let mut records: Vec<Record> = changes().into_iter().map(Record::Change).collect();
    records.push(Record::Started {
        generation: 7,
        at: NOW,
    });
    records.push(Record::Lost {
        count: 9,
        from: NOW,
        to: Timestamp(NOW.0 + 1),
    });
    let mut lines = Vec::new();
    for record in &records {
        let mut encoder = Encoder::default();
        encoder.push(record).unwrap();
        let chunks = encoder.finish();
        lines.push(hex(&chunks[0].payload));
        let mut faults = Vec::new();
        let mut read = Vec::new();
        read_records(&chunks[0].payload, &mut faults, &mut |record| {
            read.push(record);
        });
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(read, std::slice::from_ref(record));
    }
    let lines = lines.join("\n") + "\n";
    assert_eq!(lines, fixture("records_0001.txt", || lines.clone()));

    // Together they say the same, in fewer bytes.
    let mut encoder = Encoder::default();
    for record in &records {
        encoder.push(record).unwrap();
    }
    let mut read = Vec::new();
    for chunk in encoder.finish() {
        read_records(&chunk.payload, &mut Vec::new(), &mut |record| {
            read.push(record);
        });
    }
    assert_eq!(read, records);
}

#[test]
fn the_record_of_schema_2_has_its_bytes_and_reads_back() {
    let record = Record::At { at: NOW };
    let mut encoder = Encoder::default();
    encoder.push(&record).unwrap();
    let payload = encoder.finish().swap_remove(0).payload;
    let line = hex(&payload) + "\n";
    assert_eq!(line, fixture("records_0002.txt", || line.clone()));
    let mut read = Vec::new();
    read_records(&payload, &mut Vec::new(), &mut |record| read.push(record));
    assert_eq!(read, [record]);
}

#[test]
fn cut_and_changed_records_are_faults_and_no_panic() {
    let mut encoder = Encoder::default();
    for change in changes() {
        encoder.push(&Record::Change(change)).unwrap();
    }
    let payload = encoder.finish().swap_remove(0).payload;
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..3000 {
        let mut bytes = payload.clone();
        bytes.truncate(random.usize(..=bytes.len()));
        for _ in 0..random.usize(1..4) {
            if let Some(byte) = random.choice(&mut bytes) {
                *byte = random.u8(..);
            }
        }
        read_records(&bytes, &mut Vec::new(), &mut drop);
        codec::read_last_page(&bytes, &mut Vec::new());
        codec::read_catalogue_page(&bytes, &mut Vec::new());
        let mut assembler = Assembler::default();
        assembler.push(&bytes, &bytes);
        assembler.finish();
    }
}

/// Writes the content below in two runs, the second without its end.
fn make() -> String {
    let dir = tempfile::tempdir().unwrap();
    let opened = open_at(dir.path());
    opened.writer.record(changes());
    opened.writer.close().unwrap();
    let opened = open_quiet(dir.path());
    opened.writer.record([sampled(0, 30), sampled(3, 31)]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(opened.writer.flush()).unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_directory(dir.path(), copy.path());
    let db = open_engine(&copy.path().join("now"));
    dump(&db)
}

#[test]
fn a_store_of_schema_1_opens_with_its_exact_content() {
    let lines = fixture("content_0001.jsonl", make);
    let dir = tempfile::tempdir().unwrap();
    {
        let db = open_engine(&dir.path().join("now"));
        fill(&db, &lines);
        db.flush().unwrap();
    }
    let (loaded, report) = read(dir.path(), &clock()).unwrap();
    assert_eq!(report.damaged, Vec::<String>::new());
    assert_eq!(report.replayed_changes, 2);
    assert_eq!(report.schema, 1);
    assert_eq!(loaded.next_id, StatisticId(301));
    assert_eq!(
        loaded.last_revision,
        Revision {
            generation: 1,
            counter: 31
        }
    );
    assert_eq!(loaded.servers, [(ServerId(1), "main".to_owned())]);
    assert_eq!(
        loaded.stat_types,
        [("main".to_owned(), vec!["A".to_owned(), "B".to_owned()])]
    );
    let shown: Vec<String> = loaded.statistics.each().map(|known| show(&known)).collect();
    assert_eq!(
        shown,
        [
            "0 TotalLoginTime;Agent;agent-0;Environment None 30 good 0 0 1",
            "1 TotalLoginTime;Agent;agent-1;Environment Some(Periodical, true) 42.50 good 1 50 2",
            "2 TotalLoginTime;Agent;agent-2;Environment;VIP;Shift;0-20;0-60;Reset None \"n/a\" uncertain 2 0 2",
            "3 TotalLoginTime;Agent;agent-3;Environment None 3000031 good 0 0 1",
            "300 TotalLoginTime;Agent;agent-300;Environment None 300000020 good 0 0 1",
        ]
    );
    let opened = open_at(dir.path());
    assert_eq!(opened.loaded, loaded);
    assert_eq!(opened.generation, 3);
    assert_eq!(opened.epochs.allocate(), Epoch(1 + (2 << 20)));
}

fn show(known: &LoadedStatistic) -> String {
    let subscription = known.subscription.map(|held| (held.mode, held.protected));
    let subscription = subscription.map_or_else(
        || "None".to_owned(),
        |(mode, protected)| format!("Some({mode}, {protected})"),
    );
    let sample = known.last.clone().unwrap().sample;
    format!(
        "{} {} {subscription} {} {} {} {} {}",
        known.id.0,
        known.statistic,
        sample.value.to_json(),
        sample.quality,
        sample.received_at.0 - NOW.0,
        sample.validated_at.0 - NOW.0,
        sample.server.0,
    )
}
