//! The bytes of a chunk: rows of a range of statistics, column by column. Frozen behind a version.
//!
//! A chunk lies in parts that carry the checksums; [`super::rows`] reads it and still checks every
//! length against what is there, and every number against what it may be.

use super::columns;
use super::content::ContentRef;
use super::row::{RowRef, What};
use super::texts::Dictionary;
use crate::model::Quality;
use crate::store::codec::Fault;

/// Rows of one chunk at most. Shorter ones pack worse, longer ones are more to read for one value.
pub(super) const ROWS_MAX: usize = 8192;
/// A chunk whose texts have reached this length is cut.
pub(super) const TEXT_LEN_CUT: usize = 1024 * 1024;
pub(super) const VERSION: u8 = 1;

// What a row is. `UNCERTAIN` is added where the row tells so.
pub(super) const INTEGER: i64 = 0;
pub(super) const DECIMAL: i64 = 2;
/// A decimal whose digits do not come back from two numbers.
pub(super) const ODD_DECIMAL: i64 = 4;
pub(super) const TEXT: i64 = 6;
pub(super) const STATE: i64 = 8;
pub(super) const QUALITY: i64 = 10;
pub(super) const CLOSED: i64 = 12;
pub(super) const UNCERTAIN: i64 = 1;

/// A chunk on its way.
#[derive(Default)]
pub(super) struct Draft {
    /// Per statistic: its number, and how many rows it has.
    ids: Vec<i64>,
    lens: Vec<i64>,
    /// Per row.
    times: Vec<i64>,
    kinds: Vec<i64>,
    /// Per row that is a value.
    servers: Vec<i64>,
    epochs: Vec<i64>,
    /// Per row of their kind.
    integers: Vec<i64>,
    mantissas: Vec<i64>,
    scales: Vec<i64>,
    texts: Vec<i64>,
    dictionary: Dictionary,
    /// Bytes of text, each counted as often as it comes.
    text_len: usize,
}

impl Draft {
    /// Its first statistic; `None` while it is empty.
    pub(super) fn first(&self) -> Option<u32> {
        self.ids.first().and_then(|id| u32::try_from(*id).ok())
    }

    /// Whether it takes no more.
    pub(super) fn is_full(&self) -> bool {
        self.times.len() >= ROWS_MAX || self.text_len >= TEXT_LEN_CUT
    }

    /// Takes the next row, in the order of the statistics' numbers.
    pub(super) fn push(&mut self, row: RowRef<'_>) -> Result<(), Fault> {
        let id = i64::from(row.id.0);
        match self.lens.last_mut() {
            Some(len) if self.ids.last() == Some(&id) => *len += 1,
            _ => {
                self.ids.push(id);
                self.lens.push(1);
            }
        }
        self.times.push(row.at.0.cast_signed());
        let (kind, quality) = match row.what {
            What::Closed => (CLOSED, Quality::Good),
            What::Quality(quality) => (QUALITY, quality),
            What::Value(content, quality) => {
                self.servers.push(i64::from(row.server.0));
                // Statistics are mostly opened in the order of their numbers.
                self.epochs.push(row.epoch.0.cast_signed().wrapping_sub(id));
                (self.add_content(content)?, quality)
            }
        };
        self.kinds.push(match quality {
            Quality::Good => kind,
            Quality::Uncertain => kind + UNCERTAIN,
        });
        Ok(())
    }

    fn add_content(&mut self, content: ContentRef<'_>) -> Result<i64, Fault> {
        let (kind, text) = match content {
            ContentRef::Integer(number) => {
                self.integers.push(number);
                return Ok(INTEGER);
            }
            ContentRef::Decimal(mantissa, scale) => {
                self.mantissas.push(mantissa);
                self.scales.push(scale);
                return Ok(DECIMAL);
            }
            ContentRef::Digits(digits) => (ODD_DECIMAL, digits),
            ContentRef::Text(text) => (TEXT, text),
            ContentRef::State(json) => (STATE, json),
            // Packed here, by history's thread: the store's writer has no time for it.
            ContentRef::Fresh(_) => {
                return self.add_content(content.into_owned().packed().as_ref());
            }
        };
        self.text_len += text.len();
        self.texts.push(self.dictionary.number(text)?);
        Ok(kind)
    }

    /// The payload. The draft is empty then.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>, Fault> {
        let mut out = vec![VERSION];
        for count in [self.ids.len(), self.times.len()] {
            let count = u32::try_from(count).map_err(|error| error.to_string())?;
            out.extend_from_slice(&count.to_be_bytes());
        }
        for column in [
            &mut self.ids,
            &mut self.lens,
            &mut self.times,
            &mut self.kinds,
            &mut self.servers,
            &mut self.epochs,
            &mut self.integers,
            &mut self.mantissas,
            &mut self.scales,
            &mut self.texts,
        ] {
            columns::write(&mut out, column)?;
            column.clear();
        }
        std::mem::take(&mut self.dictionary).write(&mut out)?;
        self.text_len = 0;
        Ok(out)
    }
}
