//! `POST /v1/peek`: several statistics at once, each with its value or its error.

use std::sync::Arc;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use warp::http::StatusCode;
use warp::reply::Response;

use super::super::auth::Identity;
use super::super::edge::Edge;
use super::super::endpoint::Endpoint;
use super::super::error::ApiError;
use super::super::form::FormError;
use super::super::handlers;
use super::super::metrics::Limit;
use super::super::reply;
use super::super::request::{Body, Head};
use super::json::{Statistic as Shown, seconds};
use crate::model::{NotificationMode, Statistic};
use crate::peek::{AnswerPeeks, Freshness, Query, Selector};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    statistics: Vec<Asked>,
}

/// A statistic in its text form, or field by field.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a statistic is a text or an object")]
enum Asked {
    Text(String),
    Fields(Box<Fields>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Fields {
    metric: String,
    object_type: String,
    object_id: String,
    tenant: String,
    #[serde(default)]
    notification_mode: Option<String>,
    #[serde(default)]
    filter: String,
    #[serde(default)]
    time_profile: String,
    #[serde(default)]
    time_range: String,
    #[serde(default)]
    time_range2: String,
}

#[derive(Serialize)]
struct Answers {
    statistics: Vec<Item>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item {
    Answer(Box<Answer>),
    Error { statistic: String, error: ItemError },
}

/// A value, and the statistic as it is known after it.
#[derive(Serialize)]
struct Answer {
    statistic: String,
    value: Option<Box<RawValue>>,
    age: Option<f64>,
    /// All that is known of it; `null` for what only its asker may see.
    known: Option<Shown>,
}

#[derive(Serialize)]
struct ItemError {
    status: u16,
    detail: String,
}

/// `POST /v1/peek`.
pub(in crate::api) async fn peek<A: AnswerPeeks>(
    edge: Arc<Edge<A>>,
    head: Head,
    body: Body,
) -> Response {
    let outcome = async {
        Endpoint::Peek.check_method(&head)?;
        edge.check_origin(&head)?;
        let answers = edge.answers()?;
        let identity = edge.authenticate(Endpoint::Peek, &head).await?;
        let request = read(&edge, &head, body).await?;
        let freshness = handlers::freshness(&head);
        let items = request.statistics.into_iter().map(|asked| {
            let (edge, answers, identity) = (&edge, &answers, identity.as_deref());
            async move { item(edge, &**answers, identity, asked, freshness).await }
        });
        let statistics = join_all(items).await;
        let text = serde_json::to_string(&Answers { statistics }).unwrap_or_default();
        let max = edge.limits.get().response;
        if text.len() > max {
            return Err(ApiError::AnswerTooLarge(max));
        }
        Ok(reply::json(StatusCode::OK, text))
    };
    edge.respond_v1(head.arrival.id, outcome.await)
}

async fn read<A: AnswerPeeks>(
    edge: &Edge<A>,
    head: &Head,
    body: Body,
) -> Result<Request, ApiError> {
    let Body::Stream(stream) = body else {
        return Err(ApiError::Request("the body is not JSON".to_owned()));
    };
    let whole = handlers::whole(head, stream).await?;
    let request: Request = serde_json::from_slice(&whole).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        ApiError::Request(format!(
            "the body is not {{\"statistics\":[…]}} with texts or objects (line {line}, column \
             {column})"
        ))
    })?;
    let max = edge.limits.get().statistics_per_request;
    if request.statistics.len() > max {
        let limit = Limit::StatisticsPerRequest;
        let error = FormError::TooMany { max, limit };
        return Err(ApiError::Fields { error, limit });
    }
    Ok(request)
}

async fn item<A: AnswerPeeks>(
    edge: &Edge<A>,
    answers: &A,
    identity: Option<&Identity>,
    asked: Asked,
    freshness: Freshness,
) -> Item {
    let (statistic, mode) = match asked.read() {
        Ok(read) => read,
        Err((text, error)) => return failed(text, &error),
    };
    let text = statistic.to_string();
    let query = Query {
        tenant_password: edge.tenant_password(statistic.tenant()),
        statistic,
        mode,
    };
    if let Err(error) = handlers::check_tenant(identity, &query) {
        return failed(text, &error);
    }
    let selector = Selector {
        tenants: identity.and_then(Identity::tenants),
        ..Selector::default()
    };
    let statistic = query.statistic.clone();
    match handlers::ask(edge, answers, query, freshness).await {
        Ok(answer) => {
            let board = answers.board();
            let known = board.and_then(|board| board.find(&statistic, &selector));
            Item::Answer(Box::new(Answer {
                statistic: text,
                value: RawValue::from_string(answer.value.to_json()).ok(),
                age: seconds(answer.age),
                known: known.map(Shown::from),
            }))
        }
        Err(error) => failed(
            text,
            &ApiError::Peek {
                error,
                several: false,
            },
        ),
    }
}

fn failed(statistic: String, error: &ApiError) -> Item {
    let error = ItemError {
        status: error.status().as_u16(),
        detail: error.to_string(),
    };
    Item::Error { statistic, error }
}

impl Asked {
    /// What is asked for; or what was sent, and what is wrong with it.
    fn read(self) -> Result<(Statistic, NotificationMode), (String, ApiError)> {
        match self {
            Self::Text(text) => match text.parse::<Statistic>() {
                Ok(statistic) if statistic.reset() => Ok((statistic, NotificationMode::Reset)),
                Ok(statistic) => Ok((statistic, NotificationMode::Immediate)),
                Err(error) => Err((text, ApiError::Request(error.to_string()))),
            },
            Self::Fields(fields) => {
                let name = fields.metric.clone();
                fields.read().map_err(|error| (name, error))
            }
        }
    }
}

impl Fields {
    fn read(self) -> Result<(Statistic, NotificationMode), ApiError> {
        let wrong = |text: &str| ApiError::Request(text.to_owned());
        let mode = match self.notification_mode.as_deref() {
            None => NotificationMode::Immediate,
            Some(mode) => mode
                .parse()
                .map_err(|()| wrong("notificationMode is none of the known modes"))?,
        };
        let object_type = self
            .object_type
            .parse()
            .map_err(|()| wrong("objectType is not one of the known object types"))?;
        let texts = [
            &*self.metric,
            &*self.object_id,
            &*self.tenant,
            &*self.filter,
            &*self.time_profile,
            &*self.time_range,
            &*self.time_range2,
        ];
        let statistic = Statistic::of(object_type, texts, mode == NotificationMode::Reset);
        statistic
            .check()
            .map_err(|error| ApiError::Request(error.to_string()))?;
        Ok((statistic, mode))
    }
}
