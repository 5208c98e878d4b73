//! Measures the store: journal throughput, bytes a change, the time to load many last values, and
//! what a service on top of them takes. Prints figures; asserts nothing. `PEEKD_BENCH_STATISTICS` sets
//! the size, `PEEKD_BENCH_PART` picks one part.

#[path = "../figures/mod.rs"]
mod figures;
mod journal;
mod load;
mod start;

use std::path::Path;
use std::time::Duration;

use peekd::store::{Config, HistoryConfig, OnCorruption};

const STATISTICS: u32 = 1_200_000;

fn main() {
    if let Some(path) = std::env::var_os(load::STORE) {
        return load::run(Path::new(&path));
    }
    let parts: [figures::Part; 2] = [("journal", journal::journal), ("start", start::start)];
    figures::measure("store", &parts);
}

fn config(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        flush_interval: Duration::from_millis(50),
        on_corruption: OnCorruption::Stop,
        journal_size_max: 1 << 30,
        history: HistoryConfig::default(),
    }
}
