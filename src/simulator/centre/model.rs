//! What can be chosen about the model. The defaults are the published figures.

use std::time::Duration;

/// Mean calls per five minutes from 7:00 on, hour by hour: a large bank's weekdays of 2003
/// (Weinberg, Brown, Stroud, JASA 2007).
const RECORDED_DAY: [f64; 15] = [
    95.0, 120.0, 227.0, 281.0, 278.0, 263.0, 254.0, 243.0, 239.0, 221.0, 176.0, 129.0, 104.0, 86.0,
    70.0,
];
/// More than a team of twenty can answer, so that peak hours have queues and callers who give up.
const PEAK_CALLS_PER_HOUR: f64 = 324.0;

/// How the contact centre behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Mean calls per five minutes, hour by hour. After the last hour the first comes again, so
    /// that no demonstration meets a dead night. Only the shape counts; the simulation begins with
    /// the third hour.
    pub day_curve: Vec<f64>,
    /// Calls that a team is sent in the day's busiest hour: three fifths at its first queue, two
    /// fifths at its second.
    pub peak_calls_per_hour: f64,
    /// How long conversations take.
    pub service: Service,
    /// How long callers wait before they give up, on average; `None` for for ever.
    pub patience_mean: Option<Duration>,
    /// Work after a call, on average; `None` for none.
    pub after_call_mean: Option<Duration>,
    /// Whether calls ring for 2 to 8 seconds before they are answered, or are answered at once.
    pub has_ringing: bool,
    /// Whether agents take a break of four minutes after every twelfth call or so.
    pub has_breaks: bool,
    /// Whether agents come and go: two hours of work, twenty minutes off, on average.
    pub has_shifts: bool,
}

/// The distribution of the length of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Lognormal as in the "Anonymous Bank" records of 1999: mean 192 s, median 84 s.
    Recorded,
    /// Exponential with this mean, as queueing formulas like it.
    Exponential(Duration),
}

impl Default for Model {
    fn default() -> Self {
        Self {
            day_curve: RECORDED_DAY.into(),
            peak_calls_per_hour: PEAK_CALLS_PER_HOUR,
            service: Service::Recorded,
            patience_mean: Some(Duration::from_mins(3)),
            after_call_mean: Some(Duration::from_secs(30)),
            has_ringing: true,
            has_breaks: true,
            has_shifts: true,
        }
    }
}

impl Model {
    /// Twenty agents who never leave and callers who never do either: an M/M/20 queue.
    #[must_use]
    pub fn erlang_c(service_mean: Duration) -> Self {
        Self {
            day_curve: vec![1.0],
            peak_calls_per_hour: PEAK_CALLS_PER_HOUR,
            service: Service::Exponential(service_mean),
            patience_mean: None,
            after_call_mean: None,
            has_ringing: false,
            has_breaks: false,
            has_shifts: false,
        }
    }
}
