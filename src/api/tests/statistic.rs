//! `POST /genesys/1/statistic`: what is read from a request, and what an answer looks like.

use super::*;
use crate::model::{NotificationMode, ObjectType, Statistic};
use crate::peek::Why;

#[tokio::test]
async fn the_documents_example_gets_the_documents_answer() {
    let bench = Bench::new(Table::example());
    let reply = bench.send(post(STATISTIC, EXAMPLE)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, r#"{"value":1025}"#);
    let headers: Vec<(&str, &str)> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_eq!(
        headers,
        [
            ("pragma", "no-cache"),
            ("cache-control", "no-cache"),
            ("cache-control", "no-store"),
            ("age", "9"),
            ("content-length", "14"),
            ("content-type", "application/json"),
            ("cache-status", "peekd; hit"),
        ]
    );
    let (query, freshness) = bench.asked();
    let statistic = Statistic::new(
        "TotalLoginTime",
        ObjectType::Agent,
        "KSippola",
        "Environment",
    );
    assert_eq!(query.statistic, statistic);
    assert_eq!(query.mode, NotificationMode::Immediate);
    assert_eq!(password_of(&query), "");
    assert_eq!(freshness, Freshness::default());
}

#[tokio::test]
async fn every_documented_field_is_read_and_unknown_ones_are_ignored() {
    let bench = Bench::new(Table::default());
    let body = "nonsense=1&objectId=9001@SIP;Switch&objectType=place&tenant=A+B%26&nonsense=2\
                &tenantPassword=p%40ss&statisticType=M&notificationMode=Reset&filter=F\
                &timeProfile=P&timeRange=0-20&timeRange2=20-40";
    let reply = bench.send(post(STATISTIC, body)).await;
    assert_eq!(reply.message(403), "not in the table");
    let (query, _) = bench.asked();
    let statistic = Statistic::new("M", ObjectType::AgentPlace, "9001@SIP;Switch", "A B&");
    let statistic = statistic.refined(["F", "P", "0-20", "20-40"], true);
    assert_eq!(query.statistic, statistic);
    assert_eq!(query.mode, NotificationMode::Reset);
    assert_eq!(password_of(&query), "p@ss");
}

#[tokio::test]
async fn modes_other_than_reset_are_no_part_of_the_statistic() {
    let bench = Bench::new(Table::default());
    for (text, mode) in [
        ("NoNotification", NotificationMode::NoNotification),
        ("Periodical", NotificationMode::Periodical),
        ("Immediate", NotificationMode::Immediate),
        ("", NotificationMode::Immediate),
    ] {
        let body = format!("{EXAMPLE}&notificationMode={text}");
        bench.send(post(STATISTIC, body)).await;
        let (query, _) = bench.asked();
        assert_eq!(query.mode, mode);
        assert!(!query.statistic.reset());
    }
}

#[tokio::test]
async fn wrong_forms_name_the_field_and_show_no_value() {
    let bench = Bench::new(Table::example());
    let long = format!("{EXAMPLE}&filter={}", "x".repeat(4097));
    let many = format!("{EXAMPLE}{}", "&x=canary".repeat(1000));
    for (body, field) in [
        (&b""[..], "objectId is missing"),
        (
            b"objectType=Agent&tenant=canary&metric=T",
            "objectId is missing",
        ),
        (
            b"objectId=canary&tenant=E&metric=T",
            "objectType is missing",
        ),
        (
            b"objectId=K&objectType=Agent&metric=canary",
            "tenant is missing",
        ),
        (
            b"objectId=canary&objectType=Agent&tenant=E",
            "metric is missing",
        ),
        (
            b"objectId=&objectType=Agent&tenant=E&metric=T",
            "objectId is empty",
        ),
        (
            b"objectId=K&objectId=canary",
            "objectId is given more than once",
        ),
        (
            b"metric=K&statisticType=canary",
            "metric is given more than once",
        ),
        (
            b"tenantPassword=a&tenantPassword=canary",
            "tenantPassword is given",
        ),
        (
            b"objectId=K&objectType=canary&tenant=E&metric=T",
            "objectType is not one",
        ),
        (
            b"objectId=K&objectType=Agent&tenant=E&metric=T&notificationMode=canary",
            "notificationMode is not one of Immediate",
        ),
        (
            b"objectId=K&objectType=Agent&tenant=E%0acanary&metric=T",
            "tenant holds a control",
        ),
        (
            b"objectId=K&objectType=Agent&tenant=E&metric=T&tenantPassword=canary%00",
            "tenantPassword holds a control",
        ),
        (
            b"tenantPassword=canary%ff",
            "field 'tenantPassword' is not UTF-8",
        ),
        (
            b"tenantPassword=canary\xc3",
            "field 'tenantPassword' is not UTF-8",
        ),
        (
            b"tenantPassword=canary%2",
            "field 'tenantPassword' has a '%'",
        ),
        (long.as_bytes(), "filter is longer than 4096 bytes"),
        (many.as_bytes(), "the form has more than 1000 fields"),
    ] {
        let message = bench.send(post(STATISTIC, body)).await.message(400);
        assert!(message.starts_with(field), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
    assert!(bench.was_asked_nothing());
}

#[tokio::test]
async fn cache_control_reaches_the_answerer_and_cache_status_the_client() {
    let live = Answer {
        age: Age::Known(0),
        source: Source::Live {
            why: Why::Request,
            collapsed: true,
        },
        ..stored("42.50", 0)
    };
    let bench = Bench::new(Table::default().with(EXAMPLE_STATISTIC, Ok(live)));
    let request = post(STATISTIC, EXAMPLE).header("cache-control", "max-age=2, No-Cache");
    let reply = bench.send(request).await;
    assert_eq!(reply.body, r#"{"value":42.50}"#);
    assert_eq!(reply.header("age"), "0");
    assert_eq!(
        reply.header("cache-status"),
        "peekd; fwd=request; collapsed; detail=\"the request asked for a live value\""
    );
    let (_, freshness) = bench.asked();
    assert_eq!(freshness.max_age, Some(Duration::from_secs(2)));
    assert!(freshness.no_cache);
}

const BOUNDARY: &str = "multipart/form-data; boundary=XX";

fn post_multipart(path: &str, body: impl AsRef<[u8]>) -> RequestBuilder {
    post(path, body).header("content-type", BOUNDARY)
}

#[tokio::test]
async fn multipart_bodies_are_read_as_they_stand() {
    let bench = Bench::new(Table::example());
    let body = multipart(&[
        ("objectId", "K+%41é"),
        ("objectType", "Agent"),
        ("tenant", "Environment"),
        ("metric", "TotalLoginTime"),
        ("tenantPassword", "a&b"),
    ]);
    bench
        .send(post_multipart(STATISTIC, body))
        .await
        .message(403);
    let (query, _) = bench.asked();
    assert_eq!(query.statistic.object_id(), "K+%41é");
    assert_eq!(password_of(&query), "a&b");

    let several = multipart(&[("a", EXAMPLE_STATISTIC), ("b", EXAMPLE_STATISTIC)]);
    let reply = bench.send(post_multipart(STATISTICS, several)).await;
    assert_eq!(reply.body, r#"{"a":1025,"b":1025}"#);
}

#[tokio::test]
async fn broken_multipart_bodies_are_bad_requests() {
    let bench = Bench::new(Table::example());
    let whole = multipart(&[("objectId", "K"), ("objectType", "Agent")]);
    // Every place to break off but the last, after which nothing but a line's end is missing.
    for length in 0..whole.len() - 4 {
        let request = post_multipart(STATISTIC, &whole[..length]);
        let message = bench.send(request).await.message(400);
        assert!(
            message.starts_with("the multipart body is broken"),
            "{length}: {message}"
        );
    }
    let bad = [multipart(&[("tenant", "x")]).into_bytes(), b"\xff".to_vec()].concat();
    bench
        .send(post_multipart(STATISTIC, bad))
        .await
        .message(400);
    let bytes = multipart(&[("tenant", "?")])
        .replace('?', "\u{1}")
        .into_bytes();
    let utf8: Vec<u8> = bytes
        .iter()
        .map(|&b| if b == 1 { 0xff } else { b })
        .collect();
    let message = bench
        .send(post_multipart(STATISTIC, utf8))
        .await
        .message(400);
    assert_eq!(message, "field 'tenant' is not UTF-8");

    let request = warp::test::request().method("POST").path(STATISTIC);
    let request = request
        .header("content-type", "multipart/form-data")
        .header("authorization", EXAMPLE_USER);
    let message = bench.send(request).await.message(400);
    assert_eq!(message, "the multipart body's type names no boundary");
}

#[tokio::test]
async fn a_body_without_a_type_is_urlencoded_and_other_types_are_refused() {
    let bench = Bench::new(Table::example());
    let bare = || {
        let request = warp::test::request().method("POST").path(STATISTIC);
        request.header("authorization", EXAMPLE_USER).body(EXAMPLE)
    };
    assert_eq!(bench.send(bare()).await.status, 200);
    for media_type in [
        "APPLICATION/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
    ] {
        let reply = bench.send(bare().header("content-type", media_type)).await;
        assert_eq!(reply.status, 200, "{media_type}");
    }
    for media_type in [
        "application/json",
        "text/plain",
        "",
        "multipart/mixed; boundary=XX",
    ] {
        let reply = bench.send(bare().header("content-type", media_type)).await;
        reply.message(415);
    }
}
