//! Messages: a frame's body as a request, an event, or something unknown that is skipped.

use super::attribute::Attribute;
use super::charset::Charset;
use super::error::Error;
use super::event::{Event, EventKind};
use super::reader::Reader;
use super::request::Request;

/// One message, in either direction.
#[derive(Debug)]
pub enum Message<'a> {
    /// What a client sends.
    Request(Request<'a>),
    /// What a Stat Server sends.
    Event(Event<'a>),
    /// A message id this program does not know: counted and skipped, never fatal.
    Unknown(u32),
}

impl<'a> Message<'a> {
    /// Decodes the body of one frame. Unknown attributes are skipped.
    ///
    /// # Errors
    /// Malformed bytes; names the offset and the attribute.
    pub fn decode(body: &'a [u8], charset: Charset) -> Result<Self, Error> {
        let mut reader = Reader::at(0, body);
        let count = reader.u8("the number of attributes")?;
        let id = reader.u32("the message's number")?;
        if let Some(kind) = EventKind::from_id(id) {
            let event = Event::decode(kind, count, reader, charset)?;
            return Ok(Self::Event(event));
        }
        // Not even its attributes need to make sense to be skipped: the frame says how long it is.
        if !Request::is_known(id) {
            return Ok(Self::Unknown(id));
        }
        let mut attributes = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            attributes.push(Attribute::read(&mut reader)?);
        }
        reader.end()?;
        match Request::decode(id, &attributes, charset)? {
            Some(request) => Ok(Self::Request(request)),
            None => Ok(Self::Unknown(id)),
        }
    }
}
