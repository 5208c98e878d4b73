//! Every way a request can fail, and its one mapping to a status, headers and the documented
//! error body.

use std::time::Duration;

use serde::Serialize;
use warp::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use warp::http::{Response as HttpResponse, StatusCode};
use warp::reply::Response;

use super::form::FormError;
use super::metrics::Limit;
use super::request::RequestId;
use crate::peek::PeekError;

/// The class name that the API document shows in every error body.
const EXCEPTION: &str = "com.genesyslab.gsg.services.statistic.StatServerException";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why a request gets no answer. The texts are for the client: no values, paths or type names.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// The request itself is wrong; the text names the field.
    #[error("{0}")]
    Request(String),
    /// No or wrong credentials.
    #[error("this needs a user name and a password (Basic authentication)")]
    Unauthorized { challenge: HeaderValue },
    /// A rule of this service forbids it, whatever the Stat Server would say.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Nothing here.
    #[error("there is nothing at this path")]
    NotFound,
    /// Another method is needed.
    #[error("this path only takes {allow}")]
    Method { allow: &'static str },
    /// The request did not arrive in time.
    #[error("the request did not arrive within {}", humantime::format_duration(*.0))]
    Slow(Duration),
    /// The body is over its limit.
    #[error("the body is longer than {0} bytes (setting http.limits.body)")]
    BodyTooLarge(u64),
    /// The form has too many fields.
    #[error("{error}")]
    Fields { error: FormError, limit: Limit },
    /// The body is in a form that is not read here.
    #[error("the body is neither application/x-www-form-urlencoded nor multipart/form-data")]
    MediaType,
    /// Too many failed logins.
    #[error("too many failed logins from this address for this user")]
    Throttled(Duration),
    /// Too many logins at a time.
    #[error("too many logins are being checked")]
    LoginsBusy(Duration),
    /// There is no room for this connection.
    #[error("too many connections are open")]
    Crowded,
    /// Not now; the text says why.
    #[error("{message}")]
    Busy {
        message: &'static str,
        retry_after: Duration,
    },
    /// It cannot be done as things stand; the text says what to change.
    #[error("{0}")]
    Conflict(&'static str),
    /// Somebody else's is still going on.
    #[error("{message}")]
    Running {
        message: &'static str,
        retry_after: Duration,
    },
    /// None of the accepted types is spoken here.
    #[error(
        "none of the accepted types is written here: application/json, text/csv, application/x-ndjson"
    )]
    NotAcceptable,
    /// What is stored of the past cannot be read.
    #[error("the history cannot be read; the log says why")]
    HistoryUnreadable,
    /// The ticket is none, was used, or is too old.
    #[error("the ticket is not good any more: each serves once, within 30 seconds")]
    Ticket,
    /// Too many streams.
    #[error("{0} streams are open already (setting http.limits.stream_clients)")]
    StreamsFull(usize),
    /// The answer is over its limit.
    #[error("the answer is longer than {0} bytes (setting http.limits.response)")]
    AnswerTooLarge(usize),
    /// There is no answer; whether several statistics were asked for decides what a refusal is.
    #[error("{error}")]
    Peek { error: PeekError, several: bool },
}

/// In what shape an error is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As the API document has it.
    Documented,
    /// As problem details.
    Problem,
    /// As Grafana shows it.
    Grafana,
}

impl Shape {
    /// The shape of what is wrong at this path, whether anything is there or not.
    pub(super) fn at(path: &str) -> Self {
        let below = |root: &str| {
            let rest = path.strip_prefix(root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if below("/v1") {
            Self::Problem
        } else if below("/grafana") {
            Self::Grafana
        } else {
            Self::Documented
        }
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    message: &'a str,
    exception: &'static str,
}

impl ApiError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Request(_) | Self::Fields { .. } => StatusCode::BAD_REQUEST,
            Self::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            // A bad ticket is met without a challenge: a browser would ask the person for a password
            // that it cannot send.
            Self::Forbidden(_) | Self::Ticket => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Throttled(_) | Self::Running { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Crowded | Self::Busy { .. } | Self::LoginsBusy(_) | Self::StreamsFull(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::AnswerTooLarge(_) | Self::HistoryUnreadable => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Peek { error, several } => match error {
                // The API document has 403 for one statistic and 404 among several.
                PeekError::Refused(_) | PeekError::NotDefined(_) if *several => {
                    StatusCode::NOT_FOUND
                }
                PeekError::Refused(_) | PeekError::NotDefined(_) => StatusCode::FORBIDDEN,
                PeekError::Unavailable | PeekError::Deadline(_) => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
                PeekError::NotCached => StatusCode::GATEWAY_TIMEOUT,
                PeekError::TooMany => StatusCode::SERVICE_UNAVAILABLE,
            },
        }
    }

    /// The limit that was run into, if that is why.
    pub(super) fn limit(&self) -> Option<Limit> {
        match self {
            Self::Fields { limit, .. } => Some(*limit),
            Self::Slow(_) => Some(Limit::RequestTimeout),
            Self::BodyTooLarge(_) => Some(Limit::Body),
            Self::Throttled(_) => Some(Limit::FailedLogins),
            Self::LoginsBusy(_) => Some(Limit::LoginChecks),
            Self::StreamsFull(_) => Some(Limit::StreamClients),
            Self::AnswerTooLarge(_) => Some(Limit::Response),
            Self::Crowded => Some(Limit::Connections),
            Self::Peek { error, .. } => {
                matches!(error, PeekError::TooMany).then_some(Limit::OpenStatistics)
            }
            _ => None,
        }
    }

    /// The header that goes with the status.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        // Room among the open statistics comes when idle ones close: not within seconds.
        const OPEN_STATISTICS_RETRY: Duration = Duration::from_mins(1);
        const STREAM_RETRY: Duration = Duration::from_secs(10);
        const CROWD_RETRY: Duration = Duration::from_secs(1);
        match self {
            Self::Unauthorized { challenge } => Some((WWW_AUTHENTICATE, challenge.clone())),
            Self::Method { allow } => Some((ALLOW, HeaderValue::from_static(allow))),
            // What is left of the request would be read as the next one.
            Self::Slow(_) => Some((CONNECTION, HeaderValue::from_static("close"))),
            Self::StreamsFull(_) => Some((RETRY_AFTER, seconds_up(STREAM_RETRY))),
            Self::Crowded => Some((RETRY_AFTER, seconds_up(CROWD_RETRY))),
            Self::Throttled(retry_after)
            | Self::LoginsBusy(retry_after)
            | Self::Running { retry_after, .. }
            | Self::Busy { retry_after, .. } => Some((RETRY_AFTER, seconds_up(*retry_after))),
            Self::Peek {
                error: PeekError::TooMany,
                ..
            } => Some((RETRY_AFTER, seconds_up(OPEN_STATISTICS_RETRY))),
            _ => None,
        }
    }

    /// The response in the documented shape. `request_id` is what the log calls this request.
    pub(super) fn into_response(self, request_id: Option<RequestId>) -> Response {
        let message = self.to_string();
        let body = ErrorBody {
            message: &message,
            exception: EXCEPTION,
        };
        // Two texts in a flat object: there is nothing in it that could fail to serialize.
        let body = serde_json::to_string(&body).unwrap_or_default();
        let mut response = HttpResponse::new(body.into());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(self.header());
        let id = request_id.map(|id| HeaderValue::from_str(&id.to_string()));
        if let Some(Ok(id)) = id {
            headers.insert(REQUEST_ID, id);
        }
        response
    }
}

impl From<FormError> for ApiError {
    fn from(error: FormError) -> Self {
        match error {
            FormError::TooMany { limit, .. } => Self::Fields { error, limit },
            other => Self::Request(other.to_string()),
        }
    }
}

/// Whole seconds, rounded up: a client that waits this long waits long enough.
fn seconds_up(duration: Duration) -> HeaderValue {
    let part = u64::from(duration.subsec_nanos() > 0);
    HeaderValue::from(duration.as_secs().saturating_add(part).max(1))
}
