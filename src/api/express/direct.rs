//! The lane without a connection around it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::time::Instant;
use warp::http::header::HeaderValue;

use super::{Express as _, Lane, Memory, Step};
use crate::api::edge::Edge;
use crate::peek::AnswerPeeks;

/// Answers requests as a connection's express lane would, for who wants to measure that alone.
pub struct Direct<A> {
    edge: Arc<Edge<A>>,
    lane: Lane<A>,
    memory: Memory,
}

impl<A: AnswerPeeks> Direct<A> {
    /// What one connection of this edge would answer.
    #[must_use]
    pub fn new(edge: Arc<Edge<A>>) -> Self {
        Self {
            lane: Lane::new(Arc::clone(&edge)),
            edge,
            memory: Memory::default(),
        }
    }

    /// Proves credentials, as the first request with them does; tells whether they are right.
    pub async fn prove(&self, authorization: &str) -> bool {
        let Ok(header) = HeaderValue::from_str(authorization) else {
            return false;
        };
        let proven = self.edge.authenticator().authenticate(&header, None).await;
        proven.is_ok()
    }

    /// The answer to a request; `None` if memory alone does not answer it.
    pub fn answer(&mut self, request: &[u8]) -> Option<&[u8]> {
        self.memory.out.clear();
        let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let now = Instant::now();
        let step = self.lane.answer(&mut self.memory, request, now, client);
        matches!(step, Step::Answered(_)).then_some(self.memory.out.as_slice())
    }
}
