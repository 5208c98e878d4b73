//! Opens over a slow line: how many round trips they cost.

use super::*;
use crate::simulator::{Command, LogKind};

const DELAY: Duration = Duration::from_millis(75);

/// How long it takes until so many statistics are open and valued, registration included.
async fn opening(count: u32, open_window: usize) -> Duration {
    let simulator = simulator_of(count);
    simulator.command(Command::Delay(Role::Primary, DELAY));
    let mut run = Run::adjusted(connect_to(&simulator), None, 100_000, |config| {
        config.session.open_window = open_window;
    });
    let count = usize::try_from(count).unwrap();
    let start = Instant::now();
    run.upstream.want(specs(&simulator, count)).await;
    run.values(count).await;
    let took = start.elapsed();
    let opens = simulator.log_count(|entry| entry.kind == LogKind::Open);
    assert_eq!(opens, count, "each is asked for once");
    run.end().await;
    took
}

#[tokio::test(start_paused = true)]
async fn six_hundred_opens_over_a_slow_line_take_five_round_trips() {
    let took = opening(600, 1000).await;
    // One for the registration, then 50, 100, 200 and the remaining 250.
    assert_eq!(took, DELAY * 2 * 5, "{took:?}");
    assert!(took < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_narrow_window_costs_a_round_trip_each_time_it_is_full() {
    let took = opening(600, 100).await;
    // One for the registration, 50, and then five full windows and a half.
    assert_eq!(took, DELAY * 2 * 8, "{took:?}");
}
