//! What is told of each kind of object. Times are RFC 3339, UTC; statuses are names.

use serde::{Deserialize, Serialize};

use super::super::Timestamp;
use super::user_data::UserData;

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

impl AgentState {
    /// When a status began, from the Stat Server's seconds since 1970, in this module's JSON form.
    #[must_use]
    pub fn since(seconds: u32) -> String {
        Timestamp::from_unix_seconds(seconds).to_rfc3339()
    }
}

/// A place: `{"id","status","since","dns":[…],"agent"?,"login"?}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceState {
    /// The place's name.
    pub id: String,
    /// The status's name.
    pub status: String,
    /// When that status began.
    pub since: String,
    /// The DNs at the place.
    pub dns: Vec<DnState>,
    /// Who is logged in there: only in a place's own state, from servers that send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// With which login id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

/// A DN, queue or route point: `{"dn","switch","type"?,"status","since","actions":[…]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnState {
    /// The DN's number.
    pub dn: String,
    /// The switch it belongs to.
    pub switch: String,
    /// The DN's type by its number; absent in records of programs that did not keep it.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub dn_type: Option<u16>,
    /// The status's name.
    pub status: String,
    /// When that status began.
    pub since: String,
    /// What is going on at the DN.
    pub actions: Vec<DnAction>,
}

/// One durable action at a DN: `{"action","since"}`, and for a call its `connId`, `dnis`, `ani` and
/// `userData`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnAction {
    /// The action's name.
    pub action: String,
    /// When it began.
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
    /// What is attached to the call; left out when that is nothing.
    #[serde(default, skip_serializing_if = "UserData::is_empty")]
    pub user_data: UserData,
}

/// A group of agents: `{"group","status","since","agents":[…]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentGroupState {
    /// The group's name.
    pub group: String,
    /// The status's name.
    pub status: String,
    /// When that status began.
    pub since: String,
    /// Its agents.
    pub agents: Vec<AgentState>,
}

/// A group of places: `{"group","status","since","places":[…]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceGroupState {
    /// The group's name.
    pub group: String,
    /// The status's name.
    pub status: String,
    /// When that status began.
    pub since: String,
    /// Its places.
    pub places: Vec<PlaceState>,
}

/// A group of queues: `{"group","status","since","agentCount"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct QueueGroupState {
    /// The group's name.
    pub group: String,
    /// The status's name.
    pub status: String,
    /// When that status began.
    pub since: String,
    /// How many agents the server counts in the group.
    pub agent_count: u16,
}

/// The reasons of an agent's status: `{"status","since","agent","login","reasons":{…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonsState {
    /// The status's name.
    pub status: String,
    /// When that status began.
    pub since: String,
    /// The agent's employee id.
    pub agent: String,
    /// The login id.
    pub login: String,
    /// The reasons; empty when none were given.
    pub reasons: UserData,
}
