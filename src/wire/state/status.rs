//! States as they travel: numbers where [`crate::model::State`] has names and times.

use super::super::kv::Kv;

/// Every kind of body that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the payloads' own documentation says it")]
pub enum StateBody {
    Agent(AgentStatus),
    Place(AgentPlaceStatus),
    AgentGroup(GroupStatus<AgentStatus>),
    PlaceGroup(GroupStatus<PlaceStatus>),
    Dn(DnKind, DnStatus),
    QueueGroup(QueueGroupStatus),
    Reasons(AgentReasons),
}

/// The kinds of objects whose state is a [`DnStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub enum DnKind {
    RoutePoint,
    Queue,
    RegularDn,
}

/// An agent's status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct AgentStatus {
    pub agent_id: String,
    pub status: u16,
    pub time: u32,
    pub place: Option<PlaceStatus>,
    /// Travels only where the server's "compat" number is above 0.
    pub login_id: String,
}

/// A place's status, as part of an agent's or a group's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct PlaceStatus {
    pub place_id: String,
    pub status: u16,
    pub time: u32,
    pub dns: Vec<DnStatus>,
}

/// A place's own state: its status and who is logged in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPlaceStatus {
    /// The status.
    pub place: PlaceStatus,
    /// Travels, as the login id does, only where the server's "compat" number is 2 or 61.
    pub agent_id: String,
    /// The login id.
    pub login_id: String,
}

/// A DN's status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct DnStatus {
    pub dn: String,
    pub switch: String,
    pub dn_type: u16,
    pub status: u16,
    pub time: u32,
    pub actions: Vec<DnAction>,
}

/// A durable action at a DN.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct DnAction {
    pub action: u16,
    pub time: u32,
    pub call: Option<DnCall>,
}

/// The call an action is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct DnCall {
    pub connection_id: [u8; 8],
    pub dnis: String,
    pub ani: String,
    pub user_data: Kv,
}

/// The status of a group of agents or of places.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct GroupStatus<M> {
    pub group_id: String,
    pub status: u16,
    pub time: u32,
    pub members: Vec<M>,
}

/// The status of a group of queues.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct QueueGroupStatus {
    pub group_id: String,
    pub status: u16,
    pub time: u32,
    pub agent_count: u16,
}

/// The reasons of an agent's status. Its login id travels whatever the server's "compat" number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct AgentReasons {
    pub agent_id: String,
    pub status: u16,
    pub time: u32,
    pub reasons: Kv,
    pub login_id: String,
}
