//! Requests and how long they took, by endpoint and status.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::Histogram;
use crate::api::endpoint::Endpoint;

/// Every status that is ever answered by a route, the usual one first.
const STATUSES: [u16; 18] = [
    200, 204, 304, 400, 401, 403, 404, 405, 406, 408, 409, 410, 413, 415, 429, 500, 503, 504,
];

/// A row for each endpoint and one for paths that are none, a column for each status.
type Table = [[OnceLock<Histogram>; STATUSES.len()]; Endpoint::ALL.len() + 1];

/// Answered requests.
#[derive(Debug, Clone, Default)]
pub(in crate::api) struct Requests(Arc<Table>);

impl Requests {
    /// Counts a request that was answered after `took`.
    pub(in crate::api) fn answered(&self, endpoint: Option<Endpoint>, status: u16, took: Duration) {
        let row = endpoint.map_or(Endpoint::ALL.len(), |endpoint| endpoint as usize);
        let column = STATUSES.iter().position(|known| *known == status);
        debug_assert!(column.is_some(), "{status} is in no column");
        let cell = self.0.get(row).and_then(|row| row.get(column?));
        if let Some(cell) = cell {
            cell.get_or_init(Histogram::default).observe(took, 1);
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Requests answered, by endpoint and status";
        registry.register("http_requests", help, Counted(self.clone()));
        let help = "How long requests took from their head to their answer's, in seconds";
        registry.register("http_request_seconds", help, Timed(self.clone()));
    }

    /// The cells in use, with their labels.
    fn used(&self) -> impl Iterator<Item = ([(&'static str, String); 2], &Histogram)> {
        let paths = Endpoint::ALL
            .map(Endpoint::label)
            .into_iter()
            .chain(["other"]);
        paths.zip(self.0.iter()).flat_map(|(path, row)| {
            STATUSES.iter().zip(row).filter_map(move |(status, cell)| {
                let labels = [
                    ("endpoint", path.to_owned()),
                    ("status", status.to_string()),
                ];
                Some((labels, cell.get()?))
            })
        })
    }
}

#[derive(Debug)]
struct Counted(Requests);

impl EncodeMetric for Counted {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, histogram) in self.0.used() {
            let mut encoder = encoder.encode_family(&labels)?;
            super::gauges::encode_count(&mut encoder, histogram.count())?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

#[derive(Debug)]
struct Timed(Requests);

impl EncodeMetric for Timed {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, histogram) in self.0.used() {
            histogram.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
