//! The bodies of state values, both ways. A body that does not parse to its end, or is of a kind
//! nobody has described, is kept raw.

mod meaning;
mod reading;
mod status;
mod writing;

use super::charset::Charset;
use super::error::Error;
use crate::model::State;

pub use status::{
    AgentPlaceStatus, AgentReasons, AgentStatus, DnAction, DnCall, DnKind, DnStatus, GroupStatus,
    PlaceStatus, QueueGroupStatus, StateBody,
};

const CURRENT_STATE: u16 = 10;
const CURRENT_STATE_REASONS: u16 = 41;

const AGENT: u16 = 0;
const AGENT_PLACE: u16 = 1;
const GROUP_AGENTS: u16 = 2;
const GROUP_PLACES: u16 = 3;
const ROUTE_POINT: u16 = 4;
const QUEUE: u16 = 5;
const GROUP_QUEUES: u16 = 6;
const REGULAR_DN: u16 = 8;

/// What the form of a body depends on beside the body itself.
#[derive(Debug, Clone, Copy)]
struct Dialect {
    compat: i64,
    charset: Charset,
}

impl Dialect {
    /// Whether an agent's status ends with the login id.
    fn has_login(self) -> bool {
        self.compat > 0
    }

    /// Whether a place's own state ends with who is logged in there.
    fn has_occupant(self) -> bool {
        matches!(self.compat, 2 | 61)
    }
}

/// Decodes the body of a state value. What cannot be decoded comes back as [`State::Raw`], and
/// the reason with it where the body is of a kind this program should understand.
#[must_use]
pub fn decode_state(body: &[u8], compat: i64, charset: Charset) -> (State, Option<Error>) {
    match StateBody::decode(body, compat, charset) {
        Ok(Some(state)) => (state.into_model(Dialect { compat, charset }), None),
        Ok(None) => (State::Raw { raw: body.to_vec() }, None),
        Err(error) => (State::Raw { raw: body.to_vec() }, Some(error)),
    }
}
