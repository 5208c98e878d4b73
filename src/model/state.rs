//! The states of agents, places and DNs, and their one JSON shape.
//!
//! The JSON below is what the HTTP interface sends and what the store keeps, so a field may be
//! added with a default but never renamed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;

/// The state of an object, as a Stat Server's state statistic tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum State {
    /// A body that could not be decoded, kept as it came: `{"raw":"<base64>"}`.
    Raw {
        /// The bytes of the wire's `VOID_VALUE`.
        #[serde(serialize_with = "write_base64", deserialize_with = "read_base64")]
        raw: Vec<u8>,
    },
    /// An agent's state.
    Agent(AgentState),
}

impl State {
    /// The state as compact JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialising plain structs with text keys cannot fail; `null` would be the honest answer.
        serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned())
    }
}

/// An agent: `{"status","since","agent","login"?,"place"?}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentState {
    /// The status's name, for example `WaitForNextCall`; `Status<n>` when the number has no name.
    pub status: String,
    /// When that status began: RFC 3339, UTC.
    pub since: String,
    /// The agent's employee id.
    pub agent: String,
    /// The login id, where the server sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The place the agent is logged in at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceState>,
}

/// A place: `{"id","status","since","dns":[…]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceState {
    /// The place's name.
    pub id: String,
    /// The status's name.
    pub status: String,
    /// When that status began: RFC 3339, UTC.
    pub since: String,
    /// The DNs at the place.
    pub dns: Vec<DnState>,
}

/// A DN: `{"dn","switch","status","since","actions":[…]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnState {
    /// The DN's number.
    pub dn: String,
    /// The switch it belongs to.
    pub switch: String,
    /// The status's name.
    pub status: String,
    /// When that status began: RFC 3339, UTC.
    pub since: String,
    /// What is going on at the DN.
    pub actions: Vec<DnAction>,
}

/// One durable action at a DN: `{"action","since"}`, and for a call its `connId`, `dnis`, `ani`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnAction {
    /// The action's name.
    pub action: String,
    /// When it began: RFC 3339, UTC.
    pub since: String,
    /// The call's connection id, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conn_id: Option<String>,
    /// The number dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dnis: Option<String>,
    /// The caller's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ani: Option<String>,
}

/// The name of a status or DN action; a number without a name reads `Status<n>`.
#[must_use]
pub fn status_name(code: u16) -> String {
    let name = match code {
        0 => "NotMonitored",
        1 => "Monitored",
        2 => "LoggedIn",
        3 => "OnHook",
        4 => "WaitForNextCall",
        5 => "OffHook",
        6 => "CallDialing",
        7 => "CallRinging",
        8 => "NotReadyForNextCall",
        9 => "AfterCallWork",
        13 => "CallOnHold",
        18 => "CallUnknown",
        19 => "CallConsult",
        20 => "CallInternal",
        21 => "CallOutbound",
        22 => "CallInbound",
        23 => "LoggedOut",
        other => return format!("Status{other}"),
    };
    name.to_owned()
}

impl AgentState {
    /// When a status began, from the Stat Server's seconds since 1970, in this module's JSON form.
    #[must_use]
    pub fn since(seconds: u32) -> String {
        Timestamp::from_unix_seconds(seconds).to_rfc3339()
    }
}

fn write_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn read_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64.decode(text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_a_state_reads_back_as_the_same_state() {
        let agent = State::Agent(AgentState {
            status: status_name(4),
            since: AgentState::since(1_700_000_000),
            agent: "KSippola".into(),
            login: None,
            place: Some(PlaceState {
                id: "Place_1".into(),
                status: status_name(4),
                since: AgentState::since(1_700_000_000),
                dns: vec![],
            }),
        });
        assert_eq!(
            agent.to_json(),
            r#"{"status":"WaitForNextCall","since":"2023-11-14T22:13:20.000Z","agent":"KSippola","place":{"id":"Place_1","status":"WaitForNextCall","since":"2023-11-14T22:13:20.000Z","dns":[]}}"#
        );
        let raw = State::Raw {
            raw: vec![0, 255, 7],
        };
        assert_eq!(raw.to_json(), r#"{"raw":"AP8H"}"#);
        for state in [agent, raw] {
            assert_eq!(
                serde_json::from_str::<State>(&state.to_json()).unwrap(),
                state
            );
        }
    }
}
