//! Thousands of statistics reopened after the loss of the primary: all of them come back, and a
//! person who asks meanwhile does not wait for them. `benches/switchover.rs` has the figures.

use std::collections::HashSet;
use std::time::Duration;

use peekd::model::Statistic;
use peekd::simulator::{Command, LogKind, Role};

use crate::harness::{PATIENCE, Pair, World, peek};
use crate::servers::told;

/// One server's opens in the order that it was sent them.
fn opens(world: &World, role: Role) -> Vec<String> {
    let log = &world.pair.simulator;
    let opens = log.log_where(|entry| entry.role == role && entry.kind == LogKind::Open);
    opens.into_iter().map(|entry| entry.statistic).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_reopened_and_who_asks_meanwhile_comes_first() {
    let pair = Pair::of_size(10_000).await;
    let mut open: Vec<Statistic> = pair.open_to_all().collect();
    let asked = open.pop().unwrap();
    assert!(open.len() >= 4_999, "{}", open.len());
    let mut world = World::in_front_of(pair, &Pair::opening(open.clone())).await;
    told(&world, |server| server["statistics"]["open"] == open.len()).await;

    // Some ten round trips of 200 ms, so that "meanwhile" is long enough to be met.
    let simulator = world.pair.simulator.clone();
    let delay = Duration::from_millis(100);
    simulator.command(Command::Delay(Role::Backup, delay));
    simulator.command(Command::Kill(Role::Primary));
    let asking = async {
        let live = "Cache-Control: max-age=0\r\n";
        while peek(&world.address, &asked, live).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        opens(&world, Role::Backup).len()
    };
    let opened_by_then = tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("a live value of the other statistic");
    println!("answered after {opened_by_then} of {} opens", open.len());
    assert!(opened_by_then < open.len(), "the backlog went first");

    told(&world, |server| {
        server["statistics"]["open"] == open.len() + 1
    })
    .await;
    // Everything once, and what was asked for before the end of the rest.
    let order = opens(&world, Role::Backup);
    let distinct: HashSet<&String> = order.iter().collect();
    assert_eq!(
        (order.len(), distinct.len()),
        (open.len() + 1, open.len() + 1)
    );
    let place = order
        .iter()
        .position(|statistic| *statistic == asked.to_string());
    assert!(place.unwrap() < open.len() / 2, "{place:?}");
    // The answer to a peek comes after every first value.
    let live = "Cache-Control: max-age=0\r\n";
    assert_eq!(world.peek(&asked, live).await.status, 200);
    world.stop().await;

    // Valued again: in an epoch of the backup's, which is later than any of the primary's.
    let rows = world.stored().await;
    assert_eq!(rows.len(), open.len() + 1);
    let epochs: HashSet<u64> = rows
        .iter()
        .map(|row| row["epoch"].as_u64().unwrap())
        .collect();
    assert_eq!(epochs.len(), 1, "{epochs:?}");
    assert!(rows.iter().all(|row| row["quality"] == "good"));
}
