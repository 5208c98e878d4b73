//! The only room that dials out: keeps statistics open on Stat Servers.
//!
//! One task per pair of Stat Servers owns its connection and feeds a socket-free [`Session`]; all
//! else holds an [`Upstream`] handle, sends it commands and hears [`Event`]s.

mod backoff;
mod connection;
mod counts;
mod desk;
mod event;
mod few;
mod handle;
mod heartbeat;
mod pair;
mod plan;
mod probe;
mod profile;
mod roster;
mod session;
mod subscription;
mod terms;
mod tls;
mod trace;
mod window;

pub use connection::{BoxStream, Connector, Stream, TcpConnector};
pub use counts::PairCounts;
pub use desk::{FetchError, Specs, Upstream};
pub use event::{Batch, Event, Outcome, Ticket};
pub use handle::{PairHandle, PairState, PairStatus, Switchover};
pub use heartbeat::AddpConfig;
pub use pair::{Config, Endpoints, Pair};
pub use plan::{Manner, Plan, SpelledOut};
pub use probe::{
    AddpReport, Announcement, ClosedForm, Heard, PeekAnswer, ProbeConfig, ProbeReport, ProfileList,
    Trial, probe,
};
pub use profile::StatTypes;
pub use roster::Roster;
pub use session::{Session, SessionConfig};
pub use subscription::OpenSpec;
pub use terms::Terms;
pub use tls::{Tls, TlsConnector, TlsError};
pub use trace::Trace;

#[cfg(test)]
mod tests;
