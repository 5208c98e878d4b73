//! Errors as problem details.

use serde::Serialize;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

use super::super::error::ApiError;
use super::super::request::RequestId;

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
}

/// The error's response with a problem for its body; status and headers stay.
pub(in crate::api) fn into_problem(error: ApiError, request_id: Option<RequestId>) -> Response {
    let detail = error.to_string();
    let status = error.status();
    let problem = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: &detail,
    };
    // Texts and a number: there is nothing in it that could fail to serialize.
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let (mut parts, _) = error.into_response(request_id).into_parts();
    let problem_json = HeaderValue::from_static("application/problem+json");
    parts.headers.insert(CONTENT_TYPE, problem_json);
    Response::from_parts(parts, body.into())
}
