//! What the routes know of a request besides its path: the accept loop puts the connection's
//! addresses and the body's meter into the request's extensions.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use warp::http::{HeaderMap, Method};
use warp::multipart::FormData;

use super::listener::BodyMeter;

/// The address a request came from. warp's own `addr::remote` only works inside `warp::serve`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The address a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local(pub SocketAddr);

/// A request without its body. Has no `Debug`: the headers hold credentials.
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) peer: Option<Peer>,
    pub(super) local: Option<Local>,
    pub(super) meter: Option<BodyMeter>,
}

/// A request's body, not yet read.
pub(super) enum Body {
    /// In whatever form its type says.
    Stream(BoxStream<'static, Result<Bytes, warp::Error>>),
    /// Multipart with a boundary.
    Multipart(FormData),
}
