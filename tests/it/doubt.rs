//! Values that nobody vouches for any more: a server that says to be a backup, a lost T-Server.

use std::collections::HashMap;

use peekd::model::Statistic;
use peekd::simulator::{Command, Role};

use crate::harness::{PATIENCE, Pair, World, login_time, until};
use crate::servers::told;

/// A service that has all these statistics open and knows a value of each.
async fn world_of(statistics: u32) -> (World, Vec<Statistic>) {
    let pair = Pair::of_size(statistics).await;
    let open: Vec<Statistic> = pair.open_to_all().collect();
    let world = World::in_front_of(pair, &Pair::opening(open.clone())).await;
    all_are_known(&world, open.len()).await;
    (world, open)
}

/// Everything is open and has its first value.
async fn all_are_known(world: &World, count: usize) {
    told(world, |server| server["statistics"]["open"] == count).await;
    // First values follow their acknowledgements, and so does the answer to a peek.
    live(world).await;
}

/// A live value: what the server sent before it has been taken in then.
async fn live(world: &World) {
    let no_cache = "Cache-Control: no-cache\r\n";
    until(&world.address, &login_time(), no_cache, |answer| {
        answer.status == 200
    })
    .await;
}

/// How many statistics the stopped service left with each quality.
async fn qualities(world: &World) -> HashMap<String, usize> {
    let mut counted = HashMap::new();
    for row in world.stored().await {
        let quality = row["quality"].as_str().unwrap().to_owned();
        *counted.entry(quality).or_insert(0) += 1;
    }
    counted
}

fn all(quality: &str, count: usize) -> HashMap<String, usize> {
    HashMap::from([(quality.to_owned(), count)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_backup_is_kept_and_its_values_are_uncertain() {
    let (mut world, open) = world_of(100).await;
    let simulator = world.pair.simulator.clone();
    simulator.command(Command::Kill(Role::Backup));
    simulator.command(Command::BackupMode(Role::Primary));
    let server = told(&world, |server| server["mode"] == "backup").await;
    assert_eq!(
        (&server["state"], &server["switchovers"]),
        (&"connected".into(), &0.into())
    );
    live(&world).await;
    world.stop().await;
    assert_eq!(qualities(&world).await, all("uncertain", open.len()));

    // Opened anew on a server that says at once to be a backup: no better.
    world.launch().await;
    all_are_known(&world, open.len()).await;
    world.stop().await;
    assert_eq!(qualities(&world).await, all("uncertain", open.len()));

    world.launch().await;
    all_are_known(&world, open.len()).await;
    simulator.command(Command::PrimaryMode(Role::Primary));
    told(&world, |server| server["mode"] == "primary").await;
    live(&world).await;
    world.stop().await;
    assert_eq!(qualities(&world).await, all("good", open.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demoted_primary_is_left_once_for_a_server_that_vouches() {
    let (mut world, open) = world_of(100).await;
    let simulator = world.pair.simulator.clone();
    simulator.command(Command::BackupMode(Role::Primary));
    let server = told(&world, |server| server["active"]["side"] == "backup").await;
    assert_eq!(server["switchovers"], 1);
    let reason = server["lastSwitchover"]["reason"].as_str().unwrap();
    assert!(reason.contains("no longer the primary"), "{reason}");
    all_are_known(&world, open.len()).await;
    let left = async {
        while simulator.counts(Role::Primary).connections_now > 0 {
            tokio::task::yield_now().await;
        }
    };
    let left = tokio::time::timeout(PATIENCE, left).await;
    left.expect("nothing stays connected to the other one");
    let server = told(&world, |_| true).await;
    assert_eq!(
        (&server["switchovers"], &server["connections"]),
        (&1.into(), &2.into())
    );
    world.stop().await;
    assert_eq!(qualities(&world).await, all("good", open.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_t_server_makes_everything_uncertain_and_changes_no_value() {
    let (mut world, open) = world_of(2_000).await;
    let simulator = world.pair.simulator.clone();
    simulator.command(Command::Invalid(Role::Primary));
    live(&world).await;
    let stored = "Cache-Control: only-if-cached\r\n";
    let mut before = HashMap::new();
    for statistic in &open {
        let answer = world.peek(statistic, stored).await;
        assert_eq!(answer.status, 200, "{statistic}: {answer:?}");
        before.insert(statistic, answer.body);
    }
    for (statistic, body) in before {
        // The one that is asked for live goes on being answered.
        if *statistic != login_time() {
            let answer = world.peek(statistic, stored).await;
            assert_eq!(answer.body, body, "{statistic} stands still");
        }
    }
    world.stop().await;
    assert_eq!(qualities(&world).await, all("uncertain", open.len()));

    simulator.command(Command::Valid(Role::Primary));
    world.launch().await;
    all_are_known(&world, open.len()).await;
    for command in [
        Command::Invalid(Role::Primary),
        Command::Valid(Role::Primary),
    ] {
        simulator.command(command);
        live(&world).await;
    }
    let server = told(&world, |server| server["statistics"]["open"] == open.len()).await;
    assert_eq!(server["switchovers"], 0);
    world.stop().await;
    assert_eq!(qualities(&world).await, all("good", open.len()));
}
