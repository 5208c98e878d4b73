//! How long to wait between attempts to connect: for ever, ever less often, never in step.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Doubling waits with jitter, capped, without end.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    random: fastrand::Rng,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self {
            failures: 0,
            random: fastrand::Rng::new(),
        }
    }

    /// How long to wait after another failure: between half and all of the doubled wait.
    pub(super) fn next_wait(&mut self) -> Duration {
        let factor = 2_u32.saturating_pow(self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let wait = FIRST.saturating_mul(factor).min(LONGEST);
        wait.mul_f64(0.5 + self.random.f64() / 2.0)
    }

    /// Something worked: start over.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_cap_and_never_end() {
        let mut backoff = Backoff::new();
        for failure in 0..100 {
            let full = FIRST
                .saturating_mul(2_u32.saturating_pow(failure))
                .min(LONGEST);
            let wait = backoff.next_wait();
            assert!(
                wait >= full / 2 && wait <= full,
                "failure {failure}: {wait:?} of {full:?}"
            );
        }
        backoff.reset();
        assert!(backoff.next_wait() <= FIRST);
    }
}
