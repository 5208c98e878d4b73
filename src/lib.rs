//! peekd answers "what is this contact-centre statistic now?" over HTTP, from a persistent store
//! of last-known values that Genesys Stat Servers keep true.
//!
//! The rooms, in the order data passes them; `ARCHITECTURE.md` is the map.

pub mod cache;
pub mod model;
pub mod peek;
pub mod upstream;
pub mod wire;
