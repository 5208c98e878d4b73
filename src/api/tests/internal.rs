//! `POST /genesys/1/internal_statistic`: no credentials, and invisible to everybody else.

use super::sockets::{closing, start_edge, status_line};
use super::*;
use crate::api::Face;

#[tokio::test]
async fn inside_there_is_no_login() {
    let bench = Bench::new(Table::example());
    let reply = bench.send(anonymous(INTERNAL, EXAMPLE)).await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (200, r#"{"value":1025}"#)
    );
}

#[tokio::test]
async fn outside_it_looks_like_any_unknown_path() {
    let bench = Bench::new(Table::example());
    let unknown = bench
        .send(anonymous("/genesys/1/other", ""))
        .await
        .message(404);
    let from = |peer: &str| anonymous(INTERNAL, EXAMPLE).extension(Peer(peer.parse().unwrap()));
    let bare = warp::test::request().method("POST").path(INTERNAL);
    for request in [
        from("192.0.2.1:5"),
        from("192.0.2.1:5").method("GET"),
        bare.header("host", "127.0.0.1").body(EXAMPLE),
        anonymous(INTERNAL, EXAMPLE).header("x-forwarded-for", "127.0.0.1"),
        anonymous(INTERNAL, EXAMPLE).header("Via", "1.1 proxy"),
        anonymous(INTERNAL, EXAMPLE).header("forwarded", "for=127.0.0.1"),
        anonymous(INTERNAL, EXAMPLE).header("host", "evil.example:8080"),
    ] {
        assert_eq!(bench.send(request).await.message(404), unknown);
    }
    assert!(bench.was_asked_nothing());
}

#[tokio::test]
async fn a_listener_that_does_not_offer_it_does_not_know_it() {
    let mut config = config();
    config.internal.on_main = false;
    let bench = Bench::configured(Table::example(), config);
    bench.send(anonymous(INTERNAL, EXAMPLE)).await.message(404);
}

#[tokio::test]
async fn a_listener_of_its_own_has_nothing_else_but_health() {
    let mut config = config();
    config.internal.on_main = false;
    // These are the main listener's; who reaches this one may use it.
    config.internal.networks.clear();
    let (server, _) = start_edge(Table::example(), config, Face::Internal).await;
    let ask = async |head: &str, more: &str| {
        let head = format!("{head} HTTP/1.1\r\nHost: localhost\r\n{more}");
        let answer = server.exchange(closing(&head, EXAMPLE)).await;
        status_line(&answer).to_owned()
    };
    let internal = format!("POST {INTERNAL}");
    assert_eq!(ask(&internal, "").await, "HTTP/1.1 200 OK");
    assert_eq!(ask("GET /health/live", "").await, "HTTP/1.1 200 OK");
    assert_eq!(ask("GET /health/ready", "").await, "HTTP/1.1 200 OK");
    for head in [
        "POST /genesys/1/statistic",
        "POST /genesys/1/statistics",
        "GET /metrics",
        "GET /v1/servers",
        "GET /",
    ] {
        assert_eq!(ask(head, "").await, "HTTP/1.1 404 Not Found", "{head}");
    }
    let proxied = "X-Forwarded-For: 127.0.0.1\r\n";
    assert_eq!(ask(&internal, proxied).await, "HTTP/1.1 404 Not Found");
}
