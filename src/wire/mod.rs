//! The Stat Server protocol: bytes to messages and back. No I/O, no clock, no state but the
//! reassembly of a frame that arrives in pieces.
//!
//! The byte layout is nobody's published standard; it was established by observation and never
//! tried against a real Stat Server. `docs/wire.md` says what is known how well.

mod addp;
mod attribute;
mod charset;
mod enumeration;
mod error;
mod event;
mod frame;
mod kv;
mod message;
mod raw;
mod reader;
mod recipe;
mod request;
mod state;

pub use addp::{Addp, AddpCommand, TRACE_BIT};
pub use charset::Charset;
pub use error::{Error, Fault};
pub use event::{Event, EventKind, EventValue, ServerMode};
pub use frame::{Deframer, FRAME_LEN_PLAIN_MAX, PACKET_LEN_MAX, Packet, frame};
pub use kv::{Kv, KvValue};
pub use message::Message;
pub use raw::{RawAttribute, RawMessage};
pub use recipe::{Recipe, RecipeError, RecipeText};
pub use request::{
    Capabilities, Definition, Notification, Object, ProfileKind, Refinements, Register, Request,
};
pub use state::{
    AgentPlaceStatus, AgentReasons, AgentStatus, DnAction, DnCall, DnKind, DnStatus, GroupStatus,
    PlaceStatus, QueueGroupStatus, StateBody, decode_state,
};

#[cfg(test)]
mod tests;
