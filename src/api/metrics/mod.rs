//! The service's own figures. Counting is a few relaxed additions on handles that exist before the
//! first request: no label is looked up and nothing allocated. Text is made when it is asked for.

mod choice;
mod exposition;
mod gauges;
mod histogram;
mod labelled;
mod limits;
mod peeks;
mod requests;
mod values;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

pub use self::gauges::StoreFigures;
use self::gauges::{Servers, Store};
use self::histogram::Histogram;
pub(super) use self::limits::Limit;
use self::limits::Limits;
use self::peeks::Peeks;
use self::requests::Requests;
use crate::peek::ServerReport;

pub(super) use choice::Choice;
pub(super) use exposition::{Format, write};
pub(super) use values::{number, values};

/// Everything that is counted while requests are served.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    pub(super) requests: Requests,
    pub(super) peeks: Peeks,
    pub(super) limits: Limits,
    pub(super) connections: Counter,
}

impl Metrics {
    /// All figures of this instant, for [`write`].
    pub(super) fn gather(
        &self,
        servers: Vec<ServerReport>,
        store: Option<StoreFigures>,
    ) -> Registry {
        let mut registry = Registry::with_prefix("peekd");
        registry.register(
            "http_connections_accepted",
            "Connections taken, whatever became of them",
            self.connections.clone(),
        );
        self.requests.register(&mut registry);
        self.limits.register(&mut registry);
        self.peeks.register(&mut registry);
        registry.register_collector(Box::new(Servers(servers)));
        if let Some(figures) = store {
            registry.register_collector(Box::new(Store(figures)));
        }
        registry
    }
}

#[cfg(test)]
mod tests;
