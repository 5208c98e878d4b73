//! What a Stat Server sends.

use std::borrow::Cow;
use std::fmt;

use bytes::BytesMut;

use super::attribute::{Attribute, AttributeId, Body};
use super::charset::Charset;
use super::error::Error;
use super::kv::Kv;
use super::reader::Reader;

/// The kinds of events, by their message ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the protocol's own names; the uncommon ones are explained"
)]
pub enum EventKind {
    Error,
    /// A value.
    Info,
    StatisticClosed,
    StatisticProfile,
    /// The statistic can be tracked again.
    StatisticValid,
    /// The statistic cannot be tracked; its last value stands but is stale.
    StatisticInvalid,
    Registered,
    /// One of the target-state events, 17 to 20: counted and skipped.
    TargetState(u8),
    StatisticOpened,
    ServerMode,
}

impl EventKind {
    pub(super) fn from_id(id: u32) -> Option<Self> {
        Some(match id {
            1 => Self::Error,
            2 => Self::Info,
            3 => Self::StatisticClosed,
            4 => Self::StatisticProfile,
            9 => Self::StatisticValid,
            10 => Self::StatisticInvalid,
            11 => Self::Registered,
            17..=20 => Self::TargetState(u8::try_from(id).unwrap_or_default()),
            22 => Self::StatisticOpened,
            23 => Self::ServerMode,
            _ => return None,
        })
    }

    /// The message id on the wire.
    #[must_use]
    pub fn id(self) -> u32 {
        match self {
            Self::Error => 1,
            Self::Info => 2,
            Self::StatisticClosed => 3,
            Self::StatisticProfile => 4,
            Self::StatisticValid => 9,
            Self::StatisticInvalid => 10,
            Self::Registered => 11,
            Self::TargetState(id) => id.into(),
            Self::StatisticOpened => 22,
            Self::ServerMode => 23,
        }
    }
}

/// One event: every kind has the same five numbers, and some carry a text, bytes or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// What it tells.
    pub kind: EventKind,
    /// The request it answers; for values, the open's.
    pub reference_id: i32,
    /// The request's tag, -1 when it had none.
    pub tag: i32,
    /// The server's own clock, seconds since 1970.
    pub time: u32,
    /// Seconds the value covers; 0 for current values.
    pub interval_length: i32,
    /// A value, an error's code, a profile's kind, a mode, a closed statistic, or the server's
    /// "compat" number, by kind.
    pub int_value: i64,
    /// A value, an error's text or a version, by kind.
    pub text: Option<Cow<'a, str>>,
    /// A state's body, see [`super::decode_state`].
    pub void: Option<&'a [u8]>,
    /// A profile: name to definition text.
    pub profile: Option<Kv>,
    /// Why the profile could not be read, if it could not.
    pub profile_fault: Option<Error>,
    /// The server's version, where it comes as a list.
    pub version: Option<Kv>,
}

/// A value as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventValue<'a> {
    /// A text, possibly a number's; the authority where an integer stands beside it.
    Text(&'a str),
    /// An integer without a text.
    Int(i64),
    /// A state's body.
    State(&'a [u8]),
}

impl<'a> Event<'a> {
    /// An event with nothing but its kind and the request it answers.
    #[must_use]
    pub fn new(kind: EventKind, reference_id: i32, time: u32) -> Self {
        Self {
            kind,
            reference_id,
            tag: -1,
            time,
            interval_length: 0,
            int_value: 0,
            text: None,
            void: None,
            profile: None,
            profile_fault: None,
            version: None,
        }
    }

    /// The value of an [`EventKind::Info`].
    #[must_use]
    pub fn value(&self) -> EventValue<'_> {
        match (&self.text, self.void) {
            (Some(text), _) => EventValue::Text(text),
            (None, Some(body)) if self.int_value == 0 => EventValue::State(body),
            (None, _) => EventValue::Int(self.int_value),
        }
    }

    /// The statistic that an [`EventKind::StatisticClosed`] is about: published in two forms.
    #[must_use]
    pub fn closed_statistic(&self) -> i32 {
        match i32::try_from(self.int_value) {
            Ok(statistic) if statistic != 0 => statistic,
            _ => self.reference_id,
        }
    }

    /// Reads an event out of its attributes. Malformed bytes anywhere go before what an attribute says.
    pub(super) fn decode(
        kind: EventKind,
        count: u8,
        mut attributes: Reader<'a>,
        charset: Charset,
    ) -> Result<Self, Error> {
        let mut event = Self::new(kind, 0, 0);
        let mut taken = Ok(());
        for _ in 0..count {
            if attributes.take_if(|bytes| event.take_plain(bytes)) {
                continue;
            }
            let attribute = Attribute::read(&mut attributes)?;
            if taken.is_ok() {
                taken = event.take(&attribute, charset);
            }
        }
        attributes.end()?;
        taken?;
        Ok(event)
    }

    /// Takes the attribute that these bytes are, if they are one of the five integers that every event
    /// has, and that any 32 bits will do for: nearly all there is to be read.
    fn take_plain(&mut self, bytes: [u8; 9]) -> bool {
        let [a, b, c, d, letter, value @ ..] = bytes;
        if letter != b'i' {
            return false;
        }
        let value = i32::from_be_bytes(value);
        match u32::from_be_bytes([a, b, c, d]) {
            AttributeId::REFERENCE_ID => self.reference_id = value,
            AttributeId::TAG => self.tag = value,
            AttributeId::TIMESTAMP => self.time = value.cast_unsigned(),
            AttributeId::INTERVAL_LENGTH => self.interval_length = value,
            AttributeId::INT_VALUE => self.int_value = value.into(),
            _ => return false,
        }
        true
    }

    fn take(&mut self, attribute: &Attribute<'a>, charset: Charset) -> Result<(), Error> {
        match attribute.id {
            AttributeId::REFERENCE_ID => {
                self.reference_id = attribute.int_as("the reference id")?;
            }
            AttributeId::TAG => self.tag = attribute.int_as("the tag")?,
            // The server's clock is an i32 that is to be read as unsigned (2038).
            AttributeId::TIMESTAMP => self.time = truncate_to_u32(attribute.int()?),
            AttributeId::INTERVAL_LENGTH => {
                self.interval_length = attribute.int_as("the interval length")?;
            }
            AttributeId::INT_VALUE => self.int_value = attribute.int()?,
            AttributeId::STRING_VALUE => self.text = Some(charset.decode(attribute.text()?)),
            AttributeId::EXTENSIONS => self.void = Some(attribute.block()?),
            // A definition in a form that nobody has seen is no reason to hang up, connection
            // after connection: without its lists a server is taken to define everything.
            AttributeId::PROFILE => match attribute.kv(charset) {
                Ok(list) => self.profile = Some(list),
                Err(fault) => self.profile_fault = Some(fault),
            },
            // Nobody has seen this one travel at all.
            AttributeId::SERVER_VERSION_INFO => self.version = attribute.kv(charset).ok(),
            _ => {}
        }
        Ok(())
    }

    /// Appends the event to `out`, framed.
    pub fn write(&self, charset: Charset, out: &mut BytesMut) {
        Body::write(self.kind.id(), charset, out, |body| self.put(body));
    }

    fn put(&self, body: &mut Body<'_>) {
        body.int(AttributeId::REFERENCE_ID, self.reference_id)
            .int(AttributeId::TAG, self.tag)
            .int(
                AttributeId::TIMESTAMP,
                i32::from_be_bytes(self.time.to_be_bytes()),
            )
            .int(AttributeId::INTERVAL_LENGTH, self.interval_length)
            .int(AttributeId::INT_VALUE, saturate_to_i32(self.int_value));
        if let Some(text) = &self.text {
            body.text(AttributeId::STRING_VALUE, text);
        }
        if let Some(void) = self.void {
            body.block(AttributeId::EXTENSIONS, void);
        }
        if let Some(profile) = &self.profile {
            body.kv(AttributeId::PROFILE, profile);
        }
        if let Some(version) = &self.version {
            body.kv(AttributeId::SERVER_VERSION_INFO, version);
        }
    }
}

fn truncate_to_u32(value: i64) -> u32 {
    let [_, _, _, _, low @ ..] = value.to_be_bytes();
    u32::from_be_bytes(low)
}

/// Servers send `i`, never `l`, so a wider integer ends at the type's edge; its text is exact.
fn saturate_to_i32(value: i64) -> i32 {
    let edge = if value < 0 { i32::MIN } else { i32::MAX };
    i32::try_from(value).unwrap_or(edge)
}

/// What a server of a pair says of itself. The numbers are inferred, never confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerMode {
    /// Serves clients.
    Primary,
    /// Stands by; may accept clients all the same.
    Backup,
    /// Is about to stop.
    Exiting,
    /// A number nobody has published.
    Unknown(i64),
}

impl ServerMode {
    /// The mode with this number in an [`EventKind::ServerMode`].
    #[must_use]
    pub fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Primary,
            // Hot and warm backups are backups.
            1 | 3 | 4 => Self::Backup,
            2 => Self::Exiting,
            other => Self::Unknown(other),
        }
    }

    /// The number on the wire.
    #[must_use]
    pub fn code(self) -> i64 {
        match self {
            Self::Primary => 0,
            Self::Backup => 1,
            Self::Exiting => 2,
            Self::Unknown(code) => code,
        }
    }
}

impl fmt::Display for ServerMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primary => f.write_str("primary"),
            Self::Backup => f.write_str("backup"),
            Self::Exiting => f.write_str("exiting"),
            Self::Unknown(code) => write!(f, "unknown ({code})"),
        }
    }
}
