//! Bodies that are made block by block elsewhere, no faster than the client takes them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;
use warp::Reply as _;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

use super::super::auth::Identity;
use super::super::edge::Edge;
use super::super::error::ApiError;
use super::super::health::{Phase, Readiness};
use super::super::request::Head;
use crate::peek::{AnswerPeeks, Making};

/// Blocks that wait for the client.
const BLOCKS_WAITING: usize = 2;
/// A client that takes no block for so long is left: what it is given is held for it meanwhile.
const STALL_MAX: Duration = Duration::from_secs(10);
/// What fails at once is told by a status; what fails later by a body that breaks off.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Before a store that cannot be read is asked again.
const RETRY: Duration = Duration::from_secs(10);

/// A block, or the sign that the body breaks off.
type Block = io::Result<Bytes>;

/// An answer of the blocks that come; over when the client, its user or the service goes.
pub(super) async fn pumped<A: AnswerPeeks>(
    edge: &Arc<Edge<A>>,
    head: &Head,
    identity: Option<Arc<Identity>>,
    content_type: &'static str,
    (mut blocks, mut making): (Receiver<Vec<u8>>, Making),
) -> Result<Response, ApiError> {
    // Before anything is awaited, so that no exchange of users is missed.
    let mut users = edge.follow_users();
    let mut readiness = edge.follow_readiness();
    let first = timeout(FIRST_WAIT, blocks.recv()).await;
    if first == Ok(None) {
        let made = (&mut making).await;
        return match made {
            Ok(Ok(())) => Ok(answer(content_type, Response::default())),
            _ => Err(ApiError::Busy {
                message: "the store cannot be read now; the log says why",
                retry_after: RETRY,
            }),
        };
    }
    let (out, mut waiting) = mpsc::channel::<Block>(BLOCKS_WAITING);
    let users_of = Arc::clone(edge);
    let in_flight = head.in_flight.clone();
    edge.stream_tasks.spawn(async move {
        let draining = |readiness: &Readiness| readiness.phase == Phase::Draining;
        let withdrawn =
            async { while users.changed().await.is_ok() && users_of.knows(identity.as_ref()) {} };
        let is_whole = tokio::select! {
            _ = readiness.wait_for(draining) => false,
            () = withdrawn => false,
            is_whole = pump(first.ok().flatten(), &mut blocks, &mut making, &out) => is_whole,
        };
        if !is_whole {
            let broken = Err(io::ErrorKind::BrokenPipe.into());
            // Whoever takes nothing is not told either.
            out.try_send(broken).unwrap_or_default();
        }
        drop(in_flight);
    });
    let body = poll_fn(move |context| waiting.poll_recv(context));
    let response = warp::reply::stream(body).into_response();
    Ok(answer(content_type, response))
}

/// Hands on all blocks; whether that was everything, and it was made without a fault.
async fn pump(
    first: Option<Vec<u8>>,
    blocks: &mut Receiver<Vec<u8>>,
    making: &mut Making,
    out: &Sender<Block>,
) -> bool {
    let mut next = first;
    loop {
        let block = match next.take() {
            Some(block) => block,
            None => match blocks.recv().await {
                Some(block) => block,
                None => return matches!(making.await, Ok(Ok(()))),
            },
        };
        let taken = timeout(STALL_MAX, out.send(Ok(block.into()))).await;
        if !matches!(taken, Ok(Ok(()))) {
            return false;
        }
    }
}

fn answer(content_type: &'static str, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
