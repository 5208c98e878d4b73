//! What the store knew at start, as it gives it to the rest of the program.
//!
//! Last values are unpacked statistic by statistic as they are taken: all of them at once would take
//! as much room as the cache they go to.

use std::fmt;
use std::sync::Arc;

use super::change::{LastValue, Subscription};
use super::image::{PAGE_LEN, Slots};
use super::lasts::Lasts;
use crate::model::{Revision, ServerId, Statistic, StatisticId};

/// One statistic as the store knew it at start.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedStatistic {
    /// Its number.
    pub id: StatisticId,
    /// What it is.
    pub statistic: Arc<Statistic>,
    /// How it was open, if it was.
    pub subscription: Option<Subscription>,
    /// Whether it was last opened with a tenant password; stays so after it was closed, so that its
    /// value is not shown to those who cannot prove the password.
    pub protected: bool,
    /// Its newest value, if it ever had one.
    pub last: Option<LastValue>,
}

/// Everything the store knew at start.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// All statistics.
    pub statistics: LoadedStatistics,
    /// The first number that was never given to a statistic, forgotten ones included.
    pub next_id: StatisticId,
    /// The greatest revision of any stored sample.
    pub last_revision: Revision,
    /// The greatest revision of any [`super::Change::Dropped`].
    pub dropped: Revision,
    /// Per server name, the stat types it defines.
    pub stat_types: Vec<(String, Vec<String>)>,
    /// The servers' numbers and names.
    pub servers: Vec<(ServerId, String)>,
}

/// All statistics that the store knew at start, by ascending number.
#[derive(Clone, Default)]
pub struct LoadedStatistics {
    pages: Vec<LoadedPage>,
}

/// The statistics of one page.
#[derive(Clone)]
pub(super) struct LoadedPage {
    pub(super) number: u32,
    pub(super) slots: Slots,
    pub(super) lasts: Lasts,
}

impl LoadedStatistics {
    /// `pages` by ascending number.
    pub(super) const fn new(pages: Vec<LoadedPage>) -> Self {
        Self { pages }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let slots = self.pages.iter().flat_map(|page| &*page.slots);
        slots.flatten().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One after the other.
    pub fn each(&self) -> impl Iterator<Item = LoadedStatistic> {
        let pages = self.pages.iter().cloned();
        pages.flat_map(LoadedPage::into_statistics)
    }

    /// One after the other; each page goes when it was shown.
    pub fn into_each(self) -> impl Iterator<Item = LoadedStatistic> {
        let pages = self.pages.into_iter();
        pages.flat_map(LoadedPage::into_statistics)
    }

    /// The first half of them and the second, about.
    #[must_use]
    pub fn into_halves(mut self) -> (Self, Self) {
        let second = self.pages.split_off(self.pages.len() / 2);
        (self, Self { pages: second })
    }
}

impl PartialEq for LoadedStatistics {
    fn eq(&self, other: &Self) -> bool {
        self.each().eq(other.each())
    }
}

/// Without the statistics: there are very many.
impl fmt::Debug for LoadedStatistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedStatistics")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl LoadedPage {
    fn into_statistics(self) -> impl Iterator<Item = LoadedStatistic> {
        let first = self.number.saturating_mul(PAGE_LEN);
        let ids = first..=first.saturating_add(PAGE_LEN - 1);
        let mut lasts = self.lasts.into_all().into_iter().peekable();
        let slots = self.slots;
        let numbered = ids.map(StatisticId).enumerate();
        numbered.filter_map(move |(position, id)| {
            let last = lasts.next_if(|last| last.id == id);
            let slot = slots.get(position)?.as_ref();
            slot.map(|slot| LoadedStatistic {
                id,
                statistic: Arc::clone(&slot.statistic),
                subscription: slot.subscription,
                protected: slot.protected,
                last: last.map(|last| last.last),
            })
        })
    }
}
