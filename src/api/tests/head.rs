//! HEAD: what GET would be told, without the body. And refusals before any route, in the shape that
//! the path has.

use super::sockets::{start, status_line};
use super::*;

fn ask(method: &str, path: &str, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {EXAMPLE_USER}\r\n{more}\
         Connection: close\r\n\r\n"
    )
}

/// The head's lines, but for the date and the request's id.
fn lines(answer: &str) -> Vec<&str> {
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let own = |line: &&str| !line.starts_with("Date: ") && !line.starts_with("X-Request-Id: ");
    let mut lines: Vec<&str> = head.lines().filter(own).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn head_is_answered_as_get_is_but_for_the_body() {
    let server = start(Table::example(), config()).await;
    for (path, status) in [
        ("/", "HTTP/1.1 200 OK"),
        ("/health/live", "HTTP/1.1 200 OK"),
        ("/health/ready", "HTTP/1.1 200 OK"),
        ("/v1/openapi.json", "HTTP/1.1 200 OK"),
        ("/v1/statistics", "HTTP/1.1 200 OK"),
        ("/v1/servers", "HTTP/1.1 200 OK"),
        ("/v1/statistics/unknown", "HTTP/1.1 404 Not Found"),
        ("/v1/nothing", "HTTP/1.1 404 Not Found"),
        ("/grafana", "HTTP/1.1 200 OK"),
    ] {
        let got = server.exchange(ask("GET", path, "")).await;
        let told = server.exchange(ask("HEAD", path, "")).await;
        assert_eq!(status_line(&told), status, "{path}");
        assert_eq!(lines(&told), lines(&got), "{path}");
        assert!(told.ends_with("\r\n\r\n"), "{path}: {told}");
        assert!(!got.ends_with("\r\n\r\n"), "{path}: {got}");
    }
    let anonymous = ask("HEAD", "/metrics", "").replace("Authorization", "X");
    let refused = server.exchange(anonymous).await;
    assert_eq!(status_line(&refused), "HTTP/1.1 401 Unauthorized");
    let posted_to = server.exchange(ask("HEAD", STATISTIC, "")).await;
    assert_eq!(status_line(&posted_to), "HTTP/1.1 405 Method Not Allowed");
    assert!(posted_to.contains("\r\nAllow: POST\r\n"), "{posted_to}");
    assert!(posted_to.ends_with("\r\n\r\n"), "{posted_to}");
}

#[tokio::test]
async fn what_is_unchanged_says_so_to_head_as_well_and_tells_no_length() {
    let server = start(Table::example(), config()).await;
    let page = server.exchange(ask("HEAD", "/", "")).await;
    let mut lines = lines(&page).into_iter();
    let tag = lines.find_map(|line| line.strip_prefix("Etag: "));
    let more = format!("If-None-Match: {}\r\n", tag.unwrap());
    let unchanged = server.exchange(ask("HEAD", "/", &more)).await;
    assert_eq!(status_line(&unchanged), "HTTP/1.1 304 Not Modified");
    assert!(!unchanged.contains("Content-Length"), "{unchanged}");
}

#[tokio::test]
async fn a_refusal_before_any_route_has_the_shape_of_its_path() {
    let server = start(Table::example(), config()).await;
    for (path, content_type, part) in [
        (
            "/v1/statistics",
            "application/problem+json",
            "\"detail\":\"the Host header is given more than once\"",
        ),
        (
            "/v1",
            "application/problem+json",
            "\"title\":\"Bad Request\"",
        ),
        ("/v1x", "application/json", "\"exception\":"),
        ("/grafana/query", "application/json", "\"error\":{"),
        (STATISTIC, "application/json", "\"exception\":"),
    ] {
        let answer = server.exchange(ask("GET", path, "Host: b\r\n")).await;
        assert_eq!(status_line(&answer), "HTTP/1.1 400 Bad Request", "{path}");
        let line = format!("Content-Type: {content_type}");
        assert!(lines(&answer).contains(&line.as_str()), "{answer}");
        assert!(answer.contains(part), "{answer}");
    }
}
