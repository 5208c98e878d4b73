//! Reads a store into memory: meta, pages, then the journal from the checkpoint on.
//!
//! Damaged values are skipped and described. Writes nothing.

use std::ops::ControlFlow;

use super::codec::{self, Assembler, Joined, Record};
use super::engine::{Engine, EngineError, Tree};
use super::image::{Image, Kind, page_of};
use super::journal;
use super::meta::Meta;
use super::status::{Damage, Sequence};
use crate::model::Revision;

/// What a store held.
pub(super) struct Recovered {
    pub(super) image: Image,
    pub(super) meta: Meta,
    pub(super) last_sequence: Sequence,
    /// Bytes of the journal, as far as known.
    pub(super) journal_size: u64,
    pub(super) pages: u64,
    pub(super) replayed_changes: u64,
    pub(super) damage: Damage,
}

/// Reads everything that `now` holds.
pub(super) fn recover(engine: &Engine) -> Result<Recovered, EngineError> {
    let mut damage = Damage::default();
    let mut meta = Meta::read(engine, &mut damage)?;
    let mut recovered = Recovered {
        image: Image::default(),
        last_sequence: Sequence(meta.checkpoint.sequence),
        journal_size: meta.checkpoint.journal_size,
        meta: Meta::default(),
        pages: 0,
        replayed_changes: 0,
        damage,
    };
    let image = &mut recovered.image;
    image.restore_checkpoint(&meta.checkpoint);
    let (generation, counter) = meta.dropped;
    image.restore_dropped(Revision {
        generation,
        counter,
    });
    image.restore_names(
        std::mem::take(&mut meta.servers),
        std::mem::take(&mut meta.stat_types),
    );
    // The catalogue first: a value is only taken for a statistic that is known.
    read_pages(engine, Kind::Catalogue, &mut recovered)?;
    read_pages(engine, Kind::Last, &mut recovered)?;
    replay(engine, Sequence(meta.checkpoint.sequence), &mut recovered)?;
    recovered.restore_counters(&mut meta);
    recovered.meta = meta;
    Ok(recovered)
}

fn read_pages(engine: &Engine, kind: Kind, into: &mut Recovered) -> Result<(), EngineError> {
    each_value(engine, tree_of(kind), &[], |joined| {
        into.take_page(kind, &joined);
    })
}

fn replay(engine: &Engine, after: Sequence, into: &mut Recovered) -> Result<(), EngineError> {
    let from = Sequence(after.0.saturating_add(1));
    each_value(engine, Tree::Journal, &journal::key_of(from), |joined| {
        into.take_entry(&joined);
    })?;
    // The checkpoint itself may be the damaged part: entries are never numbered twice.
    if let Some(last) = engine
        .last_key(Tree::Journal)?
        .as_deref()
        .and_then(journal::sequence_of)
    {
        into.last_sequence = into.last_sequence.max(last);
    }
    Ok(())
}

/// Shows every value of a tree from `from` on, put together from its parts.
pub(super) fn each_value(
    engine: &Engine,
    tree: Tree,
    from: &[u8],
    mut take: impl FnMut(Joined),
) -> Result<(), EngineError> {
    let mut assembler = Assembler::default();
    engine.scan(tree, from, |key, value| {
        if let Some(joined) = assembler.push(key, value) {
            take(joined);
        }
        ControlFlow::Continue(())
    })?;
    if let Some(joined) = assembler.finish() {
        take(joined);
    }
    Ok(())
}

/// The tree that holds pages of this kind.
pub(super) const fn tree_of(kind: Kind) -> Tree {
    match kind {
        Kind::Catalogue => Tree::Catalogue,
        Kind::Last => Tree::Last,
    }
}

impl Recovered {
    fn take_page(&mut self, kind: Kind, joined: &Joined) {
        self.pages += 1;
        let Ok(position) = <[u8; 4]>::try_from(joined.prefix.as_slice()) else {
            return self
                .damage
                .note(format!("{kind:?} holds a key that is no page's"));
        };
        let page = u32::from_be_bytes(position);
        *self.image.page_parts((kind, page)) = joined.parts;
        let mut faults = Vec::new();
        match (&joined.payload, kind) {
            (Err(fault), _) => faults.push(fault.clone()),
            (Ok(payload), Kind::Catalogue) => {
                for slot in codec::read_catalogue_page(payload, &mut faults) {
                    if page_of(slot.id) == page {
                        self.image.restore(slot);
                    } else {
                        faults.push(format!("statistic {} does not belong here", slot.id.0));
                    }
                }
            }
            (Ok(payload), Kind::Last) => {
                let mut values = codec::read_last_page(payload, &mut faults);
                values.retain(|slot| {
                    let belongs = page_of(slot.id) == page;
                    if !belongs {
                        faults.push(format!("statistic {} does not belong here", slot.id.0));
                    }
                    belongs
                });
                let payload = faults.is_empty().then_some(payload.as_slice());
                self.image.restore_lasts(page, values, payload);
            }
        }
        for fault in faults {
            self.damage.note(format!("{kind:?} page {page}: {fault}"));
        }
    }

    fn take_entry(&mut self, joined: &Joined) {
        self.journal_size += joined.size;
        let Some(sequence) = journal::sequence_of(&joined.prefix) else {
            return self
                .damage
                .note("the journal holds a key that is no entry's".to_owned());
        };
        self.last_sequence = self.last_sequence.max(sequence);
        let mut faults = Vec::new();
        match &joined.payload {
            Err(fault) => faults.push(fault.clone()),
            Ok(payload) => codec::read_records(payload, &mut faults, &mut |record| match record {
                Record::Change(change) => {
                    self.replayed_changes += 1;
                    self.image.apply(change);
                }
                Record::Started { generation, .. } => self.image.saw_generation(generation),
                Record::Lost { .. } | Record::At { .. } => {}
            }),
        }
        for fault in faults {
            self.damage
                .note(format!("journal entry {}: {fault}", sequence.0));
        }
    }

    /// A lost counter is taken up behind everything that was seen of it, so that no revision, epoch
    /// or sequence is given twice.
    fn restore_counters(&self, meta: &mut Meta) {
        meta.generation = meta.generation.max(self.image.generation_max());
        meta.epoch_ceiling = meta
            .epoch_ceiling
            .max(self.image.epoch_max().saturating_add(1));
    }
}
