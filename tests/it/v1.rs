//! Looking around and following along: `/v1`.

use std::collections::BTreeMap;
use std::time::Duration;

use peekd::simulator::{Command, Role, ScriptedValue};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::harness::{CREDENTIALS, PATIENCE, Response, World, login_time};

async fn get(world: &World, target: &str) -> Response {
    let head = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{CREDENTIALS}\r\n");
    world.send(head.as_bytes()).await
}

async fn post(world: &World, target: &str, body: &str) -> Response {
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{CREDENTIALS}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    world.send(head.as_bytes()).await
}

fn body(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{response:?}");
    serde_json::from_str(&response.body).unwrap()
}

/// Opens everything there is, and answers how many that are.
async fn open_all(world: &World) -> usize {
    let statistics = world.pair.open_to_all();
    let texts: Vec<String> = statistics.map(|statistic| statistic.to_string()).collect();
    let peeked = body(
        &post(
            world,
            "/v1/peek",
            &json!({ "statistics": texts }).to_string(),
        )
        .await,
    );
    let items = peeked["statistics"].as_array().unwrap();
    for (item, text) in items.iter().zip(&texts) {
        assert_eq!(item["statistic"], *text);
        assert_eq!(item["known"]["quality"], "good", "{item}");
        // A newer one may be known already.
        assert!(
            !item["value"].is_null() && !item["known"]["value"].is_null(),
            "{item}"
        );
    }
    texts.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_statistic_has_its_own_answer() {
    let mut world = World::start().await;
    let asked = json!({ "statistics": [
        "TotalLoginTime;Agent;KSippola;Environment",
        { "metric": "TotalLoginTime", "objectType": "Agent", "objectId": "Nobody", "tenant": "Environment" },
        "no statistic",
    ] });
    let peeked = body(&post(&world, "/v1/peek", &asked.to_string()).await);
    let items = peeked["statistics"].as_array().unwrap();
    assert_eq!(items[0]["known"]["metric"], "TotalLoginTime");
    assert!(
        items[0]["value"].is_number() && items[0]["age"] == 0.0,
        "{items:?}"
    );
    assert_eq!(items[1]["error"]["status"], 403);
    assert_eq!(items[2]["error"]["status"], 400);
    for wrong in ["", "[]", "{\"statistics\":[1]}", "{\"statistic\":[]}"] {
        let refused = post(&world, "/v1/peek", wrong).await;
        assert_eq!(refused.status, 400, "{wrong}: {refused:?}");
        assert_eq!(
            refused.header("Content-Type"),
            Some("application/problem+json")
        );
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_listed_page_by_page_and_found_by_its_id_over_a_restart() {
    let mut world = World::start().await;
    let count = open_all(&world).await;
    let mut listed: Vec<Value> = Vec::new();
    let mut target = "/v1/statistics?limit=7".to_owned();
    loop {
        let page = body(&get(&world, &target).await);
        listed.extend(page["statistics"].as_array().unwrap().iter().cloned());
        match page["cursor"].as_str() {
            Some(cursor) => target = format!("/v1/statistics?limit=7&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(listed.len(), count);
    let queues = body(&get(&world, "/v1/statistics?objectType=Queue&metric=Curr*").await);
    let queues = queues["statistics"].as_array().unwrap();
    let is_one = |one: &Value| {
        one["objectType"] == "Queue" && one["metric"].as_str().unwrap().starts_with("Curr")
    };
    assert!(
        !queues.is_empty() && queues.iter().all(is_one),
        "{queues:?}"
    );
    assert_eq!(
        queues.len(),
        listed.iter().filter(|one| is_one(one)).count()
    );

    let one = &queues[0];
    let path = format!("/v1/statistics/{}", one["id"].as_str().unwrap());
    let found = get(&world, &path).await;
    assert_eq!(body(&found)["statistic"], one["statistic"]);
    let tag = found.header("ETag").unwrap();
    let conditional = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{CREDENTIALS}If-None-Match: {tag}\r\n\r\n"
    );
    // The value may change in between; one that stands still is not sent again.
    world.pair.simulator.command(Command::Freeze(Role::Primary));
    world.pair.simulator.command(Command::Freeze(Role::Backup));
    let again = get(&world, &path).await.header("ETag").unwrap().to_owned();
    let conditional = conditional.replace(tag, &again);
    let unchanged = send_without_body(&world, &conditional).await;
    assert!(unchanged.starts_with("HTTP/1.1 304"), "{unchanged}");

    world.stop().await;
    world.launch().await;
    let restored = body(&get(&world, &path).await);
    assert_eq!(restored["statistic"], one["statistic"]);
    assert_eq!(restored["quality"], "uncertain");
    assert_eq!(get(&world, "/v1/statistics/7b-00000000").await.status, 404);
    assert_eq!(get(&world, "/v1/statistics?colour=blue").await.status, 400);
    world.stop().await;
}

async fn send_without_body(world: &World, request: &str) -> String {
    let mut stream = TcpStream::connect(&world.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.unwrap();
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_since_a_revision_also_of_before_a_restart() {
    let mut world = World::start().await;
    open_all(&world).await;
    let all = body(&get(&world, "/v1/changes?since=0").await);
    let revision = all["revision"].as_str().unwrap().to_owned();
    world
        .pair
        .simulator
        .set(&login_time(), ScriptedValue::Number("4711".to_owned()));
    let text = login_time().to_string();
    let changed = async {
        loop {
            let changes = body(&get(&world, &format!("/v1/changes?since={revision}")).await);
            let list = changes["changes"].as_array().unwrap().clone();
            let found = list.iter().find(|one| one["statistic"] == text.as_str());
            if found.is_some_and(|one| one["value"] == 4711) {
                return changes["revision"].as_str().unwrap().to_owned();
            }
        }
    };
    let later = tokio::time::timeout(PATIENCE, changed)
        .await
        .expect("the change");
    let none = body(&get(&world, &format!("/v1/changes?since={later}&metric=Nothing")).await);
    assert_eq!(none["changes"], json!([]));

    world.stop().await;
    world.launch().await;
    // Trust was lost: everything that was good is told again.
    let restarted = body(&get(&world, &format!("/v1/changes?since={later}")).await);
    let told = restarted["changes"].as_array().unwrap();
    assert!(
        told.iter().any(|one| one["statistic"] == text.as_str()),
        "{told:?}"
    );
    for odd in ["ffff-1", "1-ffffffffffff"] {
        let reset = get(&world, &format!("/v1/changes?since={odd}")).await;
        assert_eq!(
            (reset.status, reset.body.as_str()),
            (410, "{\"reset\":true}")
        );
    }
    for wrong in ["since=yesterday", "quality=good"] {
        let refused = get(&world, &format!("/v1/changes?{wrong}")).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    world.stop().await;
}

/// What a client that polls for changes makes of them: each statistic by its id, without its age.
#[derive(Default)]
struct Polled {
    revision: String,
    known: BTreeMap<String, Value>,
}

impl Polled {
    /// Asks for what changed since the last time; answers how much that was.
    async fn poll(&mut self, world: &World) -> usize {
        let since = &self.revision;
        let told = body(&get(world, &format!("/v1/changes?since={since}")).await);
        told["revision"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.revision);
        let changes = told["changes"].as_array().unwrap();
        for change in changes {
            let id = change["id"].as_str().unwrap().to_owned();
            if change["deleted"] == true {
                self.known.remove(&id);
            } else {
                self.known.insert(id, without_age(change));
            }
        }
        changes.len()
    }
}

fn without_age(one: &Value) -> Value {
    let mut one = one.clone();
    one.as_object_mut().unwrap().remove("age");
    one
}

#[tokio::test(flavor = "multi_thread")]
async fn who_polls_through_a_restart_knows_what_a_list_tells() {
    let mut world = World::start().await;
    let opened = open_all(&world).await;
    let simulator = world.pair.simulator.clone();
    simulator.set_rate(2_000);
    simulator.run_centre();
    let mut client = Polled {
        revision: "0".to_owned(),
        ..Polled::default()
    };
    let mut told = 0;
    for round in 0..60 {
        if round == 30 {
            world.stop().await;
            world.launch().await;
        }
        told += client.poll(&world).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(told > 2 * opened, "{told} changes of {opened} statistics");
    simulator.command(Command::Freeze(Role::Primary));
    let at_rest = async {
        // What is under way comes in first; trust in it is lost for good meanwhile or not at all.
        loop {
            while client.poll(&world).await > 0 {}
            let list = body(&get(&world, "/v1/statistics?limit=10000").await);
            let list = list["statistics"].as_array().unwrap();
            let listed: BTreeMap<String, Value> = list
                .iter()
                .map(|one| (one["id"].as_str().unwrap().to_owned(), without_age(one)))
                .collect();
            if client.poll(&world).await == 0 {
                return listed;
            }
        }
    };
    let listed = tokio::time::timeout(PATIENCE, at_rest).await.expect("rest");
    assert!(listed.len() >= opened);
    assert_eq!(client.known, listed);
    world.stop().await;
}

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

#[tokio::test(flavor = "multi_thread")]
async fn history_is_told_as_changes_and_in_steps_over_a_restart() {
    let mut world = World::start().await;
    assert_eq!(world.peek(&login_time(), "").await.status, 200);
    let listed = body(&get(&world, "/v1/statistics?metric=TotalLoginTime").await);
    let id = listed["statistics"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/statistics/{id}/history");
    let told = |wanted: f64| {
        let (world, path) = (&world, &path);
        async move {
            loop {
                let history = body(&get(world, path).await);
                let samples = history["samples"].as_array().unwrap().clone();
                if samples.iter().any(|sample| sample["value"] == wanted) {
                    return history;
                }
            }
        }
    };
    for text in ["4711", "4712.5"] {
        let value = ScriptedValue::Number(text.to_owned());
        world.pair.simulator.set(&login_time(), value);
        let wanted = text.parse().unwrap();
        let told = tokio::time::timeout(PATIENCE, told(wanted)).await;
        assert_eq!(
            told.expect("the value")["statistic"],
            login_time().to_string()
        );
    }
    let steps = body(&get(&world, &format!("{path}?step=10m&aggregate=max")).await);
    let points = steps["points"].as_array().unwrap();
    let last = points.last().unwrap();
    assert_eq!(
        (points.len(), &last["value"]),
        (6, &json!(4712.5)),
        "{last}"
    );
    assert_eq!(points[0]["value"], Value::Null, "nothing was known then");

    world.stop().await;
    world.launch().await;
    let history = body(&get(&world, &path).await);
    let gaps = history["gaps"].as_array().unwrap();
    // The orderly stop closed the link first.
    let is_down = |gap: &Value| gap["reason"] == "link down";
    assert!(gaps.iter().any(is_down), "{gaps:?}");
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{CREDENTIALS}Accept: text/csv\r\n\r\n");
    let csv = world.send(head.as_bytes()).await;
    assert_eq!(
        csv.header("Content-Type").unwrap(),
        "text/csv; charset=utf-8; header=present"
    );
    let mut rows = csv.body.lines();
    assert_eq!(
        rows.next(),
        Some("statistic,time,value,quality,server,epoch")
    );
    let row = rows.find(|row| row.contains(",4712.5,")).unwrap();
    assert!(row.starts_with(&format!("{},2", login_time())) && row.contains(",good,StatServer,"));
    assert_eq!(
        get(&world, "/v1/statistics/7b-00000000/history")
            .await
            .status,
        404
    );
    assert_eq!(get(&world, &format!("{path}?from=never")).await.status, 400);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_configured_and_refused_is_shown_as_bad_with_the_reason() {
    let nobody = "TotalLoginTime;Agent;Nobody;Environment";
    let open = format!("[[open]]\nstatistic = \"{nobody}\"\n");
    let mut world = World::start_with(&open).await;
    let refused = async {
        loop {
            let bad = body(&get(&world, "/v1/statistics?quality=bad").await);
            if let Some(one) = bad["statistics"].as_array().unwrap().first() {
                return one.clone();
            }
        }
    };
    let one = tokio::time::timeout(PATIENCE, refused)
        .await
        .expect("the refusal");
    assert_eq!(
        (&one["statistic"], &one["value"]),
        (&json!(nobody), &Value::Null)
    );
    assert!(one["refusal"].as_str().unwrap().contains("Nobody"), "{one}");
    world.stop().await;
}
