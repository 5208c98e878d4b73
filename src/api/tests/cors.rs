//! Web pages of other origins: what their browsers are told, over real sockets.

use super::sockets::{closing, start, status_line};
use super::*;

const WALL: &str = "https://wall.example";

fn open_to_the_wall() -> Config {
    let mut config = config();
    config.origins = vec![WALL.to_owned()];
    config
}

fn preflight(path: &str, method: &str, origin: &str) -> String {
    format!(
        "OPTIONS {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {origin}\r\n\
         Access-Control-Request-Method: {method}\r\n\
         Access-Control-Request-Headers: authorization,cache-control\r\n\
         Connection: close\r\n\r\n"
    )
}

fn head_of(answer: &str) -> String {
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    head.to_ascii_lowercase()
}

fn has(answer: &str, line: &str) -> bool {
    head_of(answer).lines().any(|found| found == line)
}

#[tokio::test]
async fn a_listed_page_is_told_what_it_may_send_and_reads_the_answer() {
    let server = start(Table::example(), open_to_the_wall()).await;
    for (path, method, allowed) in [
        (STATISTIC, "POST", "POST"),
        ("/v1/statistics", "GET", "GET, HEAD"),
    ] {
        let answer = server.exchange(preflight(path, method, WALL)).await;
        assert_eq!(status_line(&answer), "HTTP/1.1 204 No Content");
        let methods = format!("access-control-allow-methods: {allowed}").to_ascii_lowercase();
        for line in [
            "access-control-allow-origin: https://wall.example",
            "access-control-allow-headers: \
             authorization, content-type, cache-control, if-none-match, last-event-id",
            "vary: origin",
            &methods,
        ] {
            assert!(has(&answer, line), "no {line}: {answer}");
        }
        assert!(!head_of(&answer).contains("allow-credentials"), "{answer}");
    }
    let head = format!("POST {STATISTIC} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {WALL}\r\n");
    let answer = server.exchange(closing(&head, EXAMPLE)).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 200 OK");
    for line in [
        "access-control-allow-origin: https://wall.example",
        "access-control-expose-headers: age, cache-status, etag, retry-after, x-request-id",
        "vary: origin",
    ] {
        assert!(has(&answer, line), "no {line}: {answer}");
    }
    // A page reads also why it gets nothing.
    let refused = closing(&head, EXAMPLE).replace(EXAMPLE_USER, "Basic eDp5");
    let refused = server.exchange(refused).await;
    assert_eq!(status_line(&refused), "HTTP/1.1 401 Unauthorized");
    assert!(has(
        &refused,
        "access-control-allow-origin: https://wall.example"
    ));
}

#[tokio::test]
async fn other_pages_are_told_nothing() {
    let server = start(Table::example(), open_to_the_wall()).await;
    for origin in [
        "https://evil.example",
        "https://wall.example.evil.example",
        "http://wall.example",
        "null",
    ] {
        let asked = server.exchange(preflight(STATISTIC, "POST", origin)).await;
        assert_eq!(status_line(&asked), "HTTP/1.1 405 Method Not Allowed");
        assert!(!head_of(&asked).contains("access-control"), "{asked}");
        assert!(has(&asked, "vary: origin"), "{asked}");
    }
    let twice = preflight(STATISTIC, "POST", &format!("{WALL}\r\nOrigin: {WALL}"));
    let twice = server.exchange(twice).await;
    assert!(!head_of(&twice).contains("access-control"), "{twice}");
}

#[tokio::test]
async fn while_no_origin_is_listed_there_is_no_trace_of_it() {
    let server = start(Table::example(), config()).await;
    let asked = server.exchange(preflight(STATISTIC, "POST", WALL)).await;
    assert_eq!(status_line(&asked), "HTTP/1.1 405 Method Not Allowed");
    for text in ["access-control", "vary"] {
        assert!(!head_of(&asked).contains(text), "{asked}");
    }
}

#[tokio::test]
async fn what_is_hidden_stays_hidden_from_browsers() {
    let mut config = open_to_the_wall();
    config.internal.on_main = false;
    let server = start(Table::example(), config).await;
    for path in [INTERNAL, "/nothing/here"] {
        let asked = server.exchange(preflight(path, "POST", WALL)).await;
        assert_eq!(status_line(&asked), "HTTP/1.1 404 Not Found", "{path}");
    }
}
