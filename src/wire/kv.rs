//! Packed key-value lists: capabilities, extensions, profiles, user data.

use super::charset::Charset;
use super::error::{Error, Fault};
use super::reader::Reader;

/// Lists inside lists deeper than this are refused: no sender has a reason, and each level costs
/// stack.
const DEPTH_MAX: usize = 16;

/// Beyond this length, counts and lengths are u32.
const SHORT_LEN_MAX: usize = 65_535;

const STRING: u8 = 0;
const INT: u8 = 1;
const BINARY: u8 = 2;
const LIST: u8 = 3;
const UNICODE: u8 = 4;
/// Set in a pair's type when its value is longer than a u16 can say.
const LONG: u8 = 0x80;

/// A key-value list, in the order sent. Keys may repeat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kv(pub Vec<(String, KvValue)>);

/// One value of a key-value list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types' names say it")]
pub enum KvValue {
    Text(String),
    Int(i32),
    Binary(Vec<u8>),
    List(Kv),
    /// A text that travels as UTF-16BE whatever the connection's character set.
    Unicode(String),
}

impl Kv {
    /// A list of texts.
    pub fn of_texts<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let pair = |(key, text): (&str, &str)| (key.to_owned(), KvValue::Text(text.to_owned()));
        Self(pairs.into_iter().map(pair).collect())
    }

    /// The first text under `key`.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == key)
            .and_then(|(_, value)| match value {
                KvValue::Text(text) | KvValue::Unicode(text) => Some(text.as_str()),
                _ => None,
            })
    }

    /// The first integer under `key`.
    #[must_use]
    pub fn int(&self, key: &str) -> Option<i32> {
        self.0
            .iter()
            .find(|(found, _)| found == key)
            .and_then(|(_, value)| match value {
                KvValue::Int(int) => Some(*int),
                _ => None,
            })
    }

    pub(super) fn decode(mut reader: Reader<'_>, charset: Charset) -> Result<Self, Error> {
        Self::decode_nested(&mut reader, charset, 0)
    }

    fn decode_nested(
        reader: &mut Reader<'_>,
        charset: Charset,
        depth: usize,
    ) -> Result<Self, Error> {
        if depth > DEPTH_MAX {
            return Err(reader.fault(Fault::TooDeep(DEPTH_MAX)));
        }
        let count = if reader.len() > SHORT_LEN_MAX {
            reader.u32("a list's count")?
        } else {
            reader.u16("a list's count")?.into()
        };
        // Not reserved up front: the count is the peer's word, and lists nest.
        let mut pairs = Vec::new();
        for _ in 0..count {
            pairs.push(Self::decode_pair(reader, charset, depth)?);
        }
        reader.end()?;
        Ok(Self(pairs))
    }

    fn decode_pair(
        reader: &mut Reader<'_>,
        charset: Charset,
        depth: usize,
    ) -> Result<(String, KvValue), Error> {
        let offset = reader.offset();
        let kind = reader.u8("a pair's type")?;
        let key = charset.decode(reader.block16("a pair's key")?).into_owned();
        let long = kind & LONG != 0;
        let value_offset = reader.offset() + if long { 4 } else { 2 };
        let bytes = if long {
            reader.block32("a pair's long value")?
        } else {
            reader.block16("a pair's value")?
        };
        let mut value = Reader::at(value_offset, bytes);
        let value = match kind & !LONG {
            STRING => KvValue::Text(charset.decode(bytes).into_owned()),
            INT => {
                let int = value.i32("an integer")?;
                value.end()?;
                KvValue::Int(int)
            }
            BINARY => KvValue::Binary(bytes.to_vec()),
            LIST if long => KvValue::List(Self::decode_nested(&mut value, charset, depth + 1)?),
            LIST => {
                let inner_offset = value.offset() + 2;
                let inner = value.block16_self("a nested list")?;
                value.end()?;
                let mut inner = Reader::at(inner_offset, inner);
                KvValue::List(Self::decode_nested(&mut inner, charset, depth + 1)?)
            }
            UNICODE => {
                let (text, _) = encoding_rs::UTF_16BE.decode_without_bom_handling(bytes);
                KvValue::Unicode(text.into_owned())
            }
            _ => return Err(Error::at(offset, Fault::UnknownKvType(kind))),
        };
        Ok((key, value))
    }

    pub(super) fn encode(&self, charset: Charset) -> Vec<u8> {
        let mut pairs = Vec::new();
        for (key, value) in &self.0 {
            encode_pair(&mut pairs, key, value, charset);
        }
        let mut body = Vec::with_capacity(pairs.len() + 4);
        // The u16 count reaches further than 65,535 bytes of pairs can.
        match u16::try_from(self.0.len()) {
            Ok(count) if pairs.len() + 2 <= SHORT_LEN_MAX => {
                body.extend_from_slice(&count.to_be_bytes());
            }
            _ => {
                let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
                body.extend_from_slice(&count.to_be_bytes());
            }
        }
        body.extend_from_slice(&pairs);
        body
    }
}

fn encode_pair(out: &mut Vec<u8>, key: &str, value: &KvValue, charset: Charset) {
    let (kind, bytes) = match value {
        KvValue::Text(text) => (STRING, charset.encode(text).into_owned()),
        KvValue::Int(int) => (INT, int.to_be_bytes().to_vec()),
        KvValue::Binary(bytes) => (BINARY, bytes.clone()),
        KvValue::List(list) => (LIST, list.encode(charset)),
        KvValue::Unicode(text) => (
            UNICODE,
            text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        ),
    };
    // A short list repeats its length, which counts itself and so needs two bytes more.
    let repeat = if kind == LIST { 2 } else { 0 };
    // Keys are constants and names from a configuration; one beyond its length field is cut.
    let key = charset.encode(key);
    let key_len = u16::try_from(key.len()).unwrap_or(u16::MAX);
    let key = key.get(..usize::from(key_len)).unwrap_or_default();
    if let Ok(len) = u16::try_from(bytes.len() + repeat) {
        out.push(kind);
        out.extend_from_slice(&key_len.to_be_bytes());
        out.extend_from_slice(key);
        out.extend_from_slice(&len.to_be_bytes());
        if kind == LIST {
            out.extend_from_slice(&len.to_be_bytes());
        }
    } else {
        out.push(kind | LONG);
        out.extend_from_slice(&key_len.to_be_bytes());
        out.extend_from_slice(key);
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    }
    out.extend_from_slice(&bytes);
}
