//! What a running service takes over from a changed configuration.

use std::time::Duration;

use peekd::simulator::{LogKind, Role};

use crate::harness::{PATIENCE, Pair, World, login_time, until};

const LIVE: &str = "Cache-Control: no-cache\r\n";

async fn eventually(what: &str, reached: impl Fn() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_server_is_left_in_order_and_its_statistics_go_to_the_new_one() {
    let mut world = World::start().await;
    for statistic in world.pair.open_to_all() {
        assert_eq!(world.peek(&statistic, "").await.status, 200);
    }
    let before = world.pair.simulator.counts(Role::Primary);
    assert!(before.opens_now >= 50, "{before:?}");

    let other = Pair::start().await;
    let text = world.configuration();
    let text = text.replace("\"StatServer\"", "\"Other\"");
    let text = text.replace(&world.pair.primary, &other.primary);
    let text = text.replace(&world.pair.backup, &other.backup);
    world.reload(&text).await;
    let opens = |pair: &Pair| pair.simulator.counts(Role::Primary).opens_now;
    eventually("everything is open on the new server", || {
        opens(&other) == before.opens_now
    })
    .await;
    eventually("the old server is left", || {
        world.pair.simulator.counts(Role::Primary).connections_now == 0
    })
    .await;
    let after = world.pair.simulator.counts(Role::Primary);
    assert_eq!(
        after.closes_total, before.opens_now,
        "each was closed in order"
    );
    assert_eq!(world.peek(&login_time(), LIVE).await.age(), 0);
    assert!(other.simulator.counts(Role::Primary).peeks_total >= 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_as_it_was_goes_on_undisturbed() {
    let mut world = World::start().await;
    assert_eq!(world.peek(&login_time(), "").await.status, 200);
    let listed = world.pair.open_to_all().find(|one| *one != login_time());
    let listed = listed.unwrap();
    let text = world.configuration();
    let text = format!("{text}[[open]]\nstatistic = \"{listed}\"\n");
    world.reload(&text).await;
    let only_stored = "Cache-Control: only-if-cached\r\n";
    until(&world.address, &listed, only_stored, |answer| {
        answer.status == 200
    })
    .await;
    let registrations = |entry: &peekd::simulator::LogEntry| entry.kind == LogKind::Register;
    assert_eq!(world.pair.simulator.log_count(registrations), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_requests_hold_from_the_next_request_on() {
    let mut world = World::start().await;
    assert_eq!(world.peek(&login_time(), "").await.status, 200);
    let text = world.configuration();
    world
        .reload(&format!("{text}[http.limits]\nfields = 2\n"))
        .await;
    let refused = world.peek(&login_time(), "").await;
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("http.limits.fields"));
    world.reload(&text).await;
    assert_eq!(world.peek(&login_time(), "").await.status, 200);
    world.stop().await;
}
