//! `POST /v1/tickets`: single-use stand-ins for credentials, for `EventSource`, which cannot send
//! any.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use warp::http::StatusCode;
use warp::reply::Response;

use super::super::auth::Identity;
use super::super::edge::Edge;
use super::super::endpoint::Endpoint;
use super::super::error::ApiError;
use super::super::reply;
use super::super::request::Head;
use crate::peek::AnswerPeeks;

/// How long a ticket is good for.
const LIFETIME: Duration = Duration::from_secs(30);
/// Tickets that were given and not used yet.
const TICKETS_MAX: usize = 10_000;

/// Whom a ticket stands for; nobody in particular where no credentials are asked for.
#[derive(Debug, Clone)]
pub(super) struct Bearer(pub(super) Option<Arc<Identity>>);

/// The tickets that were given and not used yet.
#[derive(Debug, Default)]
pub(in crate::api) struct Tickets(Mutex<HashMap<[u8; 16], Given>>);

#[derive(Debug)]
struct Given {
    bearer: Bearer,
    until: Instant,
}

impl Tickets {
    /// A ticket that stands for `bearer` once; `None` when too many are out.
    fn give(&self, bearer: Bearer) -> Option<String> {
        let mut ticket = [0; 16];
        getrandom::fill(&mut ticket).ok()?;
        let now = Instant::now();
        let mut given = self.lock();
        if given.len() >= TICKETS_MAX {
            given.retain(|_, ticket| ticket.until > now);
        }
        if given.len() >= TICKETS_MAX {
            return None;
        }
        let until = now + LIFETIME;
        given.insert(ticket, Given { bearer, until });
        Some(format!("{:032x}", u128::from_be_bytes(ticket)))
    }

    /// Whom the ticket stands for. It is gone then.
    pub(super) fn take(&self, ticket: &str) -> Option<Bearer> {
        let ticket = u128::from_str_radix(ticket, 16).ok()?.to_be_bytes();
        let given = self.lock().remove(&ticket)?;
        (given.until > Instant::now()).then_some(given.bearer)
    }

    /// Forgets all of them: whoever they stand for may not be a user any more.
    pub(in crate::api) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 16], Given>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `POST /v1/tickets`.
pub(in crate::api) async fn tickets<A: AnswerPeeks>(edge: Arc<Edge<A>>, head: Head) -> Response {
    let outcome = async {
        Endpoint::Tickets.check_method(&head)?;
        edge.check_origin(&head)?;
        let identity = edge.authenticate(Endpoint::Tickets, &head).await?;
        let ticket = edge.tickets.give(Bearer(identity)).ok_or(ApiError::Busy {
            message: "too many tickets are out",
            retry_after: LIFETIME,
        })?;
        let seconds = LIFETIME.as_secs();
        let body = format!("{{\"ticket\":\"{ticket}\",\"expiresIn\":{seconds}}}");
        Ok(reply::json(StatusCode::OK, body))
    };
    edge.respond_v1(head.arrival.id, outcome.await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_not_for_long() {
        let tickets = Tickets::default();
        let ticket = tickets.give(Bearer(None)).unwrap();
        assert!(tickets.take(&ticket).is_some());
        assert!(tickets.take(&ticket).is_none());
        let late = tickets.give(Bearer(None)).unwrap();
        tokio::time::advance(LIFETIME).await;
        assert!(tickets.take(&late).is_none());
        assert!(tickets.take("").is_none() && tickets.take("ffff").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn tickets_that_nobody_uses_do_not_pile_up() {
        let tickets = Tickets::default();
        for _ in 0..TICKETS_MAX {
            assert!(tickets.give(Bearer(None)).is_some());
        }
        assert!(tickets.give(Bearer(None)).is_none());
        tokio::time::advance(LIFETIME).await;
        assert!(tickets.give(Bearer(None)).is_some());
        assert_eq!(tickets.lock().len(), 1);
    }
}
