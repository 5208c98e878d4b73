//! Attributes: the numbered, typed fields that every message consists of.

use bytes::BytesMut;

use super::charset::Charset;
use super::error::{Error, Fault};
use super::frame::{LEN_LEN, frame_in_place};
use super::kv::Kv;
use super::reader::Reader;

/// The protocol's attribute numbers.
pub(super) struct AttributeId;

macro_rules! attributes {
    ($($constant:ident = $id:literal $name:literal;)*) => {
        impl AttributeId {
            $(pub(super) const $constant: u32 = $id;)*

            /// The protocol's name of an attribute, for messages to people.
            pub(super) fn name(id: u32) -> Option<&'static str> {
                match id {
                    $($id => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

attributes! {
    PROTOCOL_NAME = 0 "ProtocolName";
    CLIENT_NAME = 1 "ClientName";
    REFERENCE_ID = 2 "ReferenceId";
    TAG = 3 "Tag";
    OBJECT_TYPE = 4 "ObjectType";
    OBJECT_ID = 5 "ObjectId";
    CATEGORY = 6 "Category";
    MAIN_MASK = 7 "MainMask";
    SUBJECT = 8 "Subject";
    INTERVAL_TYPE = 9 "IntervalType";
    INTERVAL_LENGTH = 12 "IntervalLength";
    NOTIFICATION_MODE = 13 "NotificationMode";
    INSENSITIVITY = 14 "Insensitivity";
    FREQUENCY = 15 "Frequency";
    RELATIVE_MASK = 16 "RelativeMask";
    TIME_RANGE_LEFT = 17 "TimeRangeLeft";
    TIME_RANGE_RIGHT = 18 "TimeRangeRight";
    STATISTIC_ID = 23 "StatisticId";
    TIMESTAMP = 24 "Timestamp";
    INT_VALUE = 25 "IntValue";
    STRING_VALUE = 26 "StringValue";
    EXTENSIONS = 27 "Extensions";
    TENANT_NAME = 31 "TenantName";
    TENANT_PASSWORD = 32 "TenantPassword";
    LIBRARY_VERSION = 33 "LibraryInternalVersion";
    FILTER = 34 "Filter";
    CLIENT_ID = 35 "ClientId";
    STATISTIC_TYPE = 36 "StatisticType";
    PROFILE = 37 "Profile";
    TIME_PROFILE = 38 "TimeProfile";
    TIME_RANGE_LEFT2 = 39 "TimeRangeLeft2";
    TIME_RANGE_RIGHT2 = 40 "TimeRangeRight2";
    SERVER_VERSION_INFO = 56 "ServerVersionInfo";
    CLIENT_CAPABILITIES = 71 "ClientCapabilities";
}

/// One attribute's value as it stands in the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttributeValue<'a> {
    Int(i64),
    Text(&'a [u8]),
    Block(&'a [u8]),
}

/// One attribute of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) id: u32,
    pub(super) value: AttributeValue<'a>,
    /// Its type letter as sent.
    pub(super) letter: u8,
    /// Where its type letter stands in the frame.
    offset: usize,
    /// Where its value's bytes start, past a length.
    value_offset: usize,
}

impl<'a> Attribute<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let id = reader.u32("an attribute's number")?;
        let offset = reader.offset();
        let (letter, value) = Self::read_value(reader).map_err(|error| error.in_attribute(id))?;
        let value_len = match value {
            AttributeValue::Int(_) => 0,
            AttributeValue::Text(bytes) | AttributeValue::Block(bytes) => bytes.len(),
        };
        Ok(Self {
            id,
            value,
            letter,
            offset,
            value_offset: reader.offset() - value_len,
        })
    }

    fn read_value(reader: &mut Reader<'a>) -> Result<(u8, AttributeValue<'a>), Error> {
        let offset = reader.offset();
        let letter = reader.u8("an attribute's type")?;
        let value = match letter {
            b'i' => AttributeValue::Int(reader.i32("an integer")?.into()),
            b'l' => AttributeValue::Int(reader.i64("a long integer")?),
            b's' => AttributeValue::Text(reader.block16("a text")?),
            b'S' => AttributeValue::Text(reader.block32("a long text")?),
            b'b' => AttributeValue::Block(reader.block16_self("a byte block")?),
            b'B' => AttributeValue::Block(reader.block32("a long byte block")?),
            other => return Err(Error::at(offset, Fault::UnknownType(other))),
        };
        Ok((letter, value))
    }

    pub(super) fn int(&self) -> Result<i64, Error> {
        match self.value {
            AttributeValue::Int(int) => Ok(int),
            _ => Err(self.missing("an integer")),
        }
    }

    /// The integer, if it fits `T`.
    pub(super) fn int_as<T: TryFrom<i64>>(&self, name: &'static str) -> Result<T, Error> {
        let value = self.int()?;
        T::try_from(value).map_err(|_| self.fault(Fault::OutOfRange { name, value }))
    }

    pub(super) fn text(&self) -> Result<&'a [u8], Error> {
        match self.value {
            AttributeValue::Text(text) => Ok(text),
            _ => Err(self.missing("a text")),
        }
    }

    pub(super) fn block(&self) -> Result<&'a [u8], Error> {
        match self.value {
            AttributeValue::Block(block) => Ok(block),
            _ => Err(self.missing("a byte block")),
        }
    }

    pub(super) fn kv(&self, charset: Charset) -> Result<Kv, Error> {
        Kv::decode(Reader::at(self.value_offset, self.block()?), charset)
            .map_err(|error| error.in_attribute(self.id))
    }

    pub(super) fn fault(&self, fault: Fault) -> Error {
        Error::at(self.offset, fault).in_attribute(self.id)
    }

    fn missing(&self, what: &'static str) -> Error {
        self.fault(Fault::Missing(what))
    }
}

/// Writes one message, framed: `u8 count, u32 id`, attributes.
#[derive(Debug)]
pub(super) struct Body<'o> {
    out: &'o mut BytesMut,
    count: u8,
    charset: Charset,
}

/// A length, a count, a message's number.
const HEAD_LEN: usize = 4 + 1 + 4;
/// Most messages are shorter.
const USUAL_LEN: usize = 192;

impl Body<'_> {
    /// Appends a message with the attributes that `fill` adds to `out`. In place: what is written once
    /// for each of a million statistics is not to be built elsewhere and copied.
    pub(super) fn write(
        message_id: u32,
        charset: Charset,
        out: &mut BytesMut,
        fill: impl FnOnce(&mut Body<'_>),
    ) {
        let start = out.len();
        out.reserve(USUAL_LEN);
        out.extend_from_slice(&[0; HEAD_LEN - 4]);
        out.extend_from_slice(&message_id.to_be_bytes());
        let mut body = Body {
            out: &mut *out,
            count: 0,
            charset,
        };
        fill(&mut body);
        let count = body.count;
        if let Some(counted) = out.get_mut(start + LEN_LEN) {
            *counted = count;
        }
        frame_in_place(start, out);
    }

    /// Begins an attribute, whose letter is followed by these few bytes.
    fn start<const N: usize>(&mut self, id: u32, letter: u8, bytes: [u8; N]) {
        debug_assert!(
            self.count < u8::MAX,
            "no message has anywhere near 255 attributes"
        );
        self.count = self.count.saturating_add(1);
        let mut head = [0; 16];
        let [a, b, c, d] = id.to_be_bytes();
        let lead = [a, b, c, d, letter].into_iter().chain(bytes);
        for (place, byte) in head.iter_mut().zip(lead) {
            *place = byte;
        }
        self.out
            .extend_from_slice(head.get(..5 + N).unwrap_or_default());
    }

    pub(super) fn int(&mut self, id: u32, value: i32) -> &mut Self {
        self.start(id, b'i', value.to_be_bytes());
        self
    }

    pub(super) fn int_if(&mut self, id: u32, value: Option<i32>) -> &mut Self {
        if let Some(value) = value {
            self.int(id, value);
        }
        self
    }

    pub(super) fn text(&mut self, id: u32, text: &str) -> &mut Self {
        let charset = self.charset;
        let bytes = charset.encode(text);
        match u16::try_from(bytes.len()) {
            Ok(len) => self.start(id, b's', len.to_be_bytes()),
            Err(_) => self.start(id, b'S', len32(bytes.len())),
        }
        self.out.extend_from_slice(&bytes);
        self
    }

    pub(super) fn text_if(&mut self, id: u32, text: &str) -> &mut Self {
        if !text.is_empty() {
            self.text(id, text);
        }
        self
    }

    pub(super) fn block(&mut self, id: u32, block: &[u8]) -> &mut Self {
        match u16::try_from(block.len() + 2) {
            Ok(counted) => self.start(id, b'b', counted.to_be_bytes()),
            Err(_) => self.start(id, b'B', len32(block.len())),
        }
        self.out.extend_from_slice(block);
        self
    }

    pub(super) fn kv(&mut self, id: u32, kv: &Kv) -> &mut Self {
        if kv.0.is_empty() {
            // A list of none is the count alone.
            return self.block(id, &[0; 2]);
        }
        let block = kv.encode(self.charset);
        self.block(id, &block)
    }
}

/// Nothing this program sends comes near 4 GiB; a longer block could not be framed anyway.
fn len32(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}
