//! Freshness after a restart: the wall clock tells the age of what was stored.

use super::directives::not_cached;
use super::*;

/// Learns a value, stops, and starts again without Stat Servers with the wall clock moved.
async fn restarted(wall: Timestamp) -> (Still, String) {
    let mut still = Still::start().await;
    let body = form(&still.statistic("Row"));
    still.learn(&body).await;
    still.disconnect().await;
    still.restart(wall).await;
    (still, body)
}

async fn check(still: &Still, body: &str, rows: &[(&str, String)]) {
    for (directives, expected) in rows {
        let headers = format!("Cache-Control: {directives}\r\n");
        let answer = still.post("statistic", &headers, body).await;
        assert_eq!(&answer, expected, "{directives}");
    }
}

fn unavailable() -> String {
    let status = "500 Internal Server Error";
    refused(status, "", "Statistic Service unavailable")
}

#[tokio::test(start_paused = true)]
async fn a_stored_value_is_as_old_as_the_wall_clock_says() {
    let (still, body) = restarted(Timestamp(NOW.0 + 100_000)).await;
    let stored = |status: &str| answered("{\"value\":1025}", "100", status);
    let rows = [
        ("", stored("hit")),
        ("max-age=100", stored("hit; ttl=0")),
        ("only-if-cached", stored("hit")),
        ("max-age=99", unavailable()),
        ("only-if-cached, max-age=99", not_cached()),
        ("no-cache", unavailable()),
    ];
    check(&still, &body, &rows).await;
}

#[tokio::test(start_paused = true)]
async fn a_value_from_the_future_is_too_old_for_every_limit() {
    let (still, body) = restarted(Timestamp(NOW.0 - 1_000)).await;
    let stored = |status: &str| answered("{\"value\":1025}", "2147483648", status);
    let rows = [
        ("", stored("hit")),
        ("only-if-cached", stored("hit")),
        ("max-age=99999999999", unavailable()),
        ("max-age=0, max-stale=99999999999", unavailable()),
        ("only-if-cached, max-age=99999999999", not_cached()),
        ("max-age=0, max-stale", stored("hit")),
        ("no-cache, stale-if-error=99999999999", unavailable()),
    ];
    check(&still, &body, &rows).await;
}
