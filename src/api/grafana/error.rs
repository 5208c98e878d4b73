//! Errors in the shape that Grafana shows to people.

use serde::Serialize;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

use crate::api::error::ApiError;
use crate::api::request::RequestId;

/// The connection test shows `error`, everything else `message`.
#[derive(Serialize)]
struct Shown<'a> {
    error: Inner<'a>,
    message: &'a str,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: String,
    message: &'a str,
}

/// The error's response with a body for Grafana; status and headers stay.
pub(in crate::api) fn into_grafana(error: ApiError, request_id: Option<RequestId>) -> Response {
    let message = &*error.to_string();
    let code = error.status().as_u16().to_string();
    let error_body = Inner { code, message };
    let shown = Shown {
        error: error_body,
        message,
    };
    // Texts: there is nothing in it that could fail to serialize.
    let body = serde_json::to_string(&shown).unwrap_or_default();
    let (mut parts, _) = error.into_response(request_id).into_parts();
    let json = HeaderValue::from_static("application/json");
    parts.headers.insert(CONTENT_TYPE, json);
    Response::from_parts(parts, body.into())
}
