//! Grafana's JSON datasource: the sequence of requests that Grafana makes, and the shapes and
//! numbers that it reads.

use peekd::simulator::{Command, Role, ScriptedValue};
use serde_json::{Value, json};

use crate::harness::{CREDENTIALS, PATIENCE, Response, World, login_time};

/// As Grafana's proxy sends it.
async fn post(world: &World, path: &str, body: &Value) -> Response {
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "POST /grafana{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{CREDENTIALS}\
         Accept: application/json, text/plain, */*\r\nContent-Type: application/json\r\n\
         X-Grafana-Org-Id: 1\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    world.send(head.as_bytes()).await
}

async fn list(world: &World, path: &str, body: Value) -> Vec<Value> {
    let response = post(world, path, &body).await;
    assert_eq!(response.status, 200, "{path} {body}: {response:?}");
    let Value::Array(items) = serde_json::from_str(&response.body).unwrap() else {
        panic!("no list: {response:?}");
    };
    items
}

/// The last hour and the next, as the picker of a dashboard has it.
fn range() -> Value {
    let now = peekd::model::Clock::system().wall().0;
    let text = |ms| peekd::model::Timestamp(ms).to_rfc3339();
    let (from, to) = (text(now - 3_600_000), text(now + 3_600_000));
    json!({ "from": from, "to": to, "raw": { "from": "now-1h", "to": "now" } })
}

fn panel(targets: &Value) -> Value {
    json!({
        "app": "dashboard", "requestId": "Q101", "timezone": "browser", "panelId": 2,
        "dashboardUID": "x", "range": range(), "interval": "10s", "intervalMs": 10_000,
        "targets": targets, "maxDataPoints": 100, "adhocFilters": [],
        "scopedVars": { "__interval": { "text": "10s", "value": "10s" } },
    })
}

async fn world() -> World {
    let world = World::start().await;
    let value = ScriptedValue::Number("4711".to_owned());
    world.pair.simulator.set(&login_time(), value);
    let statistics: Vec<_> = world.pair.open_to_all().collect();
    for statistic in &statistics {
        world.peek(statistic, "").await;
    }
    world
        .peek(&login_time(), "Cache-Control: no-cache\r\n")
        .await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn the_datasource_is_tested_and_its_editor_filled() {
    let mut world = world().await;
    for target in ["/grafana", "/grafana/"] {
        let get = |headers: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        let tested = world.send(get(CREDENTIALS).as_bytes()).await;
        assert_eq!(tested.status, 200, "{tested:?}");
        let refused = world.send(get("").as_bytes()).await;
        assert_eq!(refused.status, 401);
        let body: Value = serde_json::from_str(&refused.body).unwrap();
        assert_eq!(body["error"]["code"], "401");
        assert_eq!(body["error"]["message"], body["message"]);
    }

    let metrics = list(&world, "/metrics", json!({})).await;
    let found = metrics.iter().find(|one| one["value"] == "TotalLoginTime");
    let payloads = found.expect("the metric")["payloads"].as_array().unwrap();
    let types = ["select", "multi-select", "input", "textarea"];
    for payload in payloads {
        assert!(
            types.contains(&payload["type"].as_str().unwrap()),
            "{payload}"
        );
    }
    for name in ["objectType", "objectId", "tenant"] {
        assert!(payloads.iter().any(|payload| payload["name"] == name));
        let asked = json!({ "metric": "TotalLoginTime", "payload": {}, "name": name });
        let options = list(&world, "/metric-payload-options", asked).await;
        assert!(!options.is_empty() && options.iter().all(|one| one["value"].is_string()));
    }
    let asked = json!({
        "metric": "TotalLoginTime", "payload": { "objectType": "Queue" }, "name": "objectId",
    });
    assert!(
        list(&world, "/metric-payload-options", asked)
            .await
            .is_empty()
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_and_filters_offer_what_is_known() {
    let mut world = world().await;
    let texts = |items: &[Value], field: &str| -> Vec<String> {
        let text = |item: &Value| item[field].as_str().unwrap().to_owned();
        items.iter().map(text).collect()
    };
    let mut agents: Vec<String> = world
        .pair
        .open_to_all()
        .filter(|one| one.object_type().name() == "Agent" && one.metric() == "TotalLoginTime")
        .map(|one| one.object_id().to_string())
        .collect();
    agents.sort_unstable();
    for payload in [
        json!({ "target": "objectId?objectType=Agent&metric=TotalLoginTime" }),
        json!({ "target": "objectId", "objectType": "agent", "metric": ["TotalLoginTime"] }),
        json!("{\"target\":\"objectId\",\"objectType\":\"Agent\",\"metric\":\"TotalLogin*\"}"),
    ] {
        let asked = json!({ "payload": payload, "range": range() });
        let variables = list(&world, "/variable", asked).await;
        assert_eq!(texts(&variables, "__text"), agents);
        assert_eq!(texts(&variables, "__value"), agents);
    }
    let keys = texts(&list(&world, "/tag-keys", json!({})).await, "text");
    assert!(keys.contains(&"tenant".to_owned()), "{keys:?}");
    for key in keys {
        let values = list(&world, "/tag-values", json!({ "key": key })).await;
        assert!(!values.is_empty(), "{key}");
    }
    for (path, wrong) in [
        ("/variable", json!({ "payload": { "target": "colour" } })),
        (
            "/variable",
            json!({ "payload": { "target": "objectId?colour=blue" } }),
        ),
        ("/tag-values", json!({ "key": "colour" })),
        ("/tag-values", json!({})),
        (
            "/query",
            json!({ "targets": [{ "target": "x", "payload": 7 }] }),
        ),
        (
            "/query",
            json!({ "targets": [{ "target": "a;b;c;d;e;f;g;h;i" }] }),
        ),
        (
            "/query",
            json!({ "range": { "from": "yesterday", "to": "now" } }),
        ),
        ("/query", json!([])),
    ] {
        let refused = post(&world, path, &wrong).await;
        assert_eq!(refused.status, 400, "{path} {wrong}: {refused:?}");
        let body: Value = serde_json::from_str(&refused.body).unwrap();
        assert!(body["message"].is_string());
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn panels_get_series_with_gaps_and_tables() {
    let mut world = world().await;
    let asked = panel(&json!([
        { "refId": "A", "target": "TotalLoginTime",
          "payload": { "objectId": ["KSippola"], "objectType": "Agent" } },
        { "refId": "B", "target": "Total*;Agent;KSippola", "hide": false,
          "payload": { "metric": "(TotalLoginTime|Nothing)", "legend": "{{objectId}} of {{tenant}}" } },
        { "refId": "C", "payload": {} },
    ]));
    // History is told when it is flushed.
    let drawn = async {
        loop {
            let series = list(&world, "/query", asked.clone()).await;
            let mut lines = series.iter().map(|one| one["datapoints"].as_array());
            if lines.all(|line| line.unwrap().last().unwrap()[0] == 4711) {
                return series;
            }
        }
    };
    let drawn = tokio::time::timeout(PATIENCE, drawn).await;
    let series = drawn.expect("the value at the end of each line");
    let names: Vec<&str> = series
        .iter()
        .map(|one| one["target"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["TotalLoginTime KSippola", "KSippola of Environment"]
    );
    for one in &series {
        let points = one["datapoints"].as_array().unwrap();
        // An hour ago nothing was known: the line has a gap there and not a nought.
        assert!(points[0][0].is_null(), "{one}");
        let times: Vec<u64> = points
            .iter()
            .map(|point| point[1].as_u64().unwrap())
            .collect();
        assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    }

    // The Stat Servers are lost: the line ends, and is not drawn on as if somebody vouched for it.
    for role in Role::ALL {
        world.pair.simulator.command(Command::Kill(role));
    }
    let broken_off = async {
        loop {
            let series = list(&world, "/query", asked.clone()).await;
            let points = series[0]["datapoints"].as_array().unwrap();
            if points.last().unwrap()[0].is_null() {
                return;
            }
        }
    };
    let broken_off = tokio::time::timeout(PATIENCE, broken_off).await;
    broken_off.expect("a line that ends");

    let mut asked = panel(&json!([
        { "refId": "A", "target": "*", "payload": { "format": "table" } },
    ]));
    asked["adhocFilters"] = json!([
        { "key": "metric", "operator": "!=", "value": "TotalLoginTime" },
        { "key": "objectType", "operator": "=", "value": "Agent" },
    ]);
    let tables = list(&world, "/query", asked).await;
    assert_eq!(tables[0]["type"], "table");
    let columns = tables[0]["columns"].as_array().unwrap();
    let at = |name: &str| columns.iter().position(|one| one["text"] == name).unwrap();
    let rows = tables[0]["rows"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!(row.as_array().unwrap().len(), columns.len());
        assert_ne!(row[at("metric")], "TotalLoginTime");
        assert_eq!(row[at("objectType")], "Agent");
        assert_eq!(row[at("quality")], "uncertain");
    }
    world.stop().await;
}

/// Every object in a document, from the outside in.
fn objects(value: &Value) -> Vec<&serde_json::Map<String, Value>> {
    let mut found = Vec::new();
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(fields) => {
                found.push(fields);
                waiting.extend(fields.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_dashboards_name_only_what_there_is() {
    let mut world = world().await;
    let get = |target: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nHost: x\r\n{CREDENTIALS}\r\n");
        head.into_bytes()
    };
    let own = world.send(&get("/metrics")).await.body;
    let values = world.send(&get("/metrics?match=*")).await.body;
    let metrics = list(&world, "/metrics", json!({})).await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/grafana");
    let mut seen = [0; 4];
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        assert!(
            dashboard["title"].is_string() && dashboard["uid"].is_string(),
            "{path:?}"
        );
        for object in objects(&dashboard) {
            if let Some(Value::String(url)) = object.get("url") {
                let answer = world.send(&get(url)).await;
                assert_eq!(answer.status, 200, "{path:?} names {url}");
                seen[0] += 1;
            }
            if let Some(Value::String(expr)) = object.get("expr") {
                for (at, _) in expr.match_indices("peekd_") {
                    let name = expr[at..].split(|c: char| !c.is_alphanumeric() && c != '_');
                    let name = name.take(1).collect::<String>();
                    assert!(
                        own.contains(&name) || values.contains(&name),
                        "{path:?}: {name}"
                    );
                }
                seen[1] += 1;
            }
            if let Some(Value::String(target)) = object.get("target") {
                let known = metrics.iter().any(|one| one["value"] == target.as_str());
                assert!(known, "{path:?} names {target}");
                seen[2] += 1;
            }
            if let Some(Value::String(target)) = object.get("definition") {
                let asked = json!({ "payload": { "target": target } });
                assert!(
                    !list(&world, "/variable", asked).await.is_empty(),
                    "{target}"
                );
                seen[3] += 1;
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 1), "{seen:?}");
    world.stop().await;
}
