//! The bodies of state values. This slice decodes an agent's state; every other body, and one that
//! does not parse to its end, is kept raw.

use super::charset::Charset;
use super::error::{Error, Fault};
use super::kv::Kv;
use super::reader::Reader;
use crate::model::{self, State, status_name};

const CURRENT_STATE: u16 = 10;
const AGENT: u16 = 0;

/// An agent's status as it travels: numbers where [`model::AgentState`] has names and times.
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

/// A place's status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct PlaceStatus {
    pub place_id: String,
    pub status: u16,
    pub time: u32,
    pub dns: Vec<DnStatus>,
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

/// Decodes the body of a state value. What cannot be decoded comes back as [`State::Raw`], and
/// the reason with it where the body is of a kind this program should understand.
#[must_use]
pub fn decode_state(body: &[u8], compat: i64, charset: Charset) -> (State, Option<Error>) {
    let mut reader = StateReader {
        reader: Reader::at(0, body),
        charset,
        compat,
    };
    match reader.state() {
        Ok(Some(state)) => (state, None),
        Ok(None) => (State::Raw { raw: body.to_vec() }, None),
        Err(error) => (State::Raw { raw: body.to_vec() }, Some(error)),
    }
}

struct StateReader<'a> {
    reader: Reader<'a>,
    charset: Charset,
    compat: i64,
}

impl StateReader<'_> {
    fn state(&mut self) -> Result<Option<State>, Error> {
        let category = self.reader.u16("the state's category")?;
        let object_type = self.reader.u16("the state's object type")?;
        if (category, object_type) != (CURRENT_STATE, AGENT) {
            return Ok(None);
        }
        let agent = self.agent()?;
        self.reader.end()?;
        Ok(Some(State::Agent(agent.into_model(self.compat > 0))))
    }

    fn text(&mut self, what: &'static str) -> Result<String, Error> {
        Ok(self.charset.decode(self.reader.block16(what)?).into_owned())
    }

    fn agent(&mut self) -> Result<AgentStatus, Error> {
        let agent_id = self.text("the agent's id")?;
        let status = self.reader.u16("the agent's status")?;
        let time = self.reader.u32("the agent's time")?;
        let place = match self.reader.u16("the place's presence")? {
            0 => None,
            1 => Some(self.place()?),
            other => {
                let name = "the place's presence";
                return Err(self.reader.fault(Fault::OutOfRange {
                    name,
                    value: other.into(),
                }));
            }
        };
        let login_id = if self.compat > 0 {
            self.text("the login id")?
        } else {
            String::new()
        };
        Ok(AgentStatus {
            agent_id,
            status,
            time,
            place,
            login_id,
        })
    }

    fn place(&mut self) -> Result<PlaceStatus, Error> {
        let place_id = self.text("the place's id")?;
        let status = self.reader.u16("the place's status")?;
        let time = self.reader.u32("the place's time")?;
        let dns = self.list("the number of DNs", Self::dn)?;
        Ok(PlaceStatus {
            place_id,
            status,
            time,
            dns,
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
        let action = self.reader.u16("the action")?;
        let time = self.reader.u32("the action's time")?;
        let call = match self.reader.u16("the action's data kind")? {
            0 => None,
            1 => Some(self.call()?),
            other => {
                let name = "the action's data kind";
                return Err(self.reader.fault(Fault::OutOfRange {
                    name,
                    value: other.into(),
                }));
            }
        };
        Ok(DnAction { action, time, call })
    }

    fn call(&mut self) -> Result<DnCall, Error> {
        let mut connection_id = [0; 8];
        connection_id.copy_from_slice(self.reader.bytes(8, "the connection id")?);
        let dnis = self.text("the DNIS")?;
        let ani = self.text("the ANI")?;
        let offset = self.reader.offset() + 2;
        // A size of 0, which does not even count itself, stands for no user data.
        let user_data = if self.reader.clone().u16("the user data's size")? == 0 {
            self.reader.u16("the user data's size")?;
            Kv::default()
        } else {
            let block = self.reader.block16_self("the user data")?;
            Kv::decode(Reader::at(offset, block), self.charset)?
        };
        Ok(DnCall {
            connection_id,
            dnis,
            ani,
            user_data,
        })
    }

    fn list<T>(
        &mut self,
        what: &'static str,
        item: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.reader.u16(what)?;
        // Not reserved up front: the count is the peer's word, the bytes are what is there.
        (0..count).map(|_| item(self)).collect()
    }
}

impl AgentStatus {
    fn into_model(self, login_known: bool) -> model::AgentState {
        model::AgentState {
            status: status_name(self.status),
            since: model::AgentState::since(self.time),
            agent: self.agent_id,
            login: login_known.then_some(self.login_id),
            place: self.place.map(PlaceStatus::into_model),
        }
    }

    /// The body of a state value with this status.
    #[must_use]
    pub fn encode(&self, compat: i64, charset: Charset) -> Vec<u8> {
        let mut out = Vec::new();
        put16(&mut out, CURRENT_STATE);
        put16(&mut out, AGENT);
        put_text(&mut out, &self.agent_id, charset);
        put16(&mut out, self.status);
        out.extend_from_slice(&self.time.to_be_bytes());
        put16(&mut out, self.place.is_some().into());
        if let Some(place) = &self.place {
            place.encode(&mut out, charset);
        }
        if compat > 0 {
            put_text(&mut out, &self.login_id, charset);
        }
        out
    }
}

impl PlaceStatus {
    fn into_model(self) -> model::PlaceState {
        model::PlaceState {
            id: self.place_id,
            status: status_name(self.status),
            since: model::AgentState::since(self.time),
            dns: self.dns.into_iter().map(DnStatus::into_model).collect(),
            agent: None,
            login: None,
        }
    }

    fn encode(&self, out: &mut Vec<u8>, charset: Charset) {
        put_text(out, &self.place_id, charset);
        put16(out, self.status);
        out.extend_from_slice(&self.time.to_be_bytes());
        put_count(out, self.dns.len());
        for dn in &self.dns {
            put_text(out, &dn.dn, charset);
            put_text(out, &dn.switch, charset);
            put16(out, dn.dn_type);
            put16(out, dn.status);
            out.extend_from_slice(&dn.time.to_be_bytes());
            put_count(out, dn.actions.len());
            for action in &dn.actions {
                action.encode(out, charset);
            }
        }
    }
}

impl DnStatus {
    fn into_model(self) -> model::DnState {
        model::DnState {
            dn: self.dn,
            switch: self.switch,
            dn_type: None,
            status: status_name(self.status),
            since: model::AgentState::since(self.time),
            actions: self.actions.into_iter().map(DnAction::into_model).collect(),
        }
    }
}

impl DnAction {
    fn into_model(self) -> model::DnAction {
        let (conn_id, dnis, ani) = match self.call {
            Some(call) => {
                let conn_id = connection_id_text(call.connection_id);
                (Some(conn_id), Some(call.dnis), Some(call.ani))
            }
            None => (None, None, None),
        };
        model::DnAction {
            action: status_name(self.action),
            since: model::AgentState::since(self.time),
            conn_id,
            dnis,
            ani,
            user_data: model::UserData::default(),
        }
    }

    fn encode(&self, out: &mut Vec<u8>, charset: Charset) {
        put16(out, self.action);
        out.extend_from_slice(&self.time.to_be_bytes());
        put16(out, self.call.is_some().into());
        if let Some(call) = &self.call {
            out.extend_from_slice(&call.connection_id);
            put_text(out, &call.dnis, charset);
            put_text(out, &call.ani, charset);
            if call.user_data.0.is_empty() {
                put16(out, 0);
            } else {
                let kv = call.user_data.encode(charset);
                put_count(out, kv.len() + 2);
                out.extend_from_slice(&kv);
            }
        }
    }
}

/// Bytes 01..08 read 0403020108070605: each half back to front.
fn connection_id_text(bytes: [u8; 8]) -> String {
    format!(
        "{:016x}",
        u64::from_be_bytes(bytes).swap_bytes().rotate_left(32)
    )
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    debug_assert!(u16::try_from(count).is_ok(), "states built here are small");
    put16(out, u16::try_from(count).unwrap_or(u16::MAX));
}

fn put_text(out: &mut Vec<u8>, text: &str, charset: Charset) {
    let bytes = charset.encode(text);
    put_count(out, bytes.len());
    out.extend_from_slice(&bytes);
}
