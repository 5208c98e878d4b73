//! Which host a request is for: said once, and readable.

use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Uri, Version};
use warp::http::uri::Authority;

use crate::api::error::ApiError;

/// Sees to it that every request has one `Host` that can be read (RFC 9112, section 3.2), which
/// hyper does not check. HTTP/1.0 may do without, HTTP/2 has it in the target.
///
/// A target in absolute form overrules the header, and is turned into the usual form here, so that
/// no route has to know of two places to look.
pub(super) fn check<B>(request: &mut Request<B>) -> Result<(), ApiError> {
    let bad = |message: &str| Err(ApiError::Request(message.to_owned()));
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => {}
        (None, _) if request.version() > Version::HTTP_11 && request.uri().host().is_some() => {}
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
