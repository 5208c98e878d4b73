//! One column of whole numbers in few bits each: differences, in bytes, packed by `zstd`.
//!
//! `docs/decisions/0001-history-columns.md` tells why. Everything read here is untrusted: the caller
//! says how many numbers there must be, and nothing longer is ever allocated.

use super::column::Column;
use super::packer;
use crate::store::codec::Fault;

/// The longest form of one difference.
const DIFFERENCE_LEN_MAX: usize = 10;

// The forms of a column.
const CONSTANT: u8 = 0;
const PLAIN: u8 = 1;
const PACKED: u8 = 2;

/// Appends a column: its form, its length in bytes, its bytes.
pub(super) fn write(out: &mut Vec<u8>, column: &[i64]) -> Result<(), Fault> {
    let first = column.first().copied().unwrap_or(0);
    if column.iter().all(|value| *value == first) {
        out.push(CONSTANT);
        out.extend_from_slice(&first.to_be_bytes());
        return Ok(());
    }
    let mut plain = Vec::with_capacity(column.len() * 2);
    let mut before = 0_i64;
    for value in column {
        write_difference(&mut plain, value.wrapping_sub(before));
        before = *value;
    }
    let packed = packer::pack(&plain)?;
    if packed.len() < plain.len() {
        out.push(PACKED);
        write_bytes(out, &packed)
    } else {
        out.push(PLAIN);
        write_bytes(out, &plain)
    }
}

/// Reads a column of `len` numbers from the front of `rest`, which moves on behind it.
pub(super) fn read(rest: &mut &[u8], len: usize) -> Result<Column, Fault> {
    let (&form, after) = rest.split_first().ok_or("a column is missing")?;
    *rest = after;
    match form {
        CONSTANT => {
            let (value, after) = rest
                .split_first_chunk::<8>()
                .ok_or("a constant is cut short")?;
            *rest = after;
            let (value, left) = (i64::from_be_bytes(*value), len);
            Ok(Column::Constant { value, left })
        }
        PLAIN => Ok(read_differences(read_bytes(rest)?, len)?.into()),
        PACKED => {
            let packed = read_bytes(rest)?;
            let numbers = packer::with_unpacked(packed, len * DIFFERENCE_LEN_MAX, |plain| {
                read_differences(plain, len)
            })?;
            Ok(numbers.into())
        }
        form => Err(format!("a column of form {form} is unknown")),
    }
}

/// Seven bits a byte, the lowest first; small numbers of either sign are short.
fn write_difference(out: &mut Vec<u8>, difference: i64) {
    let mut rest = ((difference << 1) ^ (difference >> 63)).cast_unsigned();
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or_default();
        rest >>= 7;
        if rest == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn read_differences(plain: &[u8], len: usize) -> Result<Vec<i64>, Fault> {
    // No number is shorter than a byte.
    if plain.len() < len {
        return Err("a column is too short".to_owned());
    }
    let mut column = vec![0; len];
    let mut rest = plain;
    let mut value = 0_i64;
    for place in &mut column {
        let (number, after) = match rest {
            [a @ ..0x80, after @ ..] => (u64::from(*a), after),
            [a, b @ ..0x80, after @ ..] => (low(*a) | low(*b) << 7, after),
            [a, b, c @ ..0x80, after @ ..] => (low(*a) | low(*b) << 7 | low(*c) << 14, after),
            _ => read_long(rest)?,
        };
        rest = after;
        let difference = (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
        value = value.wrapping_add(difference);
        *place = value;
    }
    if rest.is_empty() {
        Ok(column)
    } else {
        Err("a column is too long".to_owned())
    }
}

/// What a byte adds to a number.
fn low(byte: u8) -> u64 {
    u64::from(byte & 0x7f)
}

/// A number of any length, and what comes after it.
fn read_long(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    let mut number = 0;
    let mut shift = 0_u32;
    let mut rest = bytes;
    loop {
        let (&byte, after) = rest.split_first().ok_or("a number is cut short")?;
        number |= low(byte).checked_shl(shift).ok_or("a number is too long")?;
        if byte < 0x80 {
            return Ok((number, after));
        }
        rest = after;
        shift += 7;
    }
}

/// Appends bytes behind their length.
pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Fault> {
    let len = u32::try_from(bytes.len()).map_err(|error| error.to_string())?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Reads what [`write_bytes`] wrote.
pub(super) fn read_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let len = read_len(rest)?;
    let (bytes, after) = rest.split_at_checked(len).ok_or("bytes are cut short")?;
    *rest = after;
    Ok(bytes)
}

/// Reads four bytes that count something.
pub(super) fn read_len(rest: &mut &[u8]) -> Result<usize, Fault> {
    let (len, after) = rest.split_first_chunk::<4>().ok_or("a length is missing")?;
    *rest = after;
    usize::try_from(u32::from_be_bytes(*len)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_any_shape_comes_back() {
        let mut random = fastrand::Rng::with_seed(1);
        let noise: Vec<i64> = (0..1000).map(|_| random.i64(..)).collect();
        let near_regular = (0..8192).map(|n| 1_800_000_000_000 + n * 10_000 + n % 3);
        for column in [
            vec![],
            vec![7],
            vec![-1; 5000],
            vec![i64::MIN, i64::MAX, 0, -1],
            noise,
            near_regular.collect(),
        ] {
            let mut bytes = Vec::new();
            write(&mut bytes, &column).unwrap();
            let mut rest = bytes.as_slice();
            let read_back = read(&mut rest, column.len()).unwrap();
            assert_eq!(read_back.collect::<Vec<_>>(), column);
            assert!(rest.is_empty());
            let another = read(&mut bytes.as_slice(), column.len() + 1);
            let is_constant = bytes[0] == CONSTANT;
            assert!(is_constant || another.is_err(), "a wrong length is noticed");
        }
    }

    #[test]
    fn bytes_that_are_no_column_are_faults() {
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..5000 {
            let mut bytes: Vec<u8> = (0..random.usize(..60)).map(|_| random.u8(..)).collect();
            if let Some(form) = bytes.first_mut() {
                *form %= 4;
            }
            let len = random.usize(..50);
            if let Ok(column) = read(&mut bytes.as_slice(), len) {
                assert_eq!(column.count(), len);
            }
        }
    }
}
