//! `GET /v1/backup` and `GET /v1/verify`: the whole store, saved and checked while it is being
//! written. For operators who are bound to no tenant, one of each at a time.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;
use warp::http::header::{CONTENT_DISPOSITION, HeaderValue};
use warp::reply::Response;

use super::super::auth::Identity;
use super::super::edge::Edge;
use super::super::endpoint::Endpoint;
use super::super::error::ApiError;
use super::super::request::Head;
use super::json::Query;
use super::pumped::pumped;
use crate::peek::{AnswerPeeks, Board, Checked, Making};

/// Blocks that wait for the way out.
const WAITING: usize = 1;
/// Before somebody else's backup or check may be over.
const RETRY: Duration = Duration::from_secs(10);

/// A line of a check: how far it has come, or what it found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Progress { done: u64, total: u64 },
    Verified(Found),
}

/// What `peekd inspect verify` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    statistics: u64,
    pages: u64,
    journal_entries: u64,
    history_tail: u64,
    history_volumes: u64,
    history_buckets: u64,
    history_chunks: u64,
    history_rows: u64,
    damaged: Vec<String>,
}

/// `GET /v1/backup`.
pub(in crate::api) async fn backup<A: AnswerPeeks>(edge: Arc<Edge<A>>, head: Head) -> Response {
    let outcome = async {
        let (board, identity) = enter(&edge, Endpoint::Backup, &head).await?;
        let (blocks, made) = mpsc::channel(WAITING);
        let making = board.backup(blocks).map_err(|_| ApiError::Running {
            message: "another backup is being made",
            retry_after: RETRY,
        })?;
        let content_type = "application/octet-stream";
        let mut response =
            pumped(&edge, &head, Some(identity), content_type, (made, making)).await?;
        let name = HeaderValue::from_static("attachment; filename=\"peekd.backup\"");
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
        Ok(response)
    };
    edge.respond_v1(head.arrival.id, outcome.await)
}

/// `GET /v1/verify`.
pub(in crate::api) async fn verify<A: AnswerPeeks>(edge: Arc<Edge<A>>, head: Head) -> Response {
    let outcome = async {
        let (board, identity) = enter(&edge, Endpoint::Verify, &head).await?;
        let (lines, made) = mpsc::channel(WAITING);
        let making = check(&edge, &board, lines)?;
        let content_type = "application/x-ndjson";
        pumped(&edge, &head, Some(identity), content_type, (made, making)).await
    };
    edge.respond_v1(head.arrival.id, outcome.await)
}

/// Who comes in: operators of everything.
async fn enter<A: AnswerPeeks>(
    edge: &Edge<A>,
    endpoint: Endpoint,
    head: &Head,
) -> Result<(Arc<Board>, Arc<Identity>), ApiError> {
    endpoint.check_method(head)?;
    let answers = edge.answers()?;
    let identity = edge.authorize(endpoint, head).await?;
    if identity.tenants().is_some() {
        return Err(ApiError::Forbidden(
            "this takes an operator of all tenants: the store is told as a whole",
        ));
    }
    Query::read(&head.query, None, &[])?;
    let board = answers.board().cloned().ok_or(ApiError::NotFound)?;
    Ok((board, identity))
}

/// Starts a check that tells how it is going in lines.
fn check<A: AnswerPeeks>(
    edge: &Edge<A>,
    board: &Board,
    lines: mpsc::Sender<Vec<u8>>,
) -> Result<Making, ApiError> {
    let (news, mut told) = mpsc::channel(WAITING);
    let making = board.check(news).map_err(|_| ApiError::Running {
        message: "another check is being made",
        retry_after: RETRY,
    })?;
    edge.stream_tasks.spawn(async move {
        while let Some(checked) = told.recv().await {
            let line = match checked {
                Checked::SoFar(done, total) => Line::Progress { done, total },
                Checked::All(verified) => Line::Verified(Found {
                    statistics: verified.statistics,
                    pages: verified.pages,
                    journal_entries: verified.journal_entries,
                    history_tail: verified.history_tail,
                    history_volumes: verified.history_volumes,
                    history_buckets: verified.history_buckets,
                    history_chunks: verified.history_chunks,
                    history_rows: verified.history_rows,
                    damaged: verified.damaged,
                }),
            };
            // Texts and numbers: there is nothing in it that could fail to serialize.
            let mut line = serde_json::to_vec(&line).unwrap_or_default();
            line.push(b'\n');
            if lines.send(line).await.is_err() {
                return;
            }
        }
    });
    Ok(making)
}
