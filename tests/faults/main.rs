//! Faults of the machine: power cuts, kills, flipped bits, disks that refuse. A program of its own,
//! because it mounts a file system and starts itself anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that finds what it should not is to panic"
)]

mod disk;
mod harm;
mod kills;
mod load;
mod mount;
mod power_cut;
mod refusing;
mod serving;
