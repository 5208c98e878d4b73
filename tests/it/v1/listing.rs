//! Peeks of several, the list of what is known, and one of them by its id.

use peekd::simulator::{Command, Role};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::{body, get, open_all, post};
use crate::harness::{CREDENTIALS, PATIENCE, World};

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
    assert!(found.header("ETag").is_some(), "{found:?}");
    // The value may change in between; one that stands still is not sent again.
    world.pair.simulator.command(Command::Freeze(Role::Primary));
    world.pair.simulator.command(Command::Freeze(Role::Backup));
    let unchanged = async {
        loop {
            let tag = get(&world, &path).await.header("ETag").unwrap().to_owned();
            let conditional = format!(
                "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{CREDENTIALS}If-None-Match: {tag}\r\n\r\n"
            );
            let status = send_without_body(&world, &conditional).await;
            if status.starts_with("HTTP/1.1 304") {
                return;
            }
            assert!(status.starts_with("HTTP/1.1 200"), "{status}");
        }
    };
    let unchanged = tokio::time::timeout(PATIENCE, unchanged).await;
    unchanged.expect("a value that stands still");

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
