//! peekd answers "what is this contact-centre statistic now?" over HTTP, from a persistent store
//! of last-known values that Genesys Stat Servers keep true.
//!
//! The rooms, in the order data passes them; `ARCHITECTURE.md` is the map.

pub mod model;
pub mod wire;

pub mod upstream;

pub mod ingest;

pub mod cache;
pub mod store;

pub mod peek;

pub mod dashboard;

pub mod api;

pub mod service;

pub mod simulator;

pub mod cli;
