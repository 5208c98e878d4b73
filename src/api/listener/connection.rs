//! One connection: HTTP/1.1 by hyper, and what has to be right about a request before any route
//! sees it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, EXPECT, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::Service as HttpService;
use hyper::{Method, Request, Uri, Version};
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::time::Instant;
use warp::http::uri::Authority;
use warp::reply::Response;

use super::body::{BodyMeter, LimitedBody};
use super::stall::StallGuard;
use crate::api::config::Config;
use crate::api::edge::Edge;
use crate::api::endpoint::Endpoint;
use crate::api::error::ApiError;
use crate::api::metrics::Metrics;
use crate::api::request::{Local, Peer};
use crate::api::routes::routes;
use crate::peek::{AnswerPeeks, PeekError};

/// hyper panics below this.
const HEADER_BYTES_MIN: usize = 8 * 1024;

/// What the routes make of a request.
type Routed = Arc<dyn Fn(Request<LimitedBody>) -> BoxFuture<'static, Response> + Send + Sync>;
/// What the edge makes of an error.
type Refused = Arc<dyn Fn(ApiError) -> Response + Send + Sync>;

/// A connection being served: a future that ends with it.
pub(super) type Connection = http1::Connection<StallGuard, Exchanges>;

/// Makes connections into futures.
pub(super) struct Connections {
    builder: http1::Builder,
    routed: Routed,
    refused: Refused,
    config: Arc<Config>,
    metrics: Arc<Metrics>,
}

impl Connections {
    pub(super) fn new<A: AnswerPeeks>(edge: Arc<Edge<A>>) -> Self {
        let config = Arc::clone(&edge.config);
        let metrics = Arc::clone(&edge.metrics);
        let service = TowerToHyperService::new(warp::service(routes(Arc::clone(&edge))));
        let refused: Refused = Arc::new(move |error| edge.respond(Err(error)));
        let routed: Routed = Arc::new(move |request| {
            let answer = service.call(request);
            Box::pin(async move {
                match answer.await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            })
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            // One timer for the first byte, the head and the wait on an idle connection.
            .header_read_timeout(config.limits.header_timeout)
            .max_buf_size(config.limits.header.max(HEADER_BYTES_MIN))
            // As the API document shows them, for clients that compare letter by letter.
            .title_case_headers(true);
        Self {
            builder,
            routed,
            refused,
            config,
            metrics,
        }
    }

    /// The connection as a future; `None` when the client is already gone.
    pub(super) fn serve(&self, stream: TcpStream, peer: SocketAddr) -> Option<Connection> {
        let local = stream.local_addr().ok()?;
        // Answers are written whole: waiting for more to send only delays them.
        stream.set_nodelay(true).ok()?;
        let guarded = StallGuard::new(stream, self.config.limits.request_timeout);
        let exchanges = Exchanges {
            routed: Arc::clone(&self.routed),
            refused: Arc::clone(&self.refused),
            config: Arc::clone(&self.config),
            metrics: Arc::clone(&self.metrics),
            peer: Peer(peer),
            local: Local(local),
        };
        Some(self.builder.serve_connection(guarded, exchanges))
    }
}

/// The requests of one connection.
pub(super) struct Exchanges {
    routed: Routed,
    refused: Refused,
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    peer: Peer,
    local: Local,
}

impl HttpService<Request<Incoming>> for Exchanges {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let begun = Instant::now();
        let endpoint = Endpoint::at(request.uri().path());
        let metrics = Arc::clone(&self.metrics);
        let config = &self.config;
        let (body_limit, deadline) = (config.limits.body, config.request_deadline());
        let peek_deadline = config.peek_deadline;
        let awaits_continue = request.headers().contains_key(EXPECT);
        let (mut request, meter) = metered(request, body_limit);
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.local);
        let checked = check_host(&mut request);
        let (routed, refused) = (Arc::clone(&self.routed), Arc::clone(&self.refused));
        Box::pin(async move {
            let response = match checked {
                Ok(()) => tokio::time::timeout(deadline, routed(request)).await,
                Err(error) => {
                    drop(request);
                    Ok(refused(error))
                }
            };
            let timely = response.is_ok();
            let mut response =
                response.unwrap_or_else(|_| refused(late(&meter, deadline, peek_deadline)));
            metrics
                .requests
                .answered(endpoint, response.status().as_u16(), begun.elapsed());
            // A client that waits to be told to continue has not sent anything: nothing to drain.
            let nothing_sent = awaits_continue && !meter.was_read();
            if !timely || nothing_sent || !meter.drain().await {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok(response)
        })
    }
}

fn metered(request: Request<Incoming>, limit: u64) -> (Request<LimitedBody>, BodyMeter) {
    let (head, body) = request.into_parts();
    let (body, meter) = LimitedBody::new(body, limit);
    let mut request = Request::from_parts(head, body);
    request.extensions_mut().insert(meter.clone());
    (request, meter)
}

/// What to say when the time is up: whose fault it is shows in whether the request had arrived.
fn late(meter: &BodyMeter, deadline: Duration, peek_deadline: Duration) -> ApiError {
    if meter.is_complete() {
        ApiError::Peek {
            error: PeekError::Deadline(peek_deadline),
            several: false,
        }
    } else {
        ApiError::Slow(deadline)
    }
}

/// Sees to it that every request has one `Host` that can be read (RFC 9112, section 3.2), which
/// hyper does not check. HTTP/1.0 may do without.
///
/// A target in absolute form overrules the header, and is turned into the usual form here, so that
/// no route has to know of two places to look.
fn check_host(request: &mut Request<LimitedBody>) -> Result<(), ApiError> {
    let bad = |message: &str| Err(ApiError::Request(message.to_owned()));
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => {}
        (None, _) => return bad("the Host header is missing"),
        (Some(_), Some(_)) => return bad("the Host header is given more than once"),
        (Some(host), None) => {
            if Authority::try_from(host.as_bytes()).is_err() {
                return bad("the Host header names no host");
            }
        }
    }
    if request.method() == Method::CONNECT {
        // Its target has no path, which warp would panic at.
        return Err(ApiError::NotFound);
    }
    let Some(authority) = request.uri().authority() else {
        return Ok(());
    };
    // Without the user name and password that may stand before the host.
    let host = match authority.port() {
        Some(port) => format!("{}:{port}", authority.host()),
        None => authority.host().to_owned(),
    };
    let target = request.uri().path_and_query().cloned();
    let (Ok(host), Some(target)) = (HeaderValue::try_from(host), target) else {
        return bad("the request's target cannot be read");
    };
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = Uri::from(target);
    Ok(())
}
