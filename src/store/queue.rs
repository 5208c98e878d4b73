//! Changes on their way to the writer: bounded, and nothing of the newest values lost when full.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use super::change::Change;
use super::codec::Record;
use crate::model::{Quality, Revision, Sample, StatisticId, Timestamp, Value};

/// What the queue holds at most, changes being written included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) changes: usize,
    pub(super) bytes: usize,
}

/// A burst of 70,000 changes a second for 14 s; at about 100 bytes each they fit the bytes, too.
pub(super) const LIMITS: Limits = Limits {
    changes: 1_000_000,
    bytes: 128 * 1024 * 1024,
};

/// Room for so many is kept from one flush to the next: a million changes a second, 10 MiB.
const SPARE_LEN_MAX: usize = 1 << 17;

/// Filled by the handles, emptied by the writer, both under one lock that is held for moments.
#[derive(Debug)]
pub(super) struct Queue {
    limits: Limits,
    pending: Vec<Record>,
    /// What the writer gave back, to be filled next.
    spare: Vec<Record>,
    /// Changes among them.
    pending_len: usize,
    /// The last instant said for a change that carries none.
    said: Timestamp,
    pending_bytes: usize,
    /// Taken by the writer and not yet durable.
    held: usize,
    held_bytes: usize,
    overflow: BTreeMap<StatisticId, Newest>,
    /// What the overflow cost since it began.
    lost: Option<Lost>,
    lost_total: u64,
    waiters: Vec<oneshot::Sender<()>>,
}

/// The newest that is known of a statistic while the queue is full.
#[derive(Debug, Default)]
struct Newest {
    sample: Option<(Sample, Revision)>,
    validated: Option<Timestamp>,
    quality: Option<(Quality, Timestamp)>,
}

#[derive(Debug, Clone, Copy)]
struct Lost {
    count: u64,
    from: Timestamp,
    to: Timestamp,
}

/// What the writer takes at once.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) records: Vec<Record>,
    pub(super) waiters: Vec<oneshot::Sender<()>>,
}

impl Queue {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            pending: Vec::new(),
            spare: Vec::new(),
            pending_len: 0,
            said: Timestamp(0),
            pending_bytes: 0,
            held: 0,
            held_bytes: 0,
            overflow: BTreeMap::new(),
            lost: None,
            lost_total: 0,
            waiters: Vec::new(),
        }
    }

    /// Takes a change. Values beyond the bound replace older ones of the same statistic; anything
    /// else is always kept.
    pub(super) fn push(&mut self, change: Change, now: Timestamp) {
        let full = self.pending_len + self.held >= self.limits.changes
            || self.pending_bytes + self.held_bytes >= self.limits.bytes;
        // Once something overflowed, the newer must not overtake it.
        let change = if full || !self.overflow.is_empty() {
            match self.overflow(change, now) {
                Some(change) => change,
                None => return,
            }
        } else {
            change
        };
        self.pending_bytes += weight(&change);
        self.pending_len += 1;
        if needs_instant(&change) && self.said != now {
            self.said = now;
            self.pending.push(Record::At { at: now });
        }
        self.pending.push(Record::Change(change));
    }

    /// Keeps a value's change in the overflow; gives back any other.
    fn overflow(&mut self, change: Change, now: Timestamp) -> Option<Change> {
        let lost = match change {
            Change::Sample {
                id,
                sample,
                revision,
            } => {
                let newest = Newest {
                    sample: Some((sample, revision)),
                    ..Newest::default()
                };
                self.overflow.insert(id, newest).map_or(0, |old| old.len())
            }
            Change::Validated { id, at } => {
                let newest = self.overflow.entry(id).or_default();
                u64::from(newest.validated.replace(at).is_some())
            }
            Change::Quality { id, quality } => {
                let newest = self.overflow.entry(id).or_default();
                u64::from(newest.quality.replace((quality, now)).is_some())
            }
            Change::Forgotten { id } => {
                let lost = self.overflow.remove(&id).map_or(0, |old| old.len());
                self.count_lost(lost, now);
                return Some(change);
            }
            other => return Some(other),
        };
        self.count_lost(lost, now);
        None
    }

    fn count_lost(&mut self, count: u64, now: Timestamp) {
        if count == 0 {
            return;
        }
        self.lost_total += count;
        let lost = self.lost.get_or_insert(Lost {
            count: 0,
            from: now,
            to: now,
        });
        lost.count += count;
        lost.to = now;
    }

    /// Counts changes that came too late or were too big, and so are in no journal.
    pub(super) fn refuse(&mut self, count: u64) {
        self.lost_total += count;
    }

    /// Takes everything, in an order that may be applied; it stays counted until
    /// [`Queue::release`].
    pub(super) fn take(&mut self) -> Taken {
        self.held += std::mem::take(&mut self.pending_len);
        self.held_bytes += std::mem::take(&mut self.pending_bytes);
        // Each journal entry may be read by itself.
        self.said = Timestamp(0);
        let spare = std::mem::take(&mut self.spare);
        let mut records = std::mem::replace(&mut self.pending, spare);
        if let Some(lost) = self.lost.take() {
            records.push(Record::Lost {
                count: lost.count,
                from: lost.from,
                to: lost.to,
            });
        }
        for (id, newest) in std::mem::take(&mut self.overflow) {
            for record in newest.into_records(id) {
                if let Record::Change(change) = &record {
                    self.held += 1;
                    self.held_bytes += weight(change);
                }
                records.push(record);
            }
        }
        Taken {
            records,
            waiters: std::mem::take(&mut self.waiters),
        }
    }

    /// Takes back the list that [`Queue::take`] gave, for the room in it.
    pub(super) fn give_back(&mut self, mut records: Vec<Record>) {
        if records.capacity() <= SPARE_LEN_MAX {
            records.clear();
            self.spare = records;
        }
    }

    /// What was taken is durable.
    pub(super) fn release(&mut self) {
        self.held = 0;
        self.held_bytes = 0;
    }

    /// Notes somebody who wants to know when all of this is durable.
    pub(super) fn wait(&mut self, waiter: oneshot::Sender<()>) {
        self.waiters.push(waiter);
    }

    pub(super) fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.overflow.is_empty() && self.lost.is_none()
    }

    /// Changes recorded and not yet durable.
    pub(super) fn len(&self) -> usize {
        self.pending_len + self.held + self.overflow.len()
    }

    /// Changes since start that are in no journal.
    pub(super) const fn lost_total(&self) -> u64 {
        self.lost_total
    }
}

impl Newest {
    fn len(&self) -> u64 {
        u64::from(self.sample.is_some())
            + u64::from(self.validated.is_some())
            + u64::from(self.quality.is_some())
    }

    /// The sample first: the others are about it.
    fn into_records(self, id: StatisticId) -> Vec<Record> {
        let sample = self.sample.map(|(sample, revision)| Change::Sample {
            id,
            sample,
            revision,
        });
        let validated = self.validated.map(|at| Change::Validated { id, at });
        let at = self.quality.map(|(_, at)| Record::At { at });
        let quality = self
            .quality
            .map(|(quality, _)| Change::Quality { id, quality });
        let first = [sample, validated].into_iter().flatten();
        let first = first.map(Record::Change).chain(at);
        first.chain(quality.map(Record::Change)).collect()
    }
}

/// Whether history must be told when it happened.
const fn needs_instant(change: &Change) -> bool {
    matches!(
        change,
        Change::Quality { .. }
            | Change::Unsubscribed { .. }
            | Change::Forgotten { .. }
            | Change::Erased { .. }
    )
}

/// About how much memory a change takes, its parts on the heap included.
fn weight(change: &Change) -> usize {
    let heap = match change {
        Change::Sample { sample, .. } => match &sample.value {
            Value::Integer(_) => 0,
            Value::Decimal(text) | Value::Text(text) => text.len(),
            // Shared with the cache, and dear to measure; the typical state of an agent.
            Value::State(_) => 1024,
        },
        Change::Registered { .. } => 256,
        Change::StatTypes { names, .. } => names.iter().map(|name| name.len() + 24).sum(),
        _ => 0,
    };
    size_of::<Change>() + heap
}
