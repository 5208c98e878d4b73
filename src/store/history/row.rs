//! A row of history: what happened to one statistic at one instant.

use super::content::Content;
use crate::model::{Epoch, Quality, ServerId, StatisticId, Timestamp};

/// One thing that happened to a statistic. Rows of a statistic are kept in the order of arrival.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct Row {
    pub(in crate::store) id: StatisticId,
    pub(in crate::store) at: Timestamp,
    pub(in crate::store) what: What,
    pub(in crate::store) server: ServerId,
    pub(in crate::store) epoch: Epoch,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum What {
    /// A value arrived.
    Value(Content, Quality),
    /// The value stayed, its trust changed.
    Quality(Quality),
    /// The statistic was closed or forgotten: nothing tells of it until the next value.
    Closed,
}

impl Row {
    /// A row that carries no value of its own.
    pub(in crate::store) const fn bare(id: StatisticId, at: Timestamp, what: What) -> Self {
        Self {
            id,
            at,
            what,
            server: ServerId(0),
            epoch: Epoch(0),
        }
    }
}
