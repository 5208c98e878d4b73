//! The only room that dials out: keeps statistics open on Stat Servers.
//!
//! One task per pair of Stat Servers owns its connection and feeds a socket-free [`Session`]; all
//! else holds an [`Upstream`] handle, sends it commands and hears [`Event`]s.

mod backoff;
mod connection;
mod counts;
mod event;
mod handle;
mod heartbeat;
mod pair;
mod probe;
mod profile;
mod session;
mod subscription;
mod tls;
mod trace;
mod window;

pub use connection::{BoxStream, Connector, Stream, TcpConnector};
pub use counts::PairCounts;
pub use event::{Batch, Event, Outcome, Ticket};
pub use handle::{FetchError, PairHandle, PairState, PairStatus, Switchover, Upstream};
pub use heartbeat::AddpConfig;
pub use pair::{Config, Endpoints, Pair};
pub use probe::{
    AddpReport, Announcement, ClosedForm, Heard, PeekAnswer, ProbeConfig, ProbeReport, ProfileList,
    Trial, probe,
};
pub use profile::StatTypes;
pub use session::{Session, SessionConfig};
pub use subscription::OpenSpec;
pub use tls::{Tls, TlsConnector, TlsError};
pub use trace::Trace;

#[cfg(test)]
mod tests;
