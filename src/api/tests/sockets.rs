//! Over real sockets: bytes in, bytes out, as the clients of the API document see them.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::api::{Face, Summary, serve_edge};

/// A listener on a free port.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<Summary>,
    /// Streams go on for as long as somebody could say that the service stops.
    _readiness: watch::Sender<Readiness>,
}

pub(super) async fn start(table: Table, config: Config) -> Server {
    start_edge(table, config, Face::Main).await.0
}

pub(super) async fn start_edge(
    table: Table,
    config: Config,
    face: Face,
) -> (Server, Arc<Edge<Table>>) {
    start_shared(Arc::new(table), config, face).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test itself waits for the task"
)]
pub(super) async fn start_shared(
    table: Arc<Table>,
    config: Config,
    face: Face,
) -> (Server, Arc<Edge<Table>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_, answers) = watch::channel(Some(table));
    let (ready, readiness) = watch::channel(ready());
    let stop = CancellationToken::new();
    let edge = Arc::new(Edge::new(Arc::new(config), answers, readiness));
    let serving = serve_edge(listener, face, Arc::clone(&edge), stop.clone());
    let server = Server {
        address,
        stop,
        task: tokio::spawn(serving),
        _readiness: ready,
    };
    (server, edge)
}

impl Server {
    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes on a connection of their own, and reads to the connection's end.
    pub(super) async fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        String::from_utf8(self.exchange_bytes(request).await).unwrap()
    }

    pub(super) async fn exchange_bytes(&self, request: impl AsRef<[u8]>) -> Vec<u8> {
        let mut stream = self.connect().await;
        stream.write_all(request.as_ref()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    }
}

/// One answer with a `Content-Length`, leaving the connection open.
pub(super) async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    loop {
        answer.push(stream.read_u8().await.unwrap());
        let text = std::str::from_utf8(&answer).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let lower = head.to_ascii_lowercase();
        let (_, length) = lower.split_once("content-length: ").unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() == length {
            return text.to_owned();
        }
    }
}

/// The API document's first example request, but for the line's ends that it does not show.
pub(super) const EXAMPLE_HEAD: &str = "\
POST http://127.0.0.1:8080/genesys/1/statistic HTTP/1.1\r\n\
Host: 127.0.0.1:8080\r\n\
Connection: keep-alive\r\n\
Content-Length: 91\r\n\
Authorization: Basic ZGVmYXVsdDpwYXNzd29yZA==\r\n\
Origin: chrome-extension://fdmmgilgnpjigdojojpjoooidkmcomcm\r\n\
User-Agent: Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.22 (KHTML, like Gecko) Chrome/25.0.1364.97 Safari/537.22\r\n\
Content-Type: application/x-www-form-urlencoded\r\n\
Accept: */*\r\n\
Accept-Encoding: gzip,deflate,sdch\r\n\
Accept-Language: en-US,en;q=0.8,fr;q=0.6,fr-FR;q=0.4\r\n\
Accept-Charset: ISO-8859-1,utf-8;q=0.7,*;q=0.3\r\n\
\r\n";

/// A minimal request that asks for the connection to be closed.
pub(super) fn closing(head: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{head}Authorization: {EXAMPLE_USER}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

pub(super) fn status_line(answer: &str) -> &str {
    answer.lines().next().unwrap_or_default()
}

#[tokio::test]
async fn the_documents_example_request_gets_the_documents_response_head() {
    let server = start(Table::example(), config()).await;
    let mut stream = server.connect().await;
    // Twice on one connection, as the example keeps it alive.
    for _ in 0..2 {
        stream.write_all(EXAMPLE_HEAD.as_bytes()).await.unwrap();
        stream.write_all(EXAMPLE.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        let (before_date, date) = answer.split_once("Date: ").unwrap();
        assert_eq!(
            before_date,
            "HTTP/1.1 200 OK\r\n\
             Pragma: no-cache\r\n\
             Cache-Control: no-cache\r\n\
             Cache-Control: no-store\r\n\
             Age: 9\r\n\
             Content-Length: 14\r\n\
             Content-Type: application/json\r\n\
             Cache-Status: peekd; hit\r\n"
        );
        assert!(date.ends_with(" GMT\r\n\r\n{\"value\":1025}"), "{date}");
    }
}

#[tokio::test]
async fn the_documents_second_and_third_examples_are_understood() {
    let table = Table::example()
        .with(
            "ExpectedWaitTime;Queue;9002@SIP_Switch;Environment",
            Ok(stored("10000", 0)),
        )
        .with(
            "ExpectedWaitTime;Queue;9001@SIP_Switch;Environment",
            Ok(stored("10000", 0)),
        );
    let mut config = config();
    config.open_paths = vec![STATISTICS.to_owned()];
    let server = start(table, config).await;
    let with_age = EXAMPLE_HEAD
        .replace(
            "Content-Length",
            "Cache-Control: max-age=2\r\nContent-Length",
        )
        .replace("keep-alive", "close");
    let answer = server.exchange(with_age + EXAMPLE).await;
    assert!(answer.ends_with("{\"value\":1025}"), "{answer}");

    let several = "POST /genesys/1/statistics HTTP/1.1\r\nAccept:*/*\r\nConnection:close\r\n\
        Content-Length:113\r\nContent-Type: application/x-www-form-urlencoded\r\n\
        Host:localhost:8080\r\nOrigin:http://localhost:8080\r\n\r\n\
        stat1=ExpectedWaitTime;Queue;9002@SIP_Switch;Environment\
        &stat2=ExpectedWaitTime;Queue;9001@SIP_Switch;Environment";
    let answer = server.exchange(several).await;
    assert!(
        answer.ends_with("{\"stat1\":10000,\"stat2\":10000}"),
        "{answer}"
    );
}

#[tokio::test]
async fn one_readable_host_is_needed() {
    let server = start(Table::example(), config()).await;
    let post = "POST /genesys/1/statistic HTTP/1.1\r\n";
    for (head, expected) in [
        (post.to_owned(), "the Host header is missing"),
        (
            format!("{post}Host: a\r\nHost: a\r\n"),
            "the Host header is given more than once",
        ),
        (
            format!("{post}Host: a b\r\n"),
            "the Host header names no host",
        ),
        (format!("{post}Host:\r\n"), "the Host header names no host"),
    ] {
        let answer = server.exchange(closing(&head, EXAMPLE)).await;
        assert_eq!(status_line(&answer), "HTTP/1.1 400 Bad Request");
        assert!(answer.contains(expected), "{answer}");
        assert!(answer.contains("StatServerException"), "{answer}");
    }
    let old = "POST /genesys/1/statistic HTTP/1.0\r\n";
    let answer = server.exchange(closing(old, EXAMPLE)).await;
    assert_eq!(status_line(&answer), "HTTP/1.0 200 OK");
}

#[tokio::test]
async fn a_target_in_absolute_form_overrules_the_host() {
    let server = start(Table::example(), config()).await;
    let head = |authority: &str, host: &str| {
        format!("POST http://{authority}/genesys/1/internal_statistic HTTP/1.1\r\nHost: {host}\r\n")
    };
    for (authority, host, status) in [
        ("127.0.0.1:8080", "evil.example", "HTTP/1.1 200 OK"),
        ("u:p@localhost", "localhost", "HTTP/1.1 200 OK"),
        ("evil.example", "127.0.0.1:8080", "HTTP/1.1 404 Not Found"),
    ] {
        let answer = server
            .exchange(closing(&head(authority, host), EXAMPLE))
            .await;
        assert_eq!(status_line(&answer), status, "{authority}");
    }
}

#[tokio::test]
async fn odd_targets_and_methods_are_answered() {
    let server = start(Table::example(), config()).await;
    for (line, status) in [
        (
            "GET /genesys/1/statistic HTTP/1.1",
            "HTTP/1.1 405 Method Not Allowed",
        ),
        ("GET /unknown HTTP/1.1", "HTTP/1.1 404 Not Found"),
        ("GET /health/live?x=%ff HTTP/1.1", "HTTP/1.1 200 OK"),
        ("GET http://localhost HTTP/1.1", "HTTP/1.1 200 OK"),
        ("OPTIONS * HTTP/1.1", "HTTP/1.1 404 Not Found"),
        ("CONNECT localhost:80 HTTP/1.1", "HTTP/1.1 404 Not Found"),
        ("GET localhost:80 HTTP/1.1", "HTTP/1.1 400 Bad Request"),
        ("GET /health/live/ HTTP/1.1", "HTTP/1.1 200 OK"),
        ("GET /health/live// HTTP/1.1", "HTTP/1.1 404 Not Found"),
        (
            "BREW /genesys/1/statistics HTTP/1.1",
            "HTTP/1.1 405 Method Not Allowed",
        ),
    ] {
        let answer = server
            .exchange(closing(&format!("{line}\r\nHost: x\r\n"), ""))
            .await;
        assert_eq!(status_line(&answer), status, "{line}");
    }
}

#[tokio::test]
async fn chunked_bodies_are_read() {
    let server = start(Table::example(), config()).await;
    let (first, second) = EXAMPLE.split_at(40);
    let request = format!(
        "POST /genesys/1/statistic HTTP/1.1\r\nHost: x\r\nAuthorization: {EXAMPLE_USER}\r\n\
         Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    );
    let answer = server.exchange(request).await;
    assert!(answer.ends_with("{\"value\":1025}"), "{answer}");
}

#[tokio::test]
async fn a_client_that_waits_to_continue_is_told_to() {
    let server = start(Table::example(), config()).await;
    let mut stream = server.connect().await;
    let head = EXAMPLE_HEAD.replace("Accept: */*", "Expect: 100-continue");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(EXAMPLE.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn broken_utf8_is_a_bad_request_that_names_the_field() {
    let server = start(Table::example(), config()).await;
    let head = "POST /genesys/1/statistic HTTP/1.1\r\nHost: x\r\n";
    let mut request = closing(head, "objectId=canaryX").into_bytes();
    *request.last_mut().unwrap() = 0xff;
    let answer = server.exchange(request).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 400 Bad Request");
    assert!(answer.contains("field 'objectId' is not UTF-8"), "{answer}");
    assert!(!answer.contains("canary"), "{answer}");
}

#[tokio::test]
async fn doubled_credentials_are_none() {
    let server = start(Table::example(), config()).await;
    let head = format!(
        "POST /genesys/1/statistic HTTP/1.1\r\nHost: x\r\nAuthorization: {EXAMPLE_USER}\r\n"
    );
    let answer = server.exchange(closing(&head, EXAMPLE)).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 401 Unauthorized");
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_is_closed_with_an_answer() {
    let mut config = config();
    config.limits.header_timeout = Duration::from_hours(3);
    // While a blocking call runs, a paused clock moves only when told to.
    let (_hold, until) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || until.recv());
    let server = start(Table::example(), config).await;
    let mut stream = server.connect().await;
    for is_last in [false, true] {
        stream.write_all(EXAMPLE_HEAD.as_bytes()).await.unwrap();
        stream.write_all(EXAMPLE.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert_eq!(status_line(&answer), "HTTP/1.1 200 OK");
        assert_eq!(
            answer.contains("Connection: close\r\n"),
            is_last,
            "{answer}"
        );
        tokio::time::advance(Duration::from_hours(1)).await;
    }
    stream.read_u8().await.unwrap_err();
}
