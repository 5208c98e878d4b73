//! What the first parts of a chunk tell: which statistics are in it comes first, so that a reader of
//! one statistic takes little of the many chunks that hold nothing of it.

use super::chunk::{ROWS_MAX, VERSION};
use super::columns;
use super::rows::Wanted;
use crate::store::codec::Fault;

/// What the front of a chunk tells without the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glance {
    /// Too little of it has been read to tell, or it is damaged.
    Unknown,
    /// It holds something that is wanted.
    Wanted,
    /// Nothing of it is wanted, up to and with this statistic.
    Passed(u32),
    /// Nothing of it is wanted, nor of the chunks after it.
    Beyond,
}

impl Glance {
    /// Looks at as much of a chunk as has been read. That costs little while there is too little.
    pub(super) fn at(front: &[u8], wanted: Wanted<'_>) -> Self {
        match Self::read(front, wanted) {
            Ok(glance) => glance,
            // Cut short, or damaged: whoever reads the whole tells.
            Err(_) => Self::Unknown,
        }
    }

    fn read(front: &[u8], wanted: Wanted<'_>) -> Result<Self, Fault> {
        let (&version, mut rest) = front.split_first().ok_or("a chunk is empty")?;
        let ids_len = columns::read_len(&mut rest)?;
        let len = columns::read_len(&mut rest)?;
        if version != VERSION || len > ROWS_MAX || ids_len > len {
            return Ok(Self::Unknown);
        }
        let ids = columns::read(&mut rest, ids_len)?;
        let (mut is_wanted, mut last) = (false, 0);
        ids.each(|id, times| {
            is_wanted = is_wanted || (times > 0 && wanted.holds(id));
            last = id;
        });
        Ok(match wanted {
            _ if is_wanted => Self::Wanted,
            Wanted::One(one) if last > i64::from(one.0) => Self::Beyond,
            _ => Self::Passed(u32::try_from(last).unwrap_or(u32::MAX)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::Draft;
    use super::super::row::{Row, What};
    use super::*;
    use crate::model::{StatisticId, Timestamp};

    #[test]
    fn a_chunk_is_passed_as_soon_as_its_statistics_are_known() {
        let mut draft = Draft::default();
        for id in (100..3000).step_by(7) {
            let row = Row::bare(StatisticId(id), Timestamp(u64::from(id * id)), What::Closed);
            draft.push(row).unwrap();
        }
        let payload = draft.finish().unwrap();
        let one = |id| Wanted::One(StatisticId(id));
        for (wanted, expected) in [
            (one(100), Glance::Wanted),
            (one(107), Glance::Wanted),
            (one(108), Glance::Beyond),
            (one(99), Glance::Beyond),
            (one(3001), Glance::Passed(2998)),
            (Wanted::Which(&|id| id.0 == 108), Glance::Passed(2998)),
            (Wanted::Which(&|id| id.0 == 107), Glance::Wanted),
        ] {
            assert_eq!(Glance::at(&payload, wanted), expected);
            let known = |len: &usize| Glance::at(&payload[..*len], wanted) == expected;
            let needed = (0..payload.len()).find(known).unwrap();
            assert!(needed < payload.len() / 2, "{needed} of {}", payload.len());
            assert!((needed..payload.len()).all(|len| known(&len)));
        }
    }
}
