//! Looking around and following along: `/v1`.

mod changes;
mod history;
mod listing;
mod streaming;

use serde_json::{Value, json};

use crate::harness::{CREDENTIALS, Response, World};

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
