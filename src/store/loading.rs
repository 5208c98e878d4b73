//! Reads a store into memory: meta, pages, then the journal from the checkpoint on.
//!
//! Damaged values are skipped and described. Writes nothing.

use std::ops::ControlFlow;
use std::thread;

use super::codec::{self, Assembler, Fault, Joined, Record};
use super::engine::{Engine, EngineError, Tree};
use super::image::{Image, Kind, page_of};
use super::journal;
use super::lasts::ReadLasts;
use super::meta::Meta;
use super::status::{Damage, Sequence};
use crate::model::{Revision, StatisticId};

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
    read_pages(engine, &mut recovered)?;
    replay(engine, Sequence(meta.checkpoint.sequence), &mut recovered)?;
    recovered.restore_counters(&mut meta);
    recovered.meta = meta;
    Ok(recovered)
}

/// Reads both kinds of pages at the same time, which are about as much work; a machine with one core
/// loses nothing by it.
fn read_pages(engine: &Engine, into: &mut Recovered) -> Result<(), EngineError> {
    let lasts = thread::scope(|scope| {
        let reading = thread::Builder::new().name("store loading".to_owned());
        let reading = reading.spawn_scoped(scope, || read_lasts(engine));
        each_value(engine, Tree::Catalogue, &[], |joined| {
            into.take_catalogue_page(&joined);
        })?;
        let Ok(reading) = reading else {
            // No thread is to be had.
            return read_lasts(engine);
        };
        let stopped = |_| EngineError("reading the last values stopped".to_owned());
        reading.join().map_err(stopped)?
    })?;
    // After the catalogue: a value is only taken for a statistic that is known.
    for page in lasts {
        into.take_lasts(page);
    }
    Ok(())
}

/// A page of last values, as far as it makes sense.
struct LastPage {
    /// `None` where the key is no page's.
    number: Option<u32>,
    parts: u16,
    read: Result<ReadLasts, Fault>,
    faults: Vec<Fault>,
}

fn read_lasts(engine: &Engine) -> Result<Vec<LastPage>, EngineError> {
    let mut pages = Vec::new();
    each_value(engine, Tree::Last, &[], |joined| {
        pages.push(LastPage::of(&joined));
    })?;
    Ok(pages)
}

impl LastPage {
    fn of(joined: &Joined) -> Self {
        let number = page_number(joined);
        let mut faults = Vec::new();
        let read = joined.payload.as_deref().map_err(Clone::clone);
        let read = read.map(|payload| {
            let mut values = codec::read_last_page(payload, &mut faults);
            values.retain(|slot| belongs(slot.id, number, &mut faults));
            let payload = faults.is_empty().then_some(payload);
            ReadLasts::of(values, payload)
        });
        Self {
            number,
            parts: joined.parts,
            read,
            faults,
        }
    }
}

/// The number of a page, if its key has one.
fn page_number(joined: &Joined) -> Option<u32> {
    let position = <[u8; 4]>::try_from(joined.prefix.as_slice());
    position.ok().map(u32::from_be_bytes)
}

/// Whether a statistic belongs to this page; else says so.
fn belongs(id: StatisticId, page: Option<u32>, faults: &mut Vec<Fault>) -> bool {
    let belongs = Some(page_of(id)) == page;
    if !belongs {
        faults.push(format!("statistic {} does not belong here", id.0));
    }
    belongs
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
    fn take_catalogue_page(&mut self, joined: &Joined) {
        let Some(number) = self.count_page(Kind::Catalogue, page_number(joined), joined.parts)
        else {
            return;
        };
        let mut faults = Vec::new();
        match &joined.payload {
            Err(fault) => faults.push(fault.clone()),
            Ok(payload) => {
                let mut slots = codec::read_catalogue_page(payload, &mut faults);
                slots.retain(|slot| belongs(slot.id, Some(number), &mut faults));
                self.image.restore(number, slots);
            }
        }
        self.note(Kind::Catalogue, number, faults);
    }

    fn take_lasts(&mut self, page: LastPage) {
        let Some(number) = self.count_page(Kind::Last, page.number, page.parts) else {
            return;
        };
        let mut faults = page.faults;
        match page.read {
            Ok(read) => self.image.restore_lasts(number, read),
            Err(fault) => faults.push(fault),
        }
        self.note(Kind::Last, number, faults);
    }

    fn count_page(&mut self, kind: Kind, number: Option<u32>, parts: u16) -> Option<u32> {
        self.pages += 1;
        match number {
            Some(number) => *self.image.page_parts((kind, number)) = parts,
            None => self
                .damage
                .note(format!("{kind:?} holds a key that is no page's")),
        }
        number
    }

    fn note(&mut self, kind: Kind, page: u32, faults: Vec<Fault>) {
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
