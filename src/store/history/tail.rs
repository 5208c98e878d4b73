//! What is flushed in the journal and not yet folded: translated into rows, kept in memory.

use std::sync::Arc;

use super::bucket::EventV1;
use super::row::{Row, What};
use crate::model::{Statistic, StatisticId, Timestamp};
use crate::store::change::Change;
use crate::store::codec::{self, Fault, Record};
use crate::store::status::Sequence;

/// Rows of some journal entries, on their way from the writer.
#[derive(Debug, Default)]
pub(in crate::store) struct Handoff {
    /// After this entry ...
    pub(in crate::store) after: Sequence,
    /// ... up to this one.
    pub(in crate::store) to: Sequence,
    pub(super) rows: Vec<Row>,
    pub(super) events: Vec<EventV1>,
    /// Statistics seen for the first time.
    pub(super) registered: Vec<(StatisticId, Arc<Statistic>)>,
    /// The latest instant in it.
    pub(super) latest: Timestamp,
}

impl Handoff {
    /// An empty one behind a journal entry.
    pub(in crate::store) fn behind(after: Sequence) -> Self {
        Self {
            after,
            to: after,
            ..Self::default()
        }
    }

    /// About how much it holds.
    pub(in crate::store) const fn len(&self) -> usize {
        self.rows.len() + self.events.len()
    }
}

/// Turns journal records into rows. Some records carry no instant of their own: theirs is that of
/// the records around them.
#[derive(Debug, Default)]
pub(in crate::store) struct Translator {
    now: Timestamp,
    /// Entries are gone since this instant; until when shows in what comes next.
    missing: Option<Timestamp>,
}

impl Translator {
    /// Adds what a record means for history.
    pub(in crate::store) fn add(&mut self, record: &Record, into: &mut Handoff) {
        match record {
            Record::Change(change) => self.add_change(change, into),
            Record::Started { at, .. } => {
                let last = self.now.0;
                self.see(*at);
                into.events.push(EventV1::Started { last, at: at.0 });
            }
            Record::Lost { count, from, to } => {
                self.see(*to);
                let (from, to) = (from.0, to.0);
                let count = *count;
                into.events.push(EventV1::Lost { count, from, to });
            }
            Record::At { at } => self.see(*at),
        }
        if let Some(from) = self.missing.take_if(|from| *from < self.now) {
            let (from, to) = (from.0, self.now.0);
            into.events.push(EventV1::Missing { from, to });
        }
        into.latest = self.now;
    }

    fn add_change(&mut self, change: &Change, into: &mut Handoff) {
        match change {
            Change::Sample { id, sample, .. } => {
                self.see(sample.received_at);
                into.rows.push(Row {
                    id: *id,
                    at: sample.received_at,
                    what: What::Value(sample.value.clone().into(), sample.quality),
                    server: sample.server,
                    epoch: sample.epoch,
                });
            }
            Change::Quality { id, quality } => {
                let row = Row::bare(*id, self.now, What::Quality(*quality));
                into.rows.push(row);
            }
            Change::Unsubscribed { id } | Change::Forgotten { id } => {
                into.rows.push(Row::bare(*id, self.now, What::Closed));
            }
            Change::LinkUp { server, at } => {
                self.see(*at);
                let server = server.0;
                into.events.push(EventV1::LinkUp { server, at: at.0 });
            }
            Change::LinkDown { server, at } => {
                self.see(*at);
                let server = server.0;
                into.events.push(EventV1::LinkDown { server, at: at.0 });
            }
            Change::Validated { at, .. } => self.see(*at),
            Change::Registered { id, statistic } => {
                into.registered.push((*id, Arc::clone(statistic)));
            }
            Change::Erased { id } => {
                let (id, at) = (id.0, self.now.0);
                into.events.push(EventV1::Erased { id, at });
            }
            Change::Subscribed { .. }
            | Change::Dropped { .. }
            | Change::ServerNamed { .. }
            | Change::StatTypes { .. } => {}
        }
    }

    /// Adds an entry as it was read from the journal. What cannot be read is missing.
    pub(in crate::store) fn read_entry(
        &mut self,
        sequence: Sequence,
        payload: Result<Vec<u8>, Fault>,
        into: &mut Handoff,
    ) {
        if sequence.0 != into.to.0.saturating_add(1) {
            self.missed();
        }
        into.to = sequence;
        let mut faults = Vec::new();
        match payload {
            Err(_) => self.missed(),
            Ok(payload) => codec::read_records(&payload, &mut faults, &mut |record| {
                self.add(&record, into);
            }),
        }
        if !faults.is_empty() {
            self.missed();
        }
    }

    /// The entries that come next are gone: from the last known instant on nothing is sure.
    pub(in crate::store) fn missed(&mut self) {
        self.missing.get_or_insert(self.now);
    }

    fn see(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
    }
}

/// A part of the tail: rows sorted by statistic, each statistic's in the order of arrival.
pub(super) type Segment = Arc<Vec<Row>>;

/// The bucket being filled.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    pub(super) after: Sequence,
    pub(super) to: Sequence,
    pub(super) segments: Vec<Segment>,
    pub(super) events: Vec<EventV1>,
    pub(super) rows: usize,
    /// The latest instant of its first part: decides which stretch of time it is.
    pub(super) began: Timestamp,
}

impl Tail {
    /// An empty tail behind a journal entry.
    pub(super) fn behind(after: Sequence) -> Self {
        Self {
            after,
            to: after,
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.to == self.after
    }

    /// Takes in what comes next. `latest` is the last instant before it: what was read from a
    /// journal whose beginning is gone may know of none.
    pub(super) fn add(&mut self, mut handoff: Handoff, latest: Timestamp) {
        for row in &mut handoff.rows {
            if row.at.0 == 0 {
                row.at = latest;
            }
        }
        for event in &mut handoff.events {
            match event {
                EventV1::Started { last: from, .. } | EventV1::Missing { from, .. }
                    if *from == 0 =>
                {
                    *from = latest.0;
                }
                _ => {}
            }
        }
        if self.is_empty() {
            self.began = handoff.latest;
        }
        // Stable: a statistic's rows keep their order.
        handoff.rows.sort_by_key(|row| row.id);
        self.rows += handoff.rows.len();
        self.to = handoff.to;
        self.events.append(&mut handoff.events);
        if !handoff.rows.is_empty() {
            self.segments.push(Arc::new(handoff.rows));
        }
    }

    /// The rows of one statistic, in the order of arrival.
    pub(super) fn rows_of(&self, id: StatisticId) -> impl Iterator<Item = &Row> {
        self.segments.iter().flat_map(move |segment| {
            let from = segment.partition_point(|row| row.id < id);
            let rows = segment.get(from..).unwrap_or_default();
            rows.iter().take_while(move |row| row.id == id)
        })
    }

    /// All rows by statistic.
    pub(super) fn sorted(&self) -> Vec<&Row> {
        // With their numbers: comparing must not fetch every row from wherever it lies.
        let mut rows = Vec::with_capacity(self.rows);
        for segment in &self.segments {
            rows.extend(segment.iter().map(|row| (row.id, row)));
        }
        rows.sort_by_key(|(id, _)| *id);
        rows.into_iter().map(|(_, row)| row).collect()
    }
}
