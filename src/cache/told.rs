//! What a slot is told, and what it tells.

use std::sync::Arc;

use crate::model::{
    Age, NotificationMode, PasswordProof, Revision, Sample, Statistic, StatisticId, Timestamp,
    Value,
};

/// What is new of a statistic that a Stat Server answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News {
    /// No Stat Server ever did before, so the store does not know it.
    pub registered: bool,
    /// The store is to be told how it is held.
    pub stored: bool,
    /// Whoever follows along is to be told.
    pub visible: bool,
}

/// All there is to see of a statistic, for those who may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The last value, if there ever was one, and how long ago it was validated.
    pub last: Option<(Sample, Age)>,
    /// How it is, or is to be, held open.
    pub held: Option<NotificationMode>,
    /// Whether it was last opened with a tenant password.
    pub is_protected: bool,
    /// What a Stat Server last refused it with, if nothing was heard of it since.
    pub refusal: Option<Arc<str>>,
    /// When anything of this last changed, in the order of all changes.
    pub revision: Revision,
}

/// What an earlier run knew of a statistic.
#[derive(Debug)]
pub struct Restored {
    /// Its number.
    pub id: StatisticId,
    /// What it is.
    pub statistic: Arc<Statistic>,
    /// Its last value.
    pub last: Option<Sample>,
    /// How it was held open.
    pub held: Option<NotificationMode>,
    /// The proof of the tenant password it is opened with, where that is known.
    pub proof: Option<PasswordProof>,
}

/// A known value, as an answer needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The value.
    pub value: Value,
    /// How long ago it was last validated.
    pub age: Age,
    /// Whether notifications keep it true, or will once the connection is back: then the latest
    /// value will do for whoever demands nothing.
    pub kept_open: bool,
    /// How it is held open under this password, if it is.
    pub held: Option<NotificationMode>,
}

/// What became of a sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// It is the last value now, and differs from the one before.
    Changed(Sample, Revision),
    /// It confirmed the last value.
    Confirmed(Timestamp),
    /// It belongs to an earlier opening than the last value: discarded.
    Outdated,
}
