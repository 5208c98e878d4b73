//! The dashboard page and its files. They stand beside the table of endpoints: nobody programs
//! against them, so that the API's description and the figures' labels leave them out.

use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use warp::http::{Response as HttpResponse, StatusCode};
use warp::reply::Response;

use super::edge::Edge;
use super::error::ApiError;
use super::request::{Face, Head};
use super::v1;
use crate::dashboard::{self, File};
use crate::peek::AnswerPeeks;

/// The page may load its own files and ask its own service, and nobody may frame it. Its forms are
/// handled by its scripts: sent by the browser they would put a password into an address.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    // Asked for again every time, and told as unchanged: a page never mixes two versions' files.
    (CACHE_CONTROL, "no-cache"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The file at this path, on the listener for everybody.
pub(super) fn at(path: &str, face: Face) -> Option<&'static File> {
    dashboard::file(path).filter(|_| face == Face::Main)
}

/// `GET` of a file. It holds no data, so that it asks for no credentials: the page does, once it
/// is there.
pub(super) fn answer<A: AnswerPeeks>(edge: &Edge<A>, head: &Head, file: &'static File) -> Response {
    let outcome = if head.method == "GET" {
        Ok(content(file, v1::is_known(head, dashboard::tag())))
    } else {
        Err(ApiError::Method { allow: "GET, HEAD" })
    };
    edge.respond(head.arrival.id, outcome)
}

fn content(file: &'static File, is_known: bool) -> Response {
    let mut response = if is_known {
        let mut response = HttpResponse::new("".into());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        HttpResponse::new(file.body.into())
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    if let Ok(tag) = HeaderValue::from_str(dashboard::tag()) {
        headers.insert(ETAG, tag);
    }
    response
}
