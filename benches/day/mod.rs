//! A simulated contact centre's day as a stream of changed values, the same for the same seed.
//!
//! Statistics are looked at every few seconds. Those that grow with time passing keep the rhythm of
//! a Stat Server's notifications; what calls and agents cause falls anywhere between two looks.

use std::time::Duration;

use peekd::model::{Clock, Statistic, Timestamp, Value};
use peekd::simulator::{Config, PairId, Role, Scenario, ServerId};

/// 7:00 of a working day.
pub(crate) const BEGIN: Timestamp = Timestamp(1_795_330_800_000);

/// What day to play.
#[derive(Debug, Clone)]
pub(crate) struct Day {
    /// What the centre is like; its speed and its script are left out.
    pub(crate) scenario: Scenario,
    pub(crate) length: Duration,
    /// Between two looks.
    pub(crate) step: Duration,
}

/// One changed value: when, of which statistic, what.
pub(crate) type Changed = (Timestamp, u32, Value);

/// Plays the day. `begin` is shown the statistics, `each` every step's changes in the order of their
/// instants.
pub(crate) fn play(
    day: Day,
    begin: &mut dyn FnMut(&[Statistic]),
    each: &mut dyn FnMut(&[Changed]),
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    if let Ok(runtime) = runtime {
        runtime.block_on(run(day, begin, each));
    }
}

async fn run(day: Day, begin: &mut dyn FnMut(&[Statistic]), each: &mut dyn FnMut(&[Changed])) {
    let scenario = &day.scenario;
    let (seed, count) = (
        scenario.seed.unwrap_or(1),
        scenario.statistics.unwrap_or(100),
    );
    let config = Config {
        seed,
        speed: 1.0,
        statistics: count,
        tenant_passwords: Vec::new(),
        version: "8.5".to_owned(),
    };
    let Ok(simulator) = scenario.simulator(config, Clock::set_at(BEGIN)) else {
        return;
    };
    let statistics: Vec<Statistic> = simulator.statistics().into_iter().collect();
    let statistics = statistics.get(..count as usize).unwrap_or(&statistics);
    begin(statistics);
    simulator.run_centre();
    let server = ServerId {
        pair: PairId::FIRST,
        role: Role::Primary,
    };
    let mut last: Vec<Option<Value>> = vec![None; statistics.len()];
    let mut random = fastrand::Rng::with_seed(seed);
    let mut passed = Duration::ZERO;
    while passed < day.length {
        let base = BEGIN.0 + millis(passed);
        let late = random.u64(..30);
        let mut changes: Vec<Changed> = Vec::new();
        for ((id, statistic), known) in (0_u32..).zip(statistics).zip(&mut last) {
            let Some(value) = simulator.value(server, statistic) else {
                continue;
            };
            if known.as_ref() == Some(&value) {
                continue;
            }
            let at = if grows(statistic) {
                late + u64::from(id) / 500
            } else {
                random.u64(..millis(day.step).max(1))
            };
            *known = Some(value.clone());
            changes.push((Timestamp(base + at), id, value));
        }
        changes.sort_by_key(|(at, ..)| *at);
        each(&changes);
        passed += day.step;
        tokio::time::advance(day.step).await;
    }
    simulator.stop().await;
}

/// Whether a statistic's value grows with nothing but time passing.
pub(crate) fn grows(statistic: &Statistic) -> bool {
    ["TotalLoginTime", "TimeInCurrentState"].contains(&statistic.metric())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
