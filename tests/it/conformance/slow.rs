//! Senders of one byte a second: dropped when their time is up, and no nuisance to the others
//! before.

use super::*;

const SLOW: usize = 50;

/// Sends `start` on many connections and then a byte a second on each, for so many seconds. All
/// the while somebody else is answered. Returns what the slow ones were told.
async fn trickle(still: &Still, start: &str, seconds: usize) -> Vec<String> {
    let body = form(&still.statistic("Quick"));
    still.learn(&body).await;
    let mut streams = Vec::new();
    for _ in 0..SLOW {
        let mut stream = TcpStream::connect(&still.world.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    for _ in 0..seconds {
        for stream in &mut streams {
            // Fails once the service has had enough.
            stream.write_all(b"x").await.ok();
        }
        let quick = still.post("statistic", "", &body).await;
        assert!(quick.starts_with("HTTP/1.1 200 OK\r\n"), "{quick}");
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let mut told = Vec::new();
    for mut stream in streams {
        let mut answer = Vec::new();
        // A reset, since bytes were on their way to a connection that was closed.
        stream.read_to_end(&mut answer).await.ok();
        told.push(String::from_utf8(answer).unwrap());
    }
    told
}

async fn assert_refused(still: &Still, limit: &str) {
    let get = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{CREDENTIALS}Connection: close\r\n\r\n");
    let figures = still.exchange(&get).await;
    let line = format!("peekd_refusals_total{{limit=\"{limit}\"}} {SLOW}");
    assert!(
        figures.lines().any(|found| found == line),
        "no {line}:\n{figures}"
    );
}

#[tokio::test(start_paused = true)]
async fn heads_that_trickle_in_are_dropped_at_their_time_limit() {
    let still = Still::start().await;
    let start = "POST /genesys/1/statistic HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    let told = trickle(&still, start, 21).await;
    assert!(told.iter().all(String::is_empty), "{told:?}");
    assert_refused(&still, "header_timeout").await;
}

#[tokio::test(start_paused = true)]
async fn bodies_that_trickle_in_are_told_and_dropped_at_their_time_limit() {
    let still = Still::start().await;
    let start = format!(
        "POST /genesys/1/statistic HTTP/1.1\r\nHost: x\r\n{CREDENTIALS}Content-Length: 91\r\n\r\n"
    );
    let told = trickle(&still, &start, 11).await;
    for answer in told {
        // Where the reset overtook it, nothing is left of the answer.
        let is_told = answer.starts_with("HTTP/1.1 408 Request Timeout\r\n");
        assert!(is_told || answer.is_empty(), "{answer}");
    }
    assert_refused(&still, "request_timeout").await;
}
