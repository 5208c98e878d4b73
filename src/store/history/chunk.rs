//! The bytes of a chunk: rows of a range of statistics, column by column. Frozen behind a version.
//!
//! A chunk lies in parts that carry the checksums; [`super::rows`] reads it and still checks every
//! length against what is there, and every number against what it may be.

use super::columns;
use super::content::Content;
use super::row::{Row, What};
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

#[derive(Default)]
struct Columns {
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
}

/// The payload of a chunk. `rows` are sorted by statistic, at most [`ROWS_MAX`].
pub(super) fn write(rows: &[Row]) -> Result<Vec<u8>, Fault> {
    let mut columns = Columns::default();
    for row in rows {
        columns.add(row)?;
    }
    let mut out = vec![VERSION];
    for count in [columns.ids.len(), rows.len()] {
        let count = u32::try_from(count).map_err(|error| error.to_string())?;
        out.extend_from_slice(&count.to_be_bytes());
    }
    for column in [
        &columns.ids,
        &columns.lens,
        &columns.times,
        &columns.kinds,
        &columns.servers,
        &columns.epochs,
        &columns.integers,
        &columns.mantissas,
        &columns.scales,
        &columns.texts,
    ] {
        columns::write(&mut out, column)?;
    }
    columns.dictionary.write(&mut out)?;
    Ok(out)
}

impl Columns {
    fn add(&mut self, row: &Row) -> Result<(), Fault> {
        let id = i64::from(row.id.0);
        match self.lens.last_mut() {
            Some(len) if self.ids.last() == Some(&id) => *len += 1,
            _ => {
                self.ids.push(id);
                self.lens.push(1);
            }
        }
        self.times.push(row.at.0.cast_signed());
        let (kind, quality) = match &row.what {
            What::Closed => (CLOSED, Quality::Good),
            What::Quality(quality) => (QUALITY, *quality),
            What::Value(content, quality) => {
                self.servers.push(i64::from(row.server.0));
                // Statistics are mostly opened in the order of their numbers.
                self.epochs.push(row.epoch.0.cast_signed().wrapping_sub(id));
                (self.add_content(content)?, *quality)
            }
        };
        self.kinds.push(match quality {
            Quality::Good => kind,
            Quality::Uncertain => kind + UNCERTAIN,
        });
        Ok(())
    }

    fn add_content(&mut self, content: &Content) -> Result<i64, Fault> {
        let (kind, text) = match content {
            Content::Integer(number) => {
                self.integers.push(*number);
                return Ok(INTEGER);
            }
            Content::Decimal(mantissa, scale) => {
                self.mantissas.push(*mantissa);
                self.scales.push(*scale);
                return Ok(DECIMAL);
            }
            Content::Digits(digits) => (ODD_DECIMAL, digits),
            Content::Text(text) => (TEXT, text),
            Content::State(json) => (STATE, json),
            Content::Fresh(_) => return self.add_content(&content.clone().packed()),
        };
        self.texts.push(self.dictionary.number(text)?);
        Ok(kind)
    }
}
