//! `GET /v1/history` and `GET /v1/gaps`: the past of many statistics at once, written as it is read:
//! lines of JSON or CSV, however many there are.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use warp::http::header::HeaderMap;
use warp::reply::Response;

use super::super::edge::Edge;
use super::super::endpoint::Endpoint;
use super::super::error::ApiError;
use super::super::request::Head;
use super::history::{Form, RANGE};
use super::json::Query;
use super::past::{GapRow, Row, csv_heading, csv_row};
use super::pumped::pumped;
use super::statistics::look;
use crate::model::{Statistic, Timestamp};
use crate::peek::{AnswerPeeks, Board, Told, WriteTold, range};

const HISTORY: &[&str] = &["statistic", "time", "value", "quality", "server", "epoch"];
const GAPS: &[&str] = &["statistic", "from", "to", "reason"];
/// Before one of those that go on may be over.
const RETRY: Duration = Duration::from_secs(5);

/// `GET /v1/history`.
pub(in crate::api) async fn all_history<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
    head: Head,
) -> Response {
    everything(edge, head, Endpoint::AllHistory).await
}

/// `GET /v1/gaps`.
pub(in crate::api) async fn all_gaps<A: AnswerPeeks>(edge: Arc<Edge<A>>, head: Head) -> Response {
    everything(edge, head, Endpoint::AllGaps).await
}

async fn everything<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
    head: Head,
    endpoint: Endpoint,
) -> Response {
    let outcome = async {
        let (board, identity) = look(&edge, endpoint, &head).await?;
        let query = Query::read(&head.query, identity.as_deref(), &["from", "to"])?;
        let instant = |name| query.instant(name, board.now());
        let to = instant("to")?;
        let hour = u64::try_from(RANGE.as_millis()).unwrap_or(u64::MAX);
        let end = to.unwrap_or(board.now());
        let from = instant("from")?.unwrap_or(Timestamp(end.0.saturating_sub(hour)));
        if from >= end {
            return Err(ApiError::Request("from is not before to".to_owned()));
        }
        let form = form(&head.headers)?;
        let (blocks, made) = mpsc::channel(1);
        let is_history = endpoint == Endpoint::AllHistory;
        let headings = if is_history { HISTORY } else { GAPS };
        if form == Form::Csv {
            // There is room for it.
            blocks.try_send(csv_heading(headings)).unwrap_or_default();
        }
        let write = writer(form, headings);
        let chosen = &query.selector;
        let read = if is_history {
            Board::changes_of_all
        } else {
            Board::gaps_of_all
        };
        let making = read(&board, range(from, to), chosen, write, blocks);
        let making = making.map_err(|_| ApiError::Running {
            message: "the past of many statistics is being read for others",
            retry_after: RETRY,
        })?;
        pumped(&edge, &head, identity, form.content_type(), (made, making)).await
    };
    edge.respond_v1(head.arrival.id, outcome.await)
}

/// Lines of JSON unless CSV is asked for: one document would have to be held as a whole.
fn form(headers: &HeaderMap) -> Result<Form, ApiError> {
    match Form::accepted(headers)? {
        Form::Csv => Ok(Form::Csv),
        Form::Json | Form::Lines => Ok(Form::Lines),
    }
}

/// Writes a row as it comes.
fn writer(form: Form, headings: &'static [&'static str]) -> Box<WriteTold> {
    Box::new(move |statistic: &Statistic, told, out: &mut Vec<u8>| {
        let name = statistic.to_string();
        let row = match told {
            Told::Change(point) => serde_json::to_string(&Row::of(&point, Some(&name))),
            Told::Gap(hole) => serde_json::to_string(&GapRow::of(hole, &name)),
        };
        // Texts and numbers: there is nothing in it that could fail to serialize.
        let row = row.unwrap_or_default();
        if form == Form::Csv {
            csv_row(headings, &row, out);
        } else {
            out.extend_from_slice(row.as_bytes());
            out.push(b'\n');
        }
    })
}
