//! The accept loop: takes connections under limits, and lets them go in good order.
//!
//! warp's own server has no header time-out, no cap and no deadline for the drain.

mod admission;
mod body;
mod connection;
mod refusal;
mod stall;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::admission::Admission;
pub(super) use self::body::BodyMeter;
use self::connection::{Connection, Connections};
use self::refusal::Refusals;
use super::config::Config;
use super::edge::Edge;
use super::health::Readiness;
use super::metrics::Limit;
use crate::peek::AnswerPeeks;

/// How long after the stop requests are still awaited: one that is on its way, or in a buffer of
/// the system's, would see its connection closed without an answer.
const LINGER: Duration = Duration::from_millis(100);

/// How the listener ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Whether every connection ended by itself.
    pub drained: bool,
    /// How many connections had to be cut at the drain's deadline.
    pub connections_cut: usize,
}

/// Serves the routes on `listener` until `stop` is cancelled, and returns when the last
/// connection is gone: at the latest `config.drain` after the stop.
///
/// While `answers` holds nothing, only the health endpoints answer; the others say 503.
pub async fn serve<A: AnswerPeeks>(
    listener: TcpListener,
    config: Arc<Config>,
    answers: watch::Receiver<Option<Arc<A>>>,
    readiness: watch::Receiver<Readiness>,
    stop: CancellationToken,
) -> Summary {
    let edge = Arc::new(Edge::new(config, answers, readiness));
    serve_edge(listener, edge, stop).await
}

/// As [`serve`], with an edge that the caller keeps a hand on.
pub async fn serve_edge<A: AnswerPeeks>(
    listener: TcpListener,
    edge: Arc<Edge<A>>,
    stop: CancellationToken,
) -> Summary {
    let config = Arc::clone(&edge.config);
    let metrics = Arc::clone(&edge.metrics);
    let connections = Connections::new(edge);
    let admission = Admission::new(&config.limits);
    let refusals = Refusals::default();
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();

    while let Some((stream, peer)) = next(&listener, &stop).await {
        metrics.connections.inc();
        let permit = match admission.admit(peer.ip()) {
            Ok(permit) => permit,
            Err(limit) => {
                metrics.limits.refused(limit);
                refusals.refuse(stream);
                continue;
            }
        };
        let Some(connection) = connections.serve(stream, peer) else {
            continue;
        };
        let (stop, cut, metrics) = (stop.clone(), cut.clone(), Arc::clone(&metrics));
        tasks.spawn(async move {
            if let Err(error) = run(connection, &stop, &cut).await {
                if let Some(limit) = limit_of(&error) {
                    metrics.limits.refused(limit);
                }
                // Clients go away and time out every day; hyper's texts show no headers.
                tracing::debug!(%peer, %error, "connection ended");
            }
            drop(permit);
        });
    }

    // Whoever connects from here on is refused by the system.
    drop(listener);
    refusals.close();
    tasks.close();
    let drained = tokio::time::timeout(config.drain, tasks.wait()).await;
    let connections_cut = if drained.is_ok() { 0 } else { tasks.len() };
    cut.cancel();
    tasks.wait().await;
    Summary {
        drained: connections_cut == 0,
        connections_cut,
    }
}

/// One connection from its first byte to its last. After the stop it ends with the request in
/// flight, or soon if there is none; when cut, wherever it is.
async fn run(
    connection: Connection,
    stop: &CancellationToken,
    cut: &CancellationToken,
) -> hyper::Result<()> {
    let mut connection = pin!(connection);
    let stopped = async {
        stop.cancelled().await;
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stopped => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        ended = connection => ended,
        () = cut.cancelled() => Ok(()),
    }
}

/// The limit that hyper ended a connection for.
fn limit_of(error: &hyper::Error) -> Option<Limit> {
    if error.is_parse_too_large() {
        Some(Limit::Header)
    } else {
        error.is_timeout().then_some(Limit::HeaderTimeout)
    }
}

/// The next connection; `None` once the stop has come.
async fn next(listener: &TcpListener, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    /// Without free file descriptors accepting fails until some connection ends.
    const PAUSE: Duration = Duration::from_millis(50);
    let accept = async {
        let mut told = false;
        loop {
            match listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if ended_before_accepted(&error) => {}
                Err(error) => {
                    if !told {
                        tracing::warn!(%error, "accepting connections pauses");
                        told = true;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    let stopped = async {
        stop.cancelled().await;
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        biased;
        () = stopped => None,
        accepted = accept => Some(accepted),
    }
}

fn ended_before_accepted(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
