//! Random draws, all from one seeded generator, by the figures of the model.

use std::time::Duration;

use fastrand::Rng;

use super::model::{Model, Service};

/// How a team's calls are shared out between its queues.
const QUEUE_SHARES: [f64; 2] = [0.6, 0.4];
/// No draw is longer, so that times can be added without a thought: some thirty years.
const DRAW_MAX_S: f64 = 1e9;

const SERVICE_MEDIAN_S: f64 = 84.0;
/// From mean over median of a lognormal: `sqrt(2 ln(192 / 84))`.
const SERVICE_SIGMA: f64 = 1.286;

#[derive(Debug)]
pub(super) struct Draw {
    rng: Rng,
    service: Service,
    /// For each hour of the day, the chance that a candidate for an arrival is one.
    day: Vec<f64>,
    /// Calls per second at a team's first and second queue in the busiest hour.
    peak_rates: [f64; 2],
}

impl Draw {
    pub(super) fn new(seed: u64, model: &Model) -> Self {
        let peak = model.day_curve.iter().copied().fold(0.0, f64::max);
        let share = |calls: &f64| if peak > 0.0 { calls / peak } else { 0.0 };
        Self {
            rng: Rng::with_seed(seed),
            service: model.service,
            day: model.day_curve.iter().map(share).collect(),
            peak_rates: QUEUE_SHARES.map(|share| share * model.peak_calls_per_hour / 3600.0),
        }
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.rng.f64() < probability
    }

    pub(super) fn exponential(&mut self, mean_s: f64) -> Duration {
        // 1 - u lies in (0, 1], where the logarithm is finite.
        seconds(-mean_s * (1.0 - self.rng.f64()).ln())
    }

    pub(super) fn uniform(&mut self, low_s: f64, high_s: f64) -> Duration {
        seconds(low_s + (high_s - low_s) * self.rng.f64())
    }

    /// How long a conversation takes.
    pub(super) fn service(&mut self) -> Duration {
        if let Service::Exponential(mean) = self.service {
            return self.exponential(mean.as_secs_f64());
        }
        // Box and Muller's transform.
        let radius = (-2.0 * (1.0 - self.rng.f64()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.rng.f64()).cos();
        // Nobody talks for more than two hours, and nobody hangs up within a second.
        seconds((SERVICE_MEDIAN_S * (SERVICE_SIGMA * normal).exp()).clamp(1.0, 7200.0))
    }

    /// Time to the next candidate for an arrival at a queue; whether it is one, [`Draw::arrives`]
    /// decides. Thinning at the peak rate makes the arrivals a Poisson process with the curve's
    /// rate, however long the gaps are. `None` where nobody ever calls.
    pub(super) fn arrival_gap(&mut self, queue: u32) -> Option<Duration> {
        let [first, second] = self.peak_rates;
        let rate = if queue.is_multiple_of(2) {
            first
        } else {
            second
        };
        (rate > 0.0).then(|| self.exponential(1.0 / rate))
    }

    /// Whether a candidate at this time after the first hour's beginning is an arrival.
    pub(super) fn arrives(&mut self, since_first_hour: Duration) -> bool {
        let hour = usize::try_from(since_first_hour.as_secs() / 3600).unwrap_or(0);
        let chance = self.day.get(hour % self.day.len().max(1));
        let chance = chance.copied().unwrap_or(0.0);
        self.chance(chance)
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.min(DRAW_MAX_S)).unwrap_or(Duration::ZERO)
}
