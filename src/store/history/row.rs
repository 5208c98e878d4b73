//! A row of history: what happened to one statistic at one instant.

use super::content::{Content, ContentRef};
use crate::model::{Epoch, Quality, ServerId, StatisticId, Timestamp};

/// One thing that happened to a statistic. Rows of a statistic are kept in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::store) struct Row<C = Content> {
    pub(in crate::store) id: StatisticId,
    pub(in crate::store) at: Timestamp,
    pub(in crate::store) what: What<C>,
    pub(in crate::store) server: ServerId,
    pub(in crate::store) epoch: Epoch,
}

/// A row where it lies.
pub(super) type RowRef<'a> = Row<ContentRef<'a>>;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::store) enum What<C = Content> {
    /// A value arrived.
    Value(C, Quality),
    /// The value stayed, its trust changed.
    Quality(Quality),
    /// The statistic was closed or forgotten: nothing tells of it until the next value.
    Closed,
}

impl<C> Row<C> {
    /// A row that carries no value of its own.
    pub(in crate::store) const fn bare(id: StatisticId, at: Timestamp, what: What<C>) -> Self {
        Self {
            id,
            at,
            what,
            server: ServerId(0),
            epoch: Epoch(0),
        }
    }

    fn with<D>(&self, what: What<D>) -> Row<D> {
        Row {
            id: self.id,
            at: self.at,
            what,
            server: self.server,
            epoch: self.epoch,
        }
    }
}

impl Row {
    /// The row as it lies here.
    pub(super) fn as_ref(&self) -> RowRef<'_> {
        self.with(match &self.what {
            What::Value(content, quality) => What::Value(content.as_ref(), *quality),
            What::Quality(quality) => What::Quality(*quality),
            What::Closed => What::Closed,
        })
    }
}

impl RowRef<'_> {
    /// The row on its own.
    pub(super) fn into_owned(self) -> Row {
        self.with(match self.what {
            What::Value(content, quality) => What::Value(content.into_owned(), quality),
            What::Quality(quality) => What::Quality(quality),
            What::Closed => What::Closed,
        })
    }
}
