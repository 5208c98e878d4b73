//! Messages as they stand in the frame, attribute by attribute, for people who look into what a
//! Stat Server really sends. Nothing is interpreted and nothing skipped.

use std::fmt::Write as _;

use super::attribute::{Attribute, AttributeId, AttributeValue};
use super::charset::Charset;
use super::error::Error;
use super::kv::Kv;
use super::reader::Reader;

/// Bytes of a block shown before it is cut.
const SHOWN_LEN_MAX: usize = 256;

/// One message, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMessage {
    /// The message's number.
    pub id: u32,
    /// Its attributes in the order sent.
    pub attributes: Vec<RawAttribute>,
    /// Why the rest could not be read, if it could not.
    pub fault: Option<Error>,
}

/// One attribute of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAttribute {
    /// Its number.
    pub id: u32,
    /// The protocol's name for it, where one is known.
    pub name: Option<&'static str>,
    /// The type letter's kind: `integer`, `text`, `list` or `bytes`.
    pub kind: &'static str,
    /// Its value: digits, the text, the list as `{key: value}`, or bytes in hexadecimal.
    pub value: String,
}

impl RawMessage {
    /// Takes the body of one frame apart, as far as it can be read.
    #[must_use]
    pub fn read(body: &[u8], charset: Charset) -> Self {
        let mut message = Self {
            id: 0,
            attributes: Vec::new(),
            fault: None,
        };
        message.fault = message.read_attributes(body, charset).err();
        message
    }

    fn read_attributes(&mut self, body: &[u8], charset: Charset) -> Result<(), Error> {
        let mut reader = Reader::at(0, body);
        let count = reader.u8("the number of attributes")?;
        self.id = reader.u32("the message's number")?;
        for _ in 0..count {
            let attribute = Attribute::read(&mut reader)?;
            let (kind, value) = show(&attribute, charset);
            let name = AttributeId::name(attribute.id);
            self.attributes.push(RawAttribute {
                id: attribute.id,
                name,
                kind,
                value,
            });
        }
        reader.end()
    }
}

fn show(attribute: &Attribute<'_>, charset: Charset) -> (&'static str, String) {
    match attribute.value {
        AttributeValue::Int(int) => ("integer", int.to_string()),
        AttributeValue::Text(text) => ("text", charset.decode(text).into_owned()),
        // A block that reads as a list to its end is one; a state's body practically never does.
        AttributeValue::Block(block) => match attribute.kv(charset) {
            Ok(list) => ("list", show_list(&list)),
            Err(_) => ("bytes", hexadecimal(block)),
        },
    }
}

fn show_list(list: &Kv) -> String {
    use super::kv::KvValue;
    let mut out = String::from("{");
    for (position, (key, value)) in list.0.iter().enumerate() {
        let separator = if position == 0 { "" } else { ", " };
        let value = match value {
            KvValue::Text(text) | KvValue::Unicode(text) => format!("{text:?}"),
            KvValue::Int(int) => int.to_string(),
            KvValue::Binary(bytes) => hexadecimal(bytes),
            KvValue::List(list) => show_list(list),
        };
        // Writing to a string cannot fail.
        write!(out, "{separator}{key:?}: {value}").unwrap_or_default();
    }
    out.push('}');
    out
}

fn hexadecimal(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN_LEN_MAX).unwrap_or(bytes);
    let mut out = String::with_capacity(shown.len() * 2);
    for byte in shown {
        write!(out, "{byte:02x}").unwrap_or_default();
    }
    if bytes.len() > shown.len() {
        write!(out, "… ({} bytes)", bytes.len()).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::super::{Event, EventKind, Register, Request};
    use super::*;

    fn check(frame: &BytesMut, id: u32, shown: &[(u32, &str, &str)]) {
        let message = RawMessage::read(&frame[4..], Charset::UTF_8);
        assert_eq!((message.id, &message.fault), (id, &None));
        let attributes: Vec<(u32, &str, &str)> = message
            .attributes
            .iter()
            .map(|attribute| (attribute.id, attribute.kind, attribute.value.as_str()))
            .collect();
        assert_eq!(attributes, shown);
    }

    #[test]
    fn a_message_is_shown_attribute_by_attribute() {
        let mut frame = BytesMut::new();
        let mut event = Event::new(EventKind::Registered, 0, 7);
        event.text = Some("8.5".into());
        event.void = Some(&[0xff, 1]);
        event.write(Charset::UTF_8, &mut frame);
        let shown = [
            (2, "integer", "0"),
            (3, "integer", "-1"),
            (24, "integer", "7"),
            (12, "integer", "0"),
            (25, "integer", "0"),
            (26, "text", "8.5"),
            (27, "bytes", "ff01"),
        ];
        check(&frame, 11, &shown);

        let mut frame = BytesMut::new();
        let mut register = Register::as_client("peekd", 0);
        register.capabilities.0.truncate(1);
        Request::Register(register).write(Charset::UTF_8, &mut frame);
        let shown = [
            (0, "text", "StatExchangeProtocol 2.0.4"),
            (1, "text", "peekd"),
            (33, "integer", "7"),
            (35, "integer", "0"),
            (
                71,
                "list",
                "{\"ccap-large-kv-lists-in-data-streams\": \"yes\"}",
            ),
        ];
        check(&frame, 1024, &shown);
    }

    #[test]
    fn what_can_be_read_is_shown_and_the_rest_explained() {
        let body = [
            2, 0, 0, 0, 2, 0, 0, 0, 25, b'i', 0, 0, 0, 9, 0, 0, 0, 26, b's', 0, 5, b'x',
        ];
        let message = RawMessage::read(&body, Charset::UTF_8);
        assert_eq!(message.attributes.len(), 1);
        assert_eq!(message.fault.unwrap().attribute, Some(26));
    }
}
