//! Journal records: one per change, and the writer's own remarks.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Fault;
use super::sample::{Previous, SampleV1};
use crate::model::{
    NotificationMode, ObjectType, Quality, Revision, ServerId, Statistic, StatisticId, Timestamp,
};
use crate::store::change::{Change, Subscription};

/// What the journal holds: changes, and the writer's own remarks.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum Record {
    /// Something the program told.
    Change(Change),
    /// The process started.
    Started { generation: u32, at: Timestamp },
    /// The disk or the queue was full: this many changes between these instants are missing.
    Lost {
        count: u64,
        from: Timestamp,
        to: Timestamp,
    },
    /// What follows happened now, unless it says otherwise. Since schema 2.
    At { at: Timestamp },
}

/// A record as it is stored. The order of the variants is the format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RecordV1<'a> {
    // The three frequent ones come first and are differences from the record before.
    Sample(SampleV1<'a>),
    Validated {
        id: i64,
        at: i64,
    },
    Quality {
        id: i64,
        good: bool,
    },
    // The rare ones stand by themselves.
    Registered {
        id: u32,
        statistic: StatisticV1<'a>,
    },
    Subscribed {
        id: u32,
        mode: u8,
        protected: bool,
    },
    Unsubscribed {
        id: u32,
    },
    Forgotten {
        id: u32,
    },
    ServerNamed {
        server: u16,
        name: Cow<'a, str>,
    },
    StatTypes {
        server_name: Cow<'a, str>,
        names: Cow<'a, [String]>,
    },
    LinkUp {
        server: u16,
        at: u64,
    },
    LinkDown {
        server: u16,
        at: u64,
    },
    Started {
        generation: u32,
        at: u64,
    },
    Lost {
        count: u64,
        from: u64,
        to: u64,
    },
    /// A difference from the record before, like the frequent ones. Since schema 2.
    At {
        at: i64,
    },
    // These two stand by themselves again. Since schema 2.
    Dropped {
        generation: u32,
        counter: u64,
    },
    Erased {
        id: u32,
    },
}

/// A statistic in full, as its registration tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StatisticV1<'a> {
    object_type: u8,
    reset: bool,
    /// Metric, object, tenant, filter, time profile, the two time ranges.
    texts: [Cow<'a, str>; 7],
}

impl<'a> RecordV1<'a> {
    /// The record's stored form, as differences from the records before it in the same entry.
    pub(super) fn encode(record: &'a Record, previous: &mut Previous) -> Self {
        match record {
            Record::Change(change) => Self::encode_change(change, previous),
            Record::Started { generation, at } => Self::Started {
                generation: *generation,
                at: at.0,
            },
            Record::Lost { count, from, to } => Self::Lost {
                count: *count,
                from: from.0,
                to: to.0,
            },
            Record::At { at } => Self::At {
                at: previous.step_at(*at),
            },
        }
    }

    fn encode_change(change: &'a Change, previous: &mut Previous) -> Self {
        match change {
            Change::Sample {
                id,
                sample,
                revision,
            } => Self::Sample(previous.encode(*id, sample, *revision)),
            Change::Validated { id, at } => Self::Validated {
                id: previous.step_id(*id),
                at: previous.step_at(*at),
            },
            Change::Quality { id, quality } => Self::Quality {
                id: previous.step_id(*id),
                good: *quality == Quality::Good,
            },
            Change::Registered { id, statistic } => Self::Registered {
                id: id.0,
                statistic: StatisticV1::encode(statistic),
            },
            Change::Subscribed { id, subscription } => Self::Subscribed {
                id: id.0,
                mode: subscription.mode.code(),
                protected: subscription.protected,
            },
            Change::Unsubscribed { id } => Self::Unsubscribed { id: id.0 },
            Change::Forgotten { id } => Self::Forgotten { id: id.0 },
            Change::Dropped { revision } => Self::Dropped {
                generation: revision.generation,
                counter: revision.counter,
            },
            Change::Erased { id } => Self::Erased { id: id.0 },
            Change::ServerNamed { server, name } => Self::ServerNamed {
                server: server.0,
                name: Cow::Borrowed(name),
            },
            Change::StatTypes { server_name, names } => Self::StatTypes {
                server_name: Cow::Borrowed(server_name),
                names: Cow::Borrowed(names),
            },
            Change::LinkUp { server, at } => Self::LinkUp {
                server: server.0,
                at: at.0,
            },
            Change::LinkDown { server, at } => Self::LinkDown {
                server: server.0,
                at: at.0,
            },
        }
    }

    /// The outer fault ends the entry, the inner one only loses this record.
    pub(super) fn decode(self, previous: &mut Previous) -> Result<Result<Record, Fault>, Fault> {
        let change = match self {
            Self::Sample(encoded) => {
                let (id, sample, revision) = previous.decode(encoded)?;
                match sample {
                    Ok(sample) => Change::Sample {
                        id,
                        sample,
                        revision,
                    },
                    Err(fault) => return Ok(Err(format!("value of statistic {}: {fault}", id.0))),
                }
            }
            Self::Validated { id, at } => Change::Validated {
                id: previous.walk_id(id)?,
                at: previous.walk_at(at),
            },
            Self::Quality { id, good } => Change::Quality {
                id: previous.walk_id(id)?,
                quality: if good {
                    Quality::Good
                } else {
                    Quality::Uncertain
                },
            },
            Self::Started { generation, at } => {
                let at = Timestamp(at);
                return Ok(Ok(Record::Started { generation, at }));
            }
            Self::Lost { count, from, to } => {
                let (from, to) = (Timestamp(from), Timestamp(to));
                return Ok(Ok(Record::Lost { count, from, to }));
            }
            Self::At { at } => {
                let at = previous.walk_at(at);
                return Ok(Ok(Record::At { at }));
            }
            other => return Ok(other.decode_rare().map(Record::Change)),
        };
        Ok(Ok(Record::Change(change)))
    }

    /// The records that stand by themselves.
    fn decode_rare(self) -> Result<Change, Fault> {
        Ok(match self {
            Self::Registered { id, statistic } => Change::Registered {
                id: StatisticId(id),
                statistic: Arc::new(statistic.decode()?),
            },
            Self::Subscribed {
                id,
                mode,
                protected,
            } => Change::Subscribed {
                id: StatisticId(id),
                subscription: read_subscription(mode, protected)?,
            },
            Self::Unsubscribed { id } => Change::Unsubscribed {
                id: StatisticId(id),
            },
            Self::Forgotten { id } => Change::Forgotten {
                id: StatisticId(id),
            },
            Self::ServerNamed { server, name } => Change::ServerNamed {
                server: ServerId(server),
                name: name.into_owned(),
            },
            Self::StatTypes { server_name, names } => Change::StatTypes {
                server_name: server_name.into_owned(),
                names: names.into_owned(),
            },
            Self::LinkUp { server, at } => Change::LinkUp {
                server: ServerId(server),
                at: Timestamp(at),
            },
            Self::LinkDown { server, at } => Change::LinkDown {
                server: ServerId(server),
                at: Timestamp(at),
            },
            Self::Dropped {
                generation,
                counter,
            } => Change::Dropped {
                revision: Revision {
                    generation,
                    counter,
                },
            },
            Self::Erased { id } => Change::Erased {
                id: StatisticId(id),
            },
            _ => return Err("a record in the wrong place".to_owned()),
        })
    }
}

/// A subscription from its stored fields.
pub(super) fn read_subscription(mode: u8, protected: bool) -> Result<Subscription, Fault> {
    let mode = NotificationMode::from_code(mode)
        .ok_or_else(|| format!("notification mode {mode} is unknown"))?;
    Ok(Subscription { mode, protected })
}

/// A statistic from its stored fields; `texts` in the order of [`StatisticV1`]. Of those that are
/// known to be `sound` (see [`Statistic::may_hold`]) only whether they are missing is looked at.
pub(super) fn read_statistic(
    object_type: u8,
    reset: bool,
    texts: [&str; 7],
    sound: bool,
) -> Result<Statistic, Fault> {
    let object_type = ObjectType::from_code(object_type)
        .ok_or_else(|| format!("object type {object_type} is unknown"))?;
    let statistic = Statistic::of(object_type, texts, reset);
    let [metric, object_id, tenant, ..] = texts;
    if !sound || metric.is_empty() || object_id.is_empty() || tenant.is_empty() {
        statistic.check().map_err(|error| error.to_string())?;
    }
    Ok(statistic)
}

impl<'a> StatisticV1<'a> {
    fn encode(statistic: &'a Statistic) -> Self {
        Self {
            object_type: statistic.object_type().code(),
            reset: statistic.reset(),
            texts: statistic.texts().map(Cow::Borrowed),
        }
    }

    fn decode(self) -> Result<Statistic, Fault> {
        let texts = self.texts.each_ref().map(|text| &**text);
        read_statistic(self.object_type, self.reset, texts, false)
    }
}
