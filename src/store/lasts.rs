//! The last values of 64 neighbouring statistics, as small as on the disk while nothing changes.
//!
//! Knows nothing of which statistics there are.

use std::sync::Arc;

use super::change::LastValue;
use super::codec::{self, Fault, LastSlot};
use super::image::bit_of;
use crate::model::{Revision, StatisticId, Value};

/// Last values by the number of their statistic.
///
/// What was written stays in the form in which it was written: a sixth of the room. What has changed
/// since then lies loose beside it and goes before it.
#[derive(Debug, Clone, Default)]
pub(super) struct Lasts {
    /// The payload of a page; shared with what is loaded at start.
    packed: Arc<[u8]>,
    /// By ascending number.
    loose: Vec<LastSlot>,
    /// No packed value has a greater one.
    newest: Revision,
}

/// The values of a page as they were read from disk, and what is to be known of all of them.
#[derive(Debug)]
pub(super) struct ReadLasts {
    pub(super) lasts: Lasts,
    /// The statistics that there are values of, each as [`bit_of`] it.
    pub(super) present: u64,
    /// No value has a greater one.
    pub(super) newest: Revision,
    /// No value has a greater one.
    pub(super) epoch_max: u64,
}

impl ReadLasts {
    /// The values that a page was found to hold, and its payload if that holds just these.
    pub(super) fn of(values: Vec<LastSlot>, payload: Option<&[u8]>) -> Self {
        let present = values.iter().map(|value| bit_of(value.id));
        let epochs = values.iter().map(|value| value.last.sample.epoch.0);
        Self {
            epoch_max: epochs.max().unwrap_or_default(),
            newest: newest_of(&values),
            present: present.fold(0, |all, bit| all | bit),
            lasts: Lasts::restored(values, payload),
        }
    }
}

impl Lasts {
    fn restored(mut values: Vec<LastSlot>, payload: Option<&[u8]>) -> Self {
        let in_order = values.is_sorted_by(|one, next| one.id < next.id);
        if !in_order {
            // The later of two counts, as when a page is written over.
            values.reverse();
            values.sort_by_key(|value| value.id);
            values.dedup_by_key(|value| value.id);
        }
        if let Some(payload) = payload.filter(|_| in_order && !values.iter().any(is_shared)) {
            return Self {
                packed: payload.into(),
                newest: newest_of(&values),
                loose: Vec::new(),
            };
        }
        let mut lasts = Self {
            loose: values,
            ..Self::default()
        };
        // Loose they are whole, too.
        lasts.pack().unwrap_or_default();
        lasts
    }

    /// Takes a value, unless a newer one is there; returns whether it did.
    pub(super) fn put(&mut self, id: StatisticId, last: LastValue) -> bool {
        if last.revision < self.newest {
            self.unpack();
        }
        match self.place(id) {
            Ok(at) => {
                let known = self.loose.get_mut(at);
                let known = known.filter(|known| known.last.revision <= last.revision);
                known.map(|known| known.last = last).is_some()
            }
            Err(at) => {
                self.loose.insert(at, LastSlot { id, last });
                true
            }
        }
    }

    /// Changes the value of a statistic; returns whether there is one.
    pub(super) fn change(&mut self, id: StatisticId, change: impl FnOnce(&mut LastValue)) -> bool {
        if self.place(id).is_err() {
            self.unpack();
        }
        let found = self.place(id).ok().and_then(|at| self.loose.get_mut(at));
        found.map(|found| change(&mut found.last)).is_some()
    }

    /// Drops the value of a statistic.
    pub(super) fn forget(&mut self, id: StatisticId) {
        self.unpack();
        self.loose.retain(|value| value.id != id);
    }

    /// All values, by ascending number.
    pub(super) fn all(&self) -> Vec<LastSlot> {
        merged(&self.packed, self.loose.clone())
    }

    /// As [`Lasts::all`], of what is not needed any more.
    pub(super) fn into_all(self) -> Vec<LastSlot> {
        merged(&self.packed, self.loose)
    }

    /// The payload of the page; empty when there is no value.
    pub(super) fn payload(&self) -> Result<Vec<u8>, Fault> {
        if self.loose.is_empty() {
            return Ok(self.packed.to_vec());
        }
        write(&self.all())
    }

    /// Packs what is loose. States stay as they are: the rest of the program has them in memory
    /// anyway, and shares them.
    pub(super) fn pack(&mut self) -> Result<(), Fault> {
        let settled = if self.packed.is_empty() {
            self.loose.iter().all(is_shared)
        } else {
            self.loose.is_empty()
        };
        if settled {
            return Ok(());
        }
        let all = merged(&self.packed, std::mem::take(&mut self.loose));
        let (shared, own) = if all.iter().any(is_shared) {
            all.into_iter().partition(is_shared)
        } else {
            (Vec::new(), all)
        };
        match write(&own) {
            Ok(packed) => {
                *self = Self {
                    packed: packed.into(),
                    newest: newest_of(&own),
                    // As long as it has to be, which a collected list is not.
                    loose: shared.into_boxed_slice().into_vec(),
                };
                Ok(())
            }
            Err(fault) => {
                *self = Self {
                    loose: merge(shared, own),
                    ..Self::default()
                };
                Err(fault)
            }
        }
    }

    fn unpack(&mut self) {
        if !self.packed.is_empty() {
            *self = Self {
                loose: merged(&self.packed, std::mem::take(&mut self.loose)),
                ..Self::default()
            };
        }
    }

    fn place(&self, id: StatisticId) -> Result<usize, usize> {
        self.loose.binary_search_by_key(&id, |value| value.id)
    }
}

fn is_shared(value: &LastSlot) -> bool {
    matches!(value.last.sample.value, Value::State(_))
}

fn newest_of(values: &[LastSlot]) -> Revision {
    let revisions = values.iter().map(|value| value.last.revision);
    revisions.max().unwrap_or_default()
}

fn write(values: &[LastSlot]) -> Result<Vec<u8>, Fault> {
    codec::write_last_page(values.iter().map(|value| (value.id, &value.last)))
}

/// What is packed, and what is loose before it.
fn merged(packed: &[u8], loose: Vec<LastSlot>) -> Vec<LastSlot> {
    if packed.is_empty() {
        return loose;
    }
    let packed = read(packed);
    if loose.is_empty() {
        return packed;
    }
    merge(packed, loose)
}

/// Both in one order; of two of one number, the `newer`.
fn merge(older: Vec<LastSlot>, newer: Vec<LastSlot>) -> Vec<LastSlot> {
    let mut merged = Vec::with_capacity(older.len() + newer.len());
    let mut newer = newer.into_iter().peekable();
    for value in older {
        while let Some(before) = newer.next_if(|newer| newer.id < value.id) {
            merged.push(before);
        }
        let newer = newer.next_if(|newer| newer.id == value.id);
        merged.push(newer.unwrap_or(value));
    }
    merged.extend(newer);
    merged
}

/// Reads what was written here, or was read from the disk without a fault.
fn read(payload: &[u8]) -> Vec<LastSlot> {
    let mut faults = Vec::new();
    let values = codec::read_last_page(payload, &mut faults);
    debug_assert!(faults.is_empty(), "{faults:?}");
    values
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Epoch, Quality, Sample, ServerId, State, Timestamp};

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(Value::Integer),
            "[0-9]{1,3}[.][1-9]".prop_map(|digits| Value::from_text(&digits)),
            "[a-z]{0,20}".prop_map(|text| Value::Text(text.into())),
            any::<u8>().prop_map(|byte| Value::State(Arc::new(State::Raw { raw: vec![byte] }))),
        ]
    }

    fn last() -> impl Strategy<Value = LastValue> {
        (value(), 0u64..40, any::<u32>()).prop_map(|(value, counter, at)| LastValue {
            sample: Sample {
                value,
                quality: Quality::Good,
                source_time: at,
                received_at: Timestamp(u64::from(at)),
                validated_at: Timestamp(u64::from(at) + counter),
                server: ServerId(1),
                epoch: Epoch(counter),
            },
            revision: Revision {
                generation: 1,
                counter,
            },
        })
    }

    proptest! {
        /// Against a plain map; packed, written and read again at random.
        #[test]
        fn it_holds_what_a_plain_map_holds(
            steps in prop::collection::vec((0u8..8, 64u32..80, last()), 0..80),
        ) {
            let mut lasts = Lasts::default();
            let mut map: BTreeMap<StatisticId, LastValue> = BTreeMap::new();
            for (what, id, last) in steps {
                let id = StatisticId(id);
                match what {
                    0..=3 => {
                        let newer = map.get(&id).is_none_or(|known| known.revision <= last.revision);
                        prop_assert_eq!(lasts.put(id, last.clone()), newer);
                        if newer {
                            map.insert(id, last);
                        }
                    }
                    4 => {
                        let at = Timestamp(7);
                        let there = lasts.change(id, |known| known.sample.validated_at = at);
                        let known = map.get_mut(&id).map(|known| known.sample.validated_at = at);
                        prop_assert_eq!(there, known.is_some());
                    }
                    5 => {
                        lasts.forget(id);
                        map.remove(&id);
                    }
                    6 => {
                        lasts.pack().unwrap();
                        let loose: Vec<_> = lasts.loose.iter().map(is_shared).collect();
                        prop_assert!(loose.iter().all(|shared| *shared));
                    }
                    _ => {
                        let payload = lasts.payload().unwrap();
                        lasts = Lasts::restored(read(&payload), Some(&payload));
                    }
                }
                let held = lasts.all().into_iter().map(|value| (value.id, value.last));
                prop_assert_eq!(held.collect::<BTreeMap<_, _>>(), map.clone());
                prop_assert!(lasts.all().is_sorted_by(|one, next| one.id < next.id));
            }
        }
    }

    #[test]
    fn a_page_out_of_order_is_put_in_order_and_the_later_value_counts() {
        let slot = |id, number| LastSlot {
            id: StatisticId(id),
            last: LastValue {
                sample: Sample {
                    value: Value::Integer(number),
                    quality: Quality::Good,
                    source_time: 0,
                    received_at: Timestamp(0),
                    validated_at: Timestamp(0),
                    server: ServerId(0),
                    epoch: Epoch(0),
                },
                revision: Revision::default(),
            },
        };
        let values = vec![slot(3, 1), slot(2, 2), slot(3, 3)];
        let payload = write(&values).unwrap();
        let lasts = Lasts::restored(values, Some(&payload));
        assert_eq!(lasts.all(), [slot(2, 2), slot(3, 3)]);
    }
}
