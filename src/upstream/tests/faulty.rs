//! A single server that goes wrong in the middle of its work: the connection is closed with a
//! message that names the cause, and everything is open and valued again without anybody's help.

use super::*;
use crate::simulator::Command;

const COUNT: usize = 60;

/// The fault ends the connection after `spent`, with this message, and the next one is sound.
async fn check(fault: Command, frame_len_max: usize, spent: Duration, message: &str) {
    let simulator = simulator();
    simulator.run_centre();
    let mut run = Run::adjusted(connect_to(&simulator), None, 100_000, |config| {
        config.frame_len_max = frame_len_max;
    });
    run.upstream.want(specs(&simulator, COUNT)).await;
    let before = run.values(COUNT).await;

    let mut status = run.upstream.pairs()[0].status();
    let start = Instant::now();
    simulator.command(fault);
    let failed = status.wait_for(|status| status.last_failures[0].is_some());
    let failed = tokio::time::timeout(PATIENCE, failed).await.unwrap();
    let said = failed.unwrap().last_failures[0].clone().unwrap();
    assert!(said.contains(message), "{said}");
    // What trickles in comes with the ticks of the simulator.
    let late = start.elapsed().saturating_sub(spent);
    assert!(start.elapsed() >= spent, "{message}: {:?}", start.elapsed());
    assert!(
        late <= Duration::from_millis(100),
        "{message}: {late:?} late"
    );

    run.until(PairState::Connected, false).await;
    while !matches!(run.next().await, Event::LinkUp) {}
    let after = run.values(COUNT).await;
    let is_newer = |epoch: &Epoch| before.iter().all(|old| old < epoch);
    assert!(after.iter().all(is_newer), "{message}");
    let counts = simulator.counts(Role::Primary);
    assert_eq!((counts.connections_now, counts.opens_now), (1, 60));
    run.end().await;
    simulator.stop().await;
    assert_eq!(simulator.counts(Role::Primary).connections_now, 0);
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_and_silence_end_the_connection() {
    let fault = Command::CutFrame(Role::Primary);
    let message = "a frame was not complete within 7s";
    check(fault, 1 << 20, FRAME_TIMEOUT, message).await;
}

#[tokio::test(start_paused = true)]
async fn garbage_ends_the_connection() {
    let fault = Command::Garbage(Role::Primary);
    let message = "sent what it should not: ";
    check(fault, 1 << 20, Duration::ZERO, message).await;
}

#[tokio::test(start_paused = true)]
async fn a_length_of_nearly_four_gigabytes_ends_the_connection() {
    let fault = Command::HugeLength(Role::Primary);
    check(fault, 1 << 20, Duration::ZERO, "4294967294").await;
}

#[tokio::test(start_paused = true)]
async fn a_big_frame_that_never_ends_is_not_waited_for_though_bytes_and_heartbeats_come() {
    let fault = Command::EndlessFrame(Role::Primary);
    let message = "a frame was not complete within 7s";
    check(fault, 64 << 20, FRAME_TIMEOUT, message).await;
    // One above the bound is not even begun.
    check(fault, 1 << 20, Duration::ZERO, "33554432").await;
}
