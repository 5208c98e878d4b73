//! Measures history: bytes a change after a simulated day, how fast it is read, and what sustained
//! load costs. Prints figures; asserts nothing. `PEEKD_BENCH_PART` picks one part.

#[path = "../day/mod.rs"]
mod day;
#[path = "../figures/mod.rs"]
mod figures;
mod many;
mod retention;
mod scan;
mod simulated;
mod sustained;

use std::path::Path;
use std::time::Duration;

use peekd::store::{Config, HistoryConfig, OnCorruption};

fn main() {
    figures::measure(
        "history",
        &[
            ("day", simulated::day),
            ("scan", scan::part),
            ("million", many::million),
            ("sustained", sustained::sustained),
            ("retention", retention::retention),
        ],
    );
}

fn config(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        flush_interval: Duration::from_millis(50),
        on_corruption: OnCorruption::Stop,
        journal_size_max: 256 << 20,
        history: HistoryConfig::default(),
    }
}
