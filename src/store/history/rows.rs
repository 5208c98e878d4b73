//! The rows of a chunk, read out of its columns one at a time.
//!
//! Everything that could be wrong is found before the first row is shown, so that a chunk is read as
//! a whole or not at all.

use std::sync::Arc;
use std::vec::IntoIter;

use super::chunk::{
    CLOSED, DECIMAL, INTEGER, ODD_DECIMAL, QUALITY, ROWS_MAX, TEXT, UNCERTAIN, VERSION,
};
use super::content::Content;
use super::row::{Row, What};
use super::{columns, decimal, texts};
use crate::model::{Epoch, Quality, ServerId, StatisticId, Timestamp};
use crate::store::codec::Fault;

/// The rows of one chunk that are still to come, statistic by statistic.
#[derive(Default)]
pub(super) struct Rows {
    /// The statistics after the current one, and how many rows each has.
    ids: IntoIter<i64>,
    lens: IntoIter<i64>,
    id: u32,
    /// Rows of the current statistic that are still to come.
    left: usize,
    times: IntoIter<i64>,
    kinds: IntoIter<i64>,
    servers: IntoIter<i64>,
    epochs: IntoIter<i64>,
    integers: IntoIter<i64>,
    mantissas: IntoIter<i64>,
    scales: IntoIter<i64>,
    texts: IntoIter<i64>,
    dictionary: Vec<Arc<str>>,
}

impl Rows {
    /// Reads a chunk. When only one statistic is wanted and it is not there, there are no rows.
    pub(super) fn read(payload: &[u8], only: Option<StatisticId>) -> Result<Self, Fault> {
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
        within(&ids, u32::MAX.into(), "a statistic number")?;
        within(&lens, u32::MAX.into(), "a count of rows")?;
        if usize::try_from(lens.iter().sum::<i64>()) != Ok(len) || lens.contains(&0) {
            return Err("there are rows of no statistic, or too few".to_owned());
        }
        if only.is_some_and(|only| !ids.contains(&i64::from(only.0))) {
            return Ok(Self::default());
        }
        let times = columns::read(&mut rest, len)?;
        let kinds = columns::read(&mut rest, len)?;
        let counts = Counts::of(&kinds)?;
        let servers = columns::read(&mut rest, counts.values)?;
        within(&servers, u16::MAX.into(), "a server")?;
        let epochs = columns::read(&mut rest, counts.values)?;
        let integers = columns::read(&mut rest, counts.integers)?;
        let mantissas = columns::read(&mut rest, counts.decimals)?;
        let scales = columns::read(&mut rest, counts.decimals)?;
        within(&scales, decimal::SCALE_MAX, "a decimal")?;
        let texts = columns::read(&mut rest, counts.texts)?;
        let dictionary = texts::read(&mut rest, counts.texts)?;
        let last = i64::try_from(dictionary.len()).map_err(|error| error.to_string())? - 1;
        within(&texts, last, "a text")?;
        if !rest.is_empty() {
            return Err("a chunk is too long".to_owned());
        }
        let mut rows = Self {
            ids: ids.into_iter(),
            lens: lens.into_iter(),
            id: 0,
            left: 0,
            times: times.into_iter(),
            kinds: kinds.into_iter(),
            servers: servers.into_iter(),
            epochs: epochs.into_iter(),
            integers: integers.into_iter(),
            mantissas: mantissas.into_iter(),
            scales: scales.into_iter(),
            texts: texts.into_iter(),
            dictionary,
        };
        rows.begin_run();
        Ok(rows)
    }

    /// The statistic whose rows come next.
    pub(super) fn id(&self) -> Option<StatisticId> {
        (self.left > 0).then_some(StatisticId(self.id))
    }

    /// The next row, if it is of this statistic.
    pub(super) fn next_of(&mut self, id: StatisticId) -> Option<Row> {
        if self.id()? != id {
            return None;
        }
        self.next()
    }

    /// Passes over the rows of the current statistic.
    pub(super) fn skip_run(&mut self) {
        for _ in 0..self.left {
            self.times.next();
            let kind = self.kinds.next().unwrap_or(CLOSED) & !UNCERTAIN;
            match kind {
                QUALITY | CLOSED => continue,
                INTEGER => drop(self.integers.next()),
                DECIMAL => drop((self.mantissas.next(), self.scales.next())),
                _ => drop(self.texts.next()),
            }
            self.servers.next();
            self.epochs.next();
        }
        self.begin_run();
    }

    fn begin_run(&mut self) {
        self.left = 0;
        while self.left == 0
            && let (Some(id), Some(len)) = (self.ids.next(), self.lens.next())
        {
            self.id = u32::try_from(id).unwrap_or_default();
            self.left = usize::try_from(len).unwrap_or_default();
        }
    }

    fn content(&mut self, kind: i64) -> Option<Content> {
        Some(match kind {
            INTEGER => Content::Integer(self.integers.next()?),
            DECIMAL => Content::Decimal(self.mantissas.next()?, self.scales.next()?),
            kind => {
                let number = usize::try_from(self.texts.next()?).ok()?;
                let text = Arc::clone(self.dictionary.get(number)?);
                match kind {
                    ODD_DECIMAL => Content::Digits(text),
                    TEXT => Content::Text(text),
                    _ => Content::State(text),
                }
            }
        })
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        self.left = self.left.checked_sub(1)?;
        let id = StatisticId(self.id);
        let at = Timestamp(self.times.next()?.cast_unsigned());
        let kind = self.kinds.next()?;
        let quality = if kind & UNCERTAIN == 0 {
            Quality::Good
        } else {
            Quality::Uncertain
        };
        let row = match kind & !UNCERTAIN {
            QUALITY => Row::bare(id, at, What::Quality(quality)),
            CLOSED => Row::bare(id, at, What::Closed),
            kind => Row {
                id,
                at,
                what: What::Value(self.content(kind)?, quality),
                server: ServerId(u16::try_from(self.servers.next()?).ok()?),
                epoch: Epoch(
                    self.epochs
                        .next()?
                        .wrapping_add(i64::from(id.0))
                        .cast_unsigned(),
                ),
            },
        };
        if self.left == 0 {
            self.begin_run();
        }
        Some(row)
    }
}

/// How many rows there are of each kind that has columns of its own.
struct Counts {
    integers: usize,
    decimals: usize,
    texts: usize,
    values: usize,
}

impl Counts {
    fn of(kinds: &[i64]) -> Result<Self, Fault> {
        let mut counts = [0; 8];
        for kind in kinds {
            let place = usize::try_from(kind >> 1).ok();
            let count = place.and_then(|place| counts.get_mut(place));
            *count.ok_or_else(|| format!("a row of kind {kind} is unknown"))? += 1;
        }
        let [integers, decimals, odd, texts, states, _, _, unknown] = counts;
        if unknown > 0 {
            return Err("a row of an unknown kind".to_owned());
        }
        let texts = odd + texts + states;
        Ok(Self {
            integers,
            decimals,
            texts,
            values: integers + decimals + texts,
        })
    }
}

fn within(column: &[i64], max: i64, what: &str) -> Result<(), Fault> {
    // No way out in the middle: that is several numbers an instruction. Negative when any number is,
    // or is greater than `max`.
    let signs = column.iter().fold(0, |signs, number| {
        signs | number | max.wrapping_sub(*number)
    });
    if signs >= 0 {
        Ok(())
    } else {
        Err(format!("{what} is out of range"))
    }
}
