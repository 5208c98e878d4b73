//! `GET /v1/stream`: server-sent events. First what is known, then what changes. A reader that
//! falls behind gets the newest values later, never a growing queue.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::poll_fn;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep, sleep_until};
use warp::Reply as _;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use warp::reply::Response;

use super::super::edge::Edge;
use super::super::endpoint::Endpoint;
use super::super::error::ApiError;
use super::super::health::{Phase, Readiness};
use super::super::listener::InFlight;
use super::super::request::Head;
use super::json::{Change, Query, Statistic};
use crate::model::{Revision, StatisticId};
use crate::peek::{AnswerPeeks, Board, Changes, Selector, read_revision, revision_text};

/// Changes are collected for so long before they are told.
const BATCH: Duration = Duration::from_millis(100);
/// After so long without anything to tell, a heartbeat is sent.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Statistics in one event.
const CHUNK: usize = 500;
/// Events that wait for a reader; what changes meanwhile waits where it is kept.
const EVENTS_WAITING: usize = 2;
/// How often statistics that are followed by name are kept from being idle.
const TOUCH: Duration = Duration::from_secs(30);
/// Whoever is told to come back waits so long, in milliseconds.
const RETRY_MS: u32 = 1000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// `GET /v1/stream`.
pub(in crate::api) async fn stream<A: AnswerPeeks>(edge: Arc<Edge<A>>, head: Head) -> Response {
    let outcome = async {
        Endpoint::Stream.check_method(&head)?;
        let answers = edge.answers()?;
        // Before anybody is known, so that no exchange of users is missed.
        let mut users = edge.follow_users();
        // The ticket stands for credentials, so it is looked for before anything else is read.
        let own = ["ticket", "lastEventId"];
        let ticket = Query::read(&head.query, None, &own)?;
        let identity = match ticket.get("ticket") {
            Some(ticket) => edge.tickets.take(ticket).ok_or(ApiError::Ticket)?.0,
            None => edge.authenticate(Endpoint::Stream, &head).await?,
        };
        let query = Query::read(&head.query, identity.as_deref(), &own)?.followed()?;
        let last = head.headers.get(LAST_EVENT_ID);
        let last = last.and_then(|last| last.to_str().ok());
        let resume = last
            .or(query.get("lastEventId"))
            .filter(|text| !text.is_empty());
        let resume = resume.map(str::to_owned);
        let board = answers.board().cloned().ok_or(ApiError::NotFound)?;
        let permit = edge.streams.clone().try_acquire_owned();
        let permit =
            permit.map_err(|_| ApiError::StreamsFull(edge.config.limits.stream_clients))?;
        let (events, mut waiting) = mpsc::channel(EVENTS_WAITING);
        let follower = Follower {
            board,
            selector: query.selector,
            events,
            _permit: permit,
            _in_flight: head.in_flight.clone(),
        };
        let mut readiness = edge.follow_readiness();
        let users_of = Arc::clone(&edge);
        let withdrawn = async move {
            // As long as somebody asks there is an edge, so that this is always told.
            while users.changed().await.is_ok() && users_of.knows(identity.as_ref()) {}
        };
        edge.stream_tasks.spawn(async move {
            let draining = |readiness: &Readiness| readiness.phase == Phase::Draining;
            // Also while a reader is behind. The end of the stream makes it come back.
            tokio::select! {
                _ = readiness.wait_for(draining) => {}
                () = withdrawn => {}
                _ = follower.run(resume) => {}
            }
        });
        let body = poll_fn(move |context| {
            let event = waiting.poll_recv(context);
            event.map(|event| event.map(Ok::<Bytes, Infallible>))
        });
        let mut response = warp::reply::stream(body).into_response();
        for (name, value) in [
            (CONTENT_TYPE, "text/event-stream"),
            (CACHE_CONTROL, "no-store"),
            (ACCEL_BUFFERING, "no"),
        ] {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    };
    edge.respond_v1(head.arrival.id, outcome.await)
}

/// One reader's stream.
struct Follower {
    board: Arc<Board>,
    selector: Selector,
    events: mpsc::Sender<Bytes>,
    _permit: OwnedSemaphorePermit,
    /// Without it an HTTP/2 connection with nothing but streams would be closed as idle.
    _in_flight: Option<InFlight>,
}

/// The reader is gone, or reads no more.
struct Over;

#[derive(Serialize)]
struct Snapshot {
    statistics: Vec<Statistic>,
}

#[derive(Serialize)]
struct Update {
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct At {
    revision: String,
}

impl Follower {
    async fn run(self, resume: Option<String>) -> Result<(), Over> {
        let mut newest = self.board.newest();
        self.say(format!("retry: {RETRY_MS}\n\n")).await?;
        let mut told = match self.resumed(resume.as_deref()).await? {
            Some(told) => told,
            None => self.begin(resume.is_some()).await?,
        };
        let mut touched: Option<Instant> = None;
        let mut heartbeat = Instant::now() + HEARTBEAT;
        loop {
            if touched.is_none_or(|touched| touched.elapsed() >= TOUCH) {
                self.board
                    .touch(self.selector.ids.iter().flatten().copied());
                touched = Some(Instant::now());
            }
            tokio::select! {
                () = self.events.closed() => return Err(Over),
                () = sleep_until(heartbeat) => {
                    self.event("heartbeat", Some(told), &at(told)).await?;
                    heartbeat = Instant::now() + HEARTBEAT;
                    continue;
                }
                changed = newest.changed() => if changed.is_err() {
                    return Err(Over);
                },
            }
            sleep(BATCH).await;
            newest.mark_unchanged();
            told = match self.board.changes(Some(told), &self.selector) {
                Ok(changes) => {
                    let up_to = changes.up_to;
                    if self.update(changes).await? {
                        heartbeat = Instant::now() + HEARTBEAT;
                    }
                    up_to
                }
                Err(_) => self.begin(true).await?,
            };
        }
    }

    /// Goes on where the reader's last connection ended, if that can be done.
    async fn resumed(&self, last: Option<&str>) -> Result<Option<Revision>, Over> {
        let Some(last) = last.and_then(read_revision) else {
            return Ok(None);
        };
        let Ok(changes) = self.board.changes(Some(last), &self.selector) else {
            return Ok(None);
        };
        let up_to = changes.up_to;
        self.update(changes).await?;
        Ok(Some(up_to))
    }

    /// Tells all there is. What changes meanwhile is told after it, at worst twice.
    async fn begin(&self, reset: bool) -> Result<Revision, Over> {
        let from = *self.board.newest().borrow();
        if reset {
            self.event("reset", None, &at(from)).await?;
        }
        let numbers = self.board.numbers(StatisticId(0), &self.selector);
        for chunk in numbers.chunks(CHUNK) {
            let views = chunk
                .iter()
                .filter_map(|id| self.board.at(*id, &self.selector));
            let statistics: Vec<Statistic> = views.map(Statistic::from).collect();
            if !statistics.is_empty() {
                self.event("snapshot", None, &Snapshot { statistics })
                    .await?;
            }
        }
        self.event("snapshot-end", Some(from), &at(from)).await?;
        Ok(from)
    }

    /// Tells of changes; whether there were any. Only the last event carries the revision, so that
    /// a reader that loses the connection between two of them gets all of them again.
    async fn update(&self, changes: Changes) -> Result<bool, Over> {
        let up_to = changes.up_to;
        let mut all = Change::all(changes).peekable();
        let any = all.peek().is_some();
        while all.peek().is_some() {
            let changes: Vec<Change> = all.by_ref().take(CHUNK).collect();
            let id = all.peek().is_none().then_some(up_to);
            self.event("update", id, &Update { changes }).await?;
        }
        Ok(any)
    }

    async fn event(
        &self,
        name: &str,
        id: Option<Revision>,
        data: &impl Serialize,
    ) -> Result<(), Over> {
        // Texts and numbers: there is nothing in it that could fail to serialize.
        let data = serde_json::to_string(data).unwrap_or_default();
        let id = id.map_or(String::new(), |id| format!("id: {}\n", revision_text(id)));
        self.say(format!("event: {name}\n{id}data: {data}\n\n"))
            .await
    }

    /// Waits while the reader is behind.
    async fn say(&self, text: String) -> Result<(), Over> {
        self.events.send(text.into()).await.map_err(|_| Over)
    }
}

fn at(revision: Revision) -> At {
    At {
        revision: revision_text(revision),
    }
}
