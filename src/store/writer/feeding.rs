//! Gives history what is flushed: straight from memory, or out of the journal where it fell behind.

use std::ops::ControlFlow;

use tokio::time::Instant;

use crate::model::{Statistic, StatisticId, Timestamp};
use crate::store::codec::{Assembler, Record};
use crate::store::engine::{Engine, EngineError, Tree};
use crate::store::history::{Handoff, History, Keeper, Translator};
use crate::store::journal;
use crate::store::status::Sequence;

/// Journal entries read between two looks at the clock.
const ENTRIES_PER_LOOK: usize = 64;

/// What history has been given, and what it is given next.
pub(super) struct Feeder {
    /// `None` for a store that survives nothing.
    keeper: Option<Keeper>,
    translator: Translator,
    /// The newest journal entry given; `None` while history is being opened.
    given: Option<Sequence>,
    /// Rows whose journal entries are being flushed.
    next: Option<Handoff>,
}

impl Feeder {
    pub(super) fn new(keeper: Option<Keeper>, durable: Sequence) -> Self {
        let feeder = Self {
            keeper,
            translator: Translator::default(),
            given: None,
            next: None,
        };
        feeder.note_flushed(durable);
        feeder
    }

    /// Tells how far the journal is on the disk itself.
    fn note_flushed(&self, durable: Sequence) {
        if let Some(keeper) = &self.keeper {
            keeper.note_flushed(durable);
        }
    }

    /// Tells of the statistics known at start.
    pub(super) fn learn<'a>(&self, known: impl Iterator<Item = (StatisticId, &'a Statistic)>) {
        if let Some(keeper) = &self.keeper {
            for (id, statistic) in known {
                keeper.learn(id, statistic);
            }
        }
    }

    /// The newest entry that the journal need not keep for history's sake.
    pub(super) fn folded(&self) -> Option<Sequence> {
        self.keeper.as_ref()?.folded()
    }

    /// Bytes of history on the disk, and the latest instant in them.
    pub(super) fn figures(&self) -> (u64, Option<Timestamp>) {
        self.keeper
            .as_ref()
            .map(Keeper::figures)
            .unwrap_or_default()
    }

    /// History as it is now, whatever becomes of it; `None` while it is being opened.
    pub(super) fn freeze(&self) -> Option<History> {
        match &self.keeper {
            Some(keeper) => keeper.freeze(),
            None => Some(History::none()),
        }
    }

    pub(super) fn fault(&self) -> Option<String> {
        self.keeper.as_ref()?.fault()
    }

    /// Translates records that will be the entries after `durable`, if history has everything
    /// before them.
    pub(super) fn prepare(&mut self, durable: Sequence, records: &[Record], to: Sequence) {
        self.next = None;
        let has_room = self.keeper.as_ref().is_some_and(Keeper::has_room);
        if self.given != Some(durable) || !has_room {
            return;
        }
        let mut handoff = Handoff::behind(durable);
        for record in records {
            self.translator.add(record, &mut handoff);
        }
        handoff.to = to;
        self.next = Some(handoff);
    }

    /// The entries last prepared are on the disk itself.
    pub(super) fn flushed(&mut self, durable: Sequence) {
        self.note_flushed(durable);
        if let (Some(keeper), Some(handoff)) = (&self.keeper, self.next.take()) {
            self.given = Some(handoff.to);
            if handoff.to > handoff.after {
                keeper.give(handoff);
            }
        }
    }

    /// Reads on in the journal where history has less than what is durable.
    pub(super) fn catch_up(
        &mut self,
        engine: &Engine,
        durable: Sequence,
        deadline: Option<Instant>,
    ) -> Result<(), EngineError> {
        let Some(keeper) = &self.keeper else {
            return Ok(());
        };
        self.given = self.given.or_else(|| keeper.folded());
        while let Some(given) = self.given
            && given < durable
            && keeper.has_room()
        {
            let mut handoff = Handoff::behind(given);
            let read = read_entries(engine, &mut self.translator, &mut handoff, durable)?;
            if !read {
                // What is not there any more never will be.
                self.translator.missed();
                handoff.to = durable;
            }
            self.given = Some(handoff.to);
            keeper.give(handoff);
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break;
            }
        }
        Ok(())
    }

    /// Whether history has, or is about to have, everything that is durable.
    pub(super) fn is_even(&self, durable: Sequence) -> bool {
        self.keeper.is_none() || self.given == Some(durable)
    }
}

/// Reads some entries after those of the handoff; false when there are none.
fn read_entries(
    engine: &Engine,
    translator: &mut Translator,
    handoff: &mut Handoff,
    durable: Sequence,
) -> Result<bool, EngineError> {
    let from = Sequence(handoff.to.0.saturating_add(1));
    let mut assembler = Assembler::default();
    let mut entries = Vec::new();
    engine.scan(Tree::Journal, &journal::key_of(from), |key, value| {
        entries.extend(assembler.push(key, value));
        if entries.len() >= ENTRIES_PER_LOOK {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    if entries.len() < ENTRIES_PER_LOOK {
        entries.extend(assembler.finish());
    }
    let mut read = false;
    for entry in entries {
        // What is written and not yet flushed comes another time.
        let sequence = journal::sequence_of(&entry.prefix);
        if let Some(sequence) = sequence.filter(|sequence| *sequence <= durable) {
            translator.read_entry(sequence, entry.payload, handoff);
            read = true;
        }
    }
    Ok(read)
}
