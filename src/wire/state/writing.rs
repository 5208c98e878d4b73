//! Statuses to bodies, for the simulator and for tests.
//!
//! What is longer than the u16 before it can say is cut there: a text after 65,535 bytes, a list
//! after 65,535 items. A key-value list above 65,533 bytes is left out.

use super::super::charset::Charset;
use super::super::kv::Kv;
use super::{
    AGENT, AGENT_PLACE, AgentPlaceStatus, AgentReasons, AgentStatus, CURRENT_STATE,
    CURRENT_STATE_REASONS, Dialect, DnAction, DnCall, DnKind, DnStatus, GROUP_AGENTS, GROUP_PLACES,
    GROUP_QUEUES, GroupStatus, PlaceStatus, QUEUE, QueueGroupStatus, REGULAR_DN, ROUTE_POINT,
    StateBody,
};

impl StateBody {
    /// The body of a state value with this state.
    #[must_use]
    pub fn encode(&self, compat: i64, charset: Charset) -> Vec<u8> {
        let (category, object_type) = self.kind();
        let mut writer = StateWriter::new(category, object_type, compat, charset);
        match self {
            Self::Agent(agent) => writer.agent(agent),
            Self::Place(place) => writer.agent_place(place),
            Self::AgentGroup(group) => writer.group(group, StateWriter::agent),
            Self::PlaceGroup(group) => writer.group(group, StateWriter::place),
            Self::Dn(_, dn) => writer.dn(dn),
            Self::QueueGroup(group) => writer.queue_group(group),
            Self::Reasons(reasons) => writer.reasons(reasons),
        }
        writer.out
    }

    /// The category and the object type.
    fn kind(&self) -> (u16, u16) {
        match self {
            Self::Agent(_) => (CURRENT_STATE, AGENT),
            Self::Place(_) => (CURRENT_STATE, AGENT_PLACE),
            Self::AgentGroup(_) => (CURRENT_STATE, GROUP_AGENTS),
            Self::PlaceGroup(_) => (CURRENT_STATE, GROUP_PLACES),
            Self::Dn(DnKind::RoutePoint, _) => (CURRENT_STATE, ROUTE_POINT),
            Self::Dn(DnKind::Queue, _) => (CURRENT_STATE, QUEUE),
            Self::Dn(DnKind::RegularDn, _) => (CURRENT_STATE, REGULAR_DN),
            Self::QueueGroup(_) => (CURRENT_STATE, GROUP_QUEUES),
            Self::Reasons(_) => (CURRENT_STATE_REASONS, AGENT),
        }
    }
}

impl AgentStatus {
    /// The body of a state value with this status.
    #[must_use]
    pub fn encode(&self, compat: i64, charset: Charset) -> Vec<u8> {
        let mut writer = StateWriter::new(CURRENT_STATE, AGENT, compat, charset);
        writer.agent(self);
        writer.out
    }
}

struct StateWriter {
    out: Vec<u8>,
    dialect: Dialect,
}

impl StateWriter {
    fn new(category: u16, object_type: u16, compat: i64, charset: Charset) -> Self {
        let mut writer = Self {
            out: Vec::new(),
            dialect: Dialect { compat, charset },
        };
        writer.u16(category);
        writer.u16(object_type);
        writer
    }

    fn agent(&mut self, agent: &AgentStatus) {
        self.head(&agent.agent_id, agent.status, agent.time);
        self.u16(agent.place.is_some().into());
        if let Some(place) = &agent.place {
            self.place(place);
        }
        if self.dialect.has_login() {
            self.text(&agent.login_id);
        }
    }

    fn place(&mut self, place: &PlaceStatus) {
        self.head(&place.place_id, place.status, place.time);
        self.list(&place.dns, Self::dn);
    }

    fn agent_place(&mut self, place: &AgentPlaceStatus) {
        self.place(&place.place);
        if self.dialect.has_occupant() {
            self.text(&place.agent_id);
            self.text(&place.login_id);
        }
    }

    fn group<M>(&mut self, group: &GroupStatus<M>, member: impl Fn(&mut Self, &M)) {
        self.head(&group.group_id, group.status, group.time);
        self.list(&group.members, member);
    }

    fn queue_group(&mut self, group: &QueueGroupStatus) {
        self.head(&group.group_id, group.status, group.time);
        self.u16(group.agent_count);
    }

    fn reasons(&mut self, reasons: &AgentReasons) {
        self.head(&reasons.agent_id, reasons.status, reasons.time);
        self.kv(&reasons.reasons);
        self.text(&reasons.login_id);
    }

    fn dn(&mut self, dn: &DnStatus) {
        self.text(&dn.dn);
        self.text(&dn.switch);
        self.u16(dn.dn_type);
        self.u16(dn.status);
        self.u32(dn.time);
        self.list(&dn.actions, Self::action);
    }

    fn action(&mut self, action: &DnAction) {
        self.u16(action.action);
        self.u32(action.time);
        self.u16(action.call.is_some().into());
        if let Some(call) = &action.call {
            self.call(call);
        }
    }

    fn call(&mut self, call: &DnCall) {
        self.out.extend_from_slice(&call.connection_id);
        self.text(&call.dnis);
        self.text(&call.ani);
        self.kv(&call.user_data);
    }

    fn head(&mut self, id: &str, status: u16, time: u32) {
        self.text(id);
        self.u16(status);
        self.u32(time);
    }

    fn u16(&mut self, value: u16) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        let charset = self.dialect.charset;
        let bytes = charset.encode(text);
        let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.u16(len);
        let kept = bytes.get(..usize::from(len)).unwrap_or_default();
        self.out.extend_from_slice(kept);
    }

    fn list<T>(&mut self, items: &[T], item: impl Fn(&mut Self, &T)) {
        let count = u16::try_from(items.len()).unwrap_or(u16::MAX);
        self.u16(count);
        for one in items.iter().take(usize::from(count)) {
            item(self, one);
        }
    }

    fn kv(&mut self, kv: &Kv) {
        let body = kv.encode(self.dialect.charset);
        match u16::try_from(body.len() + 2) {
            Ok(size) if !kv.0.is_empty() => {
                self.u16(size);
                self.out.extend_from_slice(&body);
            }
            _ => self.u16(0),
        }
    }
}
