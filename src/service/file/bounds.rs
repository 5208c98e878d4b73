//! Bounds of single values, refused where they are read so that the fault names its line.

use std::time::Duration;

use bytesize::ByteSize;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Far beyond any use, and far from where adding to an instant overflows.
const DURATION_MAX: Duration = Duration::from_hours(10 * 365 * 24);

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration: Duration = humantime_serde::deserialize(deserializer)?;
    if duration > DURATION_MAX {
        return Err(D::Error::custom("a duration is at most 10 years"));
    }
    Ok(duration)
}

pub(super) fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration(deserializer)?;
    if duration < Duration::from_millis(1) {
        return Err(D::Error::custom("this duration is at least 1ms"));
    }
    Ok(duration)
}

pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    let size = ByteSize::deserialize(deserializer)?;
    if size.as_u64() == 0 {
        return Err(D::Error::custom("this size is at least 1B"));
    }
    Ok(size)
}

pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let count = usize::deserialize(deserializer)?;
    if count == 0 {
        return Err(D::Error::custom("this number is at least 1"));
    }
    Ok(count)
}
