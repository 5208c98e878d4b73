//! The error table: each row's status, headers and body.

use super::*;

const GOOD: &str = "objectId=KSippola&objectType=Agent&tenant=Environment&metric=TotalLoginTime";

#[tokio::test(start_paused = true)]
async fn the_stat_servers_verdict_is_403_for_one_and_404_among_several() {
    let still = Still::start().await;
    let rows = [
        (
            GOOD.replace("KSippola", "Nobody"),
            "a=TotalLoginTime;Agent;Nobody;Environment",
            "Agent 'Nobody' (Tenant 'Environment') not found",
        ),
        (
            GOOD.replace("TotalLoginTime", "NoSuchMetric"),
            "a=NoSuchMetric;Agent;KSippola;Environment",
            "Statistic type 'NoSuchMetric' is not defined on any configured Stat Server",
        ),
    ];
    // Twice: the second is told from memory, and in the same words.
    for _ in 0..2 {
        for (single, several, message) in &rows {
            let forbidden = refused("403 Forbidden", "", message);
            for endpoint in ["statistic", "internal_statistic"] {
                assert_eq!(still.post(endpoint, "", single).await, forbidden);
                let live = "Cache-Control: no-cache, stale-if-error\r\n";
                assert_eq!(still.post(endpoint, live, single).await, forbidden);
            }
            let not_found = refused("404 Not Found", "", message);
            assert_eq!(still.post("statistics", "", several).await, not_found);
            let mixed = format!("good=TotalLoginTime;Agent;KSippola;Environment&{several}");
            assert_eq!(still.post("statistics", "", &mixed).await, not_found);
        }
    }
    let simulator = &still.world.pair.simulator;
    let asked = simulator.log_count(|entry| entry.statistic.contains("Nobody"));
    assert_eq!(asked, 1, "a refusal is remembered, whatever the directive");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_wrong_is_400_with_the_field_named() {
    let still = Still::start().await;
    for (endpoint, body, message) in [
        ("statistic", "", "objectId is missing"),
        (
            "statistic",
            "objectId=K&objectType=Agent&tenant=E",
            "metric is missing",
        ),
        (
            "statistic",
            "objectId=K&objectId=K",
            "objectId is given more than once",
        ),
        (
            "statistic",
            "objectId=K&objectType=Agent&tenant=%01&metric=T",
            "tenant holds a control character",
        ),
        ("statistic", "tenant=%ff", "field 'tenant' is not UTF-8"),
        (
            "statistic",
            "tenant=%f",
            "field 'tenant' has a '%' that is not followed by two hexadecimal digits",
        ),
        (
            "statistics",
            "",
            "the body names no statistic (name=metric;objectType;objectId;tenant)",
        ),
        (
            "statistics",
            "a=T;Agent;K;E&a=T;Agent;K;E",
            "field 'a' is given more than once",
        ),
    ] {
        let expected = refused("400 Bad Request", "", message);
        assert_eq!(still.post(endpoint, "", body).await, expected, "{body}");
        if endpoint == "statistic" {
            assert_eq!(still.post("internal_statistic", "", body).await, expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_are_asked_for_and_guessing_is_slowed_down() {
    let still = Still::start().await;
    let challenge = "Www-Authenticate: Basic realm=\"peekd\", charset=\"UTF-8\"\r\n";
    let message = "this needs a user name and a password (Basic authentication)";
    let unauthorized = refused("401 Unauthorized", challenge, message);
    let with = |endpoint: &str, credentials: &str| {
        posting(endpoint, "", GOOD).replace(CREDENTIALS, credentials)
    };
    for endpoint in ["statistic", "statistics"] {
        for credentials in [
            "",
            "Authorization: Bearer x\r\n",
            "Authorization: Basic !\r\n",
            &CREDENTIALS.repeat(2),
        ] {
            let answer = still.exchange(&with(endpoint, credentials)).await;
            assert_eq!(answer, unauthorized, "{credentials}");
        }
    }
    let wrong = "Authorization: Basic ZGVmYXVsdDp3cm9uZw==\r\n";
    for _ in 0..5 {
        let answer = still.exchange(&with("statistic", wrong)).await;
        assert_eq!(answer, unauthorized);
    }
    let message = "too many failed logins from this address for this user";
    let throttled = refused("429 Too Many Requests", "Retry-After: 1\r\n", message);
    assert_eq!(still.exchange(&with("statistic", wrong)).await, throttled);
}

#[tokio::test(start_paused = true)]
async fn methods_paths_types_and_sizes_are_told() {
    let still = Still::start().await;
    let nothing = refused("404 Not Found", "", "there is nothing at this path");
    let post_only = refused(
        "405 Method Not Allowed",
        "Allow: POST\r\n",
        "this path only takes POST",
    );
    for endpoint in ["statistic", "internal_statistic", "statistics"] {
        let request = posting(endpoint, "", GOOD);
        let answer = still.exchange(&request.replace("POST", "GET")).await;
        assert_eq!(answer, post_only);
        let answer = still.exchange(&request.replace("/1/", "/2/")).await;
        assert_eq!(answer, nothing);
        let xml = "Content-Type: text/xml\r\n";
        let message = "the body is neither application/x-www-form-urlencoded nor \
                       multipart/form-data";
        let unsupported = refused("415 Unsupported Media Type", "", message);
        assert_eq!(still.post(endpoint, xml, GOOD).await, unsupported);
        let large = "x".repeat(1024 * 1024 + 1);
        let message = "the body is longer than 1048576 bytes (setting http.limits.body)";
        let too_large = refused("413 Payload Too Large", "", message);
        assert_eq!(still.post(endpoint, "", &large).await, too_large);
    }
    let foreign = "Origin: http://evil.example\r\n";
    let message = "requests from pages of this origin are not answered (setting \
                   http.cors.origins)";
    let forbidden = refused("403 Forbidden", "", message);
    assert_eq!(still.post("statistic", foreign, GOOD).await, forbidden);
    let proxied = still.post("internal_statistic", "Via: 1.1 p\r\n", GOOD);
    assert_eq!(proxied.await, nothing);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_408() {
    let still = Still::start().await;
    let request = posting("statistic", "", GOOD);
    let answer = still.outwait(&request[..request.len() - 1]).await;
    let message = "the request did not arrive within 10s";
    assert_eq!(answer, refused("408 Request Timeout", "", message));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_is_503_with_a_time_to_come_back() {
    let more = "[http.limits]\nopen_statistics = 1\nconnections = 1\n";
    let still = Still::start_with(more).await;
    still.learn(GOOD).await;
    let other = form(&still.statistic("Row"));
    let full = refused(
        "503 Service Unavailable",
        "Retry-After: 60\r\n",
        "too many statistics are open (setting http.limits.open_statistics)",
    );
    assert_eq!(still.post("statistic", "", &other).await, full);

    let _idle = TcpStream::connect(&still.world.address).await.unwrap();
    let message = "too many connections are open";
    let crowded = refused("503 Service Unavailable", "Retry-After: 1\r\n", message);
    assert_eq!(still.post("statistic", "", GOOD).await, crowded);
    // Whoever watches the service still sees it live.
    let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = still.exchange(live).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
