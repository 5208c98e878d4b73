//! The orderly end, and what is let go before it.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_orderly_end_closes_everything_first() {
    let simulator = simulator();
    let mut run = Run::new(connect_to(&simulator), Some("backup"));
    run.upstream.want(specs(&simulator, 80)).await;
    run.values(80).await;
    run.end().await;
    simulator.stop().await;
    let counts = simulator.counts(Role::Primary);
    assert_eq!((counts.opens_now, counts.connections_now), (0, 0));
    assert_eq!(counts.closes_total, 80);
}

#[tokio::test(start_paused = true)]
async fn the_end_is_not_held_up_by_anybody() {
    let simulator = simulator();
    // Opens are under way, and nobody takes events.
    let run = Run::with_queue(connect_to(&simulator), None, 1);
    run.upstream.want(specs(&simulator, 80)).await;
    run.until(PairState::Connected, false).await;
    let start = Instant::now();
    run.end().await;
    assert!(
        start.elapsed() <= Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    // The server hangs.
    let mut run = Run::new(connect_to(&simulator), None);
    run.upstream.want(specs(&simulator, 80)).await;
    run.values(80).await;
    simulator.command(simulator::Command::Freeze(Role::Primary));
    let start = Instant::now();
    run.end().await;
    assert!(
        start.elapsed() <= Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    // There is no server.
    simulator.command(simulator::Command::Kill(Role::Primary));
    let run = Run::new(connect_to(&simulator), None);
    run.until(PairState::Disconnected, false).await;
    let start = Instant::now();
    run.end().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_can_be_closed_only_once_and_fetched_again() {
    let simulator = simulator();
    let mut run = Run::new(connect_to(&simulator), None);
    run.until(PairState::Connected, false).await;
    let spec = specs(&simulator, 1).remove(0);
    for round in 1..=3 {
        let (tell, _told) = tokio::sync::oneshot::channel();
        let ticket = Ticket::new(move |outcome| drop(tell.send(outcome)));
        run.upstream.fetch(spec.clone(), ticket).unwrap();
        run.values(1).await;
        assert_eq!(simulator.counts(Role::Primary).opens_now, 1);
        run.upstream.close(&[spec.id]).await;
        while !matches!(run.next().await, Event::Closed { .. }) {}
        run.upstream.close(&[spec.id]).await;
        assert_eq!(simulator.counts(Role::Primary).opens_now, 0);
        assert_eq!(simulator.counts(Role::Primary).closes_total, round);
    }
    run.end().await;
}
