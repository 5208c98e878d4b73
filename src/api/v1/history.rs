//! `GET /v1/statistics/{id}/history`: what a statistic was, as changes or in equal steps, as JSON,
//! CSV or JSON lines.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use warp::http::header::{ACCEPT, HeaderMap};
use warp::reply::Response;

use super::super::accept;
use super::super::edge::Edge;
use super::super::endpoint::Endpoint;
use super::super::error::ApiError;
use super::super::reply;
use super::super::request::Head;
use super::json::Query;
use super::past::{Gap, Row, StepRow, csv, lines};
use super::statistics::look;
use crate::model::Timestamp;
use crate::peek::{Aggregate, AnswerPeeks, Board, Course, PublicId};

/// How far back is looked unless the query says otherwise.
pub(super) const RANGE: Duration = Duration::from_hours(1);
/// Steps in an answer.
const STEPS_MAX: u64 = 100_000;

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Csv,
    Lines,
}

/// What is asked.
struct Asked {
    from: Timestamp,
    to: Timestamp,
    /// Steps of this length, and what becomes of the changes in each.
    step: Option<(Duration, Aggregate)>,
    form: Form,
}

#[derive(Serialize)]
struct Whole<'a, T> {
    id: String,
    statistic: &'a str,
    from: String,
    to: String,
    #[serde(flatten)]
    rest: T,
}

#[derive(Serialize)]
struct Changes<'a> {
    before: Option<Row<'a>>,
    samples: Vec<Row<'a>>,
    gaps: Vec<Gap>,
}

#[derive(Serialize)]
struct Steps<'a> {
    step: String,
    aggregate: &'static str,
    points: Vec<StepRow<'a>>,
}

/// `GET /v1/statistics/{id}/history`.
pub(in crate::api) async fn history<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
    head: Head,
    id: String,
) -> Response {
    let outcome = async {
        let (board, identity) = look(&edge, Endpoint::History, &head).await?;
        let own = ["from", "to", "step", "aggregate"];
        let query = Query::read(&head.query, identity.as_deref(), &own)?;
        let id: PublicId = id.parse().map_err(|()| ApiError::NotFound)?;
        let view = board.one(id, &query.selector).ok_or(ApiError::NotFound)?;
        let asked = Asked::read(&query, &head.headers, board.now())?;
        let text = asked
            .answer(&board, id, &view.statistic.to_string())
            .await?;
        let max = edge.limits.get().response;
        if text.len() > max {
            return Err(ApiError::AnswerTooLarge(max));
        }
        Ok(reply::text(asked.form.content_type(), text))
    };
    edge.respond_v1(head.arrival.id, outcome.await)
}

impl Form {
    /// The one of the types written here that a client likes best; JSON where it does not say.
    pub(super) fn accepted(headers: &HeaderMap) -> Result<Self, ApiError> {
        let offered = [
            ("application/json", Self::Json),
            ("text/csv", Self::Csv),
            ("application/x-ndjson", Self::Lines),
        ];
        let lines = headers.get_all(ACCEPT).iter();
        let texts = lines.filter_map(|line| line.to_str().ok());
        accept::preferred(texts, &offered).ok_or(ApiError::NotAcceptable)
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Lines => "application/x-ndjson",
        }
    }
}

impl Asked {
    fn read(query: &Query, headers: &HeaderMap, now: Timestamp) -> Result<Self, ApiError> {
        let instant = |name| query.instant(name, now);
        let to = instant("to")?.unwrap_or(now);
        let range = u64::try_from(RANGE.as_millis()).unwrap_or(u64::MAX);
        let from = instant("from")?.unwrap_or(Timestamp(to.0.saturating_sub(range)));
        let wrong = |text: &str| ApiError::Request(text.to_owned());
        if from >= to {
            return Err(wrong("from is not before to"));
        }
        let aggregate = match query.get("aggregate") {
            None => Aggregate::Last,
            Some(text) => {
                let mut all = Aggregate::ALL.into_iter();
                let named = all.find(|aggregate| aggregate.name() == text);
                named.ok_or_else(|| {
                    wrong("aggregate is last, mean, min, max, weightedMean or count")
                })?
            }
        };
        let step = match query.get("step") {
            None if query.get("aggregate").is_some() => {
                return Err(wrong("aggregate needs a step"));
            }
            None => None,
            Some(text) => {
                let step = humantime::parse_duration(text).ok();
                let ms = step.and_then(|step| u64::try_from(step.as_millis()).ok());
                let ms = ms.filter(|ms| *ms > 0);
                let ms = ms.ok_or_else(|| wrong("step is a duration such as 10s or 5m"))?;
                if (to.0 - from.0).div_ceil(ms) > STEPS_MAX {
                    return Err(ApiError::Request(format!(
                        "those are more than {STEPS_MAX} steps: ask for longer ones or a shorter \
                         time"
                    )));
                }
                Some((Duration::from_millis(ms), aggregate))
            }
        };
        Ok(Self {
            from,
            to,
            step,
            form: Form::accepted(headers)?,
        })
    }

    async fn answer(
        &self,
        board: &Board,
        id: PublicId,
        statistic: &str,
    ) -> Result<String, ApiError> {
        let unreadable = |_| ApiError::HistoryUnreadable;
        let range = (self.from, self.to);
        let named = (self.form != Form::Json).then_some(statistic);
        if let Some((step, aggregate)) = self.step {
            let steps = board.steps(id, range, step, aggregate).await;
            let rows = steps.map_err(unreadable)?;
            let rows = rows.iter().map(|step| StepRow::of(step, named));
            return Ok(match self.form {
                Form::Json => self.whole(
                    id,
                    statistic,
                    Steps {
                        step: humantime::format_duration(step).to_string(),
                        aggregate: aggregate.name(),
                        points: rows.collect(),
                    },
                ),
                Form::Lines => lines(rows),
                Form::Csv => csv(&["statistic", "time", "value", "known"], rows),
            });
        }
        let course = board.course(id, self.from, self.to).await;
        let Course {
            before,
            changes,
            gaps,
        } = course.map_err(unreadable)?;
        let rows = changes.iter().map(|point| Row::of(point, named));
        Ok(match self.form {
            Form::Json => self.whole(
                id,
                statistic,
                Changes {
                    before: before.as_ref().map(|point| Row::of(point, None)),
                    samples: rows.collect(),
                    gaps: gaps.into_iter().map(Gap::from).collect(),
                },
            ),
            Form::Lines => lines(rows),
            Form::Csv => csv(
                &["statistic", "time", "value", "quality", "server", "epoch"],
                rows,
            ),
        })
    }

    fn whole(&self, id: PublicId, statistic: &str, rest: impl Serialize) -> String {
        let whole = Whole {
            id: id.to_string(),
            statistic,
            from: self.from.to_rfc3339(),
            to: self.to.to_rfc3339(),
            rest,
        };
        serde_json::to_string(&whole).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use warp::http::header::HeaderValue;

    use super::*;

    fn asked(query: &str, accept: Option<&'static str>) -> Result<Asked, ApiError> {
        let own = ["from", "to", "step", "aggregate"];
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        let query = Query::read(query, None, &own)?;
        Asked::read(&query, &headers, Timestamp(1_700_000_000_000))
    }

    #[test]
    fn without_a_word_the_last_hour_is_told_as_json() {
        let asked = asked("", None).unwrap();
        assert_eq!(
            (asked.from, asked.to),
            (Timestamp(1_699_996_400_000), Timestamp(1_700_000_000_000))
        );
        assert!(asked.step.is_none() && asked.form == Form::Json);
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        for (query, word) in [
            ("from=yesterday", "from"),
            ("from=2h%20ago&to=3h%20ago", "before"),
            ("aggregate=mean", "step"),
            ("step=0s", "step"),
            ("step=1m&aggregate=sum", "aggregate"),
            ("step=1ms", "steps"),
        ] {
            let error = asked(query, None).err().unwrap().to_string();
            assert!(error.contains(word), "{query}: {error}");
        }
        assert!(matches!(
            asked("", Some("image/png")),
            Err(ApiError::NotAcceptable)
        ));
        let lines = asked(
            "step=1m&aggregate=max",
            Some("text/html, application/x-ndjson;q=1"),
        );
        assert!(lines.unwrap().form == Form::Lines);
    }
}
