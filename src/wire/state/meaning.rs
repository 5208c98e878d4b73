//! What statuses mean: names for numbers, times for seconds, objects for key-value lists.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::super::kv::{Kv, KvValue};
use super::{
    AgentPlaceStatus, AgentReasons, AgentStatus, Dialect, DnAction, DnKind, DnStatus, GroupStatus,
    PlaceStatus, QueueGroupStatus, StateBody,
};
use crate::model::{self, State, UserData, UserValue, queue_status_name, status_name};

impl StateBody {
    /// The state in words, of a body read with this "compat" number.
    pub(super) fn into_model(self, dialect: Dialect) -> State {
        match self {
            Self::Agent(status) => State::Agent(status.into_model(dialect)),
            Self::Place(status) => State::Place(status.into_model(dialect)),
            Self::AgentGroup(status) => State::AgentGroup(status.into_model(dialect)),
            Self::PlaceGroup(status) => State::PlaceGroup(status.into_model()),
            Self::Dn(DnKind::RegularDn, status) => State::Dn(status.into_model(status_name)),
            Self::Dn(DnKind::Queue | DnKind::RoutePoint, status) => {
                State::Dn(status.into_model(queue_status_name))
            }
            Self::QueueGroup(status) => State::QueueGroup(status.into_model()),
            Self::Reasons(status) => State::Reasons(status.into_model()),
        }
    }
}

impl AgentStatus {
    fn into_model(self, dialect: Dialect) -> model::AgentState {
        model::AgentState {
            status: status_name(self.status),
            since: since(self.time),
            agent: self.agent_id,
            login: dialect.has_login().then_some(self.login_id),
            place: self.place.map(PlaceStatus::into_model),
        }
    }
}

impl PlaceStatus {
    fn into_model(self) -> model::PlaceState {
        let dns = self.dns.into_iter();
        model::PlaceState {
            id: self.place_id,
            status: status_name(self.status),
            since: since(self.time),
            dns: dns.map(|dn| dn.into_model(status_name)).collect(),
            agent: None,
            login: None,
        }
    }
}

impl AgentPlaceStatus {
    fn into_model(self, dialect: Dialect) -> model::PlaceState {
        model::PlaceState {
            agent: dialect.has_occupant().then_some(self.agent_id),
            login: dialect.has_occupant().then_some(self.login_id),
            ..self.place.into_model()
        }
    }
}

impl GroupStatus<AgentStatus> {
    fn into_model(self, dialect: Dialect) -> model::AgentGroupState {
        let agents = self.members.into_iter();
        model::AgentGroupState {
            group: self.group_id,
            status: status_name(self.status),
            since: since(self.time),
            agents: agents.map(|agent| agent.into_model(dialect)).collect(),
        }
    }
}

impl GroupStatus<PlaceStatus> {
    fn into_model(self) -> model::PlaceGroupState {
        let places = self.members.into_iter();
        model::PlaceGroupState {
            group: self.group_id,
            status: status_name(self.status),
            since: since(self.time),
            places: places.map(PlaceStatus::into_model).collect(),
        }
    }
}

impl DnStatus {
    fn into_model(self, name: fn(u16) -> String) -> model::DnState {
        let actions = self.actions.into_iter();
        model::DnState {
            dn: self.dn,
            switch: self.switch,
            dn_type: Some(self.dn_type),
            status: name(self.status),
            since: since(self.time),
            actions: actions.map(|action| action.into_model(name)).collect(),
        }
    }
}

impl DnAction {
    fn into_model(self, name: fn(u16) -> String) -> model::DnAction {
        let mut action = model::DnAction {
            action: name(self.action),
            since: since(self.time),
            conn_id: None,
            dnis: None,
            ani: None,
            user_data: UserData::default(),
        };
        if let Some(call) = self.call {
            action.conn_id = Some(connection_id_text(call.connection_id));
            action.dnis = Some(call.dnis);
            action.ani = Some(call.ani);
            action.user_data = user_data(call.user_data);
        }
        action
    }
}

impl QueueGroupStatus {
    fn into_model(self) -> model::QueueGroupState {
        model::QueueGroupState {
            group: self.group_id,
            status: queue_status_name(self.status),
            since: since(self.time),
            agent_count: self.agent_count,
        }
    }
}

impl AgentReasons {
    fn into_model(self) -> model::ReasonsState {
        model::ReasonsState {
            status: status_name(self.status),
            since: since(self.time),
            agent: self.agent_id,
            login: self.login_id,
            reasons: user_data(self.reasons),
        }
    }
}

fn since(time: u32) -> String {
    model::AgentState::since(time)
}

fn user_data(kv: Kv) -> UserData {
    kv.0.into_iter()
        .map(|(key, value)| (key, user_value(value)))
        .collect()
}

fn user_value(value: KvValue) -> UserValue {
    match value {
        KvValue::Text(text) | KvValue::Unicode(text) => UserValue::Text(text),
        KvValue::Int(int) => UserValue::Int(int),
        KvValue::Binary(bytes) => UserValue::Text(BASE64.encode(bytes)),
        KvValue::List(list) => UserValue::List(user_data(list)),
    }
}

/// Bytes 01..08 read 0403020108070605: each half back to front.
fn connection_id_text(bytes: [u8; 8]) -> String {
    format!(
        "{:016x}",
        u64::from_be_bytes(bytes).swap_bytes().rotate_left(32)
    )
}
