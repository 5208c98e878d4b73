//! The bytes of history, frozen, and what becomes of others.

use super::super::bucket::{BucketV1, EventV1};
use super::super::chunk::Draft;
use super::super::content::Content;
use super::super::row::{Row, RowRef, What};
use super::super::rows::{Rows, Wanted};
use super::*;
use crate::model::{AgentState, State};
use crate::store::codec;
use crate::store::migrations::tests::{fixture, hex};

/// Every kind of row.
fn rows() -> Vec<Row> {
    let state = |status: &str| {
        Value::State(Arc::new(State::Agent(AgentState {
            status: status.into(),
            since: AgentState::since(1_700_000_000),
            agent: "KSippola".into(),
            login: None,
            place: None,
        })))
    };
    let values = [
        Value::Integer(7),
        Value::Integer(-8_000_000_000),
        Value::Decimal("42.50".into()),
        Value::Decimal("1e5".into()),
        Value::Text("n/a".into()),
        state("LoggedOut"),
        state("WaitForNextCall"),
        state("LoggedOut"),
    ];
    let mut rows: Vec<Row> = (0..)
        .zip(values)
        .map(|(n, value)| Row {
            id: StatisticId(n / 3),
            at: at(u64::from(n) * 10),
            what: What::Value(
                Content::from(value).packed(),
                [Quality::Good, Quality::Uncertain][n as usize % 2],
            ),
            server: ServerId(2),
            epoch: Epoch(100 + u64::from(n)),
        })
        .collect();
    let bare = |what| Row::bare(StatisticId(900), at(90), what);
    rows.push(bare(What::Quality(Quality::Uncertain)));
    rows.push(bare(What::Quality(Quality::Good)));
    rows.push(bare(What::Closed));
    rows
}

fn write(rows: &[Row]) -> Vec<u8> {
    let mut draft = Draft::default();
    for row in rows {
        draft.push(row.as_ref()).unwrap();
    }
    draft.finish().unwrap()
}

fn read(payload: &[u8], wanted: Wanted<'_>) -> Result<Vec<Row>, codec::Fault> {
    let mut rows = Rows::read(payload, wanted)?;
    let mut found = Vec::new();
    while let Some(id) = rows.id() {
        found.extend(rows.run().map(RowRef::into_owned));
        assert!(found.last().is_some_and(|row| row.id == id));
        rows.next_run();
    }
    Ok(found)
}

#[test]
fn a_chunk_has_its_bytes_and_reads_back() {
    let payload = write(&rows());
    assert_eq!(read(&payload, Wanted::All).unwrap(), rows());
    let frozen = fixture("history_chunk_1.txt", || hex(&payload) + "\n");
    // What was written once must be read for ever; a newer zstd may write it otherwise.
    let frozen: Vec<u8> = (0..frozen.trim().len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&frozen[at..at + 2], 16).unwrap())
        .collect();
    assert_eq!(read(&frozen, Wanted::All).unwrap(), rows());
}

#[test]
fn a_bucket_has_its_bytes_and_reads_back() {
    let bucket = BucketV1 {
        number: 3,
        level: 1,
        after: 10,
        to: 300,
        earliest: NOW.0,
        latest: NOW.0 + 5,
        rows: 70_000,
        chunks: 9,
        events: vec![
            EventV1::LinkUp { server: 1, at: 2 },
            EventV1::LinkDown { server: 1, at: 3 },
            EventV1::Started { last: 4, at: 5 },
            EventV1::Lost {
                count: 6,
                from: 7,
                to: 8,
            },
            EventV1::Missing { from: 9, to: 10 },
        ],
    };
    let mut payload = Vec::new();
    codec::write(&mut payload, &bucket).unwrap();
    let line = hex(&payload) + "\n";
    assert_eq!(line, fixture("history_bucket_1.txt", || line.clone()));
    assert_eq!(codec::read::<BucketV1>(&payload).unwrap(), bucket);
}

#[test]
fn one_statistic_is_read_out_of_a_chunk_of_many() {
    let payload = write(&rows());
    for id in [0, 1, 2, 900, 5] {
        let id = StatisticId(id);
        let mut expected = rows();
        expected.retain(|row| row.id == id);
        let mut found = Rows::read(&payload, Wanted::One(id)).unwrap();
        while found.id().is_some_and(|other| other < id) {
            found.next_run();
        }
        let found: Vec<Row> = if found.id() == Some(id) {
            found.run().map(RowRef::into_owned).collect()
        } else {
            Vec::new()
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn cut_and_changed_chunks_are_faults_and_no_panic() {
    let payload = write(&rows());
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..5000 {
        let mut bytes = payload.clone();
        bytes.truncate(random.usize(..=bytes.len()));
        for _ in 0..random.usize(1..4) {
            if let Some(byte) = random.choice(&mut bytes) {
                *byte = random.u8(..);
            }
        }
        read(&bytes, Wanted::All).unwrap_or_default();
    }
}
