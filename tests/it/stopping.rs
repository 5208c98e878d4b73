//! SIGTERM in the middle of it all: whoever was asked to wait gets an answer.

use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::harness::{Pair, form, login_time, post, read_response};
use crate::process::Process;

const CLIENTS: usize = 64;

/// Reads one answer, a good one; tells whether it is the connection's last.
async fn read_last_or_not(stream: &mut BufReader<TcpStream>) -> bool {
    let (mut is_last, mut length) = (false, 0);
    for place in 0.. {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let line = line.strip_suffix("\r\n").expect("a whole line");
        if place == 0 {
            assert_eq!(line, "HTTP/1.1 200 OK");
        }
        if let Some(text) = line.strip_prefix("Content-Length: ") {
            length = text.parse().unwrap();
        }
        is_last |= line == "Connection: close";
        if line.is_empty() {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    is_last
}

/// Peeks on one connection that come at once.
const PIPELINED: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn no_pipelined_request_before_a_connections_last_answer_is_left_without_one() {
    let pair = Pair::start().await;
    let folder = TempDir::new().unwrap();
    let process = Process::start(&pair, folder.path(), "").await;
    let busy = Arc::new(Barrier::new(CLIENTS + 1));
    // Every other connection asks for one that takes the routes, in the middle of the others.
    let usual = post("/genesys/1/statistic", "", &form(&login_time()));
    let odd = post(
        "/genesys/1/statistic",
        "Origin: app://x\r\n",
        &form(&login_time()),
    );
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let middle = if client % 2 == 0 { &usual } else { &odd };
        let rest = usual.repeat(PIPELINED / 2);
        let requests = [usual.repeat(PIPELINED / 2 - 1), middle.clone(), rest].concat();
        let (busy, address) = (busy.clone(), process.address.clone());
        clients.spawn(async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut is_over = false;
            for turn in 0.. {
                if turn == 10 {
                    busy.wait().await;
                }
                stream.write_all(&requests).await.unwrap();
                for _ in 0..PIPELINED {
                    // Fails, and the test with it, when the connection ends without an answer that
                    // says so: what was sent behind that one is to be sent again elsewhere.
                    is_over = read_last_or_not(&mut stream).await;
                    if is_over {
                        break;
                    }
                }
                if is_over {
                    break;
                }
            }
        });
    }
    busy.wait().await;
    assert!(process.terminate().await.success());
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_of_64_busy_connections_is_left_without_an_answer() {
    let pair = Pair::start().await;
    let folder = TempDir::new().unwrap();
    let process = Process::start(&pair, folder.path(), "").await;
    let busy = Arc::new(Barrier::new(CLIENTS + 1));
    let request = post("/genesys/1/statistic", "", &form(&login_time()));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (busy, request) = (busy.clone(), request.clone());
        let address = process.address.clone();
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for turn in 0.. {
                if turn == 10 {
                    busy.wait().await;
                }
                // Fails, and the test with it, when the connection ends without an answer.
                stream.write_all(&request).await.unwrap();
                let answer = read_response(&mut stream).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                if answer.header("Connection") == Some("close") {
                    break;
                }
            }
        });
    }
    busy.wait().await;
    // Within the grace period, or this fails.
    assert!(process.terminate().await.success());
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}
