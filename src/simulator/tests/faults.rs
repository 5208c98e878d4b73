//! Heartbeats, kills, freezes, mode changes and their ends.

use std::io::ErrorKind;

use super::*;
use crate::wire::AddpCommand;

const LOGIN: &str = "TotalLoginTime;Agent;KSippola;Environment";

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn heartbeat(&mut self, command: AddpCommand, data: u32) {
        self.stream
            .write_all(&Addp { command, data }.encode())
            .await
            .unwrap();
    }
}

fn packet(command: AddpCommand, data: u32) -> Said {
    Said::Addp(Addp { command, data })
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_answered_and_asked_for() {
    let simulator = simulator();
    let mut client = Client::new(simulator.connect(Role::Primary).unwrap());
    client.heartbeat(AddpCommand::Init, 2_000).await;
    assert_eq!(client.said().await, packet(AddpCommand::InitAnswer, 2_000));
    client.heartbeat(AddpCommand::Poll, 5).await;
    assert_eq!(client.said().await, packet(AddpCommand::PollAnswer, 5));
    client.heartbeat(AddpCommand::Version, 0).await;
    assert_eq!(
        client.said().await,
        packet(AddpCommand::VersionAnswer, 0x200)
    );
    client.heartbeat(AddpCommand::Reconfigure, 3_000).await;
    assert_eq!(
        client.said().await,
        packet(AddpCommand::ReconfigureAnswer, 2_000)
    );

    let start = tokio::time::Instant::now();
    assert_eq!(client.said().await, packet(AddpCommand::Poll, 0));
    assert_eq!(start.elapsed().as_secs(), 3);
    client.heartbeat(AddpCommand::PollAnswer, 0).await;
    assert_eq!(client.said().await, packet(AddpCommand::Poll, 1));
    assert_eq!(
        client.said().await,
        Said::End,
        "an unanswered poll ends the connection"
    );
    assert_eq!(start.elapsed().as_secs(), 9);
    let counts = simulator.counts(Role::Primary);
    assert_eq!((counts.addp_polls_answered, counts.addp_polls_sent), (1, 2));
    assert_eq!(counts.connections_now, 0);
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_killed_server_drops_everybody_and_refuses_until_restored() {
    let simulator = simulator();
    simulator.run_centre();
    let mut client = client(&simulator).await;
    client.ask(open(1, LOGIN)).await;
    tokio::time::advance(Duration::from_mins(1)).await;
    simulator.command(Command::Kill(Role::Primary));
    while client.said().await != Said::End {}
    let refused = simulator.connect(Role::Primary).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(
        simulator.connect(Role::Backup).is_ok(),
        "the other side lives"
    );

    simulator.command(Command::Restore(Role::Primary));
    let mut again = Client::registered(simulator.connect(Role::Primary).unwrap()).await;
    let lost = again
        .ask(Request::Peek {
            reference_id: 2,
            statistic: 1,
        })
        .await;
    assert_eq!(
        lost.kind,
        EventKind::Error,
        "nothing stays open over a restart"
    );
    again.ask(open(1, LOGIN)).await;
    assert!(
        again.event().await.int <= 1,
        "a restarted server counts anew"
    );
    let mut other = Client::registered(simulator.connect(Role::Backup).unwrap()).await;
    other.ask(open(1, LOGIN)).await;
    assert!(other.event().await.int >= 59);
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_frozen_server_takes_everything_and_says_nothing() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    simulator.command(Command::Freeze(Role::Primary));
    client.send(&open(1, LOGIN)).await;
    client.heartbeat(AddpCommand::Poll, 0).await;
    // More than any pipe holds: a frozen server takes bytes without end.
    client
        .stream
        .write_all(&vec![0; PIPE_LEN * 4])
        .await
        .unwrap();
    assert!(client.is_left_alone().await);
    let mut late = Client::new(simulator.connect(Role::Primary).unwrap());
    late.send(&Request::Register(Register::as_client("late", 0)))
        .await;
    assert!(late.is_left_alone().await);

    simulator.command(Command::RestoreAll);
    assert_eq!(client.said().await, Said::End);
    assert_eq!(late.said().await, Said::End);
    assert!(simulator.connect(Role::Primary).is_ok());
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_mode_is_told_to_everybody_and_after_registration() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    simulator.command(Command::BackupMode(Role::Primary));
    let mode = |heard: &Heard| (heard.kind, ServerMode::from_code(heard.int));
    let backup = (EventKind::ServerMode, ServerMode::Backup);
    assert_eq!(mode(&client.event().await), backup);
    let mut late = Client::registered(simulator.connect(Role::Primary).unwrap()).await;
    assert_eq!(mode(&late.event().await), backup);
    simulator.command(Command::RestoreAll);
    for client in [&mut client, &mut late] {
        assert_eq!(
            mode(&client.event().await),
            (EventKind::ServerMode, ServerMode::Primary)
        );
        assert_eq!(
            client.ask(open(1, LOGIN)).await.kind,
            EventKind::StatisticOpened
        );
    }
    simulator.stop().await;
}

/// Over a real socket, on real time: the address is given up and taken again.
#[tokio::test]
async fn a_restored_server_listens_at_the_same_address() {
    let simulator = simulator();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let addr = simulator.listen(Role::Primary, any).await.unwrap();
    let connect = async || tokio::net::TcpStream::connect(addr).await;
    let story = async {
        let mut client = Client::registered(connect().await.unwrap()).await;
        simulator.command(Command::Kill(Role::Primary));
        assert_eq!(client.said().await, Said::End);
        while connect().await.is_ok() {
            tokio::task::yield_now().await;
        }
        simulator.command(Command::Restore(Role::Primary));
        let stream = loop {
            match connect().await {
                Ok(stream) => break stream,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let mut client = Client::registered(stream).await;
        assert_eq!(
            client.ask(open(1, LOGIN)).await.kind,
            EventKind::StatisticOpened
        );
    };
    tokio::time::timeout(Duration::from_secs(20), story)
        .await
        .unwrap();
    simulator.stop().await;
}
