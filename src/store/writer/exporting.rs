//! Gives out everything that the engine holds while writing goes on: in portions, between the
//! writer's own work, no faster than they are taken.
//!
//! What is given is what a sudden end would leave: pages, each at least as new as the checkpoint,
//! then the journal after it up to a point that comes after all pages. Meanwhile the journal keeps
//! its entries.

use std::ops::ControlFlow;
use std::sync::mpsc::{SyncSender, TrySendError};

use tokio::time::Instant;

use super::feeding::Feeder;
use crate::store::backup::TREES;
use crate::store::engine::{Engine, EngineError, Tree};
use crate::store::history::History;
use crate::store::journal;
use crate::store::status::Sequence;

/// Bytes given at once; a value of many parts is never cut.
const PORTION_LEN: usize = 64 * 1024;
/// Portions that wait for whoever takes them.
pub(super) const PORTIONS_WAITING: usize = 4;

/// A part of a store.
pub(in crate::store) enum Portion {
    /// Some of what the engine holds, in the order of [`TREES`] and of the keys.
    Entries(Vec<Entry>),
    /// That was all; and this is the history that goes with it.
    End(History),
    /// It cannot be read on.
    Failed(String),
}

/// A key and its value.
pub(in crate::store) struct Entry {
    pub(in crate::store) tree: Tree,
    pub(in crate::store) key: Vec<u8>,
    pub(in crate::store) value: Vec<u8>,
}

/// Everything that is being given out.
#[derive(Default)]
pub(super) struct Exports(Vec<Export>);

struct Export {
    taker: SyncSender<Portion>,
    /// Read and not taken yet.
    ready: Option<Portion>,
    /// Position among [`TREES`], and the next key.
    place: (usize, Vec<u8>),
    /// The end of the journal, and what history looked like then; once that is reached.
    end: Option<(Sequence, History)>,
}

impl Exports {
    pub(super) fn begin(&mut self, taker: SyncSender<Portion>) {
        self.0.push(Export {
            taker,
            ready: None,
            place: (0, Vec::new()),
            end: None,
        });
    }

    /// Whether nothing is being given out.
    pub(super) const fn is_resting(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on until `deadline`, or until nobody takes more for now. That something cannot be read
    /// is for the taker to know, and no fault of the writing.
    pub(super) fn advance(
        &mut self,
        engine: &Engine,
        feeder: &Feeder,
        durable: Sequence,
        deadline: Instant,
    ) {
        self.0.retain_mut(|export| {
            export
                .advance(engine, feeder, durable, deadline)
                .is_continue()
        });
    }

    /// Gives up: the journal has no room left for what is kept back.
    pub(super) fn abandon(&mut self, why: &str) {
        for export in self.0.drain(..) {
            tracing::warn!(target: "peekd::store", why, "a backup or a check is given up");
            let failed = Portion::Failed(why.to_owned());
            // Who takes nothing learns it by the end of the portions.
            export.taker.try_send(failed).unwrap_or_default();
        }
    }
}

impl Export {
    fn advance(
        &mut self,
        engine: &Engine,
        feeder: &Feeder,
        durable: Sequence,
        deadline: Instant,
    ) -> ControlFlow<()> {
        loop {
            let portion = match self.ready.take() {
                Some(portion) => portion,
                None => self.read(engine, feeder, durable),
            };
            let is_last = !matches!(portion, Portion::Entries(_));
            match self.taker.try_send(portion) {
                Ok(()) if !is_last => {}
                Ok(()) | Err(TrySendError::Disconnected(_)) => return ControlFlow::Break(()),
                Err(TrySendError::Full(portion)) => {
                    self.ready = Some(portion);
                    return ControlFlow::Continue(());
                }
            }
            if Instant::now() >= deadline {
                return ControlFlow::Continue(());
            }
        }
    }

    fn read(&mut self, engine: &Engine, feeder: &Feeder, durable: Sequence) -> Portion {
        let Some(tree) = TREES.get(self.place.0).copied() else {
            return match self.end.take() {
                Some((_, history)) => Portion::End(history),
                None => Portion::Failed("it ended before its journal".to_owned()),
            };
        };
        if tree == Tree::Journal && self.end.is_none() {
            // All pages are given: whatever they hold is in the journal up to here.
            match feeder.freeze() {
                Some(history) => self.end = Some((durable, history)),
                None => return Portion::Failed("history is still being opened".to_owned()),
            }
        }
        match self.read_tree(engine, tree) {
            Ok(entries) => Portion::Entries(entries),
            Err(error) => Portion::Failed(error.0),
        }
    }

    fn read_tree(&mut self, engine: &Engine, tree: Tree) -> Result<Vec<Entry>, EngineError> {
        let until = self.end.as_ref().map(|(until, _)| *until);
        let (mut entries, mut size): (Vec<Entry>, usize) = (Vec::new(), 0);
        let mut next = None;
        engine.scan(tree, &self.place.1, |key, value| {
            if tree == Tree::Journal && journal::sequence_of(key) > until {
                return ControlFlow::Break(());
            }
            // The facts belong together, and so do the parts of a value, which may be replaced as
            // soon as the scan ends.
            let is_new = |last: &Entry| prefix_of(&last.key) != prefix_of(key);
            let is_full = size >= PORTION_LEN && tree != Tree::Meta;
            if is_full && entries.last().is_some_and(is_new) {
                next = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            size += key.len() + value.len();
            entries.push(Entry {
                tree,
                key: key.to_vec(),
                value: value.to_vec(),
            });
            ControlFlow::Continue(())
        })?;
        self.place = match next {
            Some(key) => (self.place.0, key),
            None => (self.place.0 + 1, Vec::new()),
        };
        Ok(entries)
    }
}

/// A key without the number of its part.
fn prefix_of(key: &[u8]) -> &[u8] {
    key.get(..key.len().saturating_sub(2)).unwrap_or_default()
}
