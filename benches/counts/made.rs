//! A made-up contact centre, the same every time.

use std::sync::Arc;

use bytes::BytesMut;
use peekd::model::{
    Clock, Epoch, Quality, Revision, Sample, ServerId, Statistic, StatisticId, Timestamp, Value,
};
use peekd::simulator::{Config, Reading, Simulator};
use peekd::store::Change;
use peekd::wire::{AgentStatus, Event, EventKind};

/// The one pair of Stat Servers.
pub(crate) const SERVER: ServerId = ServerId(1);
/// 7:00 of a working day.
pub(crate) const BEGIN: Timestamp = Timestamp(1_795_330_800_000);
/// The number that decides which fields a state has.
pub(crate) const COMPAT: i64 = 0;

/// So many statistics as the simulated centre has them.
pub(crate) fn statistics(count: u32) -> Vec<Statistic> {
    let config = Config {
        seed: 1,
        speed: 1.0,
        statistics: count,
        tenant_passwords: Vec::new(),
        version: "8.5".to_owned(),
    };
    let mut statistics = Simulator::new(config, Clock::set_at(BEGIN)).statistics();
    statistics.truncate(count as usize);
    statistics
}

/// What a Stat Server could say of a statistic so many steps into the day. A later step tells
/// something else.
pub(crate) fn reading(statistic: &Statistic, step: u32, draw: &mut fastrand::Rng) -> Reading {
    match statistic.metric() {
        "CurrentAgentState" => Reading::Agent(Arc::new(AgentStatus {
            agent_id: statistic.object_id().to_owned(),
            status: u16::try_from(4 + step % 5).unwrap_or_default(),
            time: seconds(BEGIN) + step,
            place: None,
            login_id: "1001".to_owned(),
        })),
        "AverageHandlingTime" | "ServiceLevel" => {
            Reading::Hundredths(i64::from(step) * 100 + draw.i64(1..10_000))
        }
        "TotalLoginTime" | "TimeInCurrentState" => Reading::Whole(i64::from(step) * 5 + 3_600),
        _ => Reading::Whole(i64::from(step) + draw.i64(..100)),
    }
}

/// Appends the notification of a reading.
pub(crate) fn notify(reading: &Reading, reference_id: i32, step: u32, out: &mut BytesMut) {
    let event = Event::new(EventKind::Info, reference_id, seconds(BEGIN) + step);
    reading.write(event, COMPAT, out);
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.0 / 1000).unwrap_or(u32::MAX)
}

/// A value as it was sampled.
pub(crate) fn sample(at: Timestamp, value: Value) -> Sample {
    Sample {
        value,
        quality: Quality::Good,
        source_time: seconds(at),
        received_at: at,
        validated_at: at,
        server: SERVER,
        epoch: Epoch(1),
    }
}

/// So many changes as the store is told them: in each step of five seconds every third of so many
/// statistics changes.
pub(crate) fn changes(statistics: u32, count: usize) -> Vec<Change> {
    let all = self::statistics(statistics);
    let mut draw = fastrand::Rng::with_seed(2);
    let mut changes = Vec::with_capacity(count);
    let mut revision = Revision {
        generation: 1,
        counter: 0,
    };
    for step in 0.. {
        let mut at = Timestamp(BEGIN.0 + u64::from(step) * 5_000);
        for (id, statistic) in (0..).zip(&all) {
            if draw.u8(..3) != 0 {
                continue;
            }
            if changes.len() == count {
                return changes;
            }
            at.0 += draw.u64(..2);
            revision.counter += 1;
            changes.push(Change::Sample {
                id: StatisticId(id),
                sample: sample(at, reading(statistic, step, &mut draw).to_value(COMPAT)),
                revision,
            });
        }
    }
    changes
}
