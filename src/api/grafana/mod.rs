//! Grafana's JSON datasource (`simpod-json-datasource`): its requests over what is known. Asks no
//! Stat Server for anything. All paths are relative to `/grafana`, the URL that Grafana is given.

mod error;
mod metrics;
mod query;
mod selection;
mod variable;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use warp::http::StatusCode;
use warp::reply::Response;

use super::auth::Identity;
use super::edge::Edge;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::request::{Body, Head};
use super::{handlers, reply};
use crate::peek::{AnswerPeeks, Board, Selector};

pub(super) use self::error::into_grafana;
use self::metrics::{metrics, payload_options};
use self::query::query;
use self::variable::{tag_keys, tag_values, variable};

/// Whatever of Grafana's is at this path.
pub(super) async fn answer<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
    endpoint: Endpoint,
    head: Head,
    body: Body,
) -> Response {
    let outcome = outcome(&edge, endpoint, &head, body).await;
    edge.respond_grafana(head.arrival.id, outcome)
}

async fn outcome<A: AnswerPeeks>(
    edge: &Edge<A>,
    endpoint: Endpoint,
    head: &Head,
    body: Body,
) -> Result<Response, ApiError> {
    endpoint.check_method(head)?;
    if endpoint.method() == "POST" {
        edge.check_origin(head)?;
    }
    let answers = edge.answers()?;
    let identity = edge.authenticate(endpoint, head).await?;
    let board = answers.board().cloned().ok_or(ApiError::NotFound)?;
    let look = Look {
        board: &board,
        selector: Selector {
            tenants: identity.as_deref().and_then(Identity::tenants),
            ..Selector::default()
        },
        bytes_max: edge.limits.get().response,
    };
    match endpoint {
        Endpoint::GrafanaMetrics => look.reply(&metrics(&look)),
        Endpoint::GrafanaPayloadOptions => {
            look.reply(&payload_options(&look, read(head, body).await?)?)
        }
        Endpoint::GrafanaQuery => look.reply(&query(&look, read(head, body).await?).await?),
        Endpoint::GrafanaVariable => look.reply(&variable(
            &look,
            identity.as_deref(),
            read(head, body).await?,
        )?),
        Endpoint::GrafanaTagKeys => look.reply(&tag_keys()),
        Endpoint::GrafanaTagValues => look.reply(&tag_values(&look, &read(head, body).await?)?),
        // What the connection test calls: that it came so far is the answer.
        _ => Ok(reply::json(
            StatusCode::OK,
            "{\"status\":\"ok\"}".to_owned(),
        )),
    }
}

/// What a request may look at.
struct Look<'a> {
    board: &'a Board,
    /// Holds the tenants that the user is bound to, and nothing else.
    selector: Selector,
    bytes_max: usize,
}

impl Look<'_> {
    fn reply(&self, content: &impl Serialize) -> Result<Response, ApiError> {
        // Texts and numbers: there is nothing in it that could fail to serialize.
        let body = serde_json::to_string(content).unwrap_or_default();
        if body.len() > self.bytes_max {
            return Err(ApiError::AnswerTooLarge(self.bytes_max));
        }
        Ok(reply::json(StatusCode::OK, body))
    }
}

/// The body as JSON, whatever its type says; none is an empty object.
async fn read<T: DeserializeOwned>(head: &Head, body: Body) -> Result<T, ApiError> {
    let Body::Stream(stream) = body else {
        return Err(ApiError::Request("the body is not JSON".to_owned()));
    };
    let whole = handlers::whole(head, stream).await?;
    let text: &[u8] = if whole.is_empty() { b"{}" } else { &whole };
    // The parser's own words may quote what was sent: not shown.
    // By way of an object: a list would pass for one, its items for the fields in their order.
    let object: Result<Map<String, Value>, _> = serde_json::from_slice(text);
    let read = object.and_then(|object| T::deserialize(Value::Object(object)));
    read.map_err(|_| {
        ApiError::Request(
            "the body is not a JSON object with the fields that Grafana's JSON datasource sends"
                .to_owned(),
        )
    })
}
