//! SIGTERM in the middle of it all: whoever was asked to wait gets an answer.

use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::harness::{Pair, form, login_time, post, read_response};
use crate::process::Process;

const CLIENTS: usize = 64;

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
