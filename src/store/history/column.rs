//! The numbers of a column, read one after the other. Most columns are one number over and over, and
//! that takes no room.

use std::vec::IntoIter;

use crate::store::codec::Fault;

/// The numbers that are still to come.
pub(super) enum Column {
    /// One number, so many times.
    Constant { value: i64, left: usize },
    /// Each its own.
    Varied(IntoIter<i64>),
}

impl Default for Column {
    fn default() -> Self {
        let (value, left) = (0, 0);
        Self::Constant { value, left }
    }
}

impl From<Vec<i64>> for Column {
    fn from(numbers: Vec<i64>) -> Self {
        Self::Varied(numbers.into_iter())
    }
}

impl Iterator for Column {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        match self {
            Self::Constant { value, left } => {
                *left = left.checked_sub(1)?;
                Some(*value)
            }
            Self::Varied(numbers) => numbers.next(),
        }
    }
}

impl Column {
    /// Passes over the next `count` numbers.
    pub(super) fn pass(&mut self, count: usize) {
        match self {
            Self::Constant { left, .. } => *left = left.saturating_sub(count),
            Self::Varied(numbers) => {
                if let Some(last) = count.checked_sub(1) {
                    numbers.nth(last);
                }
            }
        }
    }

    /// The different numbers to come, and how often each comes in a row.
    pub(super) fn each(&self, mut show: impl FnMut(i64, usize)) {
        match self {
            Self::Constant { value, left } => show(*value, *left),
            Self::Varied(numbers) => numbers.as_slice().iter().for_each(|n| show(*n, 1)),
        }
    }

    /// Refuses a column with a number below 0 or above `max`.
    pub(super) fn check(&self, max: i64, what: &str) -> Result<(), Fault> {
        let numbers = match self {
            Self::Constant { left: 0, .. } => &[],
            Self::Constant { value, .. } => std::slice::from_ref(value),
            Self::Varied(numbers) => numbers.as_slice(),
        };
        // No way out in the middle: that is several numbers an instruction. Negative when any number
        // is, or is greater than `max`.
        let signs = numbers.iter().fold(0, |signs, number| {
            signs | number | max.wrapping_sub(*number)
        });
        if signs >= 0 {
            Ok(())
        } else {
            Err(format!("{what} is out of range"))
        }
    }
}
