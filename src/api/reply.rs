//! Answers as the API document shows them, with `Cache-Status` (RFC 9211) telling why.

use std::time::Duration;

use warp::http::header::{
    AGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, PRAGMA,
};
use warp::http::{Response as HttpResponse, StatusCode};
use warp::reply::Response;

use super::error::ApiError;
use crate::model::{Age, write_json_text};
use crate::peek::{Answer, Source, Why};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The answer to a single-statistic form: `{"value":1025}`.
pub(super) fn single(answer: &Answer, bytes_max: usize) -> Result<Response, ApiError> {
    let mut body = String::from("{\"value\":");
    answer.value.write_json(&mut body);
    body.push('}');
    documented(body, answer.age, &cache_status(&answer.source), bytes_max)
}

/// The answers to a several-statistics form: an object under the client's own names in the order
/// asked, as old as its oldest value.
pub(super) fn several(
    answers: &[(String, Answer)],
    bytes_max: usize,
) -> Result<Response, ApiError> {
    let mut body = String::from("{");
    let mut oldest = Age::Known(0);
    for (name, answer) in answers {
        if body.len() > 1 {
            body.push(',');
        }
        write_json_text(name, &mut body);
        body.push(':');
        answer.value.write_json(&mut body);
        oldest = oldest.max(answer.age);
    }
    body.push('}');
    let sources: Vec<Source> = answers.iter().map(|(_, answer)| answer.source).collect();
    documented(body, oldest, &cache_status_of_all(&sources), bytes_max)
}

/// The headers stand in the document's order.
fn documented(
    body: String,
    age: Age,
    cache_status: &str,
    bytes_max: usize,
) -> Result<Response, ApiError> {
    if body.len() > bytes_max {
        return Err(ApiError::AnswerTooLarge(bytes_max));
    }
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.append(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.append(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(AGE, HeaderValue::from(age.header_seconds()));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(value) = HeaderValue::from_str(cache_status) {
        headers.insert(CACHE_STATUS, value);
    }
    let mut response = HttpResponse::new(body.into());
    *response.headers_mut() = headers;
    Ok(response)
}

/// A plain JSON answer outside the documented endpoints.
pub(super) fn json(status: StatusCode, body: String) -> Response {
    let mut response = text("application/json", body);
    *response.status_mut() = status;
    response
}

/// An answer of another type.
pub(super) fn text(content_type: &'static str, body: String) -> Response {
    let mut response = HttpResponse::new(body.into());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn cache_status(source: &Source) -> String {
    match *source {
        Source::Store { ttl } => hit(ttl),
        Source::Live { why, collapsed } => forwarded(why, collapsed, detail(why)),
        Source::StoreAfterFailure { why } => forwarded(
            why,
            false,
            "the Stat Server gave no value, so the last known one is answered",
        ),
    }
}

/// What is told of so many statistics of which each was fetched live because the request wanted that.
pub(super) fn cache_status_of_live(count: usize, all_collapsed: bool) -> String {
    if count == 1 {
        return forwarded(Why::Request, all_collapsed, detail(Why::Request));
    }
    let detail = format!("{count} of {count} were asked of the Stat Server");
    forwarded(Why::Request, all_collapsed, &detail)
}

/// Several statistics have one header: a hit when all are, else the first reason that one was
/// not, with how many there were.
fn cache_status_of_all(sources: &[Source]) -> String {
    if let [only] = sources {
        return cache_status(only);
    }
    let mut first_reason = None;
    let mut collapsed = true;
    let mut forwarded_count = 0_usize;
    let mut shortest_ttl: Option<Duration> = None;
    for source in sources {
        let (why, joined) = match *source {
            Source::Store { ttl } => {
                let known = [shortest_ttl, ttl];
                shortest_ttl = known.into_iter().flatten().min();
                continue;
            }
            Source::Live { why, collapsed } => (why, collapsed),
            Source::StoreAfterFailure { why } => (why, false),
        };
        forwarded_count += 1;
        collapsed &= joined;
        first_reason.get_or_insert(why);
    }
    match first_reason {
        None => hit(shortest_ttl),
        Some(why) => {
            let count = sources.len();
            let detail = format!("{forwarded_count} of {count} were asked of the Stat Server");
            forwarded(why, collapsed, &detail)
        }
    }
}

fn hit(ttl: Option<Duration>) -> String {
    match ttl {
        Some(ttl) => format!("peekd; hit; ttl={}", ttl.as_secs()),
        None => "peekd; hit".to_owned(),
    }
}

fn forwarded(why: Why, collapsed: bool, detail: &str) -> String {
    let reason = match why {
        Why::Miss => "miss",
        Why::Stale => "stale",
        Why::Request => "request",
    };
    let collapsed = if collapsed { "; collapsed" } else { "" };
    format!("peekd; fwd={reason}{collapsed}; detail=\"{detail}\"")
}

const fn detail(why: Why) -> &'static str {
    match why {
        Why::Miss => "no value was known",
        Why::Stale => "the known value was older than allowed",
        Why::Request => "the request asked for a live value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_status_tells_where_a_value_came_from() {
        let live = |why, collapsed| Source::Live { why, collapsed };
        let ttl = |seconds| Source::Store {
            ttl: Some(Duration::from_secs(seconds)),
        };
        for (sources, text) in [
            (vec![Source::Store { ttl: None }], "peekd; hit"),
            (vec![ttl(7)], "peekd; hit; ttl=7"),
            (
                vec![ttl(7), Source::Store { ttl: None }, ttl(3)],
                "peekd; hit; ttl=3",
            ),
            (
                vec![live(Why::Miss, false)],
                "peekd; fwd=miss; detail=\"no value was known\"",
            ),
            (
                vec![live(Why::Request, true)],
                "peekd; fwd=request; collapsed; detail=\"the request asked for a live value\"",
            ),
            (
                vec![Source::StoreAfterFailure { why: Why::Stale }],
                "peekd; fwd=stale; detail=\"the Stat Server gave no value, \
                 so the last known one is answered\"",
            ),
            (
                vec![ttl(7), live(Why::Stale, true), live(Why::Miss, false)],
                "peekd; fwd=stale; detail=\"2 of 3 were asked of the Stat Server\"",
            ),
        ] {
            assert_eq!(cache_status_of_all(&sources), text);
        }
        for count in 1..4 {
            for collapsed in [true, false] {
                let sources = vec![live(Why::Request, collapsed); count];
                let told = cache_status_of_live(count, collapsed);
                assert_eq!(told, cache_status_of_all(&sources));
            }
        }
    }

    #[test]
    fn an_answer_over_the_limit_is_refused() {
        let answer = Answer {
            value: crate::model::Value::Integer(1025),
            age: Age::Unknown,
            source: Source::Store { ttl: None },
        };
        assert!(single(&answer, 14).is_ok());
        assert!(matches!(
            single(&answer, 13),
            Err(ApiError::AnswerTooLarge(13))
        ));
    }
}
