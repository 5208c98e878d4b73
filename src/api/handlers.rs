//! The documented endpoints, from an unread body to an answer.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::BoxStream;
use tokio::time::Instant;
use warp::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

use super::auth::Identity;
use super::cache_control;
use super::edge::Edge;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::form::{self, Field, FieldBound};
use super::listener::BodyMeter;
use super::metrics::{Choice, Format, Limit};
use super::request::{Body, Head};
use super::routes::{is_multipart, media_type};
use super::{health, metrics, multipart, question, reply};
use crate::peek::{Answer, AnswerPeeks, Freshness, PeekError, Query, Selector};

/// `POST /genesys/1/statistic`.
pub(super) async fn statistic<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
    head: Head,
    body: Body,
) -> Response {
    let id = head.arrival.id;
    let outcome = async {
        Endpoint::Statistic.check_method(&head)?;
        edge.check_origin(&head)?;
        let answers = edge.answers()?;
        let identity = edge.authenticate(Endpoint::Statistic, &head).await?;
        one(&edge, &*answers, identity.as_deref(), &head, body).await
    };
    edge.respond(id, outcome.await)
}

/// `POST /genesys/1/internal_statistic`: whoever may not use it learns nothing of it, not even by
/// its methods.
pub(super) async fn internal_statistic<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
    head: Head,
    body: Body,
) -> Response {
    let id = head.arrival.id;
    let outcome = async {
        edge.check_internal(&head)?;
        Endpoint::InternalStatistic.check_method(&head)?;
        edge.check_origin(&head)?;
        let answers = edge.answers()?;
        one(&edge, &*answers, None, &head, body).await
    };
    edge.respond(id, outcome.await)
}

/// `POST /genesys/1/statistics`.
pub(super) async fn statistics<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
    head: Head,
    body: Body,
) -> Response {
    let id = head.arrival.id;
    let outcome = async {
        Endpoint::Statistics.check_method(&head)?;
        edge.check_origin(&head)?;
        let answers = edge.answers()?;
        let identity = edge.authenticate(Endpoint::Statistics, &head).await?;
        several(&edge, &*answers, identity.as_deref(), &head, body).await
    };
    edge.respond(id, outcome.await)
}

/// `GET /metrics`.
pub(super) async fn metrics<A: AnswerPeeks>(edge: Arc<Edge<A>>, head: Head) -> Response {
    let id = head.arrival.id;
    let outcome = async {
        Endpoint::Metrics.check_method(&head)?;
        let identity = edge.authenticate(Endpoint::Metrics, &head).await?;
        let accepted = head.headers.get_all(ACCEPT).iter();
        let format = Format::accepted(accepted.filter_map(|line| line.to_str().ok()));
        let Choice {
            patterns,
            age_max_ms,
        } = Choice::read(&head.query)?;
        let text = if patterns.is_empty() {
            // Writing to a text in memory does not fail.
            metrics::write(&edge.figures(), format).unwrap_or_default()
        } else {
            let answers = edge.answers()?;
            let board = answers.board().ok_or(ApiError::NotFound)?;
            let selector = Selector {
                patterns: Some(patterns),
                tenants: identity.as_deref().and_then(Identity::tenants),
                ..Selector::default()
            };
            let bound = (format, edge.limits.get().response);
            metrics::values(board, &selector, age_max_ms, bound)?
        };
        Ok(reply::text(format.content_type(), text))
    };
    edge.respond(id, outcome.await)
}

/// `GET /health/live`.
pub(super) fn live<A: AnswerPeeks>(edge: &Edge<A>, head: &Head) -> Response {
    let outcome = Endpoint::Live.check_method(head);
    edge.respond(head.arrival.id, outcome.map(|()| health::live()))
}

/// `GET /health/ready`.
pub(super) fn ready<A: AnswerPeeks>(edge: &Edge<A>, head: &Head) -> Response {
    let outcome = Endpoint::Ready.check_method(head);
    edge.respond(
        head.arrival.id,
        outcome.map(|()| health::ready(&edge.readiness())),
    )
}

async fn one<A: AnswerPeeks>(
    edge: &Edge<A>,
    answers: &A,
    identity: Option<&Identity>,
    head: &Head,
    body: Body,
) -> Result<Response, ApiError> {
    let limits = edge.limits.get();
    let bound = FieldBound {
        max: limits.fields,
        limit: Limit::Fields,
    };
    let mut form = Form::receive(head, body, bound).await?;
    let query = question::single(form.fields(bound)?)?.into_query();
    check_tenant(identity, &query)?;
    let demand = (freshness(head), head.arrival.waiting_since);
    let answer = ask_since(edge, answers, query, demand).await;
    let answer = answer.map_err(|error| ApiError::Peek {
        error,
        several: false,
    })?;
    reply::single(&answer, limits.response)
}

async fn several<A: AnswerPeeks>(
    edge: &Edge<A>,
    answers: &A,
    identity: Option<&Identity>,
    head: &Head,
    body: Body,
) -> Result<Response, ApiError> {
    let limits = edge.limits.get();
    let bound = FieldBound {
        max: limits.statistics_per_request,
        limit: Limit::StatisticsPerRequest,
    };
    let mut form = Form::receive(head, body, bound).await?;
    let fields = form.fields(bound)?;
    let questions = question::several(fields, |tenant| edge.tenant_password(tenant))?;
    for (_, query) in &questions {
        check_tenant(identity, query)?;
    }
    let demand = (freshness(head), head.arrival.waiting_since);
    let peeks = questions.into_iter().map(|(name, query)| async move {
        let answer = ask_since(edge, answers, query, demand).await;
        (name, answer)
    });
    // All are waited for, so that the error told is the first in the order asked.
    let mut found = Vec::new();
    for (name, answer) in join_all(peeks).await {
        let answer = answer.map_err(|error| ApiError::Peek {
            error,
            several: true,
        })?;
        found.push((name, answer));
    }
    reply::several(&found, limits.response)
}

/// As [`ask`], within what is left of the time of a request that has been waiting already.
async fn ask_since<A: AnswerPeeks>(
    edge: &Edge<A>,
    answers: &A,
    query: Query,
    (freshness, since): (Freshness, Option<Instant>),
) -> Result<Answer, PeekError> {
    let Some(since) = since else {
        return ask(edge, answers, query, freshness).await;
    };
    let deadline = edge.config.peek_deadline;
    let peek = Box::pin(answers.peek(query, freshness));
    let result = tokio::time::timeout_at(since + deadline, peek).await;
    let result = result.unwrap_or(Err(PeekError::Deadline(deadline)));
    edge.metrics.peeks.ended(&result, since.elapsed());
    result
}

/// One peek, counted.
pub(super) async fn ask<A: AnswerPeeks>(
    edge: &Edge<A>,
    answers: &A,
    query: Query,
    freshness: Freshness,
) -> Result<Answer, PeekError> {
    let asked = Instant::now();
    let result = answers.peek(query, freshness).await;
    edge.metrics.peeks.ended(&result, asked.elapsed());
    result
}

pub(super) fn check_tenant(identity: Option<&Identity>, query: &Query) -> Result<(), ApiError> {
    let may = identity.is_none_or(|identity| identity.may_see(query.statistic.tenant()));
    if may {
        Ok(())
    } else {
        Err(ApiError::Forbidden(
            "the statistic's tenant is not one of this user's",
        ))
    }
}

pub(super) fn freshness(head: &Head) -> Freshness {
    let lines = head.headers.get_all(CACHE_CONTROL).iter();
    cache_control::read(lines.map(HeaderValue::as_bytes))
}

/// A body that has arrived.
enum Form {
    Urlencoded(BytesMut),
    Multipart(Vec<Field<'static>>),
}

impl Form {
    /// Waits for the body. One without a type is taken to be urlencoded.
    async fn receive(head: &Head, body: Body, bound: FieldBound) -> Result<Self, ApiError> {
        match body {
            Body::Multipart(form) => {
                let read = multipart::read(form, bound).await.map_err(ApiError::from);
                settle(head, read).map(Self::Multipart)
            }
            Body::Stream(stream) => {
                check_urlencoded(head)?;
                whole(head, stream).await.map(Self::Urlencoded)
            }
        }
    }

    fn fields(&mut self, bound: FieldBound) -> Result<Vec<Field<'_>>, ApiError> {
        match self {
            Self::Urlencoded(body) => Ok(form::parse(body, bound)?),
            Self::Multipart(fields) => Ok(std::mem::take(fields)),
        }
    }
}

/// The whole of a body.
pub(super) async fn whole(
    head: &Head,
    stream: BoxStream<'static, Result<Bytes, warp::Error>>,
) -> Result<BytesMut, ApiError> {
    let read: Result<BytesMut, warp::Error> = stream
        .try_fold(BytesMut::new(), |mut whole, chunk| async move {
            whole.extend_from_slice(&chunk);
            Ok(whole)
        })
        .await;
    let read = read.map_err(|_| ApiError::Request("the body breaks off".to_owned()));
    settle(head, read)
}

/// What came of reading a body, seen with what the listener knows of it.
fn settle<T>(head: &Head, read: Result<T, ApiError>) -> Result<T, ApiError> {
    let meter = head.meter.as_ref();
    // A body that was cut at its limit looks broken off to whoever reads it.
    if let Some(limit) = meter.and_then(BodyMeter::exceeded) {
        return Err(ApiError::BodyTooLarge(limit));
    }
    if read.is_ok() {
        meter.inspect(|meter| meter.tell_complete());
    }
    read
}

fn check_urlencoded(head: &Head) -> Result<(), ApiError> {
    let media_type = media_type(&head.headers);
    if is_multipart(media_type) {
        let message = "the multipart body's type names no boundary";
        return Err(ApiError::Request(message.to_owned()));
    }
    let urlencoded = media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if urlencoded || !head.headers.contains_key(CONTENT_TYPE) {
        Ok(())
    } else {
        Err(ApiError::MediaType)
    }
}
