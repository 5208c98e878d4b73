//! Reads one statistic's past: its samples in a range of time, what it was before, and its gaps.

use std::path::Path;
use std::sync::Arc;

use super::content::{Content, ContentRef};
use super::cursor::Cursor;
use super::gaps::{Gap, Reason, find_gaps};
use super::row::{Row, RowRef, What};
use super::rows::Wanted;
use super::shelf::{Kept, Shelf};
use super::tail::{Handoff, Tail};
use super::view::View;
use super::{History, Source};
use crate::model::{Epoch, Quality, ServerId, StatisticId, Timestamp, Value};
use crate::store::codec::Fault;
use crate::store::engine::{EngineError, Failure};
use crate::store::error::Error;
use crate::store::status::Sequence;

/// From an instant, up to and without another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first instant that belongs to it.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
}

impl Range {
    /// Everything.
    pub const ALL: Self = Self {
        from: Timestamp(0),
        to: Timestamp(u64::MAX),
    };

    pub(super) const fn holds(&self, at: Timestamp) -> bool {
        self.from.0 <= at.0 && at.0 < self.to.0
    }
}

/// A change of a statistic's value, or of how far it may be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct PastSample<V = Value> {
    /// When it arrived.
    pub at: Timestamp,
    /// The value from then on.
    pub value: V,
    /// How far it may be trusted from then on.
    pub quality: Quality,
    /// Where the value came from.
    pub server: ServerId,
    /// Which opening of the statistic it belongs to.
    pub epoch: Epoch,
}

/// What is known of a statistic in a range of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Past {
    /// The last change before the range, if one is kept: the value at its beginning.
    pub before: Option<PastSample>,
    /// The changes in it, in the order of arrival.
    pub samples: Vec<PastSample>,
    /// When nothing is known of it. Outside of these the value is what it was last changed to.
    pub gaps: Vec<Gap>,
    /// What could not be read. The time that this leaves in doubt is among the gaps.
    pub damaged: Vec<String>,
}

/// The history of a store that nobody has open.
#[derive(Default)]
pub(in crate::store) struct Offline {
    pub(super) view: Arc<View>,
}

impl Offline {
    /// Opens all volumes; `tail_after` reads what the journal holds after an entry.
    pub(in crate::store) fn open(
        store: &Path,
        tail_after: &mut dyn FnMut(Sequence) -> Result<Handoff, EngineError>,
    ) -> Result<Self, Failure> {
        let (shelf, found) = Shelf::look(store)?;
        let folded = shelf.folded();
        let buckets = shelf.kept.iter().flat_map(|kept| &kept.buckets);
        let latest = buckets.map(|bucket| bucket.latest).max().unwrap_or(0);
        let mut tail = Tail::behind(folded);
        tail.add(tail_after(folded)?, Timestamp(latest));
        let view = View {
            kept: shelf.kept,
            tail,
            damaged: found.damaged,
        };
        Ok(Self {
            view: Arc::new(view),
        })
    }
}

impl History {
    /// What is known of a statistic in a range of time.
    ///
    /// # Errors
    /// History is not open, or its files cannot be read at all.
    pub fn past(&self, id: StatisticId, range: Range) -> Result<Past, Error> {
        let view = self.view()?;
        if self.is_erased(id) {
            let (from, to) = (range.from, Some(range.to));
            let reason = Reason::NotRecorded;
            return Ok(Past {
                gaps: vec![Gap { from, to, reason }],
                ..Past::default()
            });
        }
        let asked_from = range.from;
        let range = Range {
            from: range.from.max(self.kept_since(id)),
            to: range.to,
        };
        let mut reading = Reading {
            id,
            view: &view,
            damage: Vec::new(),
            damaged: Vec::new(),
        };
        let rows = reading.rows(range)?;
        let before = reading.before(range, &rows)?;
        let mut past = reading.finish(range, before, rows);
        if asked_from < range.from {
            let too_old = Gap {
                from: asked_from,
                to: Some(range.from),
                reason: Reason::NotRecorded,
            };
            match past.gaps.first_mut() {
                // One gap, whatever the reason that it is one.
                Some(gap) if gap.from == range.from && gap.reason == too_old.reason => {
                    gap.from = asked_from;
                }
                _ => past.gaps.insert(0, too_old),
            }
        }
        Ok(past)
    }

    pub(super) fn view(&self) -> Result<Arc<View>, Error> {
        match &self.source {
            Source::Live(shared) => shared.board.view(),
            Source::Offline(offline) => Ok(Arc::clone(&offline.view)),
        }
    }

    /// Whether everything of a statistic was deleted. What is offline has no name for it either.
    fn is_erased(&self, id: StatisticId) -> bool {
        match &self.source {
            Source::Live(shared) => shared.limits.is_erased(id),
            Source::Offline(_) => false,
        }
    }

    /// The instant before which nothing of a statistic is shown.
    pub(super) fn kept_since(&self, id: StatisticId) -> Timestamp {
        match &self.source {
            Source::Live(shared) => shared.limits.since(id, shared.clock.wall()),
            Source::Offline(_) => Timestamp(0),
        }
    }
}

struct Reading<'a> {
    id: StatisticId,
    view: &'a View,
    /// Stretches of time whose rows could not be read.
    damage: Vec<Gap>,
    damaged: Vec<String>,
}

impl Reading<'_> {
    /// All rows of the buckets that reach into the range, and of the tail.
    fn rows(&mut self, range: Range) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        for kept in &self.view.kept {
            for place in 0..kept.buckets.len() {
                self.add_bucket(kept, place, range, &mut rows)?;
            }
        }
        rows.extend(self.view.tail.rows_of(self.id).cloned());
        Ok(rows)
    }

    fn add_bucket(
        &mut self,
        kept: &Kept,
        place: usize,
        range: Range,
        rows: &mut Vec<Row>,
    ) -> Result<(), Error> {
        let Some(bucket) = kept.buckets.get(place) else {
            return Ok(());
        };
        if bucket.chunks == 0 || !bucket.overlaps(range.from, range.to) {
            return Ok(());
        }
        let cursor = Cursor::open(&kept.volume, bucket, self.id, Wanted::One(self.id));
        let mut cursor = match cursor {
            Ok(cursor) => cursor,
            Err(Failure::Damaged(what)) => {
                self.note_damage(bucket.earliest, bucket.latest, vec![what]);
                return Ok(());
            }
            Err(Failure::Final(error)) => return Err(error),
        };
        while cursor.id() == Some(self.id) {
            rows.extend(cursor.run().map(RowRef::into_owned));
            if let Err(failure) = cursor.next_run() {
                self.note_damage(bucket.earliest, bucket.latest, vec![failure.to_string()]);
                break;
            }
        }
        if !cursor.damaged.is_empty() {
            self.note_damage(bucket.earliest, bucket.latest, cursor.damaged);
        }
        Ok(())
    }

    fn note_damage(&mut self, earliest: u64, latest: u64, what: Vec<String>) {
        self.damage.push(Gap {
            from: Timestamp(earliest),
            to: Some(Timestamp(latest.saturating_add(1))),
            reason: Reason::Damaged,
        });
        self.damaged.extend(what);
    }

    /// The newest rows before the range, back to one with a value: from the buckets of the range
    /// where they reach back far enough, else from the nearest older one that knows the statistic.
    fn before(&mut self, range: Range, rows: &[Row]) -> Result<Vec<Row>, Error> {
        let has_value = |rows: &[Row]| {
            rows.iter()
                .any(|row| row.at < range.from && matches!(row.what, What::Value(..)))
        };
        let mut before = Vec::new();
        if has_value(rows) {
            return Ok(before);
        }
        for kept in self.view.kept.iter().rev() {
            for (place, bucket) in kept.buckets.iter().enumerate().rev() {
                if bucket.overlaps(range.from, range.to) || bucket.earliest >= range.from.0 {
                    continue;
                }
                let mut older = Vec::new();
                self.add_bucket(kept, place, Range::ALL, &mut older)?;
                older.append(&mut before);
                before = older;
                if has_value(&before) {
                    return Ok(before);
                }
            }
        }
        Ok(before)
    }

    fn finish(self, range: Range, mut before: Vec<Row>, rows: Vec<Row>) -> Past {
        before.extend(rows);
        let events: Vec<_> = self
            .view
            .kept
            .iter()
            .flat_map(|kept| &kept.buckets)
            .collect();
        let folded = events.iter().flat_map(|bucket| bucket.events.iter());
        let events: Vec<_> = folded.chain(&self.view.tail.events).copied().collect();
        let mut gaps = find_gaps(&before, &events, range);
        gaps.extend(self.damage.into_iter().filter_map(|gap| gap.within(range)));
        let mut past = Past {
            damaged: self.damaged,
            ..Past::default()
        };
        let mut samples = samples(before).peekable();
        while let Some(sample) = samples.next() {
            let next = samples.peek().map(|next| next.at);
            let is_shown = if sample.at < range.from {
                // Only the last one before the range is.
                next.is_none_or(|next| next >= range.from)
            } else {
                range.holds(sample.at)
            };
            if !is_shown {
                continue;
            }
            match sample.read() {
                Ok(sample) if sample.at < range.from => past.before = Some(sample),
                Ok(sample) => past.samples.push(sample),
                Err(fault) => {
                    let (from, reason) = (sample.at, Reason::Damaged);
                    let unknown = Gap {
                        from,
                        to: next,
                        reason,
                    };
                    gaps.extend(unknown.within(range));
                    past.damaged.push(fault);
                }
            }
        }
        gaps.sort_by_key(|gap| gap.from);
        past.gaps = gaps;
        past
    }
}

impl<V> PastSample<V> {
    fn with<W>(&self, value: W) -> PastSample<W> {
        PastSample {
            at: self.at,
            value,
            quality: self.quality,
            server: self.server,
            epoch: self.epoch,
        }
    }
}

impl PastSample<Content> {
    /// With the value itself.
    fn read(&self) -> Result<PastSample, Fault> {
        Ok(self.with(self.value.as_ref().read()?))
    }

    /// With the value as it lies here.
    pub(super) fn as_ref(&self) -> PastSample<ContentRef<'_>> {
        self.with(self.value.as_ref())
    }
}

impl PastSample<ContentRef<'_>> {
    /// With a value of its own.
    pub(super) fn into_owned(self) -> PastSample<Content> {
        self.with(self.value.into_owned())
    }
}

/// Rows as samples: a row without a value repeats the one before it.
pub(super) fn samples(
    rows: impl IntoIterator<Item = Row>,
) -> impl Iterator<Item = PastSample<Content>> {
    let mut last: Option<PastSample<Content>> = None;
    rows.into_iter().filter_map(move |row| {
        match row.what {
            What::Value(value, quality) => {
                last = Some(PastSample {
                    at: row.at,
                    value,
                    quality,
                    server: row.server,
                    epoch: row.epoch,
                });
            }
            What::Quality(quality) => {
                let known = last.as_mut()?;
                known.at = row.at;
                known.quality = quality;
            }
            What::Closed => return None,
        }
        last.clone()
    })
}
