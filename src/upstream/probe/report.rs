//! What a probe learns of a Stat Server.

use std::time::Duration;

use crate::wire::{ProfileKind, RawMessage};

/// What a Stat Server said.
#[derive(Debug, Clone, Default)]
pub struct ProbeReport {
    /// How long the connection took to be made, TLS included.
    pub connected_in: Option<Duration>,
    /// How long the registration took to be answered.
    pub registered_in: Option<Duration>,
    /// The version text of its registration answer.
    pub version: Option<String>,
    /// The integer of its registration answer, on which a few shapes of states depend.
    pub compat: Option<i64>,
    /// What it said of its mode, in order.
    pub modes: Vec<Announcement>,
    /// Its lists.
    pub profiles: Vec<ProfileList>,
    /// How it treats heartbeats.
    pub addp: AddpReport,
    /// How it treated the statistic that was opened, if one was.
    pub trial: Option<Trial>,
    /// Every message it sent, taken apart.
    pub messages: Vec<Heard>,
    /// The longest message, in bytes.
    pub body_len_max: usize,
    /// Why the conversation ended early, if it did.
    pub failure: Option<String>,
}

/// One message, and when it came.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Since the connection was made.
    pub at: Duration,
    /// What it consists of.
    pub message: RawMessage,
}

/// What the server said of its mode once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement {
    /// The number as sent.
    pub code: i64,
    /// Since the connection was made.
    pub at: Duration,
    /// Whether it came before the registration was answered.
    pub before_registration: bool,
}

/// One of the lists that a server gives out of its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileList {
    /// Which of them.
    pub kind: ProfileKind,
    /// How long it took.
    pub took: Duration,
    /// Name and definition text, or the server's refusal.
    pub entries: Result<Vec<(String, String)>, String>,
}

/// How a server treats heartbeats.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddpReport {
    /// The data of its answer to our init, whose meaning is not known.
    pub init_answer: Option<u32>,
    /// The data of its answer to our question for the protocol's version.
    pub version: Option<u32>,
    /// How long each of our polls took to be answered.
    pub round_trips: Vec<Duration>,
    /// How many polls of its own it sent.
    pub polls_received: u32,
    /// Heartbeats that came between the packets of a big frame.
    pub inside_frames: u32,
    /// Letters that nobody has seen so far.
    pub unknown_letters: Vec<char>,
}

/// How a server treated one statistic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trial {
    /// Its text form.
    pub statistic: String,
    /// The refusal's code and text, if it was refused.
    pub refusal: Option<(i64, String)>,
    /// How long the open took to be acknowledged.
    pub acknowledged_in: Option<Duration>,
    /// How long after the open the first value came; not within the server's patience if `None`.
    pub first_value_in: Option<Duration>,
    /// Whether a value came before the acknowledgement.
    pub is_value_first: bool,
    /// The values as they read, in order.
    pub values: Vec<String>,
    /// The first answer to our peek.
    pub peek: Option<PeekAnswer>,
    /// The answer to our close.
    pub closed: Option<ClosedForm>,
}

/// How a peek was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeekAnswer {
    /// How long it took.
    pub took: Duration,
    /// Whether the answer carried the open's reference id, else the peek's own.
    pub under_the_open: bool,
}

/// How a close was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedForm {
    /// How long it took.
    pub took: Duration,
    /// Whether the reference id was the close's own.
    pub under_the_close: bool,
    /// Whether the integer named the closed statistic.
    pub names_the_statistic: bool,
}
