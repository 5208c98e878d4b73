//! The whole service against simulated Stat Servers. One binary, so that it links once.
//!
//! Waits are for events; the limits on them are there to end a broken run, not to measure.

mod documented;
mod harness;
mod herd;
mod kill;
mod process;
mod restart;
mod switchover;
