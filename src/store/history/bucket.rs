//! A bucket: the rows of a stretch of the journal, in chunks, and what concerned all statistics.
//!
//! The fact of a bucket is written after its chunks are on the disk. It is what makes them count: a
//! chunk without it is what a crash left.

use serde::{Deserialize, Serialize};

use crate::model::{ServerId, Timestamp};
use crate::store::status::Sequence;

/// What is known of a bucket. Its bincode form, field by field, is the format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BucketV1 {
    /// Its number within its volume, never given twice there.
    pub(super) number: u32,
    /// How often its rows were merged.
    pub(super) level: u8,
    /// The journal entries it holds: after `after`, up to and with `to`.
    pub(super) after: u64,
    pub(super) to: u64,
    /// The least and the greatest instant in it, in milliseconds.
    pub(super) earliest: u64,
    pub(super) latest: u64,
    pub(super) rows: u64,
    pub(super) chunks: u32,
    pub(super) events: Vec<EventV1>,
}

/// Something that concerned more than one statistic. Instants in milliseconds. The order of the
/// variants is the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) enum EventV1 {
    LinkUp {
        server: u16,
        at: u64,
    },
    LinkDown {
        server: u16,
        at: u64,
    },
    /// The process started; the last thing known before had happened at `last`.
    Started {
        last: u64,
        at: u64,
    },
    /// So many changes between two instants were never written.
    Lost {
        count: u64,
        from: u64,
        to: u64,
    },
    /// Journal entries between two instants were gone before they could be taken in.
    Missing {
        from: u64,
        to: u64,
    },
    /// Everything of this statistic was deleted.
    Erased {
        id: u32,
        at: u64,
    },
}

impl EventV1 {
    /// When it began.
    pub(super) const fn from(&self) -> Timestamp {
        Timestamp(match self {
            Self::LinkUp { at, .. } | Self::LinkDown { at, .. } | Self::Erased { at, .. } => *at,
            Self::Started { last, .. } => *last,
            Self::Lost { from, .. } | Self::Missing { from, .. } => *from,
        })
    }

    /// When it was over, or known.
    pub(super) const fn to(&self) -> Timestamp {
        Timestamp(match self {
            Self::LinkUp { at, .. }
            | Self::LinkDown { at, .. }
            | Self::Started { at, .. }
            | Self::Erased { at, .. } => *at,
            Self::Lost { to, .. } | Self::Missing { to, .. } => *to,
        })
    }

    /// Whether it comes before a row of this instant. What arrived in the millisecond in which a
    /// link was lost came before; nothing arrives before the process runs.
    pub(super) fn precedes(&self, at: Timestamp) -> bool {
        self.to() < at || (self.to() == at && !matches!(self, Self::LinkDown { .. }))
    }

    /// Whether a loss of this server's link.
    pub(super) fn is_loss_of(&self, server: ServerId) -> bool {
        matches!(self, Self::LinkDown { server: lost, .. } if *lost == server.0)
    }
}

impl BucketV1 {
    /// Whether all of `other` is in this one, too: what a merge left behind when it was cut short.
    pub(super) const fn supersedes(&self, other: &Self) -> bool {
        self.number > other.number && self.after <= other.after && other.to <= self.to
    }

    pub(super) const fn last_sequence(&self) -> Sequence {
        Sequence(self.to)
    }

    /// Whether any of it may lie between two instants.
    pub(super) const fn overlaps(&self, from: Timestamp, to: Timestamp) -> bool {
        self.earliest < to.0 && from.0 <= self.latest
    }

    /// The key of this bucket's fact, without the part.
    pub(super) fn fact_key(&self) -> Vec<u8> {
        [FACT_PREFIX, &self.number.to_be_bytes()].concat()
    }
}

/// What the keys of facts about buckets begin with.
pub(super) const FACT_PREFIX: &[u8] = b"bucket";

/// Where a chunk lies: keys sort by bucket, then by statistic, then by order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChunkKey {
    pub(super) bucket: u32,
    /// The first statistic in it.
    pub(super) first: u32,
    /// Which chunk of the bucket.
    pub(super) ordinal: u32,
}

const CHUNK_KEY_LEN: usize = 12;

impl ChunkKey {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let numbers = [self.bucket, self.first, self.ordinal];
        numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
    }

    /// Reads a key, with or without its part.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let key = bytes.first_chunk::<CHUNK_KEY_LEN>()?;
        let mut numbers = key.as_chunks::<4>().0.iter();
        let mut next = || numbers.next().map(|bytes| u32::from_be_bytes(*bytes));
        Some(Self {
            bucket: next()?,
            first: next()?,
            ordinal: next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_keys_sort_by_bucket_statistic_and_order() {
        let key = |bucket, first, ordinal| ChunkKey {
            bucket,
            first,
            ordinal,
        };
        let keys = [
            key(1, 0, 0),
            key(1, 255, 1),
            key(1, 256, 2),
            key(1, 256, 3),
            key(2, 7, 0),
        ];
        assert!(keys.iter().map(|key| key.to_bytes()).is_sorted());
        for key in keys {
            assert_eq!(ChunkKey::read(&key.to_bytes()), Some(key));
        }
        assert_eq!(ChunkKey::read(b"short"), None);
    }
}
