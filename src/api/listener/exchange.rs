//! One request and its answer: what has to be right about a request before any route sees it, its
//! time limit, and what becomes of a body that nobody read.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, EXPECT, HeaderValue};
use hyper::service::Service as HttpService;
use hyper::{Request, Version};
use tokio::sync::watch;
use tokio::time::Instant;
use warp::reply::Response;

use super::body::{BodyMeter, LimitedBody};
use super::host;
use crate::api::config::Config;
use crate::api::endpoint::Endpoint;
use crate::api::error::ApiError;
use crate::api::metrics::Metrics;
use crate::api::request::{Local, Peer};
use crate::peek::PeekError;

/// What the routes make of a request.
pub(super) type Routed =
    Arc<dyn Fn(Request<LimitedBody>) -> BoxFuture<'static, Response> + Send + Sync>;
/// What the edge makes of an error.
pub(super) type Refused = Arc<dyn Fn(ApiError) -> Response + Send + Sync>;

/// What all requests of a listener share.
pub(super) struct Desk {
    pub(super) routed: Routed,
    pub(super) refused: Refused,
    pub(super) config: Arc<Config>,
    pub(super) metrics: Arc<Metrics>,
}

/// The requests of one connection.
pub(super) struct Exchanges {
    pub(super) desk: Arc<Desk>,
    pub(super) peer: Peer,
    pub(super) local: Local,
    /// How many requests are being answered, where somebody waits until there are none.
    pub(super) active: Option<watch::Sender<usize>>,
}

/// A request being answered.
struct Active(watch::Sender<usize>);

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
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let begun = Instant::now();
        let active = self.active.as_ref().map(Active::begin);
        let desk = Arc::clone(&self.desk);
        let endpoint = Endpoint::at(request.uri().path());
        let (deadline, peek_deadline) = (desk.config.request_deadline(), desk.config.peek_deadline);
        let awaits_continue = request.headers().contains_key(EXPECT);
        // HTTP/2 ends a single stream and has no word for the connection.
        let may_close = request.version() <= Version::HTTP_11;
        let (mut request, meter) = metered(request, desk.config.limits.body);
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.local);
        let checked = host::check(&mut request);
        Box::pin(async move {
            let response = match checked {
                Ok(()) => tokio::time::timeout(deadline, (desk.routed)(request)).await,
                Err(error) => {
                    drop(request);
                    Ok((desk.refused)(error))
                }
            };
            let timely = response.is_ok();
            let mut response =
                response.unwrap_or_else(|_| (desk.refused)(late(&meter, deadline, peek_deadline)));
            let status = response.status().as_u16();
            desk.metrics
                .requests
                .answered(endpoint, status, begun.elapsed());
            // A client that waits to be told to continue has not sent anything: nothing to drain.
            let nothing_sent = awaits_continue && !meter.was_read();
            if !timely || nothing_sent || !meter.drain().await {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            if !may_close {
                response.headers_mut().remove(CONNECTION);
            }
            drop(active);
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
