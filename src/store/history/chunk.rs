//! The bytes of a chunk: rows of a range of statistics, column by column. Frozen behind a version.
//!
//! A chunk lies in parts that carry the checksums; here every length is still checked against what
//! is there, and every number against what it may be.

use std::sync::Arc;

use super::row::{Row, What};
use super::texts::Dictionary;
use super::{columns, decimal, texts};
use crate::model::{Epoch, Quality, ServerId, State, StatisticId, Timestamp, Value};
use crate::store::codec::Fault;

/// Rows of one chunk at most. Shorter ones pack worse, longer ones are more to read for one value.
pub(super) const ROWS_MAX: usize = 8192;
/// A chunk whose texts have reached this length is cut.
pub(super) const TEXT_LEN_CUT: usize = 1024 * 1024;
const VERSION: u8 = 1;

// What a row is. `UNCERTAIN` is added where the row tells so.
const INTEGER: i64 = 0;
const DECIMAL: i64 = 2;
/// A decimal whose digits do not come back from two numbers.
const ODD_DECIMAL: i64 = 4;
const TEXT: i64 = 6;
const STATE: i64 = 8;
const QUALITY: i64 = 10;
const CLOSED: i64 = 12;
const UNCERTAIN: i64 = 1;

/// The bytes that a row's text adds to its chunk, at most.
pub(super) fn text_len(row: &Row) -> usize {
    match &row.what {
        What::Value(Value::Decimal(text) | Value::Text(text), _) => text.len(),
        // Measuring would mean writing it; this is the state of a group of some dozen agents.
        What::Value(Value::State(_), _) => 4096,
        _ => 0,
    }
}

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
            What::Value(value, quality) => {
                self.servers.push(i64::from(row.server.0));
                // Statistics are mostly opened in the order of their numbers.
                self.epochs.push(row.epoch.0.cast_signed().wrapping_sub(id));
                (self.add_value(value)?, *quality)
            }
        };
        self.kinds.push(match quality {
            Quality::Good => kind,
            Quality::Uncertain => kind + UNCERTAIN,
        });
        Ok(())
    }

    fn add_value(&mut self, value: &Value) -> Result<i64, Fault> {
        let (kind, text) = match value {
            Value::Integer(number) => {
                self.integers.push(*number);
                return Ok(INTEGER);
            }
            Value::Decimal(digits) => match decimal::split(digits) {
                Some((mantissa, scale)) => {
                    self.mantissas.push(mantissa);
                    self.scales.push(scale);
                    return Ok(DECIMAL);
                }
                None => (ODD_DECIMAL, digits.to_string()),
            },
            Value::Text(text) => (TEXT, text.to_string()),
            Value::State(state) => (STATE, state.to_json()),
        };
        self.texts.push(self.dictionary.number(text)?);
        Ok(kind)
    }
}

/// Reads a chunk: all its rows, or those of one statistic.
pub(super) fn read(payload: &[u8], only: Option<StatisticId>) -> Result<Vec<Row>, Fault> {
    let (&version, mut rest) = payload.split_first().ok_or("a chunk is empty")?;
    if version != VERSION {
        return Err(format!("a chunk of version {version} is unknown"));
    }
    let ids_len = columns::read_len(&mut rest)?;
    let len = columns::read_len(&mut rest)?;
    if len > ROWS_MAX || ids_len > len {
        return Err(format!("{len} rows of {ids_len} statistics are too many"));
    }
    let ids = columns::read(&mut rest, ids_len)?;
    let lens = columns::read(&mut rest, ids_len)?;
    if let Some(only) = only
        && !ids.contains(&i64::from(only.0))
    {
        return Ok(Vec::new());
    }
    let times = columns::read(&mut rest, len)?;
    let kinds = columns::read(&mut rest, len)?;
    let mut counts = [0; 8];
    for kind in &kinds {
        let place = usize::try_from(kind >> 1).ok();
        let count = place.and_then(|place| counts.get_mut(place));
        *count.ok_or_else(|| format!("a row of kind {kind} is unknown"))? += 1;
    }
    let [integers, decimals, odd, texts, states, _, _, unknown] = counts;
    if unknown > 0 {
        return Err("a row of an unknown kind".to_owned());
    }
    let texts_len = odd + texts + states;
    let values_len = integers + decimals + texts_len;
    let mut reader = Reader {
        servers: columns::read(&mut rest, values_len)?.into_iter(),
        epochs: columns::read(&mut rest, values_len)?.into_iter(),
        integers: columns::read(&mut rest, integers)?.into_iter(),
        mantissas: columns::read(&mut rest, decimals)?.into_iter(),
        scales: columns::read(&mut rest, decimals)?.into_iter(),
        texts: columns::read(&mut rest, texts_len)?.into_iter(),
        dictionary: texts::read(&mut rest, texts_len)?,
        states: Vec::new(),
    };
    if !rest.is_empty() {
        return Err("a chunk is too long".to_owned());
    }
    let mut rows = Vec::with_capacity(if only.is_none() { len } else { 0 });
    let mut each = times.into_iter().zip(kinds);
    for (id, run) in ids.into_iter().zip(lens) {
        let id = u32::try_from(id).map_err(|_| "a statistic number is out of range")?;
        let wanted = only.is_none_or(|only| only.0 == id);
        for _ in 0..run {
            let (time, kind) = each.next().ok_or("a row is missing")?;
            if wanted {
                rows.push(reader.row(StatisticId(id), time, kind)?);
            } else {
                reader.skip(kind);
            }
        }
    }
    if each.next().is_some() {
        return Err("there are rows of no statistic".to_owned());
    }
    Ok(rows)
}

struct Reader {
    servers: std::vec::IntoIter<i64>,
    epochs: std::vec::IntoIter<i64>,
    integers: std::vec::IntoIter<i64>,
    mantissas: std::vec::IntoIter<i64>,
    scales: std::vec::IntoIter<i64>,
    texts: std::vec::IntoIter<i64>,
    dictionary: Vec<Box<str>>,
    /// The dictionary's states, parsed when first met.
    states: Vec<Option<Arc<State>>>,
}

const MISSING: &str = "a value is missing";

impl Reader {
    fn row(&mut self, id: StatisticId, time: i64, kind: i64) -> Result<Row, Fault> {
        let at = Timestamp(time.cast_unsigned());
        let quality = if kind & UNCERTAIN == 0 {
            Quality::Good
        } else {
            Quality::Uncertain
        };
        let value = match kind & !UNCERTAIN {
            QUALITY => return Ok(Row::bare(id, at, What::Quality(quality))),
            CLOSED => return Ok(Row::bare(id, at, What::Closed)),
            INTEGER => Value::Integer(self.integers.next().ok_or(MISSING)?),
            DECIMAL => {
                let mantissa = self.mantissas.next().ok_or(MISSING)?;
                let scale = self.scales.next().ok_or(MISSING)?;
                let digits = decimal::join(mantissa, scale).ok_or("a decimal is out of range")?;
                Value::Decimal(digits.into())
            }
            ODD_DECIMAL => Value::Decimal(self.text()?.1.into()),
            TEXT => Value::Text(self.text()?.1.into()),
            _ => Value::State(self.state()?),
        };
        let server = u16::try_from(self.servers.next().ok_or(MISSING)?)
            .map_err(|_| "a server is out of range")?;
        let epoch = self.epochs.next().ok_or(MISSING)?;
        Ok(Row {
            id,
            at,
            what: What::Value(value, quality),
            server: ServerId(server),
            epoch: Epoch(epoch.wrapping_add(i64::from(id.0)).cast_unsigned()),
        })
    }

    /// Passes over what belongs to a row that nobody asked for.
    fn skip(&mut self, kind: i64) {
        match kind & !UNCERTAIN {
            QUALITY | CLOSED => return,
            INTEGER => drop(self.integers.next()),
            DECIMAL => {
                self.mantissas.next();
                self.scales.next();
            }
            _ => drop(self.texts.next()),
        }
        self.servers.next();
        self.epochs.next();
    }

    fn text(&mut self) -> Result<(usize, &str), Fault> {
        let number = self.texts.next().ok_or(MISSING)?;
        let number = usize::try_from(number).map_err(|_| "a text is out of range")?;
        let text = self.dictionary.get(number).ok_or("a text is missing")?;
        Ok((number, text))
    }

    fn state(&mut self) -> Result<Arc<State>, Fault> {
        let (number, text) = self.text()?;
        let text = text.to_owned();
        self.states.resize(self.dictionary.len(), None);
        if let Some(Some(known)) = self.states.get(number) {
            return Ok(Arc::clone(known));
        }
        let state = serde_json::from_str::<State>(&text)
            .map_err(|error| format!("a state cannot be read: {error}"))?;
        let state = Arc::new(state);
        if let Some(place) = self.states.get_mut(number) {
            *place = Some(Arc::clone(&state));
        }
        Ok(state)
    }
}
