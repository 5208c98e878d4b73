//! What is wrong with bytes a peer sent: always the peer's fault, never fatal to the process.

use super::attribute::AttributeId;

/// Bytes that are no message, with where and in which attribute.
///
/// "Not enough bytes yet" is not an error: [`super::Deframer::next`] answers `None` for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed bytes at offset {offset}{}: {fault}", in_attribute(*attribute))]
pub struct Error {
    /// Where, counted from the first byte after the frame's length.
    pub offset: usize,
    /// The attribute being read, by its number in the protocol, if one was.
    pub attribute: Option<u32>,
    /// What is wrong there.
    pub fault: Fault,
}

/// The kinds of malformed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Fault {
    #[error("{0} is cut off")]
    Truncated(&'static str),
    #[error("{0} bytes after the last attribute")]
    TrailingBytes(usize),
    #[error("unknown type letter 0x{0:02x}")]
    UnknownType(u8),
    #[error("a byte block states a length of {0}, less than the length itself takes")]
    BlockLength(u16),
    #[error("neither a frame nor an ADDP packet starts with 0x{0:02x}")]
    NotAFrame(u8),
    #[error("a frame of {length} bytes, more than the {cap} allowed (setting max_frame)")]
    FrameTooLong { length: u64, cap: usize },
    #[error("a frame of {0} bytes, too short for a message")]
    FrameTooShort(u32),
    #[error("a packet of {length} bytes inside a big frame that lacks {missing}")]
    PacketLength { length: u32, missing: usize },
    #[error("a list nested deeper than {0}")]
    TooDeep(usize),
    #[error("unknown key-value type 0x{0:02x}")]
    UnknownKvType(u8),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{name} is {value}, outside its range")]
    OutOfRange { name: &'static str, value: i64 },
}

impl Error {
    pub(super) fn at(offset: usize, fault: Fault) -> Self {
        Self {
            offset,
            attribute: None,
            fault,
        }
    }

    pub(super) fn in_attribute(mut self, attribute: u32) -> Self {
        self.attribute.get_or_insert(attribute);
        self
    }
}

fn in_attribute(attribute: Option<u32>) -> String {
    match attribute {
        Some(id) => match AttributeId::name(id) {
            Some(name) => format!(" in attribute {id} ({name})"),
            None => format!(" in attribute {id}"),
        },
        None => String::new(),
    }
}
