//! Live values, whether the express lane waits for them or the routes do: alike for who asks.

use peekd::model::{ObjectType, Statistic};
use peekd::simulator::{Command, LogKind, Role, ScriptedValue};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{CREDENTIALS, PATIENCE, Response, World, form, login_time, post};

const LIVE: &str = "Cache-Control: max-age=0\r\n";
/// A browser extension's origin changes no answer, but the express lane leaves it to the routes.
const BY_ROUTES: &str = "Origin: chrome-extension://x\r\n";

/// Statistics that read 4711 and on, each known to the service.
async fn known(world: &World, objects: &[&str]) -> Vec<Statistic> {
    let mut known = Vec::new();
    for (number, object) in (4711..).zip(objects) {
        let metric = "TotalLoginTime";
        let statistic = Statistic::new(metric, ObjectType::Agent, object, "Environment");
        let number = ScriptedValue::Number(number.to_string());
        world.pair.simulator.set(&statistic, number);
        assert_eq!(world.peek(&statistic, "").await.status, 200);
        known.push(statistic);
    }
    known
}

fn several(headers: &str, statistics: &[Statistic]) -> Vec<u8> {
    let field = |(at, statistic): (usize, &Statistic)| format!("s{at}={statistic}");
    let fields: Vec<String> = statistics.iter().enumerate().map(field).collect();
    post("/genesys/1/statistics", headers, &fields.join("&"))
}

/// All of an answer that does not differ from one time to the next.
fn lasting(mut answer: Response) -> (u16, Vec<(String, String)>, String) {
    let differs = ["Date", "X-Request-Id"];
    answer
        .headers
        .retain(|(name, _)| !differs.contains(&name.as_str()));
    (answer.status, answer.headers, answer.body)
}

/// The figure of this name, labels included.
async fn figure(world: &World, name: &str) -> u64 {
    let request = format!("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n{CREDENTIALS}\r\n");
    let told = world.send(request.as_bytes()).await.body;
    let line = |line: &str| {
        let (found, value) = line.rsplit_once(' ')?;
        (found == name).then(|| value.parse().unwrap())
    };
    told.lines().find_map(line).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_told_as_the_routes_tell_them() {
    let mut world = World::start().await;
    let known = known(&world, &["KSippola", "Second", "Third"]).await;
    let undefined = Statistic::new("Undefined", ObjectType::Agent, "KSippola", "Environment");
    let with_unknown = [known.clone(), vec![undefined]].concat();
    for demand in ["max-age=0", "no-cache, max-age=60", "min-fresh=5"] {
        let headers = format!("Cache-Control: {demand}\r\n");
        for asked in [&known[..1], &known, &with_unknown] {
            let by_lane = world.send(&several(&headers, asked)).await;
            let by_routes = format!("{headers}{BY_ROUTES}");
            let by_routes = world.send(&several(&by_routes, asked)).await;
            assert_eq!(lasting(by_lane), lasting(by_routes), "{demand}");
        }
        let path = "/genesys/1/statistic";
        let by_lane = post(path, &headers, &form(&login_time()));
        let by_routes = post(path, &format!("{headers}{BY_ROUTES}"), &form(&login_time()));
        let by_lane = lasting(world.send(&by_lane).await);
        assert_eq!(by_lane.2, "{\"value\":4711}");
        assert_eq!(by_lane, lasting(world.send(&by_routes).await), "{demand}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stat_server_was_asked_is_what_nobody_joined() {
    let world = World::start_with("[peek]\ncoalesce_window = \"1m\"\ndeadline = \"1m\"\n").await;
    let known = known(&world, &["KSippola", "Second", "Third", "Fourth"]).await;
    world
        .pair
        .simulator
        .order("delay primary 20ms")
        .expect("an order");
    let peeks = || {
        let is_peek = |entry: &peekd::simulator::LogEntry| entry.kind == LogKind::Peek;
        world.pair.simulator.log_count(is_peek) as u64
    };
    let live = "peekd_live_fetch_seconds_count";
    let (peeks_before, live_before) = (peeks(), figure(&world, live).await);
    let collapsed_before = figure(&world, "peekd_peeks_collapsed_total").await;
    let request = several(LIVE, &known);
    let asking = (0..50).map(|_| world.send(&request));
    for answer in futures_util::future::join_all(asking).await {
        let status = answer.header("Cache-Status").unwrap_or_default();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(status.starts_with("peekd; fwd=request"), "{status}");
        assert!(status.ends_with("\"4 of 4 were asked of the Stat Server\""));
    }
    let answered = figure(&world, live).await - live_before;
    let collapsed = figure(&world, "peekd_peeks_collapsed_total").await - collapsed_before;
    assert_eq!(answered, 50 * 4);
    assert_eq!(peeks() - peeks_before, answered - collapsed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stat_server_that_says_nothing_costs_one_deadline() {
    let world = World::start_with("[peek]\ndeadline = \"200ms\"\n").await;
    let known = known(&world, &["KSippola", "Second"]).await;
    let freeze = Command::Freeze(Role::Primary);
    world.pair.simulator.command(freeze);
    let answer = world.send(&several(LIVE, &known)).await;
    assert_eq!(answer.status, 500);
    let told = "no value came from the Stat Server within 200ms";
    assert!(answer.body.contains(told), "{answer:?}");
    let late = figure(&world, "peekd_peeks_total{outcome=\"deadline\"}").await;
    assert_eq!(late, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_while_waiting_leaves_no_connection_behind() {
    let world = World::start_with("[peek]\ndeadline = \"1h\"\n").await;
    let known = known(&world, &["KSippola", "Second"]).await;
    let freeze = Command::Freeze(Role::Primary);
    world.pair.simulator.command(freeze);
    let mut stream = TcpStream::connect(&world.address).await.unwrap();
    stream.write_all(&several(LIVE, &known)).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    ended.expect("an end").unwrap();
    assert!(answer.is_empty());
}
