//! Pairs that are taken off the roster while others are on it.

use super::super::handle::{COMMAND_QUEUE_LEN, Command};
use super::super::roster::Roster;
use super::*;

pub(super) fn pair(
    simulator: &Arc<Simulator>,
    number: u16,
    roster: &Arc<Roster>,
) -> (Pair, PairHandle) {
    let mut config = config(None);
    config.name = format!("pair {number}");
    config.id = ServerId(number);
    let clock = Clock::set_at(Timestamp(1_700_000_000_000));
    let epochs = Arc::new(EpochCounter::starting_at(Epoch(1)));
    let (events, mut told) = mpsc::channel(1000);
    TaskTracker::new().spawn(async move { while told.recv().await.is_some() {} });
    let connector = connect_to(simulator);
    Pair::new(config, clock, connector, epochs, events, roster.clone())
}

async fn until_open(simulator: &Simulator, count: u64) {
    let opened = async {
        while simulator.counts(Role::Primary).opens_now != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let opened = tokio::time::timeout(PATIENCE, opened).await;
    let counts = simulator.counts(Role::Primary);
    assert!(opened.is_ok(), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_pair_was_still_to_do_is_done_by_the_others() {
    let simulator = simulator();
    let roster = Roster::new();
    let (gone, handle) = pair(&simulator, 1, &roster);
    let specs = specs(&simulator, 50);
    for spec in &specs {
        let command = Command::Want(vec![spec.clone()]);
        handle.commands.send(command).await.unwrap();
    }
    let (stays, other) = pair(&simulator, 2, &roster);
    roster.replace(vec![other]);
    let stop = CancellationToken::new();
    let task = TaskTracker::new().spawn(stays.run(stop.clone()));
    let stopped = CancellationToken::new();
    stopped.cancel();
    gone.run(stopped).await;
    until_open(&simulator, 50).await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_of_a_pair_that_goes_meanwhile_is_wanted_of_the_others() {
    let simulator = simulator();
    let roster = Roster::new();
    let (gone, handle) = pair(&simulator, 1, &roster);
    for _ in 0..COMMAND_QUEUE_LEN {
        let nothing = Command::Close(Vec::new());
        handle.commands.try_send(nothing).unwrap();
    }
    roster.replace(vec![handle]);
    let wanting = {
        let (roster, specs) = (roster.clone(), specs(&simulator, 50));
        TaskTracker::new().spawn(async move { roster.want(specs).await })
    };
    // It waits for room in the queue of a pair that is then taken off.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (stays, other) = pair(&simulator, 2, &roster);
    roster.replace(vec![other]);
    drop(gone);
    wanting.await.unwrap();
    let stop = CancellationToken::new();
    let task = TaskTracker::new().spawn(stays.run(stop.clone()));
    until_open(&simulator, 50).await;
    stop.cancel();
    task.await.unwrap();
}
