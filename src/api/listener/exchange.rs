//! One request and its answer: what has to be right about a request before any route sees it, its
//! time limit, and what becomes of a body that nobody read.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderValue};
use hyper::service::Service as HttpService;
use hyper::{Method, Request, Version};
use tokio::sync::watch;
use tokio::time::Instant;
use warp::reply::Response;

use super::body::{BodyMeter, LimitedBody};
use super::excursion::{Progress, Tracked};
use super::host;
use crate::api::access;
use crate::api::config::Config;
use crate::api::cors;
use crate::api::endpoint::Endpoint;
use crate::api::error::{ApiError, Shape};
use crate::api::limits::LiveLimits;
use crate::api::metrics::Metrics;
use crate::api::proxies;
use crate::api::request::{Arrival, Face, Local, Peer, RequestId};
use crate::peek::PeekError;

/// The next answer on a connection that is older closes it, so that clients that never go come back
/// through whatever spreads them over several services. An idle one is left to its time limit:
/// closing it could cross a request.
pub(super) const AGE_MAX: Duration = Duration::from_hours(1);

/// What the routes make of a request.
pub(super) type Routed =
    Arc<dyn Fn(Request<LimitedBody>) -> BoxFuture<'static, Response> + Send + Sync>;
/// What the edge makes of an error.
pub(super) type Refused = Arc<dyn Fn(Shape, RequestId, ApiError) -> Response + Send + Sync>;

/// What all requests of a listener share.
pub(super) struct Desk {
    pub(super) routed: Routed,
    pub(super) refused: Refused,
    pub(super) config: Arc<Config>,
    pub(super) limits: Arc<LiveLimits>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) face: Face,
    /// Whether the stop has come: from then on each answer is its connection's last.
    pub(super) draining: AtomicBool,
    pub(super) next_id: Arc<dyn Fn() -> RequestId + Send + Sync>,
}

/// The requests of one connection.
#[derive(Clone)]
pub(super) struct Exchanges {
    pub(super) desk: Arc<Desk>,
    pub(super) peer: Peer,
    pub(super) local: Local,
    /// How many requests are being answered, where somebody waits until there are none.
    pub(super) active: Option<watch::Sender<usize>>,
    pub(super) opened: Instant,
    /// Whether nothing but health is answered here.
    pub(super) is_reserve: bool,
    /// Where somebody waits for the connection to come back.
    pub(super) progress: Option<Arc<Progress>>,
}

/// What `Response` carries; warp does not name it.
pub(super) trait HasBody {
    type Body;
}

impl<B> HasBody for hyper::Response<B> {
    type Body = B;
}

type Answer = hyper::Response<Tracked<<Response as HasBody>::Body>>;

/// A request being answered.
struct Active(watch::Sender<usize>);

/// Keeps a request among those being answered while its answer goes on without an end.
#[derive(Clone)]
pub(in crate::api) struct InFlight {
    _active: Arc<Active>,
}

impl Active {
    fn begin(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl HttpService<Request<Incoming>> for Exchanges {
    type Response = Answer;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Answer, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let active = self.active.as_ref().map(|count| InFlight {
            _active: Arc::new(Active::begin(count)),
        });
        let progress = self.progress.clone();
        let waiting_since = progress.as_ref().and_then(|progress| progress.begin());
        let begun = waiting_since.unwrap_or_else(Instant::now);
        let desk = Arc::clone(&self.desk);
        let endpoint = Endpoint::of(request.method(), request.uri().path());
        let limits = desk.limits.get();
        let deadline = desk.config.request_deadline(&limits);
        let peek_deadline = desk.config.peek_deadline;
        let shape = Shape::at(request.uri().path());
        let is_head = request.method() == Method::HEAD;
        let awaits_continue = request.headers().contains_key(EXPECT);
        // HTTP/2 ends a single stream and has no word for the connection.
        let may_close = request.version() <= Version::HTTP_11;
        let (mut request, meter) = metered(request, limits.body);
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.local);
        if let Some(active) = &active {
            request.extensions_mut().insert(active.clone());
        }
        let peer = self.peer.0.ip();
        let arrival = Arrival {
            id: (desk.next_id)(),
            face: desk.face,
            waiting_since,
            client: Some(proxies::client(
                request.headers(),
                peer,
                &desk.config.trusted_proxies,
            )),
        };
        request.extensions_mut().insert(arrival);
        let origin = cors::listed_origin(request.headers(), &desk.config.origins);
        let seen = desk.config.access_log.then(|| request.method().clone());
        let is_crowded = self.is_reserve && !endpoint.is_some_and(Endpoint::is_health);
        let checked = host::check(&mut request).and_then(|()| {
            let crowded = is_crowded.then_some(ApiError::Crowded);
            crowded.map_or(Ok(()), Err)
        });
        let is_old = self.is_reserve || begun.duration_since(self.opened) >= AGE_MAX;
        Box::pin(async move {
            let response = match checked {
                Ok(()) => tokio::time::timeout(deadline, (desk.routed)(request)).await,
                Err(error) => {
                    drop(request);
                    Ok((desk.refused)(shape, arrival.id, error))
                }
            };
            let timely = response.is_ok();
            let mut response = response.unwrap_or_else(|_| {
                (desk.refused)(shape, arrival.id, late(&meter, deadline, peek_deadline))
            });
            cors::share(response.headers_mut(), origin, &desk.config.origins);
            let (status, took) = (response.status().as_u16(), begun.elapsed());
            desk.metrics.requests.answered(endpoint, status, took);
            if let Some(method) = seen {
                access::tell(arrival, &method, endpoint, status, took);
            }
            // A client that waits to be told to continue has not sent anything: nothing to drain.
            let nothing_sent = awaits_continue && !meter.was_read();
            let is_last = is_old || desk.draining.load(Ordering::Relaxed);
            if !timely || nothing_sent || !meter.drain().await || is_last {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
                progress.as_ref().inspect(|progress| progress.close());
            }
            if !may_close {
                response.headers_mut().remove(CONNECTION);
            }
            if is_head {
                leave_out_body(&mut response);
            }
            drop(active);
            Ok(response.map(|body| Tracked::new(body, progress)))
        })
    }
}

/// The answer to HEAD: what GET is told, without the body, but with its length where it is known.
fn leave_out_body(response: &mut Response) {
    let body = std::mem::replace(response.body_mut(), String::new().into());
    let length = body.size_hint().exact().filter(|length| *length > 0);
    if let Some(length) = length {
        response
            .headers_mut()
            .entry(CONTENT_LENGTH)
            .or_insert(length.into());
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
