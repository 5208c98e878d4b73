//! Random draws, all from one seeded generator, and the figures they follow.
//!
//! The day curve is a large bank's of 2003 (Weinberg, Brown, Stroud, JASA 2007), the service time
//! that of the "Anonymous Bank" records of 1999: mean 192 s, median 84 s.

use std::time::Duration;

use fastrand::Rng;

/// Mean calls per five minutes from 7:00 on, hour by hour. The simulated day has these 15 hours
/// and then begins again, so that no demonstration meets a dead night.
const DAY_CURVE: [f64; 15] = [
    95.0, 120.0, 227.0, 281.0, 278.0, 263.0, 254.0, 243.0, 239.0, 221.0, 176.0, 129.0, 104.0, 86.0,
    70.0,
];
const DAY_CURVE_PEAK: f64 = 281.0;

/// Calls per second at the peak, at a team's first and second queue. Together more than a
/// team can answer, so that peak hours have queues and callers who give up.
const PEAK_RATES: [f64; 2] = [0.054, 0.036];

const SERVICE_MEDIAN_S: f64 = 84.0;
/// From mean over median of a lognormal: `sqrt(2 ln(192 / 84))`.
const SERVICE_SIGMA: f64 = 1.286;

#[derive(Debug)]
pub(super) struct Draw(Rng);

impl Draw {
    pub(super) fn with_seed(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.0.f64() < probability
    }

    pub(super) fn exponential(&mut self, mean_s: f64) -> Duration {
        // 1 - u lies in (0, 1], where the logarithm is finite.
        seconds(-mean_s * (1.0 - self.0.f64()).ln())
    }

    pub(super) fn uniform(&mut self, low_s: f64, high_s: f64) -> Duration {
        seconds(low_s + (high_s - low_s) * self.0.f64())
    }

    /// How long a conversation takes.
    pub(super) fn service(&mut self) -> Duration {
        // Box and Muller's transform.
        let radius = (-2.0 * (1.0 - self.0.f64()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.0.f64()).cos();
        // Nobody talks for more than two hours, and nobody hangs up within a second.
        seconds((SERVICE_MEDIAN_S * (SERVICE_SIGMA * normal).exp()).clamp(1.0, 7200.0))
    }

    /// Time to the next candidate for an arrival at a queue; whether it is one, [`Draw::arrives`]
    /// decides. Thinning at the peak rate makes the arrivals a Poisson process with the curve's
    /// rate, however long the gaps are.
    pub(super) fn arrival_gap(&mut self, queue: u32) -> Duration {
        let rate = if queue.is_multiple_of(2) {
            PEAK_RATES[0]
        } else {
            PEAK_RATES[1]
        };
        self.exponential(1.0 / rate)
    }

    /// Whether a candidate at this time of the simulated day is an arrival.
    pub(super) fn arrives(&mut self, since_seven: Duration) -> bool {
        let hour = usize::try_from(since_seven.as_secs() / 3600).unwrap_or(0);
        let rate = DAY_CURVE
            .get(hour % DAY_CURVE.len())
            .copied()
            .unwrap_or(0.0);
        self.chance(rate / DAY_CURVE_PEAK)
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}
