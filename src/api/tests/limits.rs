//! What a client may not do: send too much, too slowly, or over too many connections.

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::sockets::{EXAMPLE_HEAD, closing, read_answer, start, status_line};
use super::*;

const POST: &str = "POST /genesys/1/statistic HTTP/1.1\r\nHost: x\r\n";
const TEN_MEGABYTES: usize = 10 * 1024 * 1024;

#[tokio::test]
async fn a_body_over_the_limit_is_413_with_the_connection_readable() {
    let server = start(Table::example(), config()).await;
    let body = "x".repeat(TEN_MEGABYTES);
    let answer = server.exchange(closing(POST, &body)).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 413 Payload Too Large");
    assert!(
        answer.contains("the body is longer than 1048576 bytes"),
        "{answer}"
    );

    let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    let request = format!(
        "{POST}Authorization: {EXAMPLE_USER}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(10)
    );
    let answer = server.exchange(request).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 413 Payload Too Large");
}

#[tokio::test]
async fn multipart_bodies_have_the_same_limit() {
    let server = start(Table::example(), config()).await;
    let head = format!("{POST}Content-Type: multipart/form-data; boundary=XX\r\n");
    let part = "--XX\r\nContent-Disposition: form-data; name=\"filter\"\r\n\r\n";
    let body = format!("{part}{}\r\n--XX--\r\n", "x".repeat(TEN_MEGABYTES));
    let answer = server.exchange(closing(&head, &body)).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 413 Payload Too Large");
}

#[tokio::test]
async fn every_early_refusal_leaves_the_connection_readable_and_usable() {
    let server = start(Table::example(), config()).await;
    let body = "x".repeat(TEN_MEGABYTES);
    for (head, status) in [
        (
            "POST /genesys/1/statistic HTTP/1.1",
            "HTTP/1.1 401 Unauthorized",
        ),
        (
            "PUT /genesys/1/statistic HTTP/1.1",
            "HTTP/1.1 405 Method Not Allowed",
        ),
        ("POST /unknown HTTP/1.1", "HTTP/1.1 404 Not Found"),
    ] {
        let length = body.len();
        let request = format!("{head}\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(status_line(&read_answer(&mut stream).await), status);
        stream
            .write_all(format!("{EXAMPLE_HEAD}{EXAMPLE}").as_bytes())
            .await
            .unwrap();
        assert_eq!(
            status_line(&read_answer(&mut stream).await),
            "HTTP/1.1 200 OK"
        );
    }
}

#[tokio::test]
async fn a_client_that_waits_to_continue_is_refused_before_it_sends() {
    let server = start(Table::example(), config()).await;
    let request = format!(
        "{POST}Authorization: {EXAMPLE_USER}\r\nExpect: 100-continue\r\n\
         Content-Length: {TEN_MEGABYTES}\r\n\r\n"
    );
    // Read to the end: the connection closes, since the body never comes.
    let answer = server.exchange(request).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 413 Payload Too Large");
    assert!(answer.contains("Connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_come_closes_the_connection() {
    let mut config = config();
    config.limits.header_timeout = Duration::from_millis(100);
    let server = start(Table::example(), config).await;
    for sent in ["", "P", "POST /genesys/1/statistic HTTP/1.1\r\nHo"] {
        // Reads to the end: without the time-out this would never return.
        let answer = server.exchange(sent).await;
        assert!(!answer.contains("200"), "{answer}");
    }
}

#[tokio::test]
async fn a_head_over_the_limit_is_431() {
    let server = start(Table::example(), config()).await;
    let head = format!("{POST}X-Long: {}\r\n", "x".repeat(20 * 1024));
    let answer = server.exchange(closing(&head, "")).await;
    assert_eq!(
        status_line(&answer),
        "HTTP/1.1 431 Request Header Fields Too Large"
    );
}

fn chunked(head: &str, body: &str) -> String {
    format!(
        "{POST}{head}Authorization: {EXAMPLE_USER}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    )
}

fn hasty() -> Config {
    let mut config = config();
    config.limits.request_timeout = Duration::from_millis(100);
    // The longer of the two holds, with a second on top of the peek's.
    config.peek_deadline = Duration::ZERO;
    config
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let server = start(Table::example(), hasty()).await;
    let request =
        format!("{POST}Authorization: {EXAMPLE_USER}\r\nContent-Length: 91\r\n\r\nobjectId=KS");
    let answer = server.exchange(request).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 408 Request Timeout");
    assert!(answer.contains("Connection: close\r\n"), "{answer}");
    assert!(
        answer.contains("the request did not arrive within 1s"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_500() {
    let table = Table {
        gate: Some(Gate::default()),
        ..Table::example()
    };
    let mut config = hasty();
    // On a busy machine a password alone may take a second to prove.
    config.peek_deadline = Duration::from_secs(2);
    let server = start(table, config).await;
    let fields = EXAMPLE
        .split('&')
        .map(|field| field.split_once('=').unwrap());
    let form = multipart(&fields.collect::<Vec<_>>());
    let form_type = "Content-Type: multipart/form-data; boundary=XX\r\n";
    let requests = [
        closing(POST, EXAMPLE),
        chunked("", EXAMPLE),
        chunked(form_type, &form),
    ];
    for answer in join_all(requests.map(|request| server.exchange(request))).await {
        assert_eq!(status_line(&answer), "HTTP/1.1 500 Internal Server Error");
        assert!(answer.contains("Statistic Service unavailable"), "{answer}");
        assert!(answer.contains("X-Request-Id: "), "{answer}");
    }
}

#[tokio::test]
async fn connections_over_the_limit_are_told_so() {
    let mut config = config();
    config.limits.connections_per_address = 1;
    config.limits.unlimited_networks.clear();
    let server = start(Table::example(), config).await;
    let mut first = server.connect().await;
    first
        .write_all(format!("{EXAMPLE_HEAD}{EXAMPLE}").as_bytes())
        .await
        .unwrap();
    assert_eq!(
        status_line(&read_answer(&mut first).await),
        "HTTP/1.1 200 OK"
    );

    let answer = server.exchange(closing(POST, EXAMPLE)).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 503 Service Unavailable");
    assert!(answer.contains("Retry-After: 1\r\n"), "{answer}");

    // The place comes back with the end of the connection that held it.
    first
        .write_all(closing(POST, EXAMPLE).as_bytes())
        .await
        .unwrap();
    let mut rest = String::new();
    first.read_to_string(&mut rest).await.unwrap();
    loop {
        let answer = server.exchange(closing(POST, EXAMPLE)).await;
        if status_line(&answer) == "HTTP/1.1 200 OK" {
            break;
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_connection() {
    // More than the system buffers between two sockets.
    let text = "x".repeat(32 * 1024 * 1024);
    let mut config = config();
    config.limits.request_timeout = Duration::from_millis(100);
    let table = Table::default().with(EXAMPLE_STATISTIC, Ok(stored(&text, 0)));
    let server = start(table, config).await;
    let mut stream = server.connect().await;
    stream
        .write_all(format!("{EXAMPLE_HEAD}{EXAMPLE}").as_bytes())
        .await
        .unwrap();
    // Ready means that the answer has begun; nothing of it is read before the server gives up,
    // which the drain waits for.
    stream.readable().await.unwrap();
    server.stop.cancel();
    assert!(server.task.await.unwrap().drained);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    assert!(answer.len() < text.len());
}
