//! Streams that stop being streams of frames.

use super::*;
use crate::wire::AddpCommand;

const WAITING: &str = "CurrNumberWaitingCalls;Queue;9001@SIP_Switch;Environment";

/// Orders the fault of a connection that has something open and answers what is said then, raw.
async fn spoilt(simulator: &Arc<Simulator>, command: Command) -> (Client<DuplexStream>, Vec<u8>) {
    let mut client = client(simulator).await;
    client.ask(open(1, WAITING)).await;
    client.event().await;
    simulator.command(command);
    let raw = raw(&mut client).await;
    (client, raw)
}

/// Everything that is said within ten seconds.
async fn raw(client: &mut Client<DuplexStream>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let listen = async { while client.stream.read_buf(&mut bytes).await.unwrap() > 0 {} };
    let listening = tokio::time::timeout(Duration::from_secs(10), listen).await;
    assert!(listening.is_err(), "the server hung up");
    bytes
}

async fn poll(client: &mut Client<DuplexStream>) {
    let poll = Addp {
        command: AddpCommand::Poll,
        data: 0,
    };
    client.stream.write_all(&poll.encode()).await.unwrap();
}

/// After the fault nothing is said on this connection, whatever happens; others are sound, and the
/// end of the fault ends the connection.
async fn stays_silent(simulator: &Arc<Simulator>, mut client: Client<DuplexStream>) {
    client.send(&open(2, WAITING)).await;
    poll(&mut client).await;
    simulator.set(&statistic(WAITING), number("7"));
    simulator.command(Command::BackupMode(Role::Primary));
    assert!(raw(&mut client).await.is_empty());
    assert_eq!(simulator.counts(Role::Primary).opens_total, 1);
    let sound = Client::registered(simulator.connect(Role::Primary).unwrap()).await;
    simulator.command(Command::Restore(Role::Primary));
    assert_eq!(client.said().await, Said::End);
    assert_eq!(simulator.counts(Role::Primary).connections_now, 1);
    drop(sound);
}

#[tokio::test(start_paused = true)]
async fn a_cut_frame_is_the_last_thing_said() {
    let simulator = simulator();
    let (client, raw) = spoilt(&simulator, Command::CutFrame(Role::Primary)).await;
    let len = u32::from_be_bytes(*raw.first_chunk().unwrap());
    assert_eq!((len, raw.len()), (60, 32));
    let mut input = BytesMut::from(raw.as_slice());
    assert_eq!(Deframer::new(1 << 20).next(&mut input).unwrap(), None);
    stays_silent(&simulator, client).await;
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_huge_length_is_the_last_thing_said() {
    let simulator = simulator();
    let (client, raw) = spoilt(&simulator, Command::HugeLength(Role::Primary)).await;
    assert_eq!(raw.first_chunk(), Some(&[0xff, 0xff, 0xff, 0xfe]));
    let mut input = BytesMut::from(raw.as_slice());
    Deframer::new(usize::MAX >> 40)
        .next(&mut input)
        .unwrap_err();
    stays_silent(&simulator, client).await;
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn garbage_is_no_frame() {
    let simulator = simulator();
    let (_client, raw) = spoilt(&simulator, Command::Garbage(Role::Primary)).await;
    let mut input = BytesMut::from(raw.as_slice());
    Deframer::new(1 << 20).next(&mut input).unwrap_err();
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_endless_frame_trickles_between_heartbeats() {
    let simulator = simulator();
    simulator.run_centre();
    let mut client = client(&simulator).await;
    simulator.command(Command::EndlessFrame(Role::Primary));
    let mut input = BytesMut::from(raw(&mut client).await.as_slice());
    let before = input.len();
    // Ten packets of 16 bytes a second behind the announcement.
    assert!((1_900..2_100).contains(&before), "{before} bytes");
    poll(&mut client).await;
    simulator.set(&statistic(WAITING), number("7"));
    input.extend_from_slice(&raw(&mut client).await);
    let mut deframer = Deframer::new(64 << 20);
    let heartbeat = deframer.next(&mut input).unwrap();
    assert!(
        matches!(heartbeat, Some(Packet::Addp(_))),
        "nothing but the answered heartbeat is complete: {heartbeat:?}"
    );
    assert_eq!(deframer.next(&mut input).unwrap(), None);
    assert!(deframer.is_inside_frame());
    simulator.command(Command::Restore(Role::Primary));
    // What trickled in at the last moment stands before the end.
    let mut rest = Vec::new();
    while client.stream.read_buf(&mut rest).await.unwrap() > 0 {}
    assert!(rest.len() <= 40, "{} bytes", rest.len());
    simulator.stop().await;
}
