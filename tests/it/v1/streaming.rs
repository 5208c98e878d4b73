//! The stream of changes.

use peekd::simulator::{Command, Role, ScriptedValue};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::{body, get, open_all, post};
use crate::harness::{CREDENTIALS, PATIENCE, World, login_time};

/// A stream of events.
struct Events(BufReader<TcpStream>);

#[derive(Debug)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Events {
    async fn of(world: &World, target: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(&world.address).await.unwrap();
        let head = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut events = Self(BufReader::new(stream));
        let status = events.line().await.unwrap();
        assert!(status.starts_with("HTTP/1.1 200"), "{status}");
        while !events.line().await.unwrap().is_empty() {}
        events
    }

    /// One line, without those that frame the chunks; `None` at the end.
    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_line(&mut line)).await;
        let read = read.expect("a line").unwrap_or(0);
        (read > 0).then(|| line.trim_end().to_owned())
    }

    async fn next(&mut self) -> Option<Event> {
        let (mut name, mut id) = (String::new(), None);
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some(("event", text)) => text.clone_into(&mut name),
                Some(("id", text)) => id = Some(text.to_owned()),
                Some(("data", text)) => {
                    let data = serde_json::from_str(text).unwrap();
                    return Some(Event { name, id, data });
                }
                _ => {}
            }
        }
    }

    /// Reads on until an event is as wanted.
    async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if wanted(&event) {
                return event;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_what_is_known_and_then_what_changes_and_can_be_resumed() {
    let mut world = World::start().await;
    let count = open_all(&world).await;
    let given = body(&post(&world, "/v1/tickets", "").await);
    let target = format!("/v1/stream?ticket={}", given["ticket"].as_str().unwrap());
    let mut events = Events::of(&world, &target, "").await;
    let mut known = 0;
    let end = loop {
        let event = events.next().await.unwrap();
        if event.name == "snapshot-end" {
            break event;
        }
        assert_eq!(event.name, "snapshot");
        known += event.data["statistics"].as_array().unwrap().len();
    };
    assert_eq!(known, count);
    assert!(end.id.is_some());
    let refused = get(&world, &target).await;
    assert_eq!(refused.status, 403, "a ticket is good once");

    let set = |text: &str| {
        let value = ScriptedValue::Number(text.to_owned());
        world.pair.simulator.set(&login_time(), value);
    };
    let tells = |event: &Event, value: i64| {
        let text = login_time().to_string();
        let changes = event.data["changes"].as_array();
        changes.is_some_and(|changes| {
            changes
                .iter()
                .any(|one| one["statistic"] == text.as_str() && one["value"] == value)
        })
    };
    set("4711");
    let told = events.until(|event| tells(event, 4711)).await;
    drop(events);
    set("4712");
    let last = told
        .id
        .expect("the last event of an update names its revision");
    let headers = format!("{CREDENTIALS}Last-Event-ID: {last}\r\n");
    let mut resumed = Events::of(&world, "/v1/stream?metric=TotalLoginTime", &headers).await;
    let first = resumed.until(|event| event.name != "heartbeat").await;
    assert_eq!(first.name, "update", "no snapshot");
    if !tells(&first, 4712) {
        resumed.until(|event| tells(event, 4712)).await;
    }

    // The service stops: the stream ends, so that the reader comes back.
    let mut ended = Events::of(&world, "/v1/stream", CREDENTIALS).await;
    world.stop().await;
    while resumed.next().await.is_some() || ended.next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_stat_server_shows_in_the_stream_at_once() {
    let mut world = World::start().await;
    open_all(&world).await;
    let target = "/v1/stream?metric=TotalLoginTime&objectId=KSippola";
    let mut events = Events::of(&world, target, CREDENTIALS).await;
    events.until(|event| event.name == "snapshot-end").await;
    for role in Role::ALL {
        world.pair.simulator.command(Command::Kill(role));
    }
    let doubted = events
        .until(|event| event.data["changes"][0]["quality"] == "uncertain")
        .await;
    assert_eq!(doubted.name, "update");
    world.pair.simulator.command(Command::RestoreAll);
    events
        .until(|event| event.data["changes"][0]["quality"] == "good")
        .await;
    world.stop().await;
}
