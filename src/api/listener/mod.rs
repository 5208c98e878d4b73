//! The accept loop: takes connections under limits, and lets them go in good order.
//!
//! warp's own server has no header time-out, no cap and no deadline for the drain.

mod admission;
mod body;
mod connection;
mod exchange;
mod host;
mod refusal;
mod stall;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::admission::Admission;
pub(super) use self::body::BodyMeter;
use self::connection::{Connections, Ends};
use self::refusal::Refusals;
use super::edge::Edge;
use super::request::Face;
use crate::peek::AnswerPeeks;

/// How long after the stop requests are still awaited: one that is on its way, or in a buffer of
/// the system's, would see its connection closed without an answer.
const LINGER: Duration = Duration::from_millis(250);

/// How the listener ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Whether every connection ended by itself.
    pub drained: bool,
    /// How many connections had to be cut at the drain's deadline.
    pub connections_cut: usize,
}

/// Serves the routes that this face of the service has on `listener` until `stop` is cancelled, and returns when the last
/// connection is gone: at the latest `config.drain` after the stop.
///
/// While `answers` holds nothing, only the health endpoints answer; the others say 503.
pub async fn serve_edge<A: AnswerPeeks>(
    listener: TcpListener,
    face: Face,
    edge: Arc<Edge<A>>,
    stop: CancellationToken,
) -> Summary {
    let config = Arc::clone(&edge.config);
    let ends = Ends {
        stop: stop.clone(),
        cut: CancellationToken::new(),
        linger: LINGER,
    };
    let connections = Arc::new(Connections::new(&edge, face, ends.clone()));
    let admission = Admission::new(&config.limits, &config.trusted_proxies);
    let refusals = Refusals::default();
    let tasks = TaskTracker::new();

    let announcing = Arc::clone(&connections);
    tasks.spawn(async move { announcing.announce_stop().await });
    while let Some((stream, peer)) = next(&listener, &stop).await {
        edge.metrics.connections.inc();
        let tls = match face {
            Face::Main => edge.tls(),
            Face::Internal => None,
        };
        let permit = match admission.admit(peer.ip()) {
            Ok(permit) => permit,
            Err(limit) => {
                edge.metrics.limits.refused(limit);
                // Under TLS no word of ours could be read before the handshake.
                if tls.is_none() {
                    refusals.refuse(stream);
                }
                continue;
            }
        };
        let connections = Arc::clone(&connections);
        tasks.spawn(async move {
            connections
                .serve(stream, peer, tls, permit.is_reserve)
                .await;
            drop(permit);
        });
    }

    // Whoever connects from here on is refused by the system.
    drop(listener);
    refusals.close();
    tasks.close();
    let drained = tokio::time::timeout(config.drain, tasks.wait()).await;
    let connections_cut = if drained.is_ok() { 0 } else { tasks.len() };
    ends.cut.cancel();
    tasks.wait().await;
    Summary {
        drained: connections_cut == 0,
        connections_cut,
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
