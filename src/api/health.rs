//! `/health/live` and `/health/ready`: whether the process runs, and whether to send it requests.

use serde::Serialize;
use warp::http::StatusCode;
use warp::reply::Response;

use super::reply;

/// How far the service has come. Only `Ready` takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// The store is being loaded, or the first connections are being tried.
    #[default]
    Starting,
    /// The store's format is being brought up to date.
    Migrating,
    /// Requests are answered.
    Ready,
    /// The stop has begun.
    Draining,
}

/// What `/health/ready` tells. In phase `Ready`, reasons mean "degraded": answers go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readiness {
    /// How far the service has come.
    pub phase: Phase,
    /// What is wrong, in words for an operator.
    pub reasons: Vec<String>,
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<&'a [String]>,
}

pub(super) fn live() -> Response {
    health(StatusCode::OK, "live", None)
}

pub(super) fn ready(readiness: &Readiness) -> Response {
    let (status, word) = match readiness.phase {
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        Phase::Migrating => (StatusCode::SERVICE_UNAVAILABLE, "migrating"),
        Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        Phase::Ready if readiness.reasons.is_empty() => (StatusCode::OK, "ready"),
        Phase::Ready => (StatusCode::OK, "degraded"),
    };
    health(status, word, Some(&readiness.reasons))
}

fn health(code: StatusCode, status: &'static str, reasons: Option<&[String]>) -> Response {
    let body = Health { status, reasons };
    // Texts only: there is nothing in it that could fail to serialize.
    reply::json(code, serde_json::to_string(&body).unwrap_or_default())
}
