//! `[http] threads`: how many threads serve connections.

use tempfile::TempDir;

use crate::harness::{PATIENCE, Pair, login_time, peek};
use crate::process::Process;

#[tokio::test(flavor = "multi_thread")]
async fn as_many_threads_serve_as_the_configuration_says() {
    let folder = TempDir::new().unwrap();
    let statistic = login_time();
    let mut pair = Pair::start().await;
    for (http, expected) in [
        ("threads = 1", 1),
        ("threads = 3", 3),
        ("", std::thread::available_parallelism().unwrap().get()),
    ] {
        pair.http = http;
        let process = Process::start(&pair, folder.path(), "").await;
        // Live ones: whoever waits leaves the thread to the next.
        let live = || peek(&process.address, &statistic, "Cache-Control: max-age=0\r\n");
        for answer in futures_util::future::join_all((0..8).map(|_| live())).await {
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        // A thread takes its name only once it runs.
        let named = async {
            while process.threads("http-") != expected {
                tokio::task::yield_now().await;
            }
        };
        let named = tokio::time::timeout(PATIENCE, named).await;
        assert!(named.is_ok(), "{http}: {}", process.threads("http-"));
        assert!(process.terminate().await.success());
    }
}
