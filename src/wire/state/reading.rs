//! Bodies to statuses.

use super::super::charset::Charset;
use super::super::error::{Error, Fault};
use super::super::kv::Kv;
use super::super::reader::Reader;
use super::{
    AGENT, AGENT_PLACE, AgentPlaceStatus, AgentReasons, AgentStatus, CURRENT_STATE,
    CURRENT_STATE_REASONS, Dialect, DnAction, DnCall, DnKind, DnStatus, GROUP_AGENTS, GROUP_PLACES,
    GROUP_QUEUES, GroupStatus, PlaceStatus, QUEUE, QueueGroupStatus, REGULAR_DN, ROUTE_POINT,
    StateBody,
};

impl StateBody {
    /// Reads a body; `None` if it is of a kind nobody has described.
    pub fn decode(body: &[u8], compat: i64, charset: Charset) -> Result<Option<Self>, Error> {
        let mut reader = StateReader {
            reader: Reader::at(0, body),
            dialect: Dialect { compat, charset },
        };
        let state = reader.state()?;
        if state.is_some() {
            reader.reader.end()?;
        }
        Ok(state)
    }
}

struct StateReader<'a> {
    reader: Reader<'a>,
    dialect: Dialect,
}

impl StateReader<'_> {
    fn state(&mut self) -> Result<Option<StateBody>, Error> {
        let category = self.reader.u16("the state's category")?;
        let object_type = self.reader.u16("the state's object type")?;
        Ok(Some(match (category, object_type) {
            (CURRENT_STATE, AGENT) => StateBody::Agent(self.agent()?),
            (CURRENT_STATE, AGENT_PLACE) => StateBody::Place(self.agent_place()?),
            (CURRENT_STATE, GROUP_AGENTS) => StateBody::AgentGroup(self.group(Self::agent)?),
            (CURRENT_STATE, GROUP_PLACES) => StateBody::PlaceGroup(self.group(Self::place)?),
            (CURRENT_STATE, ROUTE_POINT) => StateBody::Dn(DnKind::RoutePoint, self.dn()?),
            (CURRENT_STATE, QUEUE) => StateBody::Dn(DnKind::Queue, self.dn()?),
            (CURRENT_STATE, REGULAR_DN) => StateBody::Dn(DnKind::RegularDn, self.dn()?),
            (CURRENT_STATE, GROUP_QUEUES) => StateBody::QueueGroup(self.queue_group()?),
            (CURRENT_STATE_REASONS, AGENT) => StateBody::Reasons(self.reasons()?),
            _ => return Ok(None),
        }))
    }

    fn agent(&mut self) -> Result<AgentStatus, Error> {
        Ok(AgentStatus {
            agent_id: self.text("the agent's id")?,
            status: self.reader.u16("the agent's status")?,
            time: self.reader.u32("the agent's time")?,
            place: self.optional("the place's presence", Self::place)?,
            login_id: if self.dialect.has_login() {
                self.text("the login id")?
            } else {
                String::new()
            },
        })
    }

    fn place(&mut self) -> Result<PlaceStatus, Error> {
        Ok(PlaceStatus {
            place_id: self.text("the place's id")?,
            status: self.reader.u16("the place's status")?,
            time: self.reader.u32("the place's time")?,
            dns: self.list("the number of DNs", Self::dn)?,
        })
    }

    fn agent_place(&mut self) -> Result<AgentPlaceStatus, Error> {
        let place = self.place()?;
        let (agent_id, login_id) = if self.dialect.has_occupant() {
            (self.text("the agent's id")?, self.text("the login id")?)
        } else {
            (String::new(), String::new())
        };
        Ok(AgentPlaceStatus {
            place,
            agent_id,
            login_id,
        })
    }

    fn dn(&mut self) -> Result<DnStatus, Error> {
        Ok(DnStatus {
            dn: self.text("the DN")?,
            switch: self.text("the DN's switch")?,
            dn_type: self.reader.u16("the DN's type")?,
            status: self.reader.u16("the DN's status")?,
            time: self.reader.u32("the DN's time")?,
            actions: self.list("the number of actions", Self::action)?,
        })
    }

    fn action(&mut self) -> Result<DnAction, Error> {
        Ok(DnAction {
            action: self.reader.u16("the action")?,
            time: self.reader.u32("the action's time")?,
            call: self.optional("the action's data kind", Self::call)?,
        })
    }

    fn call(&mut self) -> Result<DnCall, Error> {
        let mut connection_id = [0; 8];
        connection_id.copy_from_slice(self.reader.bytes(8, "the connection id")?);
        Ok(DnCall {
            connection_id,
            dnis: self.text("the DNIS")?,
            ani: self.text("the ANI")?,
            user_data: self.kv("the user data")?,
        })
    }

    fn group<M>(
        &mut self,
        member: impl Fn(&mut Self) -> Result<M, Error>,
    ) -> Result<GroupStatus<M>, Error> {
        Ok(GroupStatus {
            group_id: self.text("the group's id")?,
            status: self.reader.u16("the group's status")?,
            time: self.reader.u32("the group's time")?,
            members: self.list("the number of members", member)?,
        })
    }

    fn queue_group(&mut self) -> Result<QueueGroupStatus, Error> {
        Ok(QueueGroupStatus {
            group_id: self.text("the group's id")?,
            status: self.reader.u16("the group's status")?,
            time: self.reader.u32("the group's time")?,
            agent_count: self.reader.u16("the number of agents")?,
        })
    }

    fn reasons(&mut self) -> Result<AgentReasons, Error> {
        Ok(AgentReasons {
            agent_id: self.text("the agent's id")?,
            status: self.reader.u16("the agent's status")?,
            time: self.reader.u32("the agent's time")?,
            reasons: self.kv("the reasons")?,
            login_id: self.text("the login id")?,
        })
    }

    fn text(&mut self, what: &'static str) -> Result<String, Error> {
        let bytes = self.reader.block16(what)?;
        Ok(self.dialect.charset.decode(bytes).into_owned())
    }

    /// A list behind a u16 size that counts itself. A size of 0, which does not even do that,
    /// stands for no list.
    fn kv(&mut self, what: &'static str) -> Result<Kv, Error> {
        if self.reader.clone().u16(what)? == 0 {
            self.reader.u16(what)?;
            return Ok(Kv::default());
        }
        let offset = self.reader.offset() + 2;
        let block = self.reader.block16_self(what)?;
        Kv::decode(Reader::at(offset, block), self.dialect.charset)
    }

    /// What stands behind a u16 that is 1, or 0 for nothing.
    fn optional<T>(
        &mut self,
        name: &'static str,
        item: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let offset = self.reader.offset();
        match self.reader.u16(name)? {
            0 => Ok(None),
            1 => item(self).map(Some),
            other => {
                let value = other.into();
                Err(Error::at(offset, Fault::OutOfRange { name, value }))
            }
        }
    }

    fn list<T>(
        &mut self,
        what: &'static str,
        item: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.reader.u16(what)?;
        // Not reserved up front: the count is the peer's word, the bytes are what is there. Every
        // item takes bytes of its own, so they bound the nesting too.
        (0..count).map(|_| item(self)).collect()
    }
}
