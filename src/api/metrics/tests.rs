//! What the figures read as.

use std::time::Duration;

use super::*;
use crate::api::endpoint::Endpoint;
use crate::model::{Age, Timestamp, Value};
use crate::peek::{Answer, PeekError, Source, Why};

fn text(metrics: &Metrics, format: Format) -> String {
    let server = ServerReport {
        name: "a \"b\"\n".to_owned(),
        state: "connected",
        side: "backup",
        address: "x:1".to_owned(),
        since: Timestamp(0),
        version: None,
        stat_types: None,
        connections: 3,
        switchovers: 1,
        addp_round_trip: Some(Duration::from_millis(250)),
        mode: None,
        addresses: ("x:1".to_owned(), None),
        wanted: 2,
        open: 1,
        skipped_messages: 0,
        last_switchover: None,
        primary_failure: None,
        backup_failure: None,
    };
    let store = StoreFigures {
        healthy: true,
        flushed_changes: 7,
        queue_len: 2,
        lost_changes: 1,
        flush_last: Duration::from_millis(500),
        flush_max: Duration::from_secs(2),
        flushes: 9,
        size: 4096,
        history_size: 8192,
        history_folded_at: Some(1_800_000_000),
    };
    write(&metrics.gather(vec![server], Some(store)), format).unwrap()
}

fn has(text: &str, line: &str) {
    assert!(
        text.lines().any(|found| found == line),
        "no {line}:\n{text}"
    );
}

#[test]
fn what_was_counted_is_told_under_its_labels() {
    let metrics = Metrics::default();
    let answered = |status, ms| {
        let took = Duration::from_millis(ms);
        metrics
            .requests
            .answered(Some(Endpoint::Statistic), status, took);
    };
    answered(200, 1);
    answered(200, 60_000);
    answered(500, 3000);
    metrics.requests.answered(None, 404, Duration::ZERO);
    metrics.limits.refused(Limit::LoginChecks);
    let answer = |source| {
        Ok(Answer {
            value: Value::Integer(1),
            age: Age::Known(0),
            source,
        })
    };
    let second = Duration::from_secs(1);
    let live = Source::Live {
        why: Why::Stale,
        collapsed: true,
    };
    metrics.peeks.ended(&answer(live), second);
    metrics
        .peeks
        .ended(&answer(Source::Store { ttl: None }), second);
    metrics.peeks.ended(&Err(PeekError::TooMany), second);
    metrics.connections.inc();

    let text = text(&metrics, Format::OpenMetrics);
    for line in [
        "# TYPE peekd_http_requests counter",
        "peekd_http_requests_total{endpoint=\"/genesys/1/statistic\",status=\"200\"} 2",
        "peekd_http_requests_total{endpoint=\"other\",status=\"404\"} 1",
        "peekd_http_request_seconds_sum{endpoint=\"/genesys/1/statistic\",status=\"200\"} 60.001",
        "peekd_http_request_seconds_bucket{le=\"0.001\",endpoint=\"/genesys/1/statistic\",\
         status=\"200\"} 1",
        "peekd_http_request_seconds_bucket{le=\"+Inf\",endpoint=\"/genesys/1/statistic\",\
         status=\"200\"} 2",
        "peekd_refusals_total{limit=\"login_checks\"} 1",
        "peekd_refusals_total{limit=\"body\"} 0",
        "peekd_peeks_total{outcome=\"hit\"} 1",
        "peekd_peeks_total{outcome=\"stale\"} 1",
        "peekd_peeks_total{outcome=\"too_many\"} 1",
        "peekd_peeks_collapsed_total 1",
        "peekd_live_fetch_seconds_count 1",
        "peekd_live_fetch_seconds_sum 1.0",
        "peekd_http_connections_accepted_total 1",
        "peekd_stat_server_connected{server=\"a \\\"b\\\"\\n\"} 1",
        "peekd_stat_server_on_backup{server=\"a \\\"b\\\"\\n\"} 1",
        "peekd_stat_server_connections_total{server=\"a \\\"b\\\"\\n\"} 3",
        "peekd_stat_server_switchovers_total{server=\"a \\\"b\\\"\\n\"} 1",
        "peekd_stat_server_addp_round_trip_seconds{server=\"a \\\"b\\\"\\n\"} 0.25",
        "peekd_store_healthy 1.0",
        "peekd_store_flush_last_seconds 0.5",
        "peekd_store_flush_max_seconds 2.0",
        "peekd_store_queue_changes 2",
        "peekd_store_flushed_changes_total 7",
        "peekd_store_lost_changes_total 1",
        "peekd_store_flushes_total 9",
        "peekd_store_size_bytes 4096",
        "peekd_store_history_size_bytes 8192",
        "peekd_store_history_folded_timestamp_seconds 1800000000",
        "# EOF",
    ] {
        has(&text, line);
    }
    assert_eq!(text.matches("status=\"500\"").count(), 20, "{text}");
}

#[test]
fn the_older_text_calls_counters_by_their_lines_names() {
    let text = text(&Metrics::default(), Format::Prometheus);
    has(&text, "# TYPE peekd_peeks_total counter");
    has(&text, "# TYPE peekd_live_fetch_seconds histogram");
    assert!(
        text.contains("# HELP peekd_peeks_total Statistics asked for"),
        "{text}"
    );
    assert!(!text.contains("# EOF"), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let described = text.lines().any(|other| {
            let name = other
                .strip_prefix("# TYPE ")
                .and_then(|rest| rest.split(' ').next());
            name.is_some_and(|name| line.starts_with(name))
        });
        assert!(described, "{line}");
    }
}

#[test]
fn the_text_is_the_one_that_the_client_accepts() {
    for (accept, format) in [
        (&[][..], Format::Prometheus),
        (&["*/*"], Format::Prometheus),
        (
            &["application/openmetrics-text;version=1.0.0,text/plain;q=0.5"],
            Format::OpenMetrics,
        ),
        (
            &["text/plain", "application/openmetrics-text"],
            Format::Prometheus,
        ),
        (
            &["text/plain;q=0.5", "application/openmetrics-text;q=0.9"],
            Format::OpenMetrics,
        ),
        (
            &["application/openmetrics-text;q=0, */*"],
            Format::Prometheus,
        ),
        (&["image/png"], Format::Prometheus),
        (
            // As Prometheus itself asks.
            &[
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
               application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,\
               text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            ],
            Format::OpenMetrics,
        ),
    ] {
        assert_eq!(Format::accepted(accept.iter().copied()), format);
    }
}
