//! Messages as they stand in the frame, attribute by attribute, for people who look into what a
//! Stat Server really sends. Nothing is interpreted and nothing skipped.

use std::fmt::Write as _;

use super::attribute::{Attribute, AttributeId, AttributeValue};
use super::charset::Charset;
use super::error::Error;
use super::kv::Kv;
use super::reader::Reader;

/// Bytes shown in hexadecimal before they are cut: more than any state seen so far, and a bound on
/// what one attribute can cost.
const SHOWN_LEN_MAX: usize = 64 * 1024;

/// One message, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMessage {
    /// The message's number.
    pub id: u32,
    /// The protocol's name for it, where one is known.
    pub name: Option<&'static str>,
    /// Its attributes in the order sent.
    pub attributes: Vec<RawAttribute>,
    /// Why the rest could not be read, if it could not.
    pub fault: Option<Error>,
    /// The whole body in hexadecimal, where the message is not known or could not be read.
    pub raw: Option<String>,
}

/// One attribute of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAttribute {
    /// Its number.
    pub id: u32,
    /// The protocol's name for it, where one is known.
    pub name: Option<&'static str>,
    /// The type letter as sent.
    pub letter: char,
    /// The type letter's kind: `integer`, `text`, `list` or `bytes`.
    pub kind: &'static str,
    /// Its value: digits, the text, the list as `{key: value}`, or bytes in hexadecimal.
    pub value: String,
    /// Its bytes in hexadecimal where the value may not tell them: a text that is not plain ASCII,
    /// whose character set is only believed; a list or a text under a number that is not known.
    pub raw: Option<String>,
}

impl RawMessage {
    /// Takes the body of one frame apart, as far as it can be read.
    #[must_use]
    pub fn read(body: &[u8], charset: Charset) -> Self {
        let mut message = Self {
            id: 0,
            name: None,
            attributes: Vec::new(),
            fault: None,
            raw: None,
        };
        message.fault = message.read_attributes(body, charset).err();
        message.name = name_of(message.id);
        let is_clear = message.name.is_some() && message.fault.is_none();
        message.raw = (!is_clear).then(|| hexadecimal(body));
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
            let bytes = match attribute.value {
                AttributeValue::Text(text) if name.is_none() || !text.is_ascii() => Some(text),
                AttributeValue::Block(block) if name.is_none() && kind == "list" => Some(block),
                _ => None,
            };
            self.attributes.push(RawAttribute {
                id: attribute.id,
                name,
                letter: attribute.letter.into(),
                kind,
                value,
                raw: bytes.map(hexadecimal),
            });
        }
        reader.end()
    }
}

/// The protocol's name of a message, for people.
fn name_of(id: u32) -> Option<&'static str> {
    Some(match id {
        1 => "EventError",
        2 => "EventInfo",
        3 => "EventStatisticClosed",
        4 => "EventStatisticProfile",
        9 => "EventStatisticValid",
        10 => "EventStatisticInvalid",
        11 => "EventRegistered",
        17..=20 => "EventCurrentTargetState",
        22 => "EventStatisticOpened",
        23 => "EventServerMode",
        1024 => "RequestRegisterClient",
        1025 => "RequestGetStatisticEx",
        1026 => "RequestOpenStatisticEx",
        1027 => "RequestPeekStatistic",
        1028 => "RequestCloseStatistic",
        1029 => "RequestGetStatisticProfile",
        1033 => "RequestGetStatistic",
        1034 => "RequestOpenStatistic",
        1044 => "RequestSuspendNotification",
        1045 => "RequestResumeNotification",
        _ => return None,
    })
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
        assert!(message.name.is_some() && message.raw.is_none());
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
    fn what_is_not_known_is_shown_with_its_bytes() {
        // Text 26 in windows-1252, list 41 that nobody has seen, of a message nobody has seen.
        let body = [
            2, 0, 0, 0, 99, 0, 0, 0, 26, b's', 0, 2, b'\x95', b'k', 0, 0, 0, 41, b'b', 0, 4, 0, 0,
        ];
        let message = RawMessage::read(&body, Charset::for_label("windows-1252").unwrap());
        assert_eq!(
            (message.id, message.name, &message.fault),
            (99, None, &None)
        );
        assert_eq!(message.raw.unwrap(), hexadecimal(&body));
        let [text, list] = message.attributes.as_slice() else {
            panic!("two attributes were sent");
        };
        assert_eq!((text.letter, text.value.as_str()), ('s', "\u{2022}k"));
        assert_eq!(text.raw.as_deref(), Some("956b"));
        assert_eq!((list.name, list.value.as_str()), (None, "{}"));
        assert_eq!((list.letter, list.raw.as_deref()), ('b', Some("0000")));
    }

    #[test]
    fn what_can_be_read_is_shown_and_the_rest_explained() {
        let body = [
            2, 0, 0, 0, 2, 0, 0, 0, 25, b'i', 0, 0, 0, 9, 0, 0, 0, 26, b's', 0, 5, b'x',
        ];
        let message = RawMessage::read(&body, Charset::UTF_8);
        assert_eq!(message.attributes.len(), 1);
        assert_eq!(message.raw.unwrap(), hexadecimal(&body));
        assert_eq!(message.fault.unwrap().attribute, Some(26));
    }
}
