//! The API document's own examples, and every fault a client can make.

use peekd::model::{ObjectType, Statistic};

use crate::harness::{CREDENTIALS, PATIENCE, Response, World, login_time, post};

/// The API document's first example; its second has one header more.
fn example(cache_control: &str) -> Vec<u8> {
    let body = "objectId=KSippola&objectType=Agent&tenant=Environment&tenantPassword=\
                &metric=TotalLoginTime";
    assert_eq!(body.len(), 91);
    format!(
        "POST http://127.0.0.1:8080/genesys/1/statistic HTTP/1.1\r\n\
         Host: 127.0.0.1:8080\r\n\
         Connection: keep-alive\r\n\
         Content-Length: 91\r\n\
         {cache_control}\
         Authorization: Basic ZGVmYXVsdDpwYXNzd29yZA==\r\n\
         Origin: chrome-extension://fdmmgilgnpjigdojojpjoooidkmcomcm\r\n\
         User-Agent: Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.22 (KHTML, like Gecko) \
         Chrome/25.0.1364.97 Safari/537.22\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\
         Accept: */*\r\n\
         Accept-Encoding: gzip,deflate,sdch\r\n\
         Accept-Language: en-US,en;q=0.8,fr;q=0.6,fr-FR;q=0.4\r\n\
         Accept-Charset: ISO-8859-1,utf-8;q=0.7,*;q=0.3\r\n\r\n{body}"
    )
    .into_bytes()
}

fn check_headers(response: &Response) {
    let names: Vec<&str> = response
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| !["Date", "Cache-Status"].contains(name))
        .collect();
    let documented = [
        "Pragma",
        "Cache-Control",
        "Cache-Control",
        "Age",
        "Content-Length",
        "Content-Type",
    ];
    assert_eq!(names, documented);
    let values = |wanted: &str| -> Vec<&str> {
        let of_name = response.headers.iter().filter(|(name, _)| name == wanted);
        of_name.map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(values("Pragma"), ["no-cache"]);
    assert_eq!(values("Cache-Control"), ["no-cache", "no-store"]);
    assert_eq!(values("Content-Type"), ["application/json"]);
    assert_eq!(values("Content-Length"), [response.body.len().to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_example_gets_the_documented_answer() {
    let mut world = World::start().await;
    let response = world.send(&example("")).await;
    check_headers(&response);
    assert_eq!(response.body, format!("{{\"value\":{}}}", response.value()));
    assert_eq!(
        response.header("Cache-Status"),
        Some("peekd; fwd=miss; detail=\"no value was known\"")
    );
    let again = world.send(&example("")).await;
    check_headers(&again);
    assert_eq!(again.header("Cache-Status"), Some("peekd; hit"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_example_gets_a_value_no_older_than_two_seconds() {
    let mut world = World::start().await;
    // A statistic that does not change is not notified, so that its stored value grows old.
    let quiet = Statistic::new(
        "TotalLoginTime",
        ObjectType::Agent,
        "KSippola",
        "Environment",
    );
    let frozen = peekd::simulator::ScriptedValue::Number("1025".to_owned());
    world.pair.simulator.set(&quiet, frozen);
    let fetched_live = async {
        loop {
            let response = world.send(&example("Cache-Control: max-age=2\r\n")).await;
            check_headers(&response);
            assert_eq!(response.body, "{\"value\":1025}");
            assert!(response.age() <= 2, "{response:?}");
            if response
                .header("Cache-Status")
                .unwrap()
                .contains("fwd=stale")
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, fetched_live)
        .await
        .expect("a live value");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_statistics_come_back_in_the_order_asked() {
    let mut world = World::start().await;
    let body = "stat1=ExpectedWaitTime;Queue;9002@SIP_Switch;Environment\
                &stat2=ExpectedWaitTime;Queue;9001@SIP_Switch;Environment";
    let response = world.send(&post("/genesys/1/statistics", "", body)).await;
    assert_eq!(response.status, 200, "{response:?}");
    check_headers(&response);
    let backwards = body.split('&').rev().collect::<Vec<_>>().join("&");
    let reversed = world
        .send(&post("/genesys/1/statistics", "", &backwards))
        .await;
    for (response, order) in [
        (response, ["stat1", "stat2"]),
        (reversed, ["stat2", "stat1"]),
    ] {
        let place = |name: &str| response.body.find(name).unwrap();
        assert!(place(order[0]) < place(order[1]), "{}", response.body);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_gets_its_documented_status_and_a_message_that_says_what_is_wrong() {
    let mut world = World::start().await;
    let single = "/genesys/1/statistic";
    let several = "/genesys/1/statistics";
    let good = "objectId=KSippola&objectType=Agent&tenant=Environment&metric=TotalLoginTime";
    let with = |from: &str, to: &str| good.replace(from, to);
    for (path, body, status, says) in [
        (
            single,
            with("TotalLoginTime", "NoSuchMetric"),
            403,
            "NoSuchMetric",
        ),
        (
            single,
            with("KSippola", "Nobody"),
            403,
            "Agent 'Nobody' (Tenant 'Environment') not found",
        ),
        (single, with("=Environment", "=Atlantis"), 403, "Atlantis"),
        (single, with("Agent", "Planet"), 400, "objectType"),
        (single, with("&metric=TotalLoginTime", ""), 400, "metric"),
        (single, with("KSippola", ""), 400, "objectId"),
        (single, with("KSippola", "%ff"), 400, "objectId"),
        (single, with("KSippola", "%4"), 400, "objectId"),
        (single, format!("{good}&metric=Other"), 400, "metric"),
        (
            single,
            format!("{good}&notificationMode=Often"),
            400,
            "notificationMode",
        ),
        (
            several,
            "a=NoSuchMetric;Queue;9001@SIP_Switch;Environment".into(),
            404,
            "NoSuchMetric",
        ),
        (
            several,
            "a=ExpectedWaitTime;Queue;1@Nowhere;Environment".into(),
            404,
            "1@Nowhere",
        ),
        (several, "a=ExpectedWaitTime;Queue".into(), 400, "a"),
        (several, String::new(), 400, ""),
    ] {
        let response = world.send(&post(path, "", &body)).await;
        assert_eq!(response.status, status, "{body}: {response:?}");
        let message = response.message();
        assert!(
            !message.is_empty() && message.contains(says),
            "{body}: {message}"
        );
        assert_eq!(response.header("Age"), None);
    }

    let wrong_password = CREDENTIALS.replace("ZGVmYXVsdDpwYXNzd29yZA==", "ZGVmYXVsdDp3cm9uZw==");
    let request = String::from_utf8(post(single, "", good)).unwrap();
    for credentials in ["", &wrong_password] {
        let response = world
            .send(request.replace(CREDENTIALS, credentials).as_bytes())
            .await;
        assert_eq!(response.status, 401, "{response:?}");
        let challenge = "Basic realm=\"peekd\", charset=\"UTF-8\"";
        assert_eq!(response.header("WWW-Authenticate"), Some(challenge));
        assert!(!response.message().is_empty());
    }
    let wrong_method = request.replace("POST", "PUT");
    let response = world.send(wrong_method.as_bytes()).await;
    assert_eq!(
        (response.status, response.header("Allow")),
        (405, Some("POST"))
    );

    let large = "x".repeat(10 * 1024 * 1024);
    let response = world
        .send(&post(single, "", &format!("{good}&x={large}")))
        .await;
    assert_eq!(response.status, 413, "{response:?}");
    assert!(!response.message().is_empty());

    assert_eq!(
        world.peek(&login_time(), "").await.status,
        200,
        "and it lives on"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_password_opens_its_statistics_and_a_wrong_one_sees_nothing() {
    let mut world = World::start().await;
    let ask = |password: &str| {
        let body = format!(
            "objectId=KSippola&objectType=Agent&tenant=Resources&tenantPassword={password}\
             &metric=TotalLoginTime"
        );
        post("/genesys/1/statistic", "", &body)
    };
    let statistic = Statistic::new("TotalLoginTime", ObjectType::Agent, "KSippola", "Resources");
    world.pair.simulator.set(
        &statistic,
        peekd::simulator::ScriptedValue::Number("7".to_owned()),
    );
    assert_eq!(world.send(&ask("wrong")).await.status, 403);
    assert_eq!(world.send(&ask("open+sesame")).await.body, "{\"value\":7}");
    assert_eq!(
        world.send(&ask("open+sesame")).await.header("Cache-Status"),
        Some("peekd; hit")
    );
    for password in ["wrong", "other", ""] {
        let response = world.send(&ask(password)).await;
        assert_eq!(response.status, 403, "{password:?}: {response:?}");
    }
    assert_eq!(
        world.send(&ask("open+sesame")).await.status,
        200,
        "the right one is not spoiled"
    );

    // The password is not stored, so a restarted service knows it as little as anybody.
    world.stop().await;
    world.launch().await;
    assert_eq!(world.send(&ask("wrong")).await.status, 403);
    assert_eq!(world.send(&ask("")).await.status, 403);
    assert_eq!(world.send(&ask("open+sesame")).await.body, "{\"value\":7}");
    world.stop().await;
}
