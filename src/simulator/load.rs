//! The load: values pushed at a rate, whatever the contact centre does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::{Simulator, lock};

/// Short, so that the load is even; long enough that a tick's values are worth waking up for.
const TICK: Duration = Duration::from_millis(10);
/// After a pause, such as a machine that stood still, no more than this is made up for.
const BACKLOG_MAX: Duration = Duration::from_millis(200);

/// Pushes at [`Simulator::set_rate`]'s rate until the simulator stops.
pub(super) async fn run(simulator: Arc<Simulator>) {
    let stop = simulator.stopped();
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = tokio::time::Instant::now();
    // Values owed, in values times microseconds per second, so that slow rates are exact too.
    let mut owed = 0_u128;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => {}
        }
        let now = tokio::time::Instant::now();
        let passed = now.duration_since(before).min(BACKLOG_MAX);
        before = now;
        let rate = simulator.rate.load(Ordering::Relaxed);
        if rate == 0 {
            owed = 0;
            continue;
        }
        owed += passed.as_micros() * u128::try_from(rate).unwrap_or(u128::MAX);
        let values = usize::try_from(owed / 1_000_000).unwrap_or(usize::MAX);
        owed %= 1_000_000;
        if values > 0 {
            simulator.push(values);
        }
    }
}

impl Simulator {
    fn push(&self, values: usize) {
        let mut world = lock(&self.world);
        world.advance();
        self.for_each_connection(&world, |connection, view| connection.push(view, values));
    }
}
