//! Wall-clock instants, monotonic instants, and ages. The only place that reads the system clock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// A wall-clock instant: milliseconds since 1970-01-01T00:00:00Z. Shown and stored, compared only
/// across a restart, when there is no monotonic clock to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// As RFC 3339 in UTC with milliseconds, for example `2026-11-22T08:00:00.000Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        // humantime formats up to the year 9999; anything later is not an instant we recorded.
        let latest_ms = 253_402_300_799_999;
        let time = UNIX_EPOCH + Duration::from_millis(self.0.min(latest_ms));
        humantime::format_rfc3339_millis(time).to_string()
    }

    /// Reads an instant as people and programs write it: RFC 3339, whole seconds or milliseconds
    /// since 1970, `now`, or `1h ago`.
    #[must_use]
    pub fn read(text: &str, now: Self) -> Option<Self> {
        if text == "now" {
            return Some(now);
        }
        if let Some(age) = text.strip_suffix("ago") {
            let age = humantime::parse_duration(age.trim()).ok()?;
            let age = u64::try_from(age.as_millis()).ok()?;
            return Some(Self(now.0.saturating_sub(age)));
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // As seconds this is the year 5138, as milliseconds a day in 1973.
            const SECONDS_END: u64 = 100_000_000_000;
            let number: u64 = text.parse().ok()?;
            let is_seconds = number < SECONDS_END;
            return Some(Self(if is_seconds { number * 1000 } else { number }));
        }
        let at = humantime::parse_rfc3339_weak(text).ok()?;
        let since = at.duration_since(UNIX_EPOCH).ok()?;
        Some(Self(u64::try_from(since.as_millis()).ok()?))
    }

    /// From the Stat Server's own clock, whole seconds since 1970.
    #[must_use]
    pub const fn from_unix_seconds(seconds: u32) -> Self {
        Self(seconds as u64 * 1000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// An instant on this process's monotonic clock: milliseconds since the process's [`Clock`] was
/// made, negative for instants before the start that were restored from disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

/// How long ago a value was last validated, in milliseconds, or unknown.
///
/// Unknown happens after a restart, when the recorded instant lies in the future: such a value is
/// stale for every `max-age`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Milliseconds since the last validation.
    Known(u64),
    /// The wall clock contradicts the recorded instant.
    Unknown,
}

impl Age {
    /// How old at `now` is what was validated at `moment`; `None` stands for a moment that
    /// [`Clock::restore`] could not place.
    #[must_use]
    pub fn at(now: Moment, moment: Option<Moment>) -> Self {
        moment.map_or(Self::Unknown, |moment| {
            let ms = now.0.saturating_sub(moment.0);
            Self::Known(u64::try_from(ms).unwrap_or(0))
        })
    }

    /// Whole seconds for the `Age` header: floored, and 2147483648 when unknown or larger.
    #[must_use]
    pub fn header_seconds(self) -> u64 {
        const OVERFLOW: u64 = 2_147_483_648;
        match self {
            Self::Known(ms) => (ms / 1000).min(OVERFLOW),
            Self::Unknown => OVERFLOW,
        }
    }

    /// Whether this age is known and at most `limit`.
    #[must_use]
    pub fn within(self, limit: Duration) -> bool {
        match self {
            Self::Known(ms) => u128::from(ms) <= limit.as_millis(),
            Self::Unknown => false,
        }
    }

    /// The older of two ages; unknown is older than anything.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => Self::Known(a.max(b)),
            _ => Self::Unknown,
        }
    }
}

/// The process's clock: one wall clock and one monotonic clock, both read here only.
///
/// Cheap to clone. Tests make one whose wall time they set, so that a clock jump is a statement
/// and not an accident.
#[derive(Debug, Clone)]
pub struct Clock {
    start: Instant,
    wall: Wall,
}

#[derive(Debug, Clone)]
enum Wall {
    System,
    /// Milliseconds since 1970, moved by the test.
    Set(Arc<AtomicU64>),
}

/// Both clocks at one instant, for many values at once.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The monotonic clock.
    pub now: Moment,
    wall: Timestamp,
}

impl Reading {
    /// As [`Clock::restore`], at that instant.
    #[must_use]
    pub fn restore(self, stored: Timestamp) -> Option<Moment> {
        let ago = self.wall.0.checked_sub(stored.0)?;
        Some(Moment(self.now.0.saturating_sub_unsigned(ago)))
    }
}

impl Clock {
    /// The system's clocks.
    #[must_use]
    pub fn system() -> Self {
        Self {
            start: Instant::now(),
            wall: Wall::System,
        }
    }

    /// A clock whose wall time stands at `now` until [`Clock::set_wall`] moves it. Monotonic time
    /// is tokio's, which tests may pause.
    #[must_use]
    pub fn set_at(now: Timestamp) -> Self {
        Self {
            start: Instant::now(),
            wall: Wall::Set(Arc::new(AtomicU64::new(now.0))),
        }
    }

    /// Moves the wall clock of a clock made by [`Clock::set_at`]; no effect on the system's.
    pub fn set_wall(&self, now: Timestamp) {
        if let Wall::Set(ms) = &self.wall {
            ms.store(now.0, Ordering::Relaxed);
        }
    }

    /// The wall clock now.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        match &self.wall {
            Wall::System => system_wall(),
            Wall::Set(ms) => Timestamp(ms.load(Ordering::Relaxed)),
        }
    }

    /// The monotonic clock now.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.moment(Instant::now())
    }

    /// The moment of an instant.
    #[must_use]
    pub fn moment(&self, at: Instant) -> Moment {
        let elapsed = at.saturating_duration_since(self.start);
        Moment(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
    }

    /// The moment that a stored wall-clock instant corresponds to, or `None` when it lies in the
    /// future, so that no age can be told. Used once per value, at start.
    #[must_use]
    pub fn restore(&self, stored: Timestamp) -> Option<Moment> {
        self.read().restore(stored)
    }

    /// Both clocks at this instant.
    #[must_use]
    pub fn read(&self) -> Reading {
        Reading {
            now: self.now(),
            wall: self.wall(),
        }
    }

    /// [`Age::at`] this instant.
    #[must_use]
    pub fn age(&self, moment: Option<Moment>) -> Age {
        Age::at(self.now(), moment)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
fn system_wall() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_age_grows_on_the_monotonic_clock_whatever_the_wall_clock_does() {
        let clock = Clock::set_at(Timestamp(1_000_000));
        let moment = clock.now();
        tokio::time::advance(Duration::from_millis(2_500)).await;
        clock.set_wall(Timestamp(0));
        assert_eq!(clock.age(Some(moment)), Age::Known(2_500));
        assert_eq!(clock.age(Some(moment)).header_seconds(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_restored_instant_has_an_age_unless_it_lies_in_the_future() {
        let clock = Clock::set_at(Timestamp(1_000_000));
        let restored = clock.restore(Timestamp(990_000));
        assert_eq!(clock.age(restored), Age::Known(10_000));
        let future = clock.restore(Timestamp(1_000_001));
        assert_eq!(future, None);
        assert_eq!(clock.age(future).header_seconds(), 2_147_483_648);
        assert!(!clock.age(future).within(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn instants_are_read_as_people_and_programs_write_them() {
        let now = Timestamp(1_700_000_000_000);
        for (text, expected) in [
            ("now", Some(now)),
            ("1h ago", Some(Timestamp(1_699_996_400_000))),
            ("2h 30m ago", Some(Timestamp(1_699_991_000_000))),
            ("2023-11-14T22:13:20Z", Some(now)),
            ("2023-11-14T22:13:20.500Z", Some(Timestamp(now.0 + 500))),
            ("2023-11-14 22:13:20", Some(now)),
            ("1700000000", Some(now)),
            ("1700000000500", Some(Timestamp(now.0 + 500))),
            ("yesterday", None),
            ("1x ago", None),
            ("", None),
            ("-5", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(Timestamp::read(text, now), expected, "{text}");
        }
    }

    #[test]
    fn instants_print_as_rfc_3339_with_milliseconds() {
        assert_eq!(
            Timestamp(1_700_000_000_123).to_string(),
            "2023-11-14T22:13:20.123Z"
        );
        assert_eq!(Timestamp(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }
}
