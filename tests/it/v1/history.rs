//! What a statistic was.

use peekd::simulator::ScriptedValue;
use serde_json::{Value, json};

use super::{body, get};
use crate::harness::{CREDENTIALS, PATIENCE, World, login_time};

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
