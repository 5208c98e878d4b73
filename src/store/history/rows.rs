//! The rows of a chunk, read out of its columns one at a time.
//!
//! Everything that could be wrong is found before the first row is shown, so that a chunk is read as
//! a whole or not at all.

use std::sync::Arc;

use super::chunk::{
    CLOSED, DECIMAL, INTEGER, ODD_DECIMAL, QUALITY, ROWS_MAX, TEXT, UNCERTAIN, VERSION,
};
use super::column::Column;
use super::content::ContentRef;
use super::row::{Row, RowRef, What};
use super::{columns, decimal, texts};
use crate::model::{Epoch, Quality, ServerId, StatisticId, Timestamp};
use crate::store::codec::Fault;

/// Whose rows are asked for.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    All,
    One(StatisticId),
    Which(&'a dyn Fn(StatisticId) -> bool),
}

impl Wanted<'_> {
    pub(super) fn holds(self, id: i64) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => id == i64::from(one.0),
            Self::Which(which) => u32::try_from(id).is_ok_and(|id| which(StatisticId(id))),
        }
    }

    /// Whether all of it comes before a chunk that begins with `first`.
    pub(super) const fn is_before(self, first: u32) -> bool {
        matches!(self, Self::One(one) if one.0 < first)
    }
}

/// The rows of one chunk that are still to come, statistic by statistic.
#[derive(Default)]
pub(super) struct Rows {
    /// The statistics after the current one, and how many rows each has.
    ids: Column,
    lens: Column,
    id: u32,
    /// Rows of the current statistic that are still to come.
    left: usize,
    columns: Columns,
    dictionary: Vec<Arc<str>>,
}

#[derive(Default)]
struct Columns {
    times: Column,
    kinds: Column,
    servers: Column,
    epochs: Column,
    integers: Column,
    mantissas: Column,
    scales: Column,
    texts: Column,
}

impl Rows {
    /// Reads a chunk. When nothing of what is wanted is there, there are no rows.
    pub(super) fn read(payload: &[u8], wanted: Wanted<'_>) -> Result<Self, Fault> {
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
        ids.check(u32::MAX.into(), "a statistic number")?;
        lens.check(u32::MAX.into(), "a count of rows")?;
        let (mut sum, mut has_none) = (0, false);
        lens.each(|len, times| {
            sum += usize::try_from(len).unwrap_or(ROWS_MAX) * times;
            has_none |= len == 0 && times > 0;
        });
        if sum != len || has_none {
            return Err("there are rows of no statistic, or too few".to_owned());
        }
        let mut is_wanted = false;
        ids.each(|id, times| is_wanted = is_wanted || (times > 0 && wanted.holds(id)));
        if !is_wanted {
            return Ok(Self::default());
        }
        let times = columns::read(&mut rest, len)?;
        let kinds = columns::read(&mut rest, len)?;
        let counts = Counts::of(&kinds)?;
        let servers = columns::read(&mut rest, counts.values)?;
        servers.check(u16::MAX.into(), "a server")?;
        let epochs = columns::read(&mut rest, counts.values)?;
        let integers = columns::read(&mut rest, counts.integers)?;
        let mantissas = columns::read(&mut rest, counts.decimals)?;
        let scales = columns::read(&mut rest, counts.decimals)?;
        scales.check(decimal::SCALE_MAX, "a decimal")?;
        let texts = columns::read(&mut rest, counts.texts)?;
        let dictionary = texts::read(&mut rest, counts.texts)?;
        let last = i64::try_from(dictionary.len()).map_err(|error| error.to_string())? - 1;
        texts.check(last, "a text")?;
        if !rest.is_empty() {
            return Err("a chunk is too long".to_owned());
        }
        let columns = Columns {
            times,
            kinds,
            servers,
            epochs,
            integers,
            mantissas,
            scales,
            texts,
        };
        let mut rows = Self {
            ids,
            lens,
            id: 0,
            left: 0,
            columns,
            dictionary,
        };
        rows.begin_run();
        Ok(rows)
    }

    /// The statistic whose rows come next.
    pub(super) fn id(&self) -> Option<StatisticId> {
        (self.left > 0).then_some(StatisticId(self.id))
    }

    /// What is left of the rows of the current statistic.
    pub(super) fn run(&mut self) -> RowsOf<'_> {
        RowsOf {
            id: StatisticId(self.id),
            left: &mut self.left,
            columns: &mut self.columns,
            dictionary: &self.dictionary,
        }
    }

    /// Goes on with the next statistic; passes over what is left of the current one.
    pub(super) fn next_run(&mut self) {
        for _ in 0..std::mem::take(&mut self.left) {
            self.columns.skip();
        }
        self.begin_run();
    }

    fn begin_run(&mut self) {
        if let (Some(id), Some(len)) = (self.ids.next(), self.lens.next()) {
            self.id = u32::try_from(id).unwrap_or_default();
            self.left = usize::try_from(len).unwrap_or_default();
        }
    }
}

/// The rows of one statistic in one chunk.
pub(super) struct RowsOf<'a> {
    id: StatisticId,
    left: &'a mut usize,
    columns: &'a mut Columns,
    dictionary: &'a [Arc<str>],
}

impl<'a> Iterator for RowsOf<'a> {
    type Item = RowRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<RowRef<'a>> {
        *self.left = self.left.checked_sub(1)?;
        self.columns.row(self.id, self.dictionary)
    }
}

impl Columns {
    /// The next row, which is one of `id`.
    #[inline]
    fn row<'a>(&mut self, id: StatisticId, dictionary: &'a [Arc<str>]) -> Option<RowRef<'a>> {
        let at = Timestamp(self.times.next()?.cast_unsigned());
        let kind = self.kinds.next()?;
        let quality = if kind & UNCERTAIN == 0 {
            Quality::Good
        } else {
            Quality::Uncertain
        };
        Some(match kind & !UNCERTAIN {
            QUALITY => Row::bare(id, at, What::Quality(quality)),
            CLOSED => Row::bare(id, at, What::Closed),
            kind => Row {
                id,
                at,
                what: What::Value(self.content(kind, dictionary)?, quality),
                server: ServerId(u16::try_from(self.servers.next()?).ok()?),
                epoch: Epoch(
                    self.epochs
                        .next()?
                        .wrapping_add(i64::from(id.0))
                        .cast_unsigned(),
                ),
            },
        })
    }

    #[inline]
    fn content<'a>(&mut self, kind: i64, dictionary: &'a [Arc<str>]) -> Option<ContentRef<'a>> {
        Some(match kind {
            INTEGER => ContentRef::Integer(self.integers.next()?),
            DECIMAL => ContentRef::Decimal(self.mantissas.next()?, self.scales.next()?),
            kind => {
                let number = usize::try_from(self.texts.next()?).ok()?;
                let text = dictionary.get(number)?;
                match kind {
                    ODD_DECIMAL => ContentRef::Digits(text),
                    TEXT => ContentRef::Text(text),
                    _ => ContentRef::State(text),
                }
            }
        })
    }

    /// Passes over a row.
    fn skip(&mut self) {
        self.times.pass(1);
        match self.kinds.next().map(|kind| kind & !UNCERTAIN) {
            None | Some(QUALITY | CLOSED) => return,
            Some(INTEGER) => self.integers.pass(1),
            Some(DECIMAL) => {
                self.mantissas.pass(1);
                self.scales.pass(1);
            }
            Some(_) => self.texts.pass(1),
        }
        self.servers.pass(1);
        self.epochs.pass(1);
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
    fn of(kinds: &Column) -> Result<Self, Fault> {
        let mut counts = [0; 8];
        let mut unknown = None;
        kinds.each(|kind, times| {
            let place = usize::try_from(kind >> 1).ok();
            match place.and_then(|place| counts.get_mut(place)) {
                Some(count) => *count += times,
                None => unknown = Some(kind),
            }
        });
        let [integers, decimals, odd, texts, states, _, _, seventh] = counts;
        if unknown.is_some() || seventh > 0 {
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
