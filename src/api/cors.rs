//! Web pages of other origins (CORS): only those of `[http.cors] origins`, and nothing at all while
//! none is listed. Credentials that the browser keeps are never asked for: a page says its own.

use warp::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};
use warp::http::{Method, Response as HttpResponse, StatusCode};
use warp::reply::Response;

use super::endpoint::Endpoint;
use super::request::Head;

/// What a page may send beyond what every page may.
const ALLOWED: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Cache-Control, If-None-Match, Last-Event-ID",
);
/// What a page may read beyond what every page may.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Age, Cache-Status, ETag, Retry-After, X-Request-Id");
/// A browser asks again after ten minutes, so that an origin taken off the list is soon off it.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The one origin that a request names, if it is on the list.
pub(super) fn listed_origin(headers: &HeaderMap, listed: &[String]) -> Option<HeaderValue> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return None;
    };
    let text = origin.to_str().ok()?;
    let mut listed = listed.iter();
    listed
        .any(|known| known.eq_ignore_ascii_case(text))
        .then(|| origin.clone())
}

/// Whether a browser asks here if a page of a listed origin may send a request.
pub(super) fn is_preflight(head: &Head, listed: &[String]) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && listed_origin(&head.headers, listed).is_some()
}

/// The answer to such a question. Who asks is not known yet: a browser sends no credentials here.
pub(super) fn preflight(endpoint: Endpoint) -> Response {
    let mut response = HttpResponse::new(String::new().into());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static(endpoint.allow());
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

/// Lets pages of `origin` read the answer. What is answered depends on the origin as soon as one is
/// listed, and a cache on the way must know.
pub(super) fn share(headers: &mut HeaderMap, origin: Option<HeaderValue>, listed: &[String]) {
    if listed.is_empty() {
        return;
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
