//! Faults that last, and their ends: refusals, half-open servers, slow ways, lost T-Servers.

use super::*;

const LOGIN: &str = "TotalLoginTime;Agent;KSippola;Environment";
const WAITING: &str = "CurrNumberWaitingCalls;Queue;9001@SIP_Switch;Environment";

fn register() -> Request<'static> {
    Request::Register(Register::as_client("test", 0))
}

fn kinds(heard: &[Heard]) -> Vec<(EventKind, i32)> {
    heard.iter().map(|event| (event.kind, event.id)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_refusing_server_answers_registrations_with_an_error() {
    let simulator = simulator();
    let mut early = client(&simulator).await;
    simulator.command(Command::Refuse(Role::Primary));
    let mut late = Client::new(simulator.connect(Role::Primary).unwrap());
    let refused = late.ask(register()).await;
    assert_eq!((refused.kind, refused.id), (EventKind::Error, 0));
    assert_eq!(refused.text, "The server accepts no clients now");
    late.send(&open(1, LOGIN)).await;
    assert!(late.is_left_alone().await, "it is not registered");
    assert_eq!(
        early.ask(open(1, LOGIN)).await.kind,
        EventKind::StatisticOpened
    );
    simulator.command(Command::RestoreAll);
    assert_eq!(late.ask(register()).await.kind, EventKind::Registered);
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_half_open_server_answers_heartbeats_and_nothing_else() {
    let simulator = simulator();
    simulator.command(Command::HalfOpen(Role::Primary));
    let mut client = Client::new(simulator.connect(Role::Primary).unwrap());
    client.send(&register()).await;
    client.send(&open(1, LOGIN)).await;
    let poll = Addp {
        command: crate::wire::AddpCommand::Poll,
        data: 3,
    };
    client.stream.write_all(&poll.encode()).await.unwrap();
    assert!(matches!(
        client.said().await,
        Said::Addp(Addp { data: 3, .. })
    ));
    assert!(client.is_left_alone().await);
    simulator.command(Command::Restore(Role::Primary));
    assert_eq!(client.ask(register()).await.kind, EventKind::Registered);
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_way_takes_its_time_in_each_direction_and_still_pipelines() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    simulator.command(Command::Delay(Role::Primary, Duration::from_millis(75)));
    let start = tokio::time::Instant::now();
    for id in 1..=500 {
        client.send(&open(id, WAITING)).await;
    }
    for id in 1..=500 {
        assert_eq!((client.event().await.id, client.event().await.id), (id, id));
    }
    let took = start.elapsed();
    assert!(
        (150..160).contains(&took.as_millis()),
        "500 opens at 75 ms each way took {took:?}"
    );
    simulator.set(&statistic(WAITING), number("7"));
    let start = tokio::time::Instant::now();
    assert_eq!(client.event().await.text, "7");
    assert!((75..80).contains(&start.elapsed().as_millis()));
    simulator.command(Command::Delay(Role::Primary, Duration::ZERO));
    for _ in 2..=500 {
        client.event().await;
    }
    let start = tokio::time::Instant::now();
    client.ask(open(501, LOGIN)).await;
    assert_eq!(start.elapsed().as_millis(), 0);
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_its_t_server_everything_is_invalid_until_it_is_back() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    simulator.set(&statistic(WAITING), number("7"));
    for (id, text) in [(1, WAITING), (2, LOGIN)] {
        client.ask(open(id, text)).await;
        client.event().await;
    }
    simulator.command(Command::Invalid(Role::Primary));
    let flood = [client.event().await, client.event().await];
    let (invalid, valid) = (EventKind::StatisticInvalid, EventKind::StatisticValid);
    assert_eq!(kinds(&flood), [(invalid, 1), (invalid, 2)]);
    assert_eq!(flood.map(|event| event.tag), [1001, 1002]);
    simulator.set(&statistic(WAITING), number("8"));
    simulator.command(Command::Invalid(Role::Primary));
    assert!(client.is_left_alone().await, "nothing is told twice");

    let opened = [
        client.ask(open(3, WAITING)).await,
        client.event().await,
        client.event().await,
    ];
    let expected = [
        (EventKind::StatisticOpened, 3),
        (EventKind::Info, 3),
        (invalid, 3),
    ];
    assert_eq!(kinds(&opened), expected);
    let mut other = Client::registered(simulator.connect(Role::Primary).unwrap()).await;
    other.ask(open(9, WAITING)).await;
    other.event().await;
    assert_eq!(
        other.event().await.kind,
        invalid,
        "also for who comes later"
    );

    simulator.command(Command::Valid(Role::Primary));
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(client.event().await);
    }
    let expected = [(valid, 1), (EventKind::Info, 1), (valid, 2), (valid, 3)];
    assert_eq!(kinds(&told), expected);
    assert_eq!(told[1].text, "8", "what was missed meanwhile");
    assert!(client.is_left_alone().await);
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn statistics_can_be_closed_unasked() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    for (id, text) in [(5, WAITING), (4, LOGIN), (6, WAITING)] {
        client.ask(open(id, text)).await;
        client.event().await;
    }
    simulator.command(Command::CloseOne(Role::Primary));
    let closed = client.event().await;
    let kind = EventKind::StatisticClosed;
    assert_eq!((closed.kind, closed.id, closed.int), (kind, 4, 4));
    assert_eq!(
        simulator.close_unasked(Role::Primary, &statistic(WAITING)),
        2
    );
    assert_eq!((client.event().await.id, client.event().await.id), (5, 6));
    assert_eq!(simulator.counts(Role::Primary).opens_now, 0);
    assert_eq!(simulator.close_unasked(Role::Primary, &statistic(LOGIN)), 0);
    simulator.stop().await;
}
