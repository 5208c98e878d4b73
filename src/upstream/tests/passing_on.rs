//! To whom a refused statistic goes.

use super::super::roster::Roster;
use super::super::subscription::{HandedOver, Round};
use super::taking_off::pair;
use super::*;

/// Refused by the first pair, configured or open before.
fn refused(spec: OpenSpec) -> HandedOver {
    HandedOver {
        spec,
        tickets: Vec::new(),
        accepted: true,
        round: Some(Box::new(Round {
            refusal: "no".into(),
            tried: Vec::new(),
        })),
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_statistic_waits_for_no_connection_while_a_connected_pair_is_left() {
    let simulator = simulator();
    let roster = Roster::new();
    let pairs = [1, 2, 3].map(|number| pair(&simulator, number, &roster));
    let [first, second, third] = pairs;
    let handles = [&first, &second, &third].map(|(_, handle)| handle.clone());
    roster.replace(handles.to_vec());
    let holders = |id| handles.each_ref().map(|handle| handle.held.contains(id));
    let specs = specs(&simulator, 2);

    let left = roster.pass_on(ServerId(1), vec![refused(specs[0].clone())]);
    assert!(left.is_empty(), "it may wait where none is connected");
    assert_eq!(holders(specs[0].id), [false, true, false]);

    let stop = CancellationToken::new();
    let task = TaskTracker::new().spawn(third.0.run(stop.clone()));
    let mut status = handles[2].status();
    let connected = status.wait_for(|now| now.state == PairState::Connected);
    drop(tokio::time::timeout(PATIENCE, connected).await.unwrap());
    let left = roster.pass_on(ServerId(1), vec![refused(specs[1].clone())]);
    assert!(left.is_empty());
    assert_eq!(holders(specs[1].id), [false, false, true]);
    stop.cancel();
    task.await.unwrap();
}
