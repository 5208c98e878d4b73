//! What each request number in use stands for.

use super::Reference;
use crate::model::{Numbered, StatisticId};

/// By request number.
///
/// Numbers are given out one after the other and answered in about that order, so neighbours are best kept
/// together: with a place each by its hash, a million opens would wait for memory several times each.
#[derive(Debug, Default)]
pub(super) struct References(Numbered<Reference>);

impl References {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn contains(&self, number: i32) -> bool {
        self.0.contains(place(number))
    }

    pub(super) fn get(&self, number: i32) -> Option<&Reference> {
        self.0.get(place(number))
    }

    pub(super) fn get_mut(&mut self, number: i32) -> Option<&mut Reference> {
        self.0.get_mut(place(number))
    }

    pub(super) fn insert(&mut self, number: i32, stands_for: Reference) {
        self.0.insert(place(number), stands_for);
    }

    pub(super) fn remove(&mut self, number: i32) -> Option<Reference> {
        self.0.remove(place(number))
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> impl Iterator<Item = &Reference> {
        self.0.values()
    }
}

/// The table is one by statistic number; any other number does as well.
fn place(number: i32) -> StatisticId {
    StatisticId(number.cast_unsigned())
}

/// One stands for each of 1.2 million statistics, so growth is to be a decision.
#[cfg(test)]
#[test]
fn what_a_request_number_costs_is_known() {
    assert_eq!(size_of::<Reference>(), 16);
}
