//! A value at an instant, with everything needed to say how far to trust it.

use std::fmt;

use super::{Epoch, Timestamp, Value};

/// Which Stat Server pair a sample came from: the store's stable number for the configured name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u16);

/// How far a known value may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Vouched for by a live Stat Server.
    Good,
    /// Last known: the link is down, the Stat Server called it invalid, its bytes could not be
    /// decoded, or it was restored from disk and not yet validated.
    Uncertain,
}

impl Quality {
    /// The word shown to people and programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Uncertain => "uncertain",
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One value of one statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What the Stat Server sent.
    pub value: Value,
    /// How far to trust it.
    pub quality: Quality,
    /// The Stat Server's own clock, whole seconds since 1970. Shown, never used for ordering.
    pub source_time: u32,
    /// When this value arrived here.
    pub received_at: Timestamp,
    /// When it was last confirmed, by a notification or the answer to a peek.
    pub validated_at: Timestamp,
    /// Where it came from.
    pub server: ServerId,
    /// Which opening of the statistic it belongs to.
    pub epoch: Epoch,
}

/// A point in the order of all changes: the persisted number of the process's start, then a
/// counter. Later changes compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision {
    /// Which start of the process: persisted, grows by one with each.
    pub generation: u32,
    /// Which change within that start.
    pub counter: u64,
}
