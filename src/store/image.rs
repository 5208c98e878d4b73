//! What the store holds, in memory: the source of the pages and of what is loaded at start.
//!
//! Knows which pages differ from the disk's; does not know how they get there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::change::{Change, LastValue, Subscription};
use super::codec::{self, CatalogueSlot, CheckpointV1, Fault, ServersV1, StatTypesV1};
use super::lasts::{Lasts, ReadLasts};
use super::loaded::{Loaded, LoadedPage, LoadedStatistics};
use crate::model::{Revision, ServerId, Statistic, StatisticId};

/// Statistics per page.
pub(super) const PAGE_LEN: u32 = 64;

/// Which kind of page, hence which tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Catalogue,
    Last,
}

/// A page: its kind and its position.
pub(super) type PageName = (Kind, u32);

/// Everything that is known now. Pages are kept by position and not in one long list, so that a
/// damaged number cannot make it allocate for a billion statistics.
#[derive(Debug, Default)]
pub(super) struct Image {
    pages: HashMap<u32, Page, FixedState>,
    next_id: u32,
    last_revision: Revision,
    /// Up to here something was dropped.
    dropped: Revision,
    generation_max: u32,
    /// The greatest epoch of any sample seen.
    epoch_max: u64,
    servers: BTreeMap<u16, String>,
    stat_types: BTreeMap<String, Vec<String>>,
    /// Pages that hold more than the disk's.
    dirty: BTreeSet<PageName>,
    /// Servers, stat types or what was dropped differ from the disk's.
    pub(super) names_dirty: bool,
}

/// The statistics of a page by position. Shared with what is loaded at start until that is taken, which
/// costs no copy.
pub(super) type Slots = Arc<Vec<Option<Slot>>>;

#[derive(Debug, Default)]
struct Page {
    /// At most [`PAGE_LEN`], by position in the page.
    slots: Slots,
    /// Only of those.
    lasts: Lasts,
    /// Parts on disk, per kind.
    catalogue_parts: u16,
    last_parts: u16,
    /// Whether it is among the dirty ones, per kind.
    catalogue_dirty: bool,
    last_dirty: bool,
}

/// One statistic. Text is shared with the rest of the program.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) statistic: Arc<Statistic>,
    pub(super) subscription: Option<Subscription>,
    pub(super) protected: bool,
}

impl Image {
    /// Applies a change. What is about an unknown statistic changes nothing.
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Registered { id, statistic } => {
                self.next_id = self.next_id.max(id.0.saturating_add(1));
                self.register(id, statistic);
                self.mark((Kind::Catalogue, page_of(id)));
            }
            Change::Subscribed { id, subscription } => {
                self.change(id, |slot| {
                    slot.protected = subscription.protected;
                    slot.subscription.replace(subscription) != Some(subscription)
                });
            }
            Change::Unsubscribed { id } => {
                self.change(id, |slot| slot.subscription.take().is_some());
            }
            Change::Forgotten { id } => self.forget(id),
            Change::Sample {
                id,
                sample,
                revision,
            } => {
                self.last_revision = self.last_revision.max(revision);
                self.epoch_max = self.epoch_max.max(sample.epoch.0);
                let last = LastValue { sample, revision };
                self.change_last(id, |lasts| lasts.put(id, last));
            }
            Change::Validated { id, at } => self.change_last(id, |lasts| {
                lasts.change(id, |last| last.sample.validated_at = at)
            }),
            Change::Quality { id, quality } => self.change_last(id, |lasts| {
                lasts.change(id, |last| last.sample.quality = quality)
            }),
            Change::ServerNamed { server, name } => {
                self.names_dirty |= self.servers.insert(server.0, name.clone()) != Some(name);
            }
            Change::StatTypes { server_name, names } => {
                let before = self.stat_types.insert(server_name, names.clone());
                self.names_dirty |= before != Some(names);
            }
            Change::Dropped { revision } => {
                self.restore_dropped(revision);
                self.names_dirty = true;
            }
            // History's business alone.
            Change::LinkUp { .. } | Change::LinkDown { .. } | Change::Erased { .. } => {}
        }
    }

    fn register(&mut self, id: StatisticId, statistic: Arc<Statistic>) {
        let page = self.pages.entry(page_of(id)).or_default();
        match page.place(id) {
            Some(Some(slot)) => slot.statistic = statistic,
            Some(place) => {
                *place = Some(Slot {
                    statistic,
                    subscription: None,
                    protected: false,
                });
            }
            None => {}
        }
    }

    fn forget(&mut self, id: StatisticId) {
        let Some(page) = self.pages.get_mut(&page_of(id)) else {
            return;
        };
        let slot = Arc::make_mut(&mut page.slots).get_mut(position_of(id));
        if slot.and_then(Option::take).is_some() {
            page.lasts.forget(id);
            self.mark((Kind::Catalogue, page_of(id)));
            self.mark((Kind::Last, page_of(id)));
        }
    }

    fn change(&mut self, id: StatisticId, change: impl FnOnce(&mut Slot) -> bool) {
        let slot = self.slot(id);
        if slot.is_some_and(change) {
            self.mark((Kind::Catalogue, page_of(id)));
        }
    }

    /// Changes the last values, as far as they are of a known statistic.
    fn change_last(&mut self, id: StatisticId, change: impl FnOnce(&mut Lasts) -> bool) {
        let Some(page) = self.pages.get_mut(&page_of(id)) else {
            return;
        };
        // Mostly it is known to be dirty: notifications come in far greater numbers than pages.
        if page.knows(id)
            && change(&mut page.lasts)
            && !std::mem::replace(&mut page.last_dirty, true)
        {
            self.dirty.insert((Kind::Last, page_of(id)));
        }
    }

    /// Notes that a page differs from the disk's.
    pub(super) fn mark(&mut self, name: PageName) {
        if let Some(page) = self.pages.get_mut(&name.1) {
            *page.dirty(name.0) = true;
        }
        self.dirty.insert(name);
    }

    /// Notes that a page is as the disk's.
    pub(super) fn unmark(&mut self, name: PageName) {
        if let Some(page) = self.pages.get_mut(&name.1) {
            *page.dirty(name.0) = false;
        }
        self.dirty.remove(&name);
    }

    /// Pages that hold more than the disk's.
    pub(super) const fn dirty(&self) -> &BTreeSet<PageName> {
        &self.dirty
    }

    /// All pages by their position.
    fn pages(&self) -> impl Iterator<Item = (u32, &Page)> {
        let pages = self.pages.iter().map(|(position, page)| (*position, page));
        let mut pages: Vec<_> = pages.collect();
        pages.sort_unstable_by_key(|(position, _)| *position);
        pages.into_iter()
    }

    fn slot(&mut self, id: StatisticId) -> Option<&mut Slot> {
        let page = self.pages.get_mut(&page_of(id))?;
        Arc::make_mut(&mut page.slots)
            .get_mut(position_of(id))?
            .as_mut()
    }

    /// Takes the statistics of a catalogue page read from disk.
    pub(super) fn restore(&mut self, number: u32, slots: Vec<CatalogueSlot>) {
        let page = self.pages.entry(number).or_default();
        Arc::make_mut(&mut page.slots).reserve_exact(slots.len());
        for slot in slots {
            self.next_id = self.next_id.max(slot.id.0.saturating_add(1));
            if let Some(place) = page.place(slot.id) {
                *place = Some(Slot {
                    statistic: slot.statistic,
                    subscription: slot.subscription,
                    protected: slot.protected,
                });
            }
        }
    }

    /// Takes the values of a page read from disk. A value without a statistic is no damage: after a
    /// sudden end in the middle of a cycle the catalogue's page may be older, and then the journal
    /// holds the value, too; or newer, and then the statistic is forgotten.
    pub(super) fn restore_lasts(&mut self, number: u32, read: ReadLasts) {
        self.last_revision = self.last_revision.max(read.newest);
        self.epoch_max = self.epoch_max.max(read.epoch_max);
        let Some(page) = self.pages.get_mut(&number) else {
            return;
        };
        page.lasts = read.lasts;
        let first = number.saturating_mul(PAGE_LEN);
        let ids = (0..PAGE_LEN).map(|position| StatisticId(first.saturating_add(position)));
        let mut is_whole = true;
        for id in ids.filter(|id| read.present & bit_of(*id) != 0) {
            if !page.knows(id) {
                page.lasts.forget(id);
                is_whole = false;
            }
        }
        if !is_whole {
            // Loose they are whole, too.
            page.lasts.pack().unwrap_or_default();
        }
    }

    /// Keeps the values of a page in less room, as they are about to be written.
    pub(super) fn pack(&mut self, name: PageName) -> Result<(), Fault> {
        match (name.0, self.pages.get_mut(&name.1)) {
            (Kind::Last, Some(page)) => page.lasts.pack(),
            _ => Ok(()),
        }
    }

    /// A start of the process is on record: its generation was used, with or without samples.
    pub(super) fn saw_generation(&mut self, generation: u32) {
        self.generation_max = self.generation_max.max(generation);
    }

    /// Takes what `meta` held.
    pub(super) fn restore_names(&mut self, servers: ServersV1, stat_types: StatTypesV1) {
        self.servers = servers.0.into_iter().collect();
        self.stat_types = stat_types.0.into_iter().collect();
    }

    /// Something was dropped up to a revision, which was given out with it.
    pub(super) fn restore_dropped(&mut self, revision: Revision) {
        self.dropped = self.dropped.max(revision);
        self.last_revision = self.last_revision.max(revision);
    }

    /// The greatest revision up to which something was dropped.
    pub(super) fn dropped(&self) -> Revision {
        self.dropped
    }

    /// Takes what the last checkpoint held.
    pub(super) fn restore_checkpoint(&mut self, checkpoint: &CheckpointV1) {
        self.next_id = self.next_id.max(checkpoint.next_id);
        self.last_revision = self.last_revision.max(Revision {
            generation: checkpoint.generation,
            counter: checkpoint.counter,
        });
    }

    /// The payload of a page as it is now, or `None` when it holds nothing.
    pub(super) fn page_payload(&self, name: PageName) -> Result<Option<Vec<u8>>, Fault> {
        let first = name.1.saturating_mul(PAGE_LEN);
        let slots = || {
            let page = self.pages.get(&name.1);
            let slots = page.map_or(&[][..], |page| page.slots.as_slice());
            let ids = first..=first.saturating_add(PAGE_LEN - 1);
            let numbered = ids.map(StatisticId).zip(slots);
            numbered.filter_map(|(id, slot)| slot.as_ref().map(|slot| (id, slot)))
        };
        match name.0 {
            Kind::Catalogue if slots().next().is_none() => Ok(None),
            Kind::Catalogue => codec::write_catalogue_page(
                slots().map(|(id, slot)| (id, &*slot.statistic, slot.subscription, slot.protected)),
            )
            .map(Some),
            Kind::Last => {
                let page = self.pages.get(&name.1);
                let payload = page.map(|page| page.lasts.payload()).transpose()?;
                Ok(payload.filter(|payload| !payload.is_empty()))
            }
        }
    }

    /// Every page that may hold something.
    pub(super) fn page_names(&self) -> Vec<PageName> {
        let kinds = [Kind::Catalogue, Kind::Last];
        let pages = self.pages();
        pages
            .flat_map(|(page, _)| kinds.map(|kind| (kind, page)))
            .collect()
    }

    /// How many parts of a page lie on disk; set after reading and before writing it.
    pub(super) fn page_parts(&mut self, name: PageName) -> &mut u16 {
        let page = self.pages.entry(name.1).or_default();
        match name.0 {
            Kind::Catalogue => &mut page.catalogue_parts,
            Kind::Last => &mut page.last_parts,
        }
    }

    /// The names for `meta`.
    pub(super) fn names(&self) -> (ServersV1, StatTypesV1) {
        let servers = self.servers.iter().map(|(id, name)| (*id, name.clone()));
        let types = self.stat_types.iter();
        let types = types.map(|(server, names)| (server.clone(), names.clone()));
        (ServersV1(servers.collect()), StatTypesV1(types.collect()))
    }

    /// The first number never given to a statistic.
    pub(super) fn next_id(&self) -> u32 {
        self.next_id
    }

    /// The greatest revision of any sample seen.
    pub(super) fn last_revision(&self) -> Revision {
        self.last_revision
    }

    /// The greatest generation on record.
    pub(super) fn generation_max(&self) -> u32 {
        self.generation_max.max(self.last_revision.generation)
    }

    /// The greatest epoch of any sample seen.
    pub(super) fn epoch_max(&self) -> u64 {
        self.epoch_max
    }

    /// All statistics.
    pub(super) fn statistics(&self) -> impl Iterator<Item = (StatisticId, &Statistic)> {
        self.pages().flat_map(|(page, content)| {
            let first = page.saturating_mul(PAGE_LEN);
            let ids = first..=first.saturating_add(PAGE_LEN - 1);
            let numbered = ids.map(StatisticId).zip(&*content.slots);
            numbered.filter_map(|(id, slot)| Some((id, &*slot.as_ref()?.statistic)))
        })
    }

    /// Everything, for the rest of the program; last values as they are packed.
    pub(super) fn loaded(&self) -> Loaded {
        let pages = self.pages().map(|(number, page)| LoadedPage {
            number,
            slots: Arc::clone(&page.slots),
            lasts: page.lasts.clone(),
        });
        let statistics = LoadedStatistics::new(pages.collect());
        let (servers, stat_types) = self.names();
        let servers = servers.0.into_iter();
        Loaded {
            statistics,
            next_id: StatisticId(self.next_id),
            last_revision: self.last_revision,
            dropped: self.dropped,
            stat_types: stat_types.0,
            servers: servers.map(|(id, name)| (ServerId(id), name)).collect(),
        }
    }
}

impl Page {
    /// The place of a statistic of this page, made if need be.
    fn place(&mut self, id: StatisticId) -> Option<&mut Option<Slot>> {
        let position = position_of(id);
        let slots = Arc::make_mut(&mut self.slots);
        if slots.len() <= position {
            slots.resize_with(position + 1, || None);
        }
        slots.get_mut(position)
    }

    fn knows(&self, id: StatisticId) -> bool {
        self.slots.get(position_of(id)).is_some_and(Option::is_some)
    }

    const fn dirty(&mut self, kind: Kind) -> &mut bool {
        match kind {
            Kind::Catalogue => &mut self.catalogue_dirty,
            Kind::Last => &mut self.last_dirty,
        }
    }
}

/// The page that holds a statistic.
pub(super) const fn page_of(id: StatisticId) -> u32 {
    id.0 / PAGE_LEN
}

/// The bit that stands for a statistic among those of its page.
pub(super) const fn bit_of(id: StatisticId) -> u64 {
    1 << position_of(id)
}

const fn position_of(id: StatisticId) -> usize {
    (id.0 % PAGE_LEN) as usize
}
