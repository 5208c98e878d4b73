//! Pages: what is known of 64 neighbouring statistics, in one value.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use super::record::{read_statistic, read_subscription};
use super::sample::{Previous, SampleV1};
use super::{Fault, read, read_next, write};
use crate::model::{NotificationMode, Statistic, StatisticId};
use crate::store::change::{LastValue, Subscription};
use crate::store::image::PAGE_LEN;

/// A page of the catalogue. Texts are kept once: a page's statistics share most of theirs.
#[derive(Debug, Serialize, Deserialize)]
struct CataloguePageV1<'a> {
    #[serde(borrow)]
    texts: Vec<&'a str>,
    entries: Vec<CatalogueEntryV1>,
}

#[derive(Debug, Serialize, Deserialize)]
struct CatalogueEntryV1 {
    id: u32,
    object_type: u8,
    /// The bits below.
    flags: u8,
    mode: u8,
    /// Positions in the page's texts, in the order of the journal's statistic.
    texts: [u16; 7],
}

const RESET: u8 = 1;
const SUBSCRIBED: u8 = 1 << 1;
const PROTECTED: u8 = 1 << 2;

/// One statistic of a catalogue page.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct CatalogueSlot {
    pub(in crate::store) id: StatisticId,
    pub(in crate::store) statistic: Arc<Statistic>,
    pub(in crate::store) subscription: Option<Subscription>,
    /// Whether the last open was with a tenant password; outlives the subscription.
    pub(in crate::store) protected: bool,
}

/// One statistic's value of a page of last values.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct LastSlot {
    pub(in crate::store) id: StatisticId,
    pub(in crate::store) last: LastValue,
}

/// The payload of a catalogue page.
pub(in crate::store) fn write_catalogue_page<'a>(
    slots: impl Iterator<Item = (StatisticId, &'a Statistic, Option<Subscription>, bool)>,
) -> Result<Vec<u8>, Fault> {
    let mut page = CataloguePageV1 {
        texts: Vec::new(),
        entries: Vec::new(),
    };
    // Nobody gains by texts that collide: a page has few.
    let mut known: HashMap<&str, u16, FixedState> = HashMap::default();
    for (id, statistic, subscription, protected) in slots {
        let mut flags = if statistic.reset() { RESET } else { 0 };
        flags |= if protected { PROTECTED } else { 0 };
        let mut mode = NotificationMode::default();
        if let Some(subscription) = subscription {
            flags |= SUBSCRIBED;
            mode = subscription.mode;
        }
        let mut texts = [0; 7];
        for (position, text) in texts.iter_mut().zip(statistic.texts()) {
            let next = u16::try_from(page.texts.len()).map_err(|error| error.to_string())?;
            *position = *known.entry(text).or_insert_with(|| {
                page.texts.push(text);
                next
            });
        }
        page.entries.push(CatalogueEntryV1 {
            id: id.0,
            object_type: statistic.object_type().code(),
            flags,
            mode: mode.code(),
            texts,
        });
    }
    let mut payload = Vec::new();
    write(&mut payload, &page)?;
    Ok(payload)
}

/// Reads a catalogue page; entries that mean nothing are described and left out.
pub(in crate::store) fn read_catalogue_page(
    payload: &[u8],
    faults: &mut Vec<Fault>,
) -> Vec<CatalogueSlot> {
    let page = match read::<CataloguePageV1<'_>>(payload) {
        Ok(page) => page,
        Err(fault) => {
            faults.push(fault);
            return Vec::new();
        }
    };
    // Once each, since many statistics share them.
    let sound = page.texts.iter().all(|text| Statistic::may_hold(text));
    let mut slots = Vec::with_capacity(page.entries.len());
    for entry in &page.entries {
        match read_entry(entry, &page.texts, sound) {
            Ok(slot) => slots.push(slot),
            Err(fault) => faults.push(format!("statistic {}: {fault}", entry.id)),
        }
    }
    slots
}

/// `sound` says that every text may stand in a statistic.
fn read_entry(
    entry: &CatalogueEntryV1,
    texts: &[&str],
    sound: bool,
) -> Result<CatalogueSlot, Fault> {
    let mut missing = false;
    let texts = entry.texts.map(|position| {
        let text = texts.get(usize::from(position));
        missing |= text.is_none();
        text.copied().unwrap_or_default()
    });
    if missing {
        return Err("a text is missing".to_owned());
    }
    let has = |bit: u8| entry.flags & bit != 0;
    let subscription = has(SUBSCRIBED)
        .then(|| read_subscription(entry.mode, has(PROTECTED)))
        .transpose()?;
    Ok(CatalogueSlot {
        id: StatisticId(entry.id),
        statistic: Arc::new(read_statistic(entry.object_type, has(RESET), texts, sound)?),
        subscription,
        protected: has(PROTECTED),
    })
}

/// The payload of a page of last values.
pub(in crate::store) fn write_last_page<'a>(
    slots: impl Iterator<Item = (StatisticId, &'a LastValue)>,
) -> Result<Vec<u8>, Fault> {
    let mut payload = Vec::new();
    let mut previous = Previous::default();
    for (id, last) in slots {
        let encoded = previous.encode(id, &last.sample, last.revision);
        write(&mut payload, &encoded)?;
    }
    Ok(payload)
}

/// Flags, number, no differences, and the value in two.
const SAMPLE_LEN_MIN: usize = 5;

/// Reads a page of last values; what means nothing is described and left out.
pub(in crate::store) fn read_last_page(payload: &[u8], faults: &mut Vec<Fault>) -> Vec<LastSlot> {
    // No value takes fewer bytes.
    let mut slots = Vec::with_capacity((payload.len() / SAMPLE_LEN_MIN).min(PAGE_LEN as usize));
    let mut rest = payload;
    let mut previous = Previous::default();
    while !rest.is_empty() {
        let decoded =
            read_next::<SampleV1<'_>>(&mut rest).and_then(|encoded| previous.decode(encoded));
        match decoded {
            Ok((id, Ok(sample), revision)) => slots.push(LastSlot {
                id,
                last: LastValue { sample, revision },
            }),
            Ok((id, Err(fault), _)) => faults.push(format!("value of statistic {}: {fault}", id.0)),
            Err(fault) => {
                faults.push(fault);
                break;
            }
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u32, [metric, object, tenant]: [u16; 3]) -> CatalogueEntryV1 {
        CatalogueEntryV1 {
            id,
            object_type: 0,
            flags: 0,
            mode: 0,
            texts: [metric, object, tenant, 3, 3, 3, 3],
        }
    }

    fn read_back(page: &CataloguePageV1<'_>) -> (Vec<u32>, Vec<Fault>) {
        let mut payload = Vec::new();
        write(&mut payload, page).unwrap();
        let mut faults = Vec::new();
        let slots = read_catalogue_page(&payload, &mut faults);
        (slots.iter().map(|slot| slot.id.0).collect(), faults)
    }

    #[test]
    fn what_no_statistic_may_hold_is_told_of_those_that_hold_it() {
        let mut page = CataloguePageV1 {
            texts: vec!["Calls", "9001", "T", "", "two\nlines"],
            entries: vec![
                entry(0, [0, 1, 2]),
                entry(1, [0, 4, 2]),
                entry(2, [0, 1, 3]),
                entry(3, [0, 1, 5]),
                entry(4, [1, 0, 2]),
            ],
        };
        let (read, faults) = read_back(&page);
        assert_eq!(read, [0, 4]);
        let told = [
            "statistic 1: objectId holds a control character",
            "statistic 2: tenant is empty",
            "statistic 3: a text is missing",
        ];
        assert_eq!(faults, told);

        let long = "x".repeat(crate::model::FIELD_LEN_MAX + 1);
        for (text, is_sound) in [("9002", true), (&*long, false)] {
            page.texts[4] = text;
            let (read, faults) = read_back(&page);
            assert_eq!(read.contains(&1), is_sound);
            let told = faults
                .iter()
                .any(|told| told.contains("objectId is longer"));
            assert_eq!(told, !is_sound, "{faults:?}");
            assert!(!read.contains(&2), "its tenant is empty");
        }
    }
}
