//! A made-up contact centre, the same every time.

use std::sync::Arc;

use peekd::model::{
    Clock, Epoch, Quality, Revision, Sample, ServerId, Statistic, StatisticId, Timestamp, Value,
};
use peekd::simulator::{Config, Simulator};
use peekd::store::Change;
use peekd::wire::{AgentStatus, Charset, Event, EventKind, decode_state};

/// The one pair of Stat Servers.
pub(crate) const SERVER: ServerId = ServerId(1);
/// 7:00 of a working day.
pub(crate) const BEGIN: Timestamp = Timestamp(1_795_330_800_000);
/// The number that decides which fields a state has.
const COMPAT: i64 = 0;

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

/// What a Stat Server could say of a statistic so many steps into the day.
pub(crate) enum Reading {
    Whole(i64),
    Hundredths(i64),
    Agent(AgentStatus),
}

impl Reading {
    /// A later step tells something else.
    pub(crate) fn of(statistic: &Statistic, step: u32, draw: &mut fastrand::Rng) -> Self {
        match statistic.metric() {
            "CurrentAgentState" => Self::Agent(AgentStatus {
                agent_id: statistic.object_id().to_owned(),
                status: u16::try_from(4 + step % 5).unwrap_or_default(),
                time: seconds(BEGIN) + step,
                place: None,
                login_id: "1001".to_owned(),
            }),
            "AverageHandlingTime" | "ServiceLevel" => {
                Self::Hundredths(i64::from(step) * 100 + draw.i64(1..10_000))
            }
            "TotalLoginTime" | "TimeInCurrentState" => Self::Whole(i64::from(step) * 5 + 3_600),
            _ => Self::Whole(i64::from(step) + draw.i64(..100)),
        }
    }

    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Whole(number) => Value::Integer(*number),
            Self::Hundredths(number) => Value::from_text(&decimal(*number)),
            Self::Agent(status) => {
                let body = status.encode(COMPAT, Charset::UTF_8);
                Value::State(Arc::new(decode_state(&body, COMPAT, Charset::UTF_8).0))
            }
        }
    }

    /// Appends the notification of it.
    pub(crate) fn write(&self, reference_id: i32, step: u32, out: &mut bytes::BytesMut) {
        let mut event = Event::new(EventKind::Info, reference_id, seconds(BEGIN) + step);
        match self {
            Self::Whole(number) => {
                event.int_value = *number;
                event.text = Some(number.to_string().into());
            }
            Self::Hundredths(number) => {
                event.int_value = number / 100;
                event.text = Some(decimal(*number).into());
            }
            Self::Agent(status) => {
                let body = status.encode(COMPAT, Charset::UTF_8);
                let event = Event {
                    void: Some(&body),
                    ..event
                };
                return event.write(Charset::UTF_8, out);
            }
        }
        event.write(Charset::UTF_8, out);
    }
}

fn decimal(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
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
                sample: sample(at, Reading::of(statistic, step, &mut draw).value()),
                revision,
            });
        }
    }
    changes
}
