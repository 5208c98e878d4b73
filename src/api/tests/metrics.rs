//! `GET /metrics`: who may read it, and that it counts what went over the sockets.

use super::sockets::{closing, start, status_line};
use super::*;

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n";

#[tokio::test]
async fn figures_need_credentials_unless_their_path_is_open() {
    let bench = Bench::new(Table::default());
    let get = || warp::test::request().path("/metrics");
    bench.send(get()).await.message(401);
    let with = get().header("authorization", EXAMPLE_USER);
    let reply = bench.send(with).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let reply = bench.send(get().method("POST")).await;
    reply.message(405);
    assert_eq!(reply.header("allow"), "GET, HEAD");

    let mut config = config();
    config.open_paths = vec!["/metrics".to_owned()];
    let bench = Bench::configured(Table::default(), config);
    assert_eq!(bench.send(get()).await.status, 200);
}

#[tokio::test]
async fn requests_peeks_and_refusals_are_counted() {
    let mut config = config();
    config.limits.fields = 10;
    let server = start(Table::example(), config).await;
    let post = "POST /genesys/1/statistic HTTP/1.1\r\nHost: x\r\n";
    let many = format!("{EXAMPLE}{}", "&x=1".repeat(10));
    for (request, status) in [
        (closing(post, EXAMPLE), "HTTP/1.1 200 OK"),
        (closing(post, EXAMPLE), "HTTP/1.1 200 OK"),
        (closing(post, &many), "HTTP/1.1 400 Bad Request"),
        (
            closing(post, &EXAMPLE.replace("KSippola", "Nobody")),
            "HTTP/1.1 403 Forbidden",
        ),
        (
            closing(&post.replace("/1/", "/2/"), EXAMPLE),
            "HTTP/1.1 404 Not Found",
        ),
    ] {
        assert_eq!(status_line(&server.exchange(request).await), status);
    }
    let figures = server.exchange(closing(GET, "")).await;
    for line in [
        "peekd_http_requests_total{endpoint=\"/genesys/1/statistic\",status=\"200\"} 2",
        "peekd_http_requests_total{endpoint=\"/genesys/1/statistic\",status=\"400\"} 1",
        "peekd_http_requests_total{endpoint=\"/genesys/1/statistic\",status=\"403\"} 1",
        "peekd_http_requests_total{endpoint=\"other\",status=\"404\"} 1",
        "peekd_peeks_total{outcome=\"hit\"} 2",
        "peekd_peeks_total{outcome=\"refused\"} 1",
        "peekd_refusals_total{limit=\"fields\"} 1",
        "peekd_http_connections_accepted_total 6",
    ] {
        assert!(
            figures.lines().any(|found| found == line),
            "no {line}:\n{figures}"
        );
    }
}
