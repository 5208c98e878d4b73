//! Parts of a slot as small as they can be: there are as many as there are statistics.

use crate::model::{Moment, Revision, Timestamp};

/// A [`Revision`] without padding.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SmallRevision {
    generation: u32,
    /// The counter's upper and lower half, so that four bytes of alignment do.
    counter: [u32; 2],
}

impl SmallRevision {
    pub(super) fn get(self) -> Revision {
        let [upper, lower] = self.counter;
        Revision {
            generation: self.generation,
            counter: (u64::from(upper) << 32) | u64::from(lower),
        }
    }
}

impl From<Revision> for SmallRevision {
    fn from(revision: Revision) -> Self {
        let lower = revision.counter & u64::from(u32::MAX);
        let halves = [revision.counter >> 32, lower];
        Self {
            generation: revision.generation,
            counter: halves.map(|half| u32::try_from(half).unwrap_or_default()),
        }
    }
}

/// Milliseconds in six bytes: as far from the epoch as anything can be shown, and to both sides of a
/// process's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct SmallMs([u16; 3]);

impl SmallMs {
    const MAX: u64 = (1 << 48) - 1;

    fn of(ms: u64) -> Self {
        let ms = ms.min(Self::MAX);
        let part = |shift: u32| u16::try_from((ms >> shift) & u64::from(u16::MAX));
        Self([32, 16, 0].map(|shift| part(shift).unwrap_or_default()))
    }

    fn get(self) -> u64 {
        let parts = self.0.into_iter();
        parts.fold(0, |ms, part| (ms << 16) | u64::from(part))
    }
}

/// A [`Timestamp`] in six bytes; later than the year 10,000 is all one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SmallTimestamp(SmallMs);

impl SmallTimestamp {
    pub(super) fn get(self) -> Timestamp {
        Timestamp(self.0.get())
    }
}

impl From<Timestamp> for SmallTimestamp {
    fn from(at: Timestamp) -> Self {
        Self(SmallMs::of(at.0))
    }
}

/// When something was last validated, if that is known: not when the wall clock contradicts the store.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Validated(SmallMs);

impl Validated {
    /// What stands for the moment nought; moments lie to both sides of it, 4,000 years of them.
    const MIDDLE: i64 = 1 << 47;

    /// `None` is kept as nought.
    pub(super) fn get(self) -> Option<Moment> {
        let ms = i64::try_from(self.0.get()).ok().filter(|ms| *ms != 0)?;
        Some(Moment(ms - Self::MIDDLE))
    }
}

impl From<Option<Moment>> for Validated {
    fn from(moment: Option<Moment>) -> Self {
        let ms = moment.map_or(0, |moment| moment.0.saturating_add(Self::MIDDLE).max(1));
        Self(SmallMs::of(u64::try_from(ms).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_in_the_small_forms() {
        for counter in [0, 1, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let revision = Revision {
                generation: 7,
                counter,
            };
            assert_eq!(SmallRevision::from(revision).get(), revision);
        }
        for moment in [
            None,
            Some(Moment(0)),
            Some(Moment(-5)),
            Some(Moment(1 - (1 << 47))),
            Some(Moment((1 << 47) - 1)),
        ] {
            assert_eq!(Validated::from(moment).get(), moment);
        }
        for at in [0, 1, 0x0102_0304_0506, (1 << 48) - 1] {
            assert_eq!(SmallTimestamp::from(Timestamp(at)).get(), Timestamp(at));
        }
    }

    #[test]
    fn what_is_out_of_reach_is_the_nearest_there_is() {
        let moment = |ms| Validated::from(Some(Moment(ms))).get();
        assert_eq!(moment(i64::MAX), Some(Moment((1 << 47) - 1)));
        assert_eq!(moment(i64::MIN), Some(Moment(1 - (1 << 47))));
        let latest = SmallTimestamp::from(Timestamp(u64::MAX)).get();
        assert_eq!(latest.to_rfc3339(), "9999-12-31T23:59:59.999Z");
    }
}
