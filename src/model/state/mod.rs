//! The states of objects and their one JSON shape each. `docs/states.md` describes them.
//!
//! The JSON is what the HTTP interface sends and what the store keeps, so a field may be added
//! with a default but never renamed.

mod names;
mod objects;
mod user_data;

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use names::{queue_status_name, status_name};
pub use objects::{
    AgentGroupState, AgentState, DnAction, DnState, PlaceGroupState, PlaceState, QueueGroupState,
    ReasonsState,
};
pub use user_data::{UserData, UserValue};

/// The state of an object, as a Stat Server's state statistic tells it.
///
/// Its JSON carries no tag. Every kind refuses fields it does not know, and of any two kinds one
/// requires a field that the other refuses: at most one kind reads any given JSON, so the order of
/// the variants means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum State {
    /// A body that could not be decoded, kept as it came: `{"raw":"<base64>"}`.
    Raw {
        /// The bytes of the wire's `VOID_VALUE`.
        #[serde(serialize_with = "write_base64", deserialize_with = "read_base64")]
        raw: Vec<u8>,
    },
    /// An agent's state.
    Agent(AgentState),
    /// A place's state.
    Place(PlaceState),
    /// The state of a regular DN, a queue or a route point.
    Dn(DnState),
    /// The state of a group of agents.
    AgentGroup(AgentGroupState),
    /// The state of a group of places.
    PlaceGroup(PlaceGroupState),
    /// The state of a group of queues.
    QueueGroup(QueueGroupState),
    /// The reasons an agent gave for its status.
    Reasons(ReasonsState),
}

impl State {
    /// The state as compact JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialising plain structs with text keys cannot fail; `null` would be the honest answer.
        serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned())
    }
}

fn write_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn read_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64.decode(text).map_err(serde::de::Error::custom)
}
