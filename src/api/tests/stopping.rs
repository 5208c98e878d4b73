//! The stop: requests in flight are answered, idle connections close, the deadline cuts the rest.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::sockets::{EXAMPLE_HEAD, Server, read_answer, start, status_line};
use super::*;
use crate::api::Summary;

async fn send_example(stream: &mut TcpStream) {
    let request = format!("{EXAMPLE_HEAD}{EXAMPLE}");
    stream.write_all(request.as_bytes()).await.unwrap();
}

fn gated() -> (Table, Gate) {
    let gate = Gate::default();
    let table = Table {
        gate: Some(gate.clone()),
        ..Table::example()
    };
    (table, gate)
}

async fn assert_refuses_connections(server: &Server) {
    // The listener closes a moment after the stop; until then the system may still connect.
    while let Ok(mut stream) = TcpStream::connect(server.address).await {
        stream.read_u8().await.unwrap_err();
    }
}

#[tokio::test]
async fn a_request_in_flight_is_answered_and_its_connection_closed() {
    let (table, gate) = gated();
    let server = start(table, config()).await;
    let mut stream = server.connect().await;
    send_example(&mut stream).await;
    gate.arrived.notified().await;
    server.stop.cancel();
    assert_refuses_connections(&server).await;
    gate.open.notify_one();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status_line(&answer), "HTTP/1.1 200 OK");
    let summary = server.task.await.unwrap();
    let expected = Summary {
        drained: true,
        connections_cut: 0,
    };
    assert_eq!(summary, expected);
}

#[tokio::test]
async fn idle_connections_close_at_once() {
    let server = start(Table::example(), config()).await;
    let mut used = server.connect().await;
    send_example(&mut used).await;
    read_answer(&mut used).await;
    let mut unused = server.connect().await;
    server.stop.cancel();
    used.read_u8().await.unwrap_err();
    unused.read_u8().await.unwrap_err();
    assert!(server.task.await.unwrap().drained);
}

#[tokio::test]
async fn the_deadline_cuts_what_is_left() {
    let (table, gate) = gated();
    let mut config = config();
    config.drain = Duration::from_millis(50);
    let server = start(table, config).await;
    let mut stream = server.connect().await;
    send_example(&mut stream).await;
    gate.arrived.notified().await;
    server.stop.cancel();
    let summary = server.task.await.unwrap();
    let expected = Summary {
        drained: false,
        connections_cut: 1,
    };
    assert_eq!(summary, expected);
    stream.read_u8().await.unwrap_err();
}
