//! `POST /genesys/1/internal_statistic`: no credentials, and invisible to everybody else.

use super::*;

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
    config.loopback_main = false;
    let bench = Bench::configured(Table::example(), config);
    bench.send(anonymous(INTERNAL, EXAMPLE)).await.message(404);
}
