//! One connection from its first byte to its last: TLS if there is any, then HTTP/1.1, or HTTP/2
//! where both sides chose it under TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exchange::{Desk, Exchanges, Refused, Routed};
use super::stall::StallGuard;
use crate::api::config::Limits;
use crate::api::edge::Edge;
use crate::api::express::{Express, Lane};
use crate::api::metrics::Limit;
use crate::api::request::{Face, Local, Peer};
use crate::api::routes::routes;
use crate::api::tls::{ALPN_HTTP_2, Tls};
use crate::peek::AnswerPeeks;

/// How long the two sides may take to agree on TLS.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);
/// Requests on one HTTP/2 connection at a time.
const STREAMS_MAX: u32 = 64;

/// When connections end, apart from when their client says so.
#[derive(Clone)]
pub(super) struct Ends {
    /// Soon after this, with the requests in flight answered.
    pub(super) stop: CancellationToken,
    /// At this, wherever they are.
    pub(super) cut: CancellationToken,
    /// How long after the stop requests are still awaited.
    pub(super) linger: Duration,
}

/// Why a connection ended otherwise than in good order. No text shows a header.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("no request came in time")]
    Idle,
    #[error("the TLS handshake took too long")]
    Handshake,
    #[error("the service stopped")]
    Cut,
}

/// Serves connections.
pub(super) struct Connections {
    http1: http1::Builder,
    http2: http2::Builder<Streams>,
    /// Not on the face for `internal_statistic` alone.
    pub(super) lane: Option<Arc<dyn Express>>,
    pub(super) desk: Arc<Desk>,
    pub(super) ends: Ends,
}

impl Connections {
    pub(super) fn new<A: AnswerPeeks>(edge: &Arc<Edge<A>>, face: Face, ends: Ends) -> Self {
        let config = Arc::clone(&edge.config);
        let service = TowerToHyperService::new(warp::service(routes(Arc::clone(edge))));
        let refusing = Arc::clone(edge);
        let refused: Refused = Arc::new(move |shape, id, error| refusing.refuse(shape, id, error));
        let naming = Arc::clone(edge);
        let routed: Routed = Arc::new(move |request| {
            let answer = hyper::service::Service::call(&service, request);
            Box::pin(async move {
                match answer.await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            })
        });
        let lane = Lane::new(Arc::clone(edge));
        let lane = (face == Face::Main).then(|| Arc::new(lane) as Arc<dyn Express>);
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            // As the API document shows them, for clients that compare letter by letter.
            .title_case_headers(true);
        let mut http2 = http2::Builder::new(Streams {
            tasks: TaskTracker::new(),
            cut: ends.cut.clone(),
        });
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX);
        let desk = Desk {
            routed,
            refused,
            metrics: Arc::clone(&edge.metrics),
            face,
            draining: AtomicBool::new(false),
            next_id: Arc::new(move || naming.next_request_id()),
            config,
            limits: Arc::clone(&edge.limits),
        };
        Self {
            http1,
            http2,
            lane,
            desk: Arc::new(desk),
            ends,
        }
    }

    /// Waits for the stop, and makes each answer from then on its connection's last: a client that
    /// is told so does not send the next request into a connection that closes.
    pub(super) async fn announce_stop(&self) {
        self.ends.stop.cancelled().await;
        self.desk.draining.store(true, Ordering::Relaxed);
    }

    /// Serves a connection to its end; one of the reserve answers nothing but health.
    pub(super) async fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        tls: Option<Tls>,
        is_reserve: bool,
    ) {
        // Clients go away and time out every day.
        let ended = self.converse(stream, peer, tls, is_reserve).await;
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }

    async fn converse(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        tls: Option<Tls>,
        is_reserve: bool,
    ) -> Result<(), Ended> {
        let limits = self.desk.limits.get();
        let local = stream.local_addr()?;
        // Answers are written whole: waiting for more to send only delays them.
        stream.set_nodelay(true)?;
        let stream = StallGuard::new(stream, limits.request_timeout);
        let mut exchanges = Exchanges {
            desk: Arc::clone(&self.desk),
            peer: Peer(peer),
            local: Local(local),
            active: None,
            opened: Instant::now(),
            is_reserve,
            progress: None,
        };
        let Some(tls) = tls else {
            return self.http1(stream, exchanges, &limits).await;
        };
        let stream = self.shake_hands(stream, &tls).await?;
        let chosen = stream.get_ref().1.alpn_protocol();
        if chosen != Some(ALPN_HTTP_2) {
            return self.http1(stream, exchanges, &limits).await;
        }
        let (active, inactive) = watch::channel(0);
        exchanges.active = Some(active);
        let mut http2 = self.http2.clone();
        http2.max_header_list_size(u32::try_from(limits.header).unwrap_or(u32::MAX));
        let connection = http2.serve_connection(TokioIo::new(stream), exchanges);
        // hyper has no limit of its own for an idle HTTP/2 connection.
        let patience = limits.header_timeout;
        self.run_until(connection, idle(inactive, patience), patience)
            .await
    }

    /// hyper's side of HTTP/1.1 for a connection under these limits.
    pub(super) fn http1_under(&self, limits: &Limits) -> http1::Builder {
        let mut http1 = self.http1.clone();
        http1
            // One timer for the first byte, the head and the wait on an idle connection.
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(limits.head_max())
            // Otherwise what a buffer happens to hold at a time is let through.
            .max_header_size(limits.head_max());
        http1
    }

    async fn shake_hands(
        &self,
        stream: StallGuard,
        tls: &Tls,
    ) -> Result<TlsStream<StallGuard>, Ended> {
        let shaking = tokio::time::timeout(HANDSHAKE_TIME_MAX, tls.acceptor().accept(stream));
        let shaken = tokio::select! {
            shaken = shaking => shaken,
            () = self.ends.cut.cancelled() => return Err(Ended::Cut),
        };
        let Ok(shaken) = shaken else {
            self.desk.metrics.limits.refused(Limit::Handshake);
            return Err(Ended::Handshake);
        };
        Ok(shaken?)
    }

    /// A connection that knows by itself when it was idle for too long.
    pub(super) async fn run<C>(&self, connection: C) -> Result<(), Ended>
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        self.run_until(connection, std::future::pending(), Duration::ZERO)
            .await
    }

    /// After the stop, or after `enough`, the connection ends with the requests in flight, or soon
    /// if there are none; when cut, wherever it is. A client has `patience` to take leave.
    async fn run_until<C>(
        &self,
        connection: C,
        enough: impl Future<Output = ()>,
        patience: Duration,
    ) -> Result<(), Ended>
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        let mut connection = pin!(connection);
        let was_enough = tokio::select! {
            ended = connection.as_mut() => return self.ended(ended),
            () = self.stopped() => false,
            () = enough => true,
        };
        let left_alone = async {
            if was_enough {
                tokio::time::sleep(patience).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        self.take_leave(connection, left_alone).await
    }

    /// The end of the time in which requests are awaited.
    pub(super) async fn stopped(&self) {
        self.ends.stop.cancelled().await;
        tokio::time::sleep(self.ends.linger).await;
    }

    /// Ends a connection in good order, by `patience` or the cut at the latest.
    pub(super) async fn take_leave<C>(
        &self,
        mut connection: Pin<&mut C>,
        patience: impl Future<Output = ()>,
    ) -> Result<(), Ended>
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            ended = connection => self.ended(ended),
            () = patience => Ok(()),
            () = self.ends.cut.cancelled() => Ok(()),
        }
    }

    pub(super) fn ended(&self, ended: hyper::Result<()>) -> Result<(), Ended> {
        if let Err(error) = &ended {
            let limit = if error.is_parse_too_large() {
                Some(Limit::Header)
            } else {
                error.is_timeout().then_some(Limit::HeaderTimeout)
            };
            limit.inspect(|limit| self.desk.metrics.limits.refused(*limit));
        }
        Ok(ended?)
    }
}

/// Waits until no request was in flight for `patience`.
async fn idle(mut active: watch::Receiver<usize>, patience: Duration) {
    while active.wait_for(|count| *count == 0).await.is_ok() {
        tokio::select! {
            () = tokio::time::sleep(patience) => return,
            changed = active.changed() => if changed.is_err() { break },
        }
    }
    // The connection is gone, and so is whoever waits.
    std::future::pending::<()>().await;
}

/// Runs the requests of HTTP/2 connections, each a task of its own.
#[derive(Clone)]
struct Streams {
    tasks: TaskTracker,
    cut: CancellationToken,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stream => {}
                () = cut.cancelled() => {}
            }
        });
    }
}
