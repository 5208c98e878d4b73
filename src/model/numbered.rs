//! A table by statistic number: as quick as a list, as small as what it holds.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::StatisticId;

/// Values by statistic number.
///
/// Numbers are given one after the other and never again, so most neighbours are there: 64 of them
/// share a page, which holds only those that are there. A number out of nowhere costs one page.
#[derive(Debug, Clone)]
pub struct Numbered<T> {
    pages: HashMap<u32, Page<T>, RandomState>,
    len: usize,
}

/// The values of 64 neighbouring numbers.
#[derive(Debug, Clone)]
struct Page<T> {
    /// A bit for each that is there.
    present: u64,
    /// Those, in order.
    values: Vec<T>,
}

const PAGE_BITS: u32 = 6;

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            pages: HashMap::default(),
            len: 0,
        }
    }
}

impl<T> Numbered<T> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether there is one under this number.
    #[must_use]
    pub fn contains(&self, id: StatisticId) -> bool {
        self.get(id).is_some()
    }

    /// The one under this number.
    #[must_use]
    pub fn get(&self, id: StatisticId) -> Option<&T> {
        let page = self.pages.get(&page_of(id))?;
        page.values.get(page.place(id)?)
    }

    /// The one under this number.
    pub fn get_mut(&mut self, id: StatisticId) -> Option<&mut T> {
        let page = self.pages.get_mut(&page_of(id))?;
        let place = page.place(id)?;
        page.values.get_mut(place)
    }

    /// Puts one in; returns the one whose place it took.
    pub fn insert(&mut self, id: StatisticId, value: T) -> Option<T> {
        let page = self.pages.entry(page_of(id)).or_default();
        if let Some(place) = page.place(id) {
            let before = page.values.get_mut(place);
            return before.map(|before| std::mem::replace(before, value));
        }
        let place = page.count_below(id);
        page.values.insert(place, value);
        page.present |= bit_of(id);
        self.len += 1;
        None
    }

    /// The one under this number, made if there is none.
    pub fn get_or_insert_with(
        &mut self,
        id: StatisticId,
        make: impl FnOnce() -> T,
    ) -> Option<&mut T> {
        if !self.contains(id) {
            self.insert(id, make());
        }
        self.get_mut(id)
    }

    /// Takes the one under this number out.
    pub fn remove(&mut self, id: StatisticId) -> Option<T> {
        let page = self.pages.get_mut(&page_of(id))?;
        let place = page.place(id)?;
        page.present &= !bit_of(id);
        let value = page.values.remove(place);
        self.len -= 1;
        if page.present == 0 {
            self.pages.remove(&page_of(id));
        } else if page.values.len() <= page.values.capacity() / 4 {
            page.values.shrink_to(page.values.len() * 2);
        }
        Some(value)
    }

    /// Keeps those that `keep` says to keep.
    pub fn retain(&mut self, mut keep: impl FnMut(StatisticId, &mut T) -> bool) {
        let mut len = 0;
        self.pages.retain(|number, page| {
            let mut left = page.present;
            let present = &mut page.present;
            page.values.retain_mut(|value| {
                let id = take_lowest(*number, &mut left);
                let kept = keep(id, value);
                if !kept {
                    *present &= !bit_of(id);
                }
                kept
            });
            len += page.values.len();
            *present != 0
        });
        self.len = len;
    }

    /// All of them; pages in no order.
    pub fn iter(&self) -> impl Iterator<Item = (StatisticId, &T)> {
        self.pages.iter().flat_map(|(number, page)| {
            let mut left = page.present;
            let values = page.values.iter();
            values.map(move |value| (take_lowest(*number, &mut left), value))
        })
    }

    /// All of them; pages in no order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.pages.values().flat_map(|page| &page.values)
    }

    /// All of them; pages in no order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.pages.values_mut().flat_map(|page| &mut page.values)
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            present: 0,
            values: Vec::new(),
        }
    }
}

impl<T> Page<T> {
    /// Where in the page the one under this number is, if it is there.
    fn place(&self, id: StatisticId) -> Option<usize> {
        (self.present & bit_of(id) != 0).then(|| self.count_below(id))
    }

    /// How many of the page have lower numbers.
    fn count_below(&self, id: StatisticId) -> usize {
        (self.present & (bit_of(id) - 1)).count_ones() as usize
    }
}

const fn page_of(id: StatisticId) -> u32 {
    id.0 >> PAGE_BITS
}

const fn bit_of(id: StatisticId) -> u64 {
    1 << (id.0 & ((1 << PAGE_BITS) - 1))
}

/// The number of the lowest bit, which is taken out.
fn take_lowest(page: u32, bits: &mut u64) -> StatisticId {
    let lowest = bits.trailing_zeros();
    *bits &= bits.wrapping_sub(1);
    StatisticId((page << PAGE_BITS) | (lowest & ((1 << PAGE_BITS) - 1)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = u32> {
        prop_oneof![0u32..150, Just(u32::MAX), Just(u32::MAX - 64)]
    }

    proptest! {
        #[test]
        fn it_holds_what_an_ordinary_map_holds(
            steps in prop::collection::vec((0u8..8, number(), any::<u16>()), 0..400),
        ) {
            let mut table = Numbered::default();
            let mut map = BTreeMap::new();
            for (what, number, value) in steps {
                let id = StatisticId(number);
                match what {
                    0..=3 => prop_assert_eq!(table.insert(id, value), map.insert(id, value)),
                    4 | 5 => prop_assert_eq!(table.remove(id), map.remove(&id)),
                    6 => {
                        let made = table.get_or_insert_with(id, || value);
                        prop_assert_eq!(made, Some(map.entry(id).or_insert(value)));
                    }
                    _ => {
                        let keep = |id: StatisticId, held: u16| !(u32::from(held) ^ id.0).is_multiple_of(3);
                        table.retain(|id, held| keep(id, *held));
                        map.retain(|id, held| keep(*id, *held));
                    }
                }
                prop_assert_eq!(table.get(id), map.get(&id));
                prop_assert_eq!(table.get_mut(id), map.get_mut(&id));
                prop_assert_eq!(table.len(), map.len());
                prop_assert_eq!(table.is_empty(), map.is_empty());
            }
            let held: BTreeMap<StatisticId, u16> = table.iter().map(|(id, held)| (id, *held)).collect();
            prop_assert_eq!(held, map);
            prop_assert_eq!(table.values().count(), table.len());
            prop_assert_eq!(table.values_mut().count(), table.len());
        }
    }
}
