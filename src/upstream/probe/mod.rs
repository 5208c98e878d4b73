//! One conversation with a Stat Server for a person to look at: what it says of itself, what it
//! defines, how it treats one statistic, and every attribute it sent. Settles on a real server what
//! is only inferred here.

mod report;
mod talk;
mod trial;

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::connection::Connector;
use crate::model::Statistic;
use crate::wire::{Charset, Register};
pub use report::{
    AddpReport, Announcement, ClosedForm, Heard, PeekAnswer, ProbeReport, ProfileList, Trial,
};
use talk::Talk;

/// How to probe.
#[derive(Debug, Clone)]
pub struct ProbeConfig {
    /// What registration says.
    pub register: Register,
    /// The connection's character set.
    pub charset: Charset,
    /// How long the connection, and then each part of the conversation, may take.
    pub patience: Duration,
    /// A statistic to open, peek and close.
    pub open: Option<Statistic>,
    /// After the last expected answer, so long is listened for what comes unasked.
    pub stay: Duration,
}

/// Converses with the Stat Server at `address`. What was learnt until a failure is in the report.
pub async fn probe(connector: &dyn Connector, address: &str, config: &ProbeConfig) -> ProbeReport {
    let mut report = ProbeReport::default();
    let start = Instant::now();
    let stream = match timeout(config.patience, connector.connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            report.failure = Some(format!("cannot connect to {address}: {error}"));
            return report;
        }
        Err(_) => {
            report.failure = Some(format!("no connection to {address} in time"));
            return report;
        }
    };
    report.connected_in = Some(start.elapsed());
    let mut talk = Talk::new(stream, config, report);
    if let Err(failure) = talk.converse().await {
        talk.report.failure = Some(failure);
    }
    talk.end().await
}
