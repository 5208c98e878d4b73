//! What is known: lists, single statistics, and what changed since a revision.

use std::sync::Arc;

use serde::Serialize;
use warp::http::StatusCode;
use warp::http::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH};
use warp::reply::Response;

use super::super::auth::Identity;
use super::super::edge::Edge;
use super::super::endpoint::Endpoint;
use super::super::error::ApiError;
use super::super::reply;
use super::super::request::Head;
use super::json::{Change, Query, Statistic};
use crate::model::StatisticId;
use crate::peek::{AnswerPeeks, Board, PublicId, read_revision, revision_text};

/// Statistics on a page unless the query says otherwise, and at most.
const LIMIT: usize = 1000;
const LIMIT_MAX: usize = 10_000;

#[derive(Serialize)]
struct List {
    statistics: Vec<Statistic>,
    cursor: Option<String>,
    revision: String,
}

#[derive(Serialize)]
struct Changes {
    changes: Vec<Change>,
    revision: String,
}

/// `GET /v1/statistics`.
pub(in crate::api) async fn list<A: AnswerPeeks>(edge: Arc<Edge<A>>, head: Head) -> Response {
    let outcome = async {
        let (board, identity) = look(&edge, Endpoint::KnownStatistics, &head).await?;
        let query = Query::read(&head.query, identity.as_deref(), &["limit", "cursor"])?;
        let limit = match query.get("limit") {
            None => LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=LIMIT_MAX).contains(limit))
                .ok_or(ApiError::Request(format!(
                    "limit is a number from 1 to {LIMIT_MAX}"
                )))?,
        };
        let from = match query.get("cursor") {
            None => 0,
            Some(text) => u32::from_str_radix(text, 16)
                .map_err(|_| ApiError::Request("cursor is none of this service's".to_owned()))?,
        };
        let page = board.page(StatisticId(from), limit, &query.selector);
        let list = List {
            statistics: page.views.into_iter().map(Statistic::from).collect(),
            cursor: page.next.map(|next| format!("{:x}", next.0)),
            revision: revision_text(page.revision),
        };
        body(&edge, &list)
    };
    edge.respond_v1(head.arrival.id, outcome.await)
}

/// `GET /v1/statistics/{id}`.
pub(in crate::api) async fn one<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
    head: Head,
    id: String,
) -> Response {
    let outcome = async {
        let (board, identity) = look(&edge, Endpoint::KnownStatistic, &head).await?;
        let query = Query::read(&head.query, identity.as_deref(), &[])?;
        let id: PublicId = id.parse().map_err(|()| ApiError::NotFound)?;
        let view = board.one(id, &query.selector).ok_or(ApiError::NotFound)?;
        board.touch([id]);
        let tag = format!("\"{}\"", revision_text(view.revision));
        let mut response = if is_known(&head, &tag) {
            let mut response = reply::json(StatusCode::NOT_MODIFIED, String::new());
            response.headers_mut().clear();
            response
        } else {
            body(&edge, &Statistic::from(view))?
        };
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        let no_cache = HeaderValue::from_static("no-cache");
        response.headers_mut().insert(CACHE_CONTROL, no_cache);
        Ok(response)
    };
    edge.respond_v1(head.arrival.id, outcome.await)
}

/// `GET /v1/changes`.
pub(in crate::api) async fn changes<A: AnswerPeeks>(edge: Arc<Edge<A>>, head: Head) -> Response {
    let outcome = async {
        let (board, identity) = look(&edge, Endpoint::Changes, &head).await?;
        let query = Query::read(&head.query, identity.as_deref(), &["since"])?.followed()?;
        let since = match query.get("since") {
            None | Some("" | "0") => None,
            Some(text) => Some(read_revision(text).ok_or_else(|| {
                ApiError::Request("since is none of this service's revisions".to_owned())
            })?),
        };
        let Ok(changes) = board.changes(since, &query.selector) else {
            let reset = r#"{"reset":true}"#.to_owned();
            return Ok(reply::json(StatusCode::GONE, reset));
        };
        let revision = revision_text(changes.up_to);
        let changes = Change::all(changes).collect();
        body(&edge, &Changes { changes, revision })
    };
    edge.respond_v1(head.arrival.id, outcome.await)
}

/// What every look at the board begins with: who looks.
pub(super) async fn look<A: AnswerPeeks>(
    edge: &Edge<A>,
    endpoint: Endpoint,
    head: &Head,
) -> Result<(Arc<Board>, Option<Arc<Identity>>), ApiError> {
    endpoint.check_method(head)?;
    let answers = edge.answers()?;
    let identity = edge.authenticate(endpoint, head).await?;
    let board = answers.board().cloned().ok_or(ApiError::NotFound)?;
    Ok((board, identity))
}

/// Whether the client has just this already.
pub(in crate::api) fn is_known(head: &Head, tag: &str) -> bool {
    let mut lines = head.headers.get_all(IF_NONE_MATCH).iter();
    lines.any(|line| {
        let line = line.to_str().unwrap_or_default();
        let mut tags = line.split(',').map(str::trim);
        tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    })
}

fn body<A: AnswerPeeks>(edge: &Edge<A>, content: &impl Serialize) -> Result<Response, ApiError> {
    // Texts and numbers: there is nothing in it that could fail to serialize.
    let body = serde_json::to_string(content).unwrap_or_default();
    let max = edge.limits.get().response;
    if body.len() > max {
        return Err(ApiError::AnswerTooLarge(max));
    }
    Ok(reply::json(StatusCode::OK, body))
}
