//! Counters of one kind that differ in one label, all of whose values are known in advance.

use std::fmt;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;

use super::gauges::encode_count;

/// One counter for each of `N` values of a label.
#[derive(Debug, Clone)]
pub(super) struct Labelled<const N: usize> {
    label: &'static str,
    counters: [(&'static str, Counter); N],
}

impl<const N: usize> Labelled<N> {
    pub(super) fn new(label: &'static str, values: [&'static str; N]) -> Self {
        let counters = values.map(|value| (value, Counter::default()));
        Self { label, counters }
    }

    /// Counts one under the value at this place.
    pub(super) fn count(&self, place: usize) {
        self.add(place, 1);
    }

    /// Counts several under the value at this place.
    pub(super) fn add(&self, place: usize, count: u64) {
        debug_assert!(place < N, "{} has no value {place}", self.label);
        if let Some((_, counter)) = self.counters.get(place) {
            counter.inc_by(count);
        }
    }
}

impl<const N: usize> EncodeMetric for Labelled<N> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (value, counter) in &self.counters {
            let labels = [(self.label, *value)];
            encode_count(&mut encoder.encode_family(&labels)?, counter.get())?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}
