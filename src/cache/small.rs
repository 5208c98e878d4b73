//! Parts of a slot as small as they can be: there are as many as there are statistics.

use crate::model::{Moment, Revision};

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

/// When something was last validated, if that is known: not when the wall clock contradicts the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Validated(i64);

impl Validated {
    /// No clock reaches it.
    const UNKNOWN: i64 = i64::MIN;

    pub(super) fn get(self) -> Option<Moment> {
        (self.0 != Self::UNKNOWN).then_some(Moment(self.0))
    }
}

impl From<Option<Moment>> for Validated {
    fn from(moment: Option<Moment>) -> Self {
        Self(moment.map_or(Self::UNKNOWN, |moment| moment.0))
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
            Some(Moment(i64::MAX)),
        ] {
            assert_eq!(Validated::from(moment).get(), moment);
        }
    }
}
