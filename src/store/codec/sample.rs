//! A sample in a few bytes: what repeats from one sample to the next is left out.
//!
//! A typical notification takes 8 to 12 bytes; its plain form takes over 50.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Fault;
use crate::model::{
    Epoch, Quality, Revision, Sample, ServerId, State, StatisticId, Timestamp, Value,
};

/// A sample as differences from the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SampleV1<'a> {
    /// The `HAS_*` and `UNCERTAIN` bits below.
    flags: u8,
    /// Difference of the statistic's number.
    id: i64,
    /// The differences that are not nought, in the order of the bits.
    differences: Differences,
    value: ValueV1<'a>,
}

/// A few differences, kept where they are: there is one such list in every sample. Stored as a list of
/// any length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Differences {
    len: usize,
    list: [i64; DIFFERENCES_MAX],
}

/// As many as there are `HAS_*` bits.
const DIFFERENCES_MAX: usize = 7;

const UNCERTAIN: u8 = 1;
const HAS_RECEIVED_AT: u8 = 1 << 1;
const HAS_VALIDATED_AT: u8 = 1 << 2;
const HAS_SOURCE_TIME: u8 = 1 << 3;
const HAS_SERVER: u8 = 1 << 4;
const HAS_EPOCH: u8 = 1 << 5;
const HAS_GENERATION: u8 = 1 << 6;
const HAS_COUNTER: u8 = 1 << 7;

/// A value. A state is its JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum ValueV1<'a> {
    Integer(i64),
    Decimal(Cow<'a, str>),
    Text(Cow<'a, str>),
    State(Cow<'a, str>),
}

/// What the next difference is taken from. All nought at the start of an entry and of a page, so
/// that each can be read by itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Previous {
    id: u32,
    at: u64,
    source_time: u32,
    server: u16,
    /// Epoch minus id: statistics are mostly opened in the order of their numbers.
    epoch_lead: u64,
    generation: u32,
    counter: u64,
}

impl Previous {
    /// The difference to `id`, which becomes the previous one.
    pub(super) fn step_id(&mut self, id: StatisticId) -> i64 {
        let difference = i64::from(id.0) - i64::from(self.id);
        self.id = id.0;
        difference
    }

    /// The id at this difference, which becomes the previous one.
    pub(super) fn walk_id(&mut self, difference: i64) -> Result<StatisticId, Fault> {
        self.id = walk(self.id, difference, "statistic number")?;
        Ok(StatisticId(self.id))
    }

    /// The difference to `at`, which becomes the previous instant.
    pub(super) fn step_at(&mut self, at: Timestamp) -> i64 {
        let difference = apart(at.0, self.at);
        self.at = at.0;
        difference
    }

    /// The instant at this difference, which becomes the previous one.
    pub(super) fn walk_at(&mut self, difference: i64) -> Timestamp {
        self.at = self.at.wrapping_add_signed(difference);
        Timestamp(self.at)
    }

    pub(super) fn encode<'a>(
        &mut self,
        id: StatisticId,
        sample: &'a Sample,
        revision: Revision,
    ) -> SampleV1<'a> {
        let mut out = SampleV1 {
            flags: if sample.quality == Quality::Good {
                0
            } else {
                UNCERTAIN
            },
            id: self.step_id(id),
            differences: Differences::default(),
            value: ValueV1::encode(&sample.value),
        };
        let lead = sample.epoch.0.wrapping_sub(u64::from(id.0));
        out.put(HAS_RECEIVED_AT, self.step_at(sample.received_at));
        out.put(
            HAS_VALIDATED_AT,
            apart(sample.validated_at.0, sample.received_at.0),
        );
        out.put(
            HAS_SOURCE_TIME,
            i64::from(sample.source_time) - i64::from(self.source_time),
        );
        out.put(
            HAS_SERVER,
            i64::from(sample.server.0) - i64::from(self.server),
        );
        out.put(HAS_EPOCH, apart(lead, self.epoch_lead));
        out.put(
            HAS_GENERATION,
            i64::from(revision.generation) - i64::from(self.generation),
        );
        out.put(
            HAS_COUNTER,
            apart(revision.counter, self.counter.wrapping_add(1)),
        );
        self.source_time = sample.source_time;
        self.server = sample.server.0;
        self.epoch_lead = lead;
        self.generation = revision.generation;
        self.counter = revision.counter;
        out
    }

    pub(super) fn decode(
        &mut self,
        encoded: SampleV1<'_>,
    ) -> Result<(StatisticId, Result<Sample, Fault>, Revision), Fault> {
        let mut differences = encoded.differences.iter().copied();
        let mut take = |bit: u8| {
            if encoded.flags & bit == 0 {
                Ok(0)
            } else {
                differences.next().ok_or("a difference is missing")
            }
        };
        let id = self.walk_id(encoded.id)?;
        let received_at = self.walk_at(take(HAS_RECEIVED_AT)?);
        let validated_at = received_at.0.wrapping_add_signed(take(HAS_VALIDATED_AT)?);
        self.source_time = walk(self.source_time, take(HAS_SOURCE_TIME)?, "source time")?;
        self.server = walk(self.server, take(HAS_SERVER)?, "server")?;
        self.epoch_lead = self.epoch_lead.wrapping_add_signed(take(HAS_EPOCH)?);
        self.generation = walk(self.generation, take(HAS_GENERATION)?, "generation")?;
        let counter = self.counter.wrapping_add(1);
        self.counter = counter.wrapping_add_signed(take(HAS_COUNTER)?);
        if differences.next().is_some() {
            return Err("there is a difference too many".to_owned());
        }
        let sample = encoded.value.decode().map(|value| Sample {
            value,
            quality: if encoded.flags & UNCERTAIN == 0 {
                Quality::Good
            } else {
                Quality::Uncertain
            },
            source_time: self.source_time,
            received_at,
            validated_at: Timestamp(validated_at),
            server: ServerId(self.server),
            epoch: Epoch(self.epoch_lead.wrapping_add(u64::from(id.0))),
        });
        let revision = Revision {
            generation: self.generation,
            counter: self.counter,
        };
        Ok((id, sample, revision))
    }
}

impl SampleV1<'_> {
    fn put(&mut self, bit: u8, difference: i64) {
        if difference != 0 {
            self.flags |= bit;
            self.differences.push(difference);
        }
    }
}

impl Differences {
    fn push(&mut self, difference: i64) {
        if let Some(place) = self.list.get_mut(self.len) {
            *place = difference;
            self.len += 1;
        }
    }

    fn iter(&self) -> impl Iterator<Item = &i64> {
        self.list.iter().take(self.len)
    }
}

impl Serialize for Differences {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Differences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ReadDifferences)
    }
}

/// Reads them to where they are kept: a list of its own for each sample takes longer than the rest of it.
struct ReadDifferences;

impl<'de> Visitor<'de> for ReadDifferences {
    type Value = Differences;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {DIFFERENCES_MAX} differences")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut stored: A) -> Result<Differences, A::Error> {
        let mut differences = Differences::default();
        while let Some(difference) = stored.next_element()? {
            if differences.len == DIFFERENCES_MAX {
                return Err(A::Error::custom("there is a difference too many"));
            }
            differences.push(difference);
        }
        Ok(differences)
    }
}

impl<'a> ValueV1<'a> {
    fn encode(value: &'a Value) -> Self {
        match value {
            Value::Integer(number) => Self::Integer(*number),
            Value::Decimal(digits) => Self::Decimal(Cow::Borrowed(digits)),
            Value::Text(text) => Self::Text(Cow::Borrowed(text)),
            Value::State(state) => Self::State(Cow::Owned(state.to_json())),
        }
    }

    fn decode(self) -> Result<Value, Fault> {
        match self {
            Self::Integer(number) => Ok(Value::Integer(number)),
            Self::Text(text) => Ok(Value::Text(text.into())),
            Self::Decimal(digits) => match Value::from_text(&digits) {
                decimal @ Value::Decimal(_) => Ok(decimal),
                _ => Err("a decimal is not written as one".to_owned()),
            },
            Self::State(json) => serde_json::from_str::<State>(&json)
                .map(|state| Value::State(Arc::new(state)))
                .map_err(|error| format!("a state cannot be read: {error}")),
        }
    }
}

/// The difference that leads from `from` to `to` by wrapping addition.
fn apart(to: u64, from: u64) -> i64 {
    to.wrapping_sub(from).cast_signed()
}

fn walk<T: Into<i64> + TryFrom<i64>>(from: T, by: i64, what: &str) -> Result<T, Fault> {
    from.into()
        .checked_add(by)
        .and_then(|to| T::try_from(to).ok())
        .ok_or_else(|| format!("a {what} is out of range"))
}
