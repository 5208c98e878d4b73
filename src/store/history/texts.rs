//! A chunk's texts: each kept once, all packed together.

use std::collections::HashMap;
use std::sync::Arc;

use super::{columns, packer};
use crate::store::codec::{CHANGE_LEN_MAX, Fault};

/// The longest texts of one chunk, unpacked: its bound when it is cut, and one text over it.
const TEXTS_LEN_MAX: usize = super::chunk::TEXT_LEN_CUT + CHANGE_LEN_MAX;

/// Gives each distinct text a number, in the order of their first use.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    numbers: HashMap<Arc<str>, i64>,
    lengths: Vec<i64>,
    bytes: Vec<u8>,
}

impl Dictionary {
    /// The number of a text.
    pub(super) fn number(&mut self, text: &Arc<str>) -> Result<i64, Fault> {
        if let Some(number) = self.numbers.get(text) {
            return Ok(*number);
        }
        let number = i64::try_from(self.lengths.len()).map_err(|error| error.to_string())?;
        self.lengths
            .push(i64::try_from(text.len()).map_err(|error| error.to_string())?);
        self.bytes.extend_from_slice(text.as_bytes());
        self.numbers.insert(Arc::clone(text), number);
        Ok(number)
    }

    /// Appends the dictionary: how many texts, their lengths, how many bytes, the packed bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let count = u32::try_from(self.lengths.len()).map_err(|error| error.to_string())?;
        out.extend_from_slice(&count.to_be_bytes());
        if count == 0 {
            return Ok(());
        }
        columns::write(out, &self.lengths)?;
        if self.bytes.len() > TEXTS_LEN_MAX {
            return Err(format!("{} bytes of text are too many", self.bytes.len()));
        }
        let len = u32::try_from(self.bytes.len()).map_err(|error| error.to_string())?;
        out.extend_from_slice(&len.to_be_bytes());
        columns::write_bytes(out, &packer::pack(&self.bytes)?)
    }
}

/// Reads a dictionary of at most `count_max` texts from the front of `rest`.
pub(super) fn read(rest: &mut &[u8], count_max: usize) -> Result<Vec<Arc<str>>, Fault> {
    let count = columns::read_len(rest)?;
    if count > count_max {
        return Err(format!("{count} texts are too many"));
    }
    if count == 0 {
        return Ok(Vec::new());
    }
    let lengths = columns::read(rest, count)?;
    let len = columns::read_len(rest)?;
    if len > TEXTS_LEN_MAX {
        return Err(format!("{len} bytes of text are too many"));
    }
    let packed = columns::read_bytes(rest)?;
    let bytes = packer::unpack(packed, len)?;
    let mut unread = std::str::from_utf8(&bytes).map_err(|error| error.to_string())?;
    let mut texts = Vec::with_capacity(count);
    for length in lengths {
        let length = usize::try_from(length).map_err(|error| error.to_string())?;
        let (text, after) = unread
            .split_at_checked(length)
            .ok_or("a text is cut short")?;
        texts.push(text.into());
        unread = after;
    }
    Ok(texts)
}
