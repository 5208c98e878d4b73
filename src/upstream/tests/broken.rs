//! Servers that refuse, stall or talk rubbish: scripted, since no simulated one does.

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;
use crate::wire::{self, EventKind};

/// What a scripted server sends as soon as it is connected.
fn greeting(kind: EventKind, then: &[u8]) -> Vec<u8> {
    let mut event = wire::Event::new(kind, 0, 1_700_000_000);
    event.text = Some("greeting".into());
    let mut bytes = BytesMut::new();
    event.write(Charset::UTF_8, &mut bytes);
    bytes.extend_from_slice(then);
    bytes.to_vec()
}

/// Sends this, then reads whatever comes until the other end hangs up.
async fn serve(mut stream: DuplexStream, bytes: Vec<u8>) {
    stream.write_all(&bytes).await.unwrap();
    let mut rubbish = vec![0; 4096];
    while stream.read(&mut rubbish).await.unwrap_or(0) > 0 {}
}

/// A primary that sends these bytes, and a simulated backup.
fn scripted(bytes: Vec<u8>) -> (Arc<Simulator>, Run) {
    let simulator = simulator();
    let backup = simulator.clone();
    let peers = TaskTracker::new();
    let connector = Dialler::new(move |address| {
        if role_of(address) == Role::Backup {
            return Ok(Box::new(backup.connect(Role::Backup)?) as BoxStream);
        }
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        peers.spawn(serve(theirs, bytes.clone()));
        Ok(Box::new(ours) as BoxStream)
    });
    let run = Run::new(connector, Some("backup"));
    (simulator, run)
}

/// The pair leaves the primary after `spent` with a failure that says so.
async fn check(bytes: Vec<u8>, spent: Duration, failure: &str) {
    let start = Instant::now();
    let (simulator, run) = scripted(bytes);
    let switched = run.until(PairState::Connected, true).await;
    assert_eq!(switched - start, spent, "{failure}");
    run.upstream.want(specs(&simulator, 10)).await;
    let mut run = run;
    run.values(10).await;
    run.end().await;
    assert_eq!(simulator.counts(Role::Backup).connections_now, 0);
}

/// What the log and the status say while no side works.
async fn check_message(bytes: Vec<u8>, message: &str) {
    let peers = TaskTracker::new();
    let connector = Dialler::new(move |_| {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        peers.spawn(serve(theirs, bytes.clone()));
        Ok(Box::new(ours) as BoxStream)
    });
    let run = Run::new(connector, None);
    let mut status = run.upstream.pairs()[0].status();
    let failed = status.wait_for(|status| status.last_failures[0].is_some());
    let failed = tokio::time::timeout(PATIENCE, failed).await.unwrap();
    let said = failed.unwrap().last_failures[0].clone().unwrap();
    assert!(said.contains(message), "{said}");
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_registration_is_tried_on_the_other_side() {
    let bytes = greeting(EventKind::Error, b"");
    check(bytes.clone(), Duration::ZERO, "refused").await;
    check_message(bytes, "refused the registration: greeting (code 0)").await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_register_is_left_in_time() {
    check(Vec::new(), Duration::from_secs(3), "silent").await;
    check_message(Vec::new(), "did not answer the registration within 3s").await;
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_is_not_waited_for_longer_than_the_frame_time_out() {
    for half in [&[0, 0, 0, 40, 5, 0][..], &[0][..], b"p2P"] {
        let bytes = greeting(EventKind::Registered, half);
        check(bytes.clone(), FRAME_TIMEOUT, "half a frame").await;
        check_message(bytes, "a frame was not complete within 7s").await;
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_do_not_keep_half_a_big_frame_alive() {
    let mut half = BytesMut::new();
    wire::frame(&vec![0; 40_000], &mut half);
    half.truncate(20_000 - 20_000 % 16_384 + 32);
    half.extend_from_slice(&[b'p', b'2', b'P', 0, 0, 1]);
    check(
        greeting(EventKind::Registered, &half),
        FRAME_TIMEOUT,
        "half a big frame",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn rubbish_ends_the_connection_with_a_message() {
    for rubbish in [
        &b"HTTP/1.1 400 Bad Request"[..],
        &[0xff; 8],
        &[0, 0, 0, 1, 1],
    ] {
        let bytes = greeting(EventKind::Registered, rubbish);
        check(bytes.clone(), Duration::ZERO, "rubbish").await;
        check_message(bytes, "sent what it should not").await;
    }
}

#[tokio::test(start_paused = true)]
async fn servers_that_register_and_break_are_not_asked_in_a_tight_loop() {
    let peers = TaskTracker::new();
    let bytes = greeting(EventKind::Registered, b"rubbish");
    let connector = Dialler::new(move |_| {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        peers.spawn(serve(theirs, bytes.clone()));
        Ok(Box::new(ours) as BoxStream)
    });
    let run = Run::new(connector.clone(), Some("backup"));
    tokio::time::sleep(Duration::from_mins(10)).await;
    let dialled = connector.dialled().len();
    assert!((100..300).contains(&dialled), "{dialled}");
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_reads_nothing_is_left() {
    let simulator = simulator();
    let backup = simulator.clone();
    let kept = Mutex::new(Vec::new());
    let connector = Dialler::new(move |address| {
        if role_of(address) == Role::Backup {
            return Ok(Box::new(backup.connect(Role::Backup)?) as BoxStream);
        }
        // Too small a pipe for what is said first, and nobody who reads.
        let (ours, theirs) = tokio::io::duplex(16);
        kept.lock().unwrap().push(theirs);
        Ok(Box::new(ours) as BoxStream)
    });
    let run = Run::new(connector, Some("backup"));
    let start = Instant::now();
    run.until(PairState::Connected, true).await;
    assert!(start.elapsed() <= FRAME_TIMEOUT);
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_stall_of_ours_is_not_the_servers_silence() {
    let simulator = simulator();
    let dial = simulator.clone();
    let connector =
        Dialler::new(move |address| Ok(Box::new(dial.connect(role_of(address))?) as BoxStream));
    let mut run = Run::with_queue(connector, Some("backup"), 1);
    run.upstream.want(specs(&simulator, 50)).await;
    run.until(PairState::Connected, false).await;
    // Nobody takes events for longer than two heartbeat time-outs; the simulator waits longer.
    tokio::time::sleep(T * 3).await;
    run.values(50).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!run.status().on_backup);
    assert_eq!(simulator.counts(Role::Primary).connections_total, 1);
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn only_what_is_received_tells_that_a_server_was_heard() {
    let simulator = simulator();
    let run = Run::new(connect_to(&simulator), None);
    run.upstream.want(specs(&simulator, 10)).await;
    run.until(PairState::Connected, false).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    simulator.command(simulator::Command::Freeze(Role::Primary));
    let heard = run.upstream.heard(ServerId(1)).unwrap();
    // Requests go out, and heartbeats too; nothing comes back.
    for spec in specs(&simulator, 10) {
        let asked = tokio::time::timeout(T / 10, run.fetch(spec)).await;
        assert!(asked.is_err());
    }
    assert_eq!(run.upstream.heard(ServerId(1)), Some(heard));
    run.end().await;
}
