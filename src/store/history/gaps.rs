//! When nothing was known of a statistic, so that a hole is never taken for a flat line.

use std::fmt;

use super::bucket::EventV1;
use super::reading::Range;
use super::row::{Row, What};
use crate::model::{Quality, ServerId, Timestamp};

/// A stretch of time of which a statistic's value is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None` while it lasts.
    pub to: Option<Timestamp>,
    /// Why.
    pub reason: Reason,
}

/// Why nothing was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nothing of it was recorded yet, or it is no longer kept.
    NotRecorded,
    /// The connection to its Stat Server was lost.
    LinkDown,
    /// The Stat Server called it invalid, or its value could not be read.
    Invalid,
    /// The service did not run.
    Restart,
    /// It was not open on any Stat Server.
    Closed,
    /// Changes came faster than they could be written, or writing failed.
    Lost,
    /// What was written cannot be read any more.
    Damaged,
}

impl Reason {
    /// The word shown to people and programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotRecorded => "not recorded",
            Self::LinkDown => "link down",
            Self::Invalid => "invalid",
            Self::Restart => "restart",
            Self::Closed => "closed",
            Self::Lost => "lost",
            Self::Damaged => "damaged",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Gap {
    /// The part of it that lies in a range.
    pub(super) fn within(mut self, range: Range) -> Option<Self> {
        self.from = self.from.max(range.from);
        if self.to.is_some_and(|to| to > range.to) {
            self.to = Some(range.to);
        }
        let is_some = self.from < range.to && self.to.is_none_or(|to| self.from < to);
        is_some.then_some(self)
    }
}

/// The gaps of a statistic in a range: `rows` are its own, from before the range on, in the order of
/// arrival; `events` what concerned all, in the order of the journal.
pub(super) fn find_gaps(rows: &[Row], events: &[EventV1], range: Range) -> Vec<Gap> {
    let mut finder = Finder {
        gaps: Vec::new(),
        server: None,
        open: Some((Timestamp(0), Reason::NotRecorded)),
    };
    let mut events = events.iter().peekable();
    for row in rows {
        while let Some(event) = events.next_if(|event| event.precedes(row.at)) {
            finder.event(event);
        }
        finder.row(row);
    }
    for event in events {
        finder.event(event);
    }
    if let Some((from, reason)) = finder.open {
        let to = None;
        finder.gaps.push(Gap { from, to, reason });
    }
    let gaps = finder.gaps.into_iter();
    gaps.filter_map(|gap| gap.within(range)).collect()
}

struct Finder {
    gaps: Vec<Gap>,
    /// Where the last value came from.
    server: Option<ServerId>,
    /// Since when nothing is known, and why.
    open: Option<(Timestamp, Reason)>,
}

impl Finder {
    fn row(&mut self, row: &Row) {
        match &row.what {
            What::Value(_, quality) => {
                self.server = Some(row.server);
                self.trust(*quality, row.at);
            }
            // Trust in a value that is not known says nothing.
            What::Quality(quality) if self.server.is_some() => self.trust(*quality, row.at),
            What::Quality(_) => {}
            What::Closed => self.open(row.at, Reason::Closed),
        }
    }

    fn trust(&mut self, quality: Quality, at: Timestamp) {
        match quality {
            Quality::Good => self.close(at),
            Quality::Uncertain => {
                // There is a value now, whatever it is worth.
                if matches!(self.open, Some((_, Reason::NotRecorded))) {
                    self.close(at);
                }
                self.open(at, Reason::Invalid);
            }
        }
    }

    fn event(&mut self, event: &EventV1) {
        match event {
            EventV1::LinkDown { .. } if self.server.is_some_and(|own| event.is_loss_of(own)) => {
                self.open(event.from(), Reason::LinkDown);
            }
            EventV1::LinkUp { .. } | EventV1::LinkDown { .. } | EventV1::Erased { .. } => {}
            EventV1::Started { .. } => self.open(event.from(), Reason::Restart),
            // What is newest was kept, so it is known again afterwards.
            EventV1::Lost { .. } | EventV1::Missing { .. } => self.gaps.push(Gap {
                from: event.from(),
                to: Some(Timestamp(event.to().0.saturating_add(1))),
                reason: Reason::Lost,
            }),
        }
    }

    fn open(&mut self, at: Timestamp, reason: Reason) {
        self.open.get_or_insert((at, reason));
    }

    fn close(&mut self, at: Timestamp) {
        if let Some((from, reason)) = self.open.take()
            && from < at
        {
            let to = Some(at);
            self.gaps.push(Gap { from, to, reason });
        }
    }
}
