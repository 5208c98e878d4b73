//! How often may somebody guess: failures are counted per source address and user name, and each
//! one beyond a few doubles the wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::proven::Fingerprint;

/// Failures that cost nothing: people mistype.
const FREE_FAILURES: u32 = 5;
const WAIT_MAX: Duration = Duration::from_mins(1);
/// Failures are forgotten after so long without another.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);
/// How many sources are counted; the longest quiet one gives way. At two Argon2 checks at a time
/// it takes minutes to push one out.
const SOURCES_MAX: usize = 10_000;

/// Whose failures are counted together. The name is kept as a hash, since names that clients make
/// up may be of any length, or passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Source {
    pub(super) address: Option<IpAddr>,
    pub(super) user: Fingerprint,
}

/// The failures of late.
#[derive(Default)]
pub(super) struct Throttle {
    sources: HashMap<Source, Failures>,
}

struct Failures {
    count: u32,
    latest: Instant,
}

impl Failures {
    fn wait(&self) -> Duration {
        match self.count.checked_sub(FREE_FAILURES) {
            None => Duration::ZERO,
            // 1 s, 2 s, 4 s, ...
            Some(doublings) => Duration::from_secs(1)
                .saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX))
                .min(WAIT_MAX),
        }
    }
}

impl Throttle {
    /// How long this source has to wait before anything of it is checked, if it has to.
    pub(super) fn blocked(&self, source: &Source, now: Instant) -> Option<Duration> {
        let failures = self.sources.get(source)?;
        let passed = now.saturating_duration_since(failures.latest);
        let left = failures.wait().saturating_sub(passed);
        (!left.is_zero()).then_some(left)
    }

    pub(super) fn failed(&mut self, source: Source, now: Instant) {
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            self.make_room(now);
        }
        let failures = self.sources.entry(source).or_insert(Failures {
            count: 0,
            latest: now,
        });
        if now.saturating_duration_since(failures.latest) >= FORGOTTEN_AFTER {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.latest = now;
    }

    pub(super) fn succeeded(&mut self, source: &Source) {
        self.sources.remove(source);
    }

    fn make_room(&mut self, now: Instant) {
        self.sources
            .retain(|_, failures| now.saturating_duration_since(failures.latest) < FORGOTTEN_AFTER);
        if self.sources.len() < SOURCES_MAX {
            return;
        }
        let quietest = self
            .sources
            .iter()
            .min_by_key(|(_, failures)| failures.latest);
        if let Some(quietest) = quietest.map(|(&source, _)| source) {
            self.sources.remove(&quietest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(user: u8) -> Source {
        Source {
            address: None,
            user: [user; 32],
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_doubles_after_a_few_failures_and_has_a_cap() {
        let mut throttle = Throttle::default();
        for _ in 0..FREE_FAILURES - 1 {
            throttle.failed(source(1), Instant::now());
            assert_eq!(throttle.blocked(&source(1), Instant::now()), None);
        }
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            throttle.failed(source(1), Instant::now());
            let wait = Duration::from_secs(seconds);
            assert_eq!(throttle.blocked(&source(1), Instant::now()), Some(wait));
            assert_eq!(throttle.blocked(&source(2), Instant::now()), None);
            tokio::time::advance(wait).await;
            assert_eq!(throttle.blocked(&source(1), Instant::now()), None);
        }
        throttle.failed(source(1), Instant::now());
        throttle.succeeded(&source(1));
        assert_eq!(throttle.blocked(&source(1), Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgotten_after_a_while_and_bounded_in_number() {
        let mut throttle = Throttle::default();
        for _ in 0..20 {
            throttle.failed(source(1), Instant::now());
        }
        tokio::time::advance(FORGOTTEN_AFTER).await;
        throttle.failed(source(1), Instant::now());
        assert_eq!(throttle.blocked(&source(1), Instant::now()), None);
        for number in 0..SOURCES_MAX {
            let mut source = source(7);
            source.address = Some(IpAddr::from(u32::try_from(number).unwrap().to_be_bytes()));
            throttle.failed(source, Instant::now());
        }
        assert_eq!(throttle.sources.len(), SOURCES_MAX);
    }
}
