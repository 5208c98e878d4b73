//! `GET /v1/servers`: each pair of Stat Servers, which side is active and how it is doing.

use std::sync::Arc;

use serde::Serialize;
use warp::http::StatusCode;
use warp::reply::Response;

use super::super::edge::Edge;
use super::super::endpoint::Endpoint;
use super::super::reply;
use super::super::request::Head;
use crate::peek::{AnswerPeeks, ServerReport};

#[derive(Serialize)]
struct Servers {
    servers: Vec<Server>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Server {
    name: String,
    state: &'static str,
    active: Active,
    addresses: Sides<String>,
    /// As announced on the present connection; `null` where nothing was said.
    mode: Option<String>,
    version: Option<String>,
    stat_types: Option<usize>,
    connections: u64,
    switchovers: u64,
    last_switchover: Option<Switchover>,
    statistics: Statistics,
    skipped_messages: u64,
    /// Seconds; `null` where heartbeats are off or none was answered yet.
    addp_round_trip: Option<f64>,
    failures: Sides<Option<String>>,
}

#[derive(Serialize)]
struct Active {
    side: &'static str,
    address: String,
    since: String,
}

#[derive(Serialize)]
struct Sides<T> {
    primary: T,
    backup: Option<String>,
}

#[derive(Serialize)]
struct Statistics {
    wanted: usize,
    open: usize,
}

#[derive(Serialize)]
struct Switchover {
    at: String,
    from: String,
    to: String,
    reason: String,
}

/// `GET /v1/servers`.
pub(in crate::api) async fn servers<A: AnswerPeeks>(edge: Arc<Edge<A>>, head: Head) -> Response {
    let id = head.arrival.id;
    let outcome = async {
        Endpoint::Servers.check_method(&head)?;
        let answers = edge.answers()?;
        edge.authenticate(Endpoint::Servers, &head).await?;
        let servers = answers.servers().into_iter().map(Server::from).collect();
        Ok(serde_json::to_string(&Servers { servers }).unwrap_or_default())
    };
    edge.respond_v1(
        id,
        outcome.await.map(|body| reply::json(StatusCode::OK, body)),
    )
}

impl From<ServerReport> for Server {
    fn from(report: ServerReport) -> Self {
        Self {
            name: report.name,
            state: report.state,
            active: Active {
                side: report.side,
                address: report.address,
                since: report.since.to_rfc3339(),
            },
            addresses: Sides {
                primary: report.addresses.0,
                backup: report.addresses.1,
            },
            mode: report.mode,
            version: report.version,
            stat_types: report.stat_types,
            connections: report.connections,
            switchovers: report.switchovers,
            last_switchover: report.last_switchover.map(|it| Switchover {
                at: it.at.to_rfc3339(),
                from: it.from,
                to: it.to,
                reason: it.reason,
            }),
            statistics: Statistics {
                wanted: report.wanted,
                open: report.open,
            },
            skipped_messages: report.skipped_messages,
            addp_round_trip: report.addp_round_trip.map(|time| time.as_secs_f64()),
            failures: Sides {
                primary: report.primary_failure,
                backup: report.backup_failure,
            },
        }
    }
}
