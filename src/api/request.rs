//! What the routes know of a request besides its path: the accept loop puts the connection's
//! addresses and the body's meter into the request's extensions.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::time::Instant;
use warp::http::{HeaderMap, Method};
use warp::multipart::FormData;

use super::listener::{BodyMeter, InFlight};

/// The address a request came from. warp's own `addr::remote` only works inside `warp::serve`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The address a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local(pub SocketAddr);

/// Which listener a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Face {
    /// The one for everybody.
    #[default]
    Main,
    /// The one for `internal_statistic` and health alone.
    Internal,
}

/// What a log calls a request. Clients are told it when something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RequestId(pub(super) u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What the listener found out about a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arrival {
    pub(super) id: RequestId,
    pub(super) face: Face,
    /// Since when the request has been waiting for live values that were not there, if it has.
    pub(super) waiting_since: Option<Instant>,
    /// Who asks; behind a listed proxy whom the proxy names. `None` in tests without a listener.
    pub(super) client: Option<IpAddr>,
}

/// A request without its body. Has no `Debug`: the headers hold credentials.
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    /// What stands after the target's `?`; empty when nothing does.
    pub(super) query: String,
    pub(super) peer: Option<Peer>,
    pub(super) local: Option<Local>,
    pub(super) meter: Option<BodyMeter>,
    pub(super) arrival: Arrival,
    /// To be kept by an answer that goes on without an end.
    pub(super) in_flight: Option<InFlight>,
}

/// A request's body, not yet read.
pub(super) enum Body {
    /// In whatever form its type says.
    Stream(BoxStream<'static, Result<Bytes, warp::Error>>),
    /// Multipart with a boundary.
    Multipart(FormData),
}
