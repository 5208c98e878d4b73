//! The loss of the active Stat Server.

use peekd::simulator::{Command, LogKind, Role};
use tokio::time::timeout;

use crate::harness::{PATIENCE, World, login_time, peek, until};

/// A server is given up after twice that: long enough for a busy machine to answer a heartbeat in.
const ADDP: &str = "[stat_server.addp]\nlocal_timeout = \"2s\"\nremote_timeout = \"2s\"\n";

/// Opens what the demo opens.
async fn open_many(world: &World) -> u64 {
    for statistic in world.pair.open_to_all() {
        assert_eq!(world.peek(&statistic, "").await.status, 200, "{statistic}");
    }
    world.pair.simulator.counts(Role::Primary).opens_now
}

async fn every_statistic_is_reopened(world: &World, fault: Command) {
    let opens = open_many(world).await;
    assert!(opens >= 50, "{opens}");
    world.pair.simulator.command(fault);
    let wait = async {
        while world.pair.simulator.counts(Role::Backup).opens_now < opens {
            let stored = world.peek(&login_time(), "").await;
            assert_eq!(stored.status, 200, "the store answers all the while");
            let live = world
                .peek(&login_time(), "Cache-Control: no-cache\r\n")
                .await;
            assert!(live.status == 200 || live.message().starts_with("Statistic Service unavail"));
        }
    };
    timeout(PATIENCE, wait).await.expect("all reopened");
    assert_eq!(world.pair.simulator.counts(Role::Backup).opens_now, opens);
    let no_cache = "Cache-Control: no-cache\r\n";
    let live = until(&world.address, &login_time(), no_cache, |live| {
        live.status == 200
    })
    .await;
    assert_eq!(live.age(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_is_replaced_by_the_backup() {
    let mut world = World::start().await;
    every_statistic_is_reopened(&world, Command::Kill(Role::Primary)).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_primary_is_replaced_by_the_backup() {
    let mut world = World::start_with(ADDP).await;
    every_statistic_is_reopened(&world, Command::Freeze(Role::Primary)).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_the_lost_connection_took_along_is_answered_by_the_backup() {
    // Without heartbeats, which a busy machine could miss: then nothing would be peeked.
    let mut world = World::start().await;
    assert_eq!(world.peek(&login_time(), "").await.status, 200);
    let simulator = world.pair.simulator.clone();
    simulator.order("delay primary 500ms").unwrap();
    let peeked = || simulator.log_count(|entry| entry.kind == LogKind::Peek);
    let before = peeked();
    let address = world.address.clone();
    let asking = async move { peek(&address, &login_time(), "Cache-Control: no-cache\r\n").await };
    let killing = async {
        // The peek has arrived, and its answer will not leave before the connection is gone.
        let arrived = async {
            while peeked() == before {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, arrived).await.expect("the peek");
        simulator.command(Command::Kill(Role::Primary));
    };
    let (answer, ()) = tokio::join!(asking, killing);
    assert_eq!((answer.status, answer.age()), (200, 0), "{answer:?}");
    world.stop().await;
}
