//! Durations by size. The library's own histogram takes a lock for each observation.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Upper bounds in seconds: from an answer out of memory to a peek that waits for its deadline.
const BOUNDS: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0,
];

/// Counts of durations. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    buckets: [AtomicU64; BOUNDS.len()],
    beyond: AtomicU64,
    sum_ns: AtomicU64,
}

impl Histogram {
    /// Takes in so many that lasted alike.
    pub(super) fn observe(&self, duration: Duration, count: u64) {
        let seconds = duration.as_secs_f64();
        let mut buckets = BOUNDS.iter().zip(&self.0.buckets);
        let bucket = buckets.find(|(bound, _)| seconds <= **bound);
        let bucket = bucket.map_or(&self.0.beyond, |(_, bucket)| bucket);
        bucket.fetch_add(count, Ordering::Relaxed);
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let ns = ns.saturating_mul(count);
        self.0.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// How many durations were observed.
    pub(super) fn count(&self) -> u64 {
        let buckets = self.0.buckets.iter().chain([&self.0.beyond]);
        buckets.map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let beyond = (f64::INFINITY, &self.0.beyond);
        let bounded = BOUNDS.into_iter().zip(&self.0.buckets);
        let buckets: Vec<(f64, u64)> = bounded
            .chain([beyond])
            .map(|(bound, bucket)| (bound, bucket.load(Ordering::Relaxed)))
            .collect();
        // Of the same reading, so that the parts agree.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(self.0.sum_ns.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
