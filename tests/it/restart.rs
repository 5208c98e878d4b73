//! An orderly stop and a new start: what was known is known.

use peekd::simulator::{Command, Role};

use crate::harness::{World, login_time, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_without_stat_servers_answers_from_the_store_and_recovers_by_itself() {
    let mut world = World::start().await;
    let before = world.peek(&login_time(), "").await.value();
    world.stop().await;
    for role in [Role::Primary, Role::Backup] {
        assert_eq!(
            world.pair.simulator.counts(role).connections_now,
            0,
            "closed on the way out"
        );
        world.pair.simulator.command(Command::Kill(role));
    }

    world.launch().await;
    let stored = world.peek(&login_time(), "").await;
    assert!(stored.value() >= before);
    let aged = until(&world.address, &login_time(), "", |answer| {
        answer.age() >= 1
    })
    .await;
    assert_eq!(aged.value(), stored.value());
    let too_old = world
        .peek(&login_time(), "Cache-Control: max-age=0\r\n")
        .await;
    assert_eq!(
        (too_old.status, too_old.message().as_str()),
        (500, "Statistic Service unavailable")
    );
    let only_stored = world
        .peek(&login_time(), "Cache-Control: only-if-cached\r\n")
        .await;
    assert_eq!(only_stored.status, 200);
    let fresh_only = "Cache-Control: only-if-cached, max-age=0\r\n";
    assert_eq!(world.peek(&login_time(), fresh_only).await.status, 504);

    world.pair.simulator.command(Command::RestoreAll);
    // Only the store is asked, so the value moves by the service's own doing.
    let only_stored = "Cache-Control: only-if-cached\r\n";
    until(&world.address, &login_time(), only_stored, |answer| {
        answer.age() == 0 && answer.value() != stored.value()
    })
    .await;
    world.stop().await;
}
