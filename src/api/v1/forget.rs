//! `DELETE /v1/statistics/{id}`: closes a statistic and forgets it, for operators.

use std::sync::Arc;
use std::time::Duration;

use warp::http::{Response as HttpResponse, StatusCode};
use warp::reply::Response;

use super::super::edge::Edge;
use super::super::endpoint::Endpoint;
use super::super::error::ApiError;
use super::super::request::Head;
use super::json::Query;
use crate::peek::{AnswerPeeks, NotForgotten, PublicId};

/// A store that does not confirm now is asked again by whoever comes back.
const CONFIRM_RETRY: Duration = Duration::from_secs(10);

/// `DELETE /v1/statistics/{id}`.
pub(in crate::api) async fn forget<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
    head: Head,
    id: String,
) -> Response {
    let outcome = async {
        Endpoint::Forget.check_method(&head)?;
        edge.check_origin(&head)?;
        let answers = edge.answers()?;
        let identity = edge.authorize(Endpoint::Forget, &head).await?;
        let query = Query::read(&head.query, Some(&identity), &["history"])?;
        let with_history = match query.get("history") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                let wrong = "history is true or false".to_owned();
                return Err(ApiError::Request(wrong));
            }
        };
        let id: PublicId = id.parse().map_err(|()| ApiError::NotFound)?;
        let outcome = answers.forget(id, &query.selector, with_history).await;
        outcome.map_err(|error| match error {
            NotForgotten::Unknown => ApiError::NotFound,
            NotForgotten::Listed => ApiError::Conflict(
                "the configuration lists this statistic as always open ([[open]]): take it off the \
                 list and reload first",
            ),
            NotForgotten::Unconfirmed => ApiError::Busy {
                message: "the statistic is forgotten, but the store does not confirm that this is \
                          on the disk; /health/ready tells how it is",
                retry_after: CONFIRM_RETRY,
            },
        })?;
        let mut response = HttpResponse::new(String::new().into());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    };
    edge.respond_v1(head.arrival.id, outcome.await)
}
