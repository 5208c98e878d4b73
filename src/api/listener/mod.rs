//! The accept loop: takes connections under limits, and lets them go in good order.
//!
//! warp's own server has no header time-out, no cap and no deadline for the drain.

mod admission;
mod body;
mod connection;
mod cores;
mod exchange;
mod excursion;
mod host;
mod http1;
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
pub(super) use self::exchange::InFlight;
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

/// Serves the routes that this face of the service has on `listener` until `stop` is cancelled, and
/// returns when the last connection is gone: at the latest `config.drain` after the stop.
///
/// While `answers` holds nothing, only the health endpoints answer; the others say 503.
pub async fn serve_edge<A: AnswerPeeks>(
    listener: TcpListener,
    face: Face,
    edge: Arc<Edge<A>>,
    stop: CancellationToken,
) -> Summary {
    serve(listener, Door::new(edge, face, stop)).await
}

/// As [`serve_edge`], without the express lane.
#[cfg(test)]
pub(super) async fn serve_by_hyper_alone<A: AnswerPeeks>(
    listener: TcpListener,
    face: Face,
    edge: Arc<Edge<A>>,
    stop: CancellationToken,
) -> Summary {
    let mut door = Door::new(edge, face, stop);
    door.connections.lane = None;
    serve(listener, door).await
}

async fn serve<A: AnswerPeeks>(listener: TcpListener, door: Door<A>) -> Summary {
    let (drain, cut) = (door.edge.config.drain, door.connections.ends.cut.clone());
    let door = Arc::new(door);
    let announcing = Arc::clone(&door);
    door.tasks
        .spawn(async move { announcing.connections.announce_stop().await });
    if let Err(error) = cores::accept(listener, &door).await {
        tracing::error!(%error, "connections are not accepted any more");
        cut.cancel();
    }
    // Whoever connects from here on is refused by the system.
    door.refusals.close();
    door.tasks.close();
    let drained = tokio::time::timeout(drain, door.tasks.wait()).await;
    let connections_cut = if drained.is_ok() { 0 } else { door.tasks.len() };
    cut.cancel();
    door.tasks.wait().await;
    Summary {
        drained: connections_cut == 0,
        connections_cut,
    }
}

/// What a listener's connections come through, whichever thread accepts them.
struct Door<A> {
    edge: Arc<Edge<A>>,
    face: Face,
    stop: CancellationToken,
    connections: Connections,
    admission: Admission,
    refusals: Refusals,
    tasks: TaskTracker,
}

impl<A: AnswerPeeks> Door<A> {
    fn new(edge: Arc<Edge<A>>, face: Face, stop: CancellationToken) -> Self {
        let ends = Ends {
            stop: stop.clone(),
            cut: CancellationToken::new(),
            linger: LINGER,
        };
        let config = &edge.config;
        Self {
            connections: Connections::new(&edge, face, ends),
            admission: Admission::new(&config.limits, &config.trusted_proxies),
            refusals: Refusals::default(),
            tasks: TaskTracker::new(),
            edge,
            face,
            stop,
        }
    }

    /// Takes connections until the stop.
    async fn accept(self: &Arc<Self>, listener: TcpListener) {
        while let Some((stream, peer)) = next(&listener, &self.stop).await {
            self.admit(stream, peer);
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        self.edge.metrics.connections.inc();
        let tls = match self.face {
            Face::Main => self.edge.tls(),
            Face::Internal => None,
        };
        let permit = match self.admission.admit(peer.ip()) {
            Ok(permit) => permit,
            Err(limit) => {
                self.edge.metrics.limits.refused(limit);
                // Under TLS no word of ours could be read before the handshake.
                if tls.is_none() {
                    self.refusals.refuse(stream);
                }
                return;
            }
        };
        let door = Arc::clone(self);
        self.tasks.spawn(async move {
            let serving = door.connections.serve(stream, peer, tls, permit.is_reserve);
            serving.await;
            drop(permit);
        });
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
