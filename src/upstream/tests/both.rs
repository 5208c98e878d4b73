//! A pair that is opened on both sides.

use super::super::handle::Command as PairCommand;
use super::super::subscription::HandedOver;
use super::*;
use crate::simulator::Command;

fn run_on_both(simulator: &Arc<Simulator>) -> Run {
    let connector = connect_to(simulator);
    Run::adjusted(connector, Some("backup"), 100_000, |config| {
        config.open_on_both = true;
    })
}

/// Waits until each of these sides has so many statistics open.
async fn open_on(simulator: &Simulator, sides: &[Role], count: u64) {
    let opens = |role: &Role| simulator.counts(*role).opens_now;
    let waiting = async {
        while sides.iter().any(|role| opens(role) != count) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_mins(10), waiting).await;
    let now: Vec<u64> = sides.iter().map(opens).collect();
    assert!(waited.is_ok(), "{now:?} are open of {count}");
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_has_nothing_to_say_takes_over_at_once() {
    let simulator = simulator();
    let run = run_on_both(&simulator);
    run.until(PairState::Connected, false).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let start = Instant::now();
    simulator.command(Command::Kill(Role::Primary));
    run.until(PairState::Connected, true).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_came_while_neither_side_was_there_is_opened_on_both() {
    let simulator = simulator();
    for role in Role::ALL {
        simulator.command(Command::Kill(role));
    }
    let run = run_on_both(&simulator);
    run.until(PairState::Disconnected, false).await;
    // The sides change with every attempt: some come to the one, some to the other.
    let specs = specs(&simulator, 30);
    for spec in &specs {
        let handed_over = HandedOver {
            spec: spec.clone(),
            tickets: Vec::new(),
            accepted: true,
            round: None,
        };
        let command = PairCommand::TakeOver(vec![handed_over]);
        let pairs = run.upstream.pairs();
        pairs[0].commands.send(command).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_700)).await;
    }
    for role in Role::ALL {
        simulator.command(Command::Restore(role));
    }
    open_on(&simulator, &Role::ALL, 30).await;
    run.end().await;
}

/// Dials the backup; a call to the primary is never answered.
struct Hanging(Arc<dyn Connector>);

impl Connector for Hanging {
    fn connect<'a>(
        &'a self,
        address: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + 'a>> {
        match address {
            "backup" => self.0.connect(address),
            _ => Box::pin(std::future::pending()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_stops_while_it_dials_closes_what_its_standby_has_open() {
    let simulator = simulator();
    let connector = Arc::new(Hanging(connect_to(&simulator)));
    let run = Run::adjusted(connector, Some("backup"), 100_000, |config| {
        config.open_on_both = true;
        config.connect_timeout = PATIENCE;
    });
    run.upstream.want(specs(&simulator, 10)).await;
    open_on(&simulator, &[Role::Backup], 10).await;
    run.end().await;
    assert_eq!(simulator.counts(Role::Backup).closes_total, 10);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_two_frozen_sides_no_longer_than_for_one() {
    let simulator = simulator();
    let run = run_on_both(&simulator);
    run.upstream.want(specs(&simulator, 10)).await;
    open_on(&simulator, &Role::ALL, 10).await;
    for role in Role::ALL {
        simulator.command(Command::Freeze(role));
    }
    let start = Instant::now();
    run.end().await;
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}
