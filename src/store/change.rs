//! What the rest of the program tells the store.

use std::sync::Arc;

use crate::model::{
    NotificationMode, Quality, Revision, Sample, ServerId, Statistic, StatisticId, Timestamp,
};

/// One thing that happened and must survive.
///
/// Every change goes to the journal in the order recorded; the ones about a statistic also change
/// its page, and are recorded after its [`Change::Registered`]. Applying one twice, or an older
/// sample late, is harmless.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A statistic was seen for the first time and got its number.
    Registered {
        /// Its number, never given before.
        id: StatisticId,
        /// What it is.
        statistic: Arc<Statistic>,
    },
    /// A statistic was opened, or is wanted open.
    Subscribed {
        /// The statistic.
        id: StatisticId,
        /// How it is open.
        subscription: Subscription,
    },
    /// A statistic is no longer wanted open.
    Unsubscribed {
        /// The statistic.
        id: StatisticId,
    },
    /// A value arrived.
    Sample {
        /// The statistic.
        id: StatisticId,
        /// The value and its circumstances.
        sample: Sample,
        /// Its place in the order of all changes. A sample older than the stored one is ignored.
        revision: Revision,
    },
    /// The stored value was confirmed without changing.
    Validated {
        /// The statistic.
        id: StatisticId,
        /// When.
        at: Timestamp,
    },
    /// The stored value's trust changed.
    Quality {
        /// The statistic.
        id: StatisticId,
        /// The new quality.
        quality: Quality,
    },
    /// A configured server got its number.
    ServerNamed {
        /// The number that samples carry.
        server: ServerId,
        /// The configured name.
        name: String,
    },
    /// A server told which stat types it defines.
    StatTypes {
        /// The configured name.
        server_name: String,
        /// The stat types' names; replaces what was known.
        names: Vec<String>,
    },
    /// The connection to a server came up.
    LinkUp {
        /// The server.
        server: ServerId,
        /// When.
        at: Timestamp,
    },
    /// The connection to a server was lost.
    LinkDown {
        /// The server.
        server: ServerId,
        /// When.
        at: Timestamp,
    },
    /// A statistic was dropped with its value. Its number is never given again.
    Forgotten {
        /// The statistic.
        id: StatisticId,
    },
    /// Something was dropped up to this place in the order of all changes: whoever knows less
    /// cannot be told what.
    Dropped {
        /// Not before the drop.
        revision: Revision,
    },
    /// The history of a forgotten statistic is to be forgotten, too.
    Erased {
        /// The statistic.
        id: StatisticId,
    },
}

/// How a statistic is open on its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// The notification mode.
    pub mode: NotificationMode,
    /// Opened with a tenant password. The password itself is never stored.
    pub protected: bool,
}

/// The newest value of a statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct LastValue {
    /// The value and its circumstances.
    pub sample: Sample,
    /// Its place in the order of all changes.
    pub revision: Revision,
}
