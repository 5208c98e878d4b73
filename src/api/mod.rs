//! The HTTP edge: the documented endpoints, the health of the service and the dashboard page,
//! served by an accept loop of its own. The only room that knows HTTP; what a statistic's value is, it asks
//! [`AnswerPeeks`](crate::peek::AnswerPeeks).

mod accept;
mod access;
pub mod auth;
mod cache_control;
mod config;
mod cors;
mod edge;
mod endpoint;
mod error;
mod express;
mod form;
mod grafana;
mod handlers;
mod health;
mod limits;
mod listener;
mod metrics;
mod multipart;
mod network;
mod page;
mod proxies;
mod question;
mod reply;
mod request;
mod routes;
mod tls;
mod v1;

pub use config::{Config, Internal, Limits, Role, User};
pub use edge::Edge;
#[doc(hidden)]
pub use express::Direct;
pub use health::{Phase, Readiness};
pub use listener::{Summary, serve_edge};
pub use metrics::StoreFigures;
pub use network::{Network, ParseNetworkError};
pub use request::{Face, Local, Peer};
pub use routes::routes;
pub use tls::{Tls, TlsError};

#[cfg(test)]
mod tests;
