//! Limits that a reload exchanges: for the next request where they are of requests, for the next
//! connection where they are of connections.

use tokio::io::AsyncWriteExt as _;

use super::sockets::{read_answer, start_shared, status_line};
use super::*;
use crate::api::Face;

fn one(body: &str, more: &str) -> String {
    let length = body.len();
    format!(
        "POST {STATISTIC} HTTP/1.1\r\nHost: a\r\nAuthorization: {EXAMPLE_USER}\r\n{more}\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn limits_hold_from_the_next_request_on_in_the_lane_as_by_the_routes() {
    let table = Table {
        shows: true,
        ..Table::example()
    };
    let (server, edge) = start_shared(Arc::new(table), config(), Face::Main).await;
    let mut stream = server.connect().await;
    let mut limits = config().limits;
    let by_lane = one(EXAMPLE, "");
    let by_routes = one(EXAMPLE, "Origin: app://x\r\n");
    for (body, fields, response, status) in [
        (1000, 1000, 1000, "HTTP/1.1 200 OK"),
        (10, 1000, 1000, "HTTP/1.1 413 Payload Too Large"),
        (1000, 2, 1000, "HTTP/1.1 400 Bad Request"),
        (1000, 1000, 5, "HTTP/1.1 500 Internal Server Error"),
        (1000, 1000, 1000, "HTTP/1.1 200 OK"),
    ] {
        (limits.body, limits.fields, limits.response) = (body, fields, response);
        edge.replace_limits(limits.clone());
        for request in [&by_routes, &by_lane, &by_lane] {
            stream.write_all(request.as_bytes()).await.unwrap();
            let answer = read_answer(&mut stream).await;
            assert_eq!(status_line(&answer), status, "{body} {fields} {response}");
        }
    }
}

#[tokio::test]
async fn a_heads_limit_holds_from_the_next_connection_on() {
    let (server, edge) = start_shared(Arc::new(Table::example()), config(), Face::Main).await;
    let long = one(EXAMPLE, &format!("X: {}\r\n", "a".repeat(12 * 1024)));
    let mut before = server.connect().await;
    before.write_all(long.as_bytes()).await.unwrap();
    let answer = read_answer(&mut before).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 200 OK");
    let mut limits = config().limits;
    limits.header = 9 * 1024;
    edge.replace_limits(limits);
    let mut after = server.connect().await;
    after.write_all(long.as_bytes()).await.unwrap();
    let answer = read_answer(&mut after).await;
    let too_large = "HTTP/1.1 431 Request Header Fields Too Large";
    assert_eq!(status_line(&answer), too_large);
}
