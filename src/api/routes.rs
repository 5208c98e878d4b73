//! From a request to its handler, as warp filters. Everything after the path is decided by the
//! handlers, so that nothing is left to reject.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Buf;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use warp::http::Method;
use warp::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use warp::path::FullPath;
use warp::reject::Rejection;
use warp::reply::Response;
use warp::{Filter, Reply as _};

use super::cors;
use super::edge::Edge;
use super::endpoint::Endpoint;
use super::error::{ApiError, Shape};
use super::grafana;
use super::handlers;
use super::page;
use super::request::{Arrival, Body, Head};
use super::v1;
use crate::peek::AnswerPeeks;

/// All routes of a listener, for `warp::service` or `warp::test::request`.
pub fn routes<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::any()
        .map(move || Arc::clone(&edge))
        .and(warp::path::full())
        .and(head())
        .and(body())
        .then(answer::<A>)
        .recover(rejected)
        .unify()
        .map(|response: Response| response)
}

async fn answer<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
    path: FullPath,
    head: Head,
    body: Body,
) -> Response {
    let Arrival { id, face, .. } = head.arrival;
    if let Some(file) = page::at(path.as_str(), face) {
        return page::answer(&edge, &head, file);
    }
    let endpoint =
        Endpoint::of(&head.method, path.as_str()).filter(|endpoint| endpoint.is_on(face));
    let Some(endpoint) = endpoint else {
        return edge.refuse(Shape::at(path.as_str()), id, ApiError::NotFound);
    };
    if cors::is_preflight(&head, &edge.config.origins) {
        // What is hidden from this client is hidden from its browser as well.
        let hidden = endpoint == Endpoint::InternalStatistic;
        let seen = if hidden {
            edge.check_internal(&head)
        } else {
            Ok(())
        };
        return edge.respond(id, seen.map(|()| cors::preflight(endpoint)));
    }
    match endpoint {
        Endpoint::Statistic => handlers::statistic(edge, head, body).await,
        Endpoint::InternalStatistic => handlers::internal_statistic(edge, head, body).await,
        Endpoint::Statistics => handlers::statistics(edge, head, body).await,
        Endpoint::Live => handlers::live(&edge, &head),
        Endpoint::Ready => handlers::ready(&edge, &head),
        Endpoint::Servers => v1::servers(edge, head).await,
        Endpoint::OpenApi => v1::openapi(edge, head).await,
        Endpoint::Metrics => handlers::metrics(edge, head).await,
        Endpoint::Peek => v1::peek(edge, head, body).await,
        Endpoint::KnownStatistics => v1::list(edge, head).await,
        Endpoint::KnownStatistic => v1::one(edge, head, id_in(&path)).await,
        Endpoint::Forget => v1::forget(edge, head, id_in(&path)).await,
        Endpoint::History => v1::history(edge, head, id_in(&path)).await,
        Endpoint::AllHistory => v1::all_history(edge, head).await,
        Endpoint::AllGaps => v1::all_gaps(edge, head).await,
        Endpoint::Backup => v1::backup(edge, head).await,
        Endpoint::Verify => v1::verify(edge, head).await,
        Endpoint::Changes => v1::changes(edge, head).await,
        Endpoint::Stream => v1::stream(edge, head).await,
        Endpoint::Tickets => v1::tickets(edge, head).await,
        Endpoint::Grafana
        | Endpoint::GrafanaMetrics
        | Endpoint::GrafanaPayloadOptions
        | Endpoint::GrafanaQuery
        | Endpoint::GrafanaVariable
        | Endpoint::GrafanaTagKeys
        | Endpoint::GrafanaTagValues => grafana::answer(edge, endpoint, head, body).await,
    }
}

/// The id in a statistic's path.
fn id_in(path: &FullPath) -> String {
    let id = Endpoint::id_in(path.as_str());
    id.unwrap_or_default().to_owned()
}

fn head() -> impl Filter<Extract = (Head,), Error = Infallible> + Copy + Send + Sync + 'static {
    warp::method()
        .and(warp::header::headers_cloned())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::ext::optional())
        .and(warp::ext::optional())
        .and(warp::ext::optional())
        .and(warp::ext::optional())
        .and(warp::ext::optional())
        .map(
            |method, headers, query, peer, local, meter, arrival: Option<_>, in_flight| Head {
                // The answer to HEAD is that to GET; the listener leaves its body out.
                method: if method == Method::HEAD {
                    Method::GET
                } else {
                    method
                },
                headers,
                query,
                peer,
                local,
                meter,
                arrival: arrival.unwrap_or_default(),
                in_flight,
            },
        )
}

/// The body as it comes, still unread: whether it is read at all, and how much of it, is decided
/// once it is known who asks.
fn body() -> impl Filter<Extract = (Body,), Error = Rejection> + Clone + Send + Sync + 'static {
    // Without a boundary warp rejects, and the handler finds a multipart type on a plain stream.
    let multipart = warp::header::<String>("content-type")
        .and_then(|content_type: String| async move {
            if is_multipart(essence(&content_type)) {
                Ok(())
            } else {
                Err(warp::reject())
            }
        })
        .untuple_one()
        // warp's own limit would refuse every chunked body.
        .and(warp::multipart::form().max_length(None))
        .map(Body::Multipart);
    let stream = warp::body::stream().map(boxed);
    multipart.or(stream).unify()
}

fn boxed<B: Buf>(stream: impl Stream<Item = Result<B, warp::Error>> + Send + 'static) -> Body {
    let chunks = stream.map_ok(|mut chunk| chunk.copy_to_bytes(chunk.remaining()));
    Body::Stream(chunks.boxed())
}

/// The body's type without its parameters; empty when there is none to read.
pub(super) fn media_type(headers: &HeaderMap) -> &str {
    let text = headers.get(CONTENT_TYPE).map(HeaderValue::to_str);
    essence(text.and_then(Result::ok).unwrap_or_default())
}

pub(super) fn is_multipart(media_type: &str) -> bool {
    media_type.eq_ignore_ascii_case("multipart/form-data")
}

pub(super) fn essence(content_type: &str) -> &str {
    let essence = content_type.split(';').next();
    essence.unwrap_or_default().trim()
}

async fn rejected(rejection: Rejection) -> Result<Response, Infallible> {
    tracing::debug!(?rejection, "rejected");
    let error = ApiError::Request("the request cannot be read".to_owned());
    Ok(error.into_response(None).into_response())
}
