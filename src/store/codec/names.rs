//! The small facts kept in the `meta` tree.

use serde::{Deserialize, Serialize};

/// Up to where the pages hold everything, and what belongs to that point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::store) struct CheckpointV1 {
    /// The pages hold every change of this journal entry and of all before.
    pub(in crate::store) sequence: u64,
    /// The first statistic number never given.
    pub(in crate::store) next_id: u32,
    /// Bytes of keys and values in the journal.
    pub(in crate::store) journal_size: u64,
    /// The greatest revision, in two fields.
    pub(in crate::store) generation: u32,
    pub(in crate::store) counter: u64,
}

/// The servers' numbers and names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::store) struct ServersV1(pub(in crate::store) Vec<(u16, String)>);

/// Per server name, its stat types.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::store) struct StatTypesV1(pub(in crate::store) Vec<(String, Vec<String>)>);
