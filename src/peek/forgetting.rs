//! Forgetting a statistic because somebody says so: closed on the Stat Server, gone from memory and
//! from the store.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use super::{Peek, PublicId, Selector};
use crate::model::StatisticId;
use crate::store::Change;

/// How long the store may take to confirm. A healthy one takes milliseconds.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(3);

/// Why a statistic is not forgotten, or not surely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotForgotten {
    /// There is none of that name among those chosen.
    Unknown,
    /// The configuration lists it as always open.
    Listed,
    /// It is forgotten, but the store does not confirm that it wrote so.
    Unconfirmed,
}

/// Numbers of those that were forgotten lately.
#[derive(Debug, Default)]
pub(super) struct Forgotten(Mutex<HashSet<StatisticId>>);

impl Forgotten {
    fn add(&self, id: StatisticId) {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.insert(id);
    }

    /// All of them. Those that a fetch is still under way for are told again the next time.
    pub(super) fn take(&self, under_way: &HashSet<StatisticId>) -> Vec<StatisticId> {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = ids.iter().copied().collect();
        ids.retain(|id| under_way.contains(id));
        all
    }
}

impl Peek {
    /// Closes a statistic on the Stat Server and forgets it, with its history if so asked. Resolves
    /// when that is on the disk.
    pub(super) async fn forget_one(
        &self,
        id: PublicId,
        selector: &Selector,
        with_history: bool,
    ) -> Result<(), NotForgotten> {
        if self.board.one(id, selector).is_none() {
            return Err(NotForgotten::Unknown);
        }
        let slot = self.cache.slot(id.id).ok_or(NotForgotten::Unknown)?;
        if !self.cache.forget(&slot) {
            return Err(if slot.is_pinned() {
                NotForgotten::Listed
            } else {
                NotForgotten::Unknown
            });
        }
        let id = slot.id;
        self.forgotten.add(id);
        let mut changes = vec![Change::Forgotten { id }, self.board.dropped_now()];
        if with_history {
            changes.push(Change::Erased { id });
        }
        self.board.record(changes);
        tracing::info!(statistic = %slot.statistic, with_history, "forgotten because an operator said so");
        self.upstream.close(&[id]).await;
        let Some(writer) = &self.board.stored.writer else {
            return Ok(());
        };
        match timeout(CONFIRMED_WITHIN, writer.flush()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(NotForgotten::Unconfirmed),
        }
    }
}
