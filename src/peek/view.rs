//! One statistic as it is shown to people and programs that look around.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::model::{
    Age, Epoch, NotificationMode, Quality, Revision, Statistic, StatisticId, Timestamp, Value,
};

/// All there is to show of a statistic now.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Its name for clients.
    pub id: PublicId,
    /// What it is.
    pub statistic: Arc<Statistic>,
    /// How it is, or is to be, held open; `None` when it is not.
    pub mode: Option<NotificationMode>,
    /// How far to trust what is shown.
    pub standing: Standing,
    /// What a Stat Server last refused it with.
    pub refusal: Option<Arc<str>>,
    /// The last value, if there ever was one.
    pub last: Option<LastSeen>,
    /// When anything of this last changed, in the order of all changes.
    pub revision: Revision,
    /// Whether it was opened with a tenant password, so that not everybody may see it.
    pub is_protected: bool,
}

/// A last value and its circumstances.
#[derive(Debug, Clone, PartialEq)]
pub struct LastSeen {
    /// The value.
    pub value: Value,
    /// How long ago it was last validated.
    pub age: Age,
    /// The Stat Server's own timestamp.
    pub source_time: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// When it was last validated.
    pub validated_at: Timestamp,
    /// The configured name of the pair it came from.
    pub server: Option<Arc<str>>,
    /// Which opening it belongs to.
    pub epoch: Epoch,
}

/// How far to trust what is shown of a statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Vouched for by a live Stat Server.
    Good,
    /// Last known: the link is down, it was called invalid, or it is of before a restart.
    Uncertain,
    /// No value yet.
    Waiting,
    /// Refused by a Stat Server.
    Bad,
}

impl Standing {
    const ALL: [Self; 4] = [Self::Good, Self::Uncertain, Self::Waiting, Self::Bad];

    /// The word shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Uncertain => "uncertain",
            Self::Waiting => "waiting",
            Self::Bad => "bad",
        }
    }

    pub(super) fn of(refused: bool, last: Option<Quality>) -> Self {
        match last {
            _ if refused => Self::Bad,
            None => Self::Waiting,
            Some(Quality::Good) => Self::Good,
            Some(Quality::Uncertain) => Self::Uncertain,
        }
    }
}

impl FromStr for Standing {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|standing| standing.name() == text).ok_or(())
    }
}

/// A statistic's name for clients: its number, and enough of a hash of what it is that no name ever
/// stands for another statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicId {
    pub(super) id: StatisticId,
    check: u32,
}

impl PublicId {
    pub(super) fn of(id: StatisticId, statistic: &Statistic) -> Self {
        let hash = blake3::hash(statistic.to_string().as_bytes());
        let [a, b, c, d, ..] = *hash.as_bytes();
        Self {
            id,
            check: u32::from_be_bytes([a, b, c, d]),
        }
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:08x}", self.id.0, self.check)
    }
}

impl FromStr for PublicId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (id, check) = text.split_once('-').ok_or(())?;
        // A sign would be read as well.
        if !text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
        {
            return Err(());
        }
        let number = |digits: &str| u32::from_str_radix(digits, 16).map_err(drop);
        Ok(Self {
            id: StatisticId(number(id)?),
            check: number(check)?,
        })
    }
}

/// A revision as clients are given it.
#[must_use]
pub fn revision_text(revision: Revision) -> String {
    format!("{:x}-{:x}", revision.generation, revision.counter)
}

/// Reads a revision that a client was given.
#[must_use]
pub fn read_revision(text: &str) -> Option<Revision> {
    let (generation, counter) = text.split_once('-')?;
    Some(Revision {
        generation: u32::from_str_radix(generation, 16).ok()?,
        counter: u64::from_str_radix(counter, 16).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObjectType;

    #[test]
    fn names_read_back_and_tell_statistics_apart() {
        let statistic = |metric| Statistic::new(metric, ObjectType::Queue, "q", "t");
        let id = PublicId::of(StatisticId(26), &statistic("A"));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("1a-"), "{id}");
        assert_ne!(id, PublicId::of(StatisticId(26), &statistic("B")));
        for text in [
            "",
            "1a",
            "1a-",
            "-1a",
            "1a-+1",
            "zz-00000000",
            "1a-100000000",
        ] {
            assert_eq!(text.parse::<PublicId>(), Err(()), "{text}");
        }
    }

    #[test]
    fn revisions_read_back() {
        let revision = Revision {
            generation: 7,
            counter: 1 << 40,
        };
        assert_eq!(read_revision(&revision_text(revision)), Some(revision));
        assert_eq!(read_revision("7"), None);
    }

    #[test]
    fn a_refusal_counts_for_more_than_a_value() {
        assert_eq!(Standing::of(true, Some(Quality::Good)), Standing::Bad);
        assert_eq!(Standing::of(false, None), Standing::Waiting);
        assert_eq!("uncertain".parse(), Ok(Standing::Uncertain));
        assert_eq!("Good".parse::<Standing>(), Err(()));
    }
}
