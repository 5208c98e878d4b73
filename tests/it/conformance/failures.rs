//! Freshness while no Stat Server answers: what the store may stand in for, and what it may not.

use super::directives::not_cached;
use super::*;

const AGE_S: u64 = 30;
const STOOD_IN: &str = "the Stat Server gave no value, so the last known one is answered";

fn unavailable() -> String {
    let status = "500 Internal Server Error";
    refused(status, "", "Statistic Service unavailable")
}

fn stored(cache_status: &str) -> String {
    answered("{\"value\":1025}", &AGE_S.to_string(), cache_status)
}

fn stood_in(why: &str) -> String {
    stored(&format!("fwd={why}; detail=\"{STOOD_IN}\""))
}

async fn check(mode: &str, rows: &[(&str, String)]) {
    let still = Still::start().await;
    let body = format!("{}&notificationMode={mode}", form(&still.statistic("Row")));
    still.learn(&body).await;
    tokio::time::advance(Duration::from_secs(AGE_S)).await;
    still.disconnect().await;
    for (directives, expected) in rows {
        let headers = format!("Cache-Control: {directives}\r\n");
        let answer = still.post("statistic", &headers, &body).await;
        assert_eq!(&answer, expected, "{directives}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_a_value_is_answered_as_far_as_the_directives_allow() {
    let rows = [
        ("", stored("hit")),
        ("max-stale=1", stored("hit")),
        ("no-store", stored("hit")),
        ("max-age=30", stored("hit; ttl=0")),
        ("max-age=10, max-stale=20", stored("hit; ttl=0")),
        ("max-age=0, max-stale", stored("hit")),
        ("only-if-cached", stored("hit")),
        ("only-if-cached, max-age=29", not_cached()),
        ("only-if-cached, max-age=29, stale-if-error", not_cached()),
        ("max-age=29", unavailable()),
        ("max-age=0", unavailable()),
        ("max-age=x", unavailable()),
        ("no-cache", unavailable()),
        ("min-fresh=1", unavailable()),
        ("max-age=29, stale-if-error=29", unavailable()),
        ("max-age=29, stale-if-error=x", unavailable()),
        ("max-age=29, stale-if-error=30", stood_in("stale")),
        ("max-age=29, stale-if-error", stood_in("stale")),
        ("no-cache, stale-if-error=30", stood_in("request")),
    ];
    check("Immediate", &rows).await;
}

#[tokio::test(start_paused = true)]
async fn a_value_that_nothing_keeps_true_stands_in_where_nothing_is_demanded() {
    let rows = [
        ("", stood_in("stale")),
        ("max-age=30", stored("hit; ttl=0")),
        ("max-age=29", unavailable()),
    ];
    check("NoNotification", &rows).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_and_a_value_there_is_no_answer() {
    let still = Still::start().await;
    let body = form(&still.statistic("Row"));
    still.disconnect().await;
    for (directives, expected) in [
        ("", unavailable()),
        ("max-age=60", unavailable()),
        ("no-cache", unavailable()),
        ("stale-if-error", unavailable()),
        ("only-if-cached", not_cached()),
    ] {
        let headers = format!("Cache-Control: {directives}\r\n");
        let answer = still.post("statistic", &headers, &body).await;
        assert_eq!(answer, expected, "{directives}");
        let several = body.as_str().replace("objectId=Row", "objectId=Other");
        let answer = still.post("internal_statistic", &headers, &several).await;
        assert!(answer.contains("StatServerException"), "{answer}");
    }
    let several = "a=TotalLoginTime;Agent;Row;Environment";
    assert_eq!(still.post("statistics", "", several).await, unavailable());
    let only = "Cache-Control: only-if-cached\r\n";
    assert_eq!(still.post("statistics", only, several).await, not_cached());
}

#[tokio::test(start_paused = true)]
async fn a_stat_server_that_says_nothing_costs_the_deadline_and_no_more() {
    let still = Still::start().await;
    let body = form(&still.statistic("Row"));
    still.learn(&body).await;
    still
        .world
        .pair
        .simulator
        .command(Command::Freeze(Role::Primary));
    let late = refused(
        "500 Internal Server Error",
        "",
        "Statistic Service unavailable: no value came from the Stat Server within 3s",
    );
    let no_cache = "Cache-Control: no-cache\r\n";
    let answer = still.outwait(&posting("statistic", no_cache, &body)).await;
    assert_eq!(answer, late);
    let allowed = "Cache-Control: no-cache, stale-if-error\r\n";
    let answer = still.outwait(&posting("statistic", allowed, &body)).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let status = format!("Cache-Status: peekd; fwd=request; detail=\"{STOOD_IN}\"\r\n");
    assert!(answer.contains(&status), "{answer}");
}
