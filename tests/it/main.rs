//! The whole service against simulated Stat Servers. One binary, so that it links once.
//!
//! Waits are for events; the limits on them are there to end a broken run, not to measure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::float_cmp,
    reason = "a test that finds what it should not is to panic"
)]

mod asking;
mod backlog;
mod conformance;
mod documented;
mod doubt;
mod exits;
mod forgetting;
mod grafana;
mod hangup;
mod harness;
mod herd;
mod kill;
mod live;
mod metrics;
mod opens;
mod passwords;
mod probe;
mod process;
mod reload;
mod restart;
mod secrets;
mod servers;
mod several;
mod stopping;
mod switchover;
mod terminal;
mod threads;
mod tidy;
mod tls;
mod top;
mod v1;
mod whole;
