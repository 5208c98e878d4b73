//! The error table of the API, and who is let in.

use super::sockets::{closing, start, status_line};
use super::*;

#[tokio::test]
async fn what_the_answerer_says_has_a_status_and_the_documented_body() {
    for (error, status, message) in [
        (
            PeekError::Refused("Place 'X' (Tenant 'E') not found".into()),
            403,
            "Place 'X'",
        ),
        (
            PeekError::NotDefined("T".into()),
            403,
            "Statistic type 'T' is not defined",
        ),
        (PeekError::Unavailable, 500, "Statistic Service unavailable"),
        (
            PeekError::Deadline(Duration::from_secs(3)),
            500,
            "Statistic Service unavailable: no",
        ),
        (PeekError::NotCached, 504, "no stored value"),
        (PeekError::TooMany, 503, "too many statistics are open"),
    ] {
        let bench = Bench::new(Table::default().with(EXAMPLE_STATISTIC, Err(error.clone())));
        let reply = bench.send(post(STATISTIC, EXAMPLE)).await;
        let told = reply.message(status);
        assert!(told.starts_with(message), "{told}");
        assert_eq!(reply.headers.contains_key("retry-after"), status == 503);
        assert_eq!(reply.headers.contains_key("x-request-id"), status >= 500);
    }
}

#[tokio::test]
async fn without_credentials_there_is_a_challenge() {
    let mut config = config();
    config.realm = "pee\"kd\\".to_owned();
    let bench = Bench::configured(Table::example(), config);
    for request in [
        anonymous(STATISTIC, EXAMPLE),
        anonymous(STATISTICS, "a=T;Agent;K;E"),
        anonymous(STATISTIC, EXAMPLE).header("authorization", "Basic ZGVmYXVsdDp3cm9uZw=="),
        anonymous(STATISTIC, EXAMPLE).header("authorization", "Bearer x"),
    ] {
        let reply = bench.send(request).await;
        reply.message(401);
        let challenge = r#"Basic realm="pee\"kd\\", charset="UTF-8""#;
        assert_eq!(reply.header("www-authenticate"), challenge);
    }
    assert!(bench.was_asked_nothing());
}

#[tokio::test]
async fn with_no_users_every_protected_endpoint_is_401() {
    let mut config = config();
    config.users.clear();
    let bench = Bench::configured(Table::example(), config);
    bench.send(post(STATISTIC, EXAMPLE)).await.message(401);
    bench
        .send(post(STATISTICS, "a=T;Agent;K;E"))
        .await
        .message(401);
}

#[tokio::test]
async fn repeated_failures_are_throttled() {
    let bench = Bench::new(Table::example());
    let guess = || anonymous(STATISTIC, EXAMPLE).header("authorization", "Basic ZGVmYXVsdDp4");
    for _ in 0..5 {
        bench.send(guess()).await.message(401);
    }
    let reply = bench.send(guess()).await;
    reply.message(429);
    assert_eq!(reply.header("retry-after"), "1");
}

#[tokio::test]
async fn failures_are_counted_by_the_client_that_a_listed_proxy_names() {
    let mut config = config();
    config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let server = start(Table::example(), config).await;
    let ask = async |client: &str, credentials: &str| {
        let head = format!("POST {STATISTIC} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {client}\r\n");
        let request = closing(&head, EXAMPLE).replace(EXAMPLE_USER, credentials);
        status_line(&server.exchange(request).await).to_owned()
    };
    let guess = "Basic ZGVmYXVsdDp4";
    for _ in 0..5 {
        assert_eq!(ask("192.0.2.1", guess).await, "HTTP/1.1 401 Unauthorized");
    }
    let throttled = "HTTP/1.1 429 Too Many Requests";
    assert_eq!(ask("192.0.2.1", guess).await, throttled);
    // What the client itself put in front of the proxy's word changes nothing.
    assert_eq!(ask("6.6.6.6, 192.0.2.1", EXAMPLE_USER).await, throttled);
    assert_eq!(ask("192.0.2.2", EXAMPLE_USER).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_user_bound_to_tenants_sees_no_others() {
    let mut config = config();
    config.users = vec![user("default", Some(&["Environment"]))];
    let bench = Bench::configured(Table::example(), config);
    assert_eq!(bench.send(post(STATISTIC, EXAMPLE)).await.status, 200);
    bench.asked();
    let foreign = EXAMPLE.replace("Environment", "Resources");
    bench.send(post(STATISTIC, foreign)).await.message(403);
    let mixed = format!("a={EXAMPLE_STATISTIC}&b=T;Agent;K;Resources");
    bench.send(post(STATISTICS, mixed)).await.message(403);
    assert!(bench.was_asked_nothing());
}

#[tokio::test]
async fn pages_of_other_sites_get_403_before_anything_else() {
    let bench = Bench::new(Table::example());
    for (path, body) in [(STATISTIC, EXAMPLE), (INTERNAL, EXAMPLE), (STATISTICS, "")] {
        let request = post(path, body).header("origin", "http://evil.example");
        bench.send(request).await.message(403);
    }
    let extension = "chrome-extension://fdmmgilgnpjigdojojpjoooidkmcomcm";
    let request = post(STATISTIC, EXAMPLE).header("origin", extension);
    assert_eq!(bench.send(request).await.status, 200);
}

#[tokio::test]
async fn paths_come_before_methods() {
    let bench = Bench::new(Table::example());
    for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        for path in [STATISTIC, STATISTICS, INTERNAL] {
            let reply = bench.send(post(path, EXAMPLE).method(method)).await;
            assert_eq!(reply.header("allow"), "POST", "{method} {path}");
            if method != "HEAD" {
                reply.message(405);
            }
        }
        let reply = bench
            .send(post("/genesys/2/statistic", "").method(method))
            .await;
        assert_eq!(reply.status, 404);
        let reply = bench.send(post("/health/live", "").method(method)).await;
        let is_read = ["GET", "HEAD"].contains(&method);
        assert_eq!(reply.status, if is_read { 200 } else { 405 });
    }
    for path in [
        "/genesys",
        "/genesys/1/statistic/x",
        "//genesys/1/statistic",
        "/health",
    ] {
        bench.send(post(path, EXAMPLE)).await.message(404);
    }
}

#[tokio::test]
async fn secrets_are_not_in_what_the_configuration_shows() {
    let mut config = config();
    config.tenant_passwords = HashMap::from([("E".to_owned(), "canary".into())]);
    let hash = config.users[0].password_hash.expose_secret().to_owned();
    let shown = format!("{config:?}");
    assert!(!shown.contains("canary") && !shown.contains(&hash));
}

#[tokio::test]
async fn below_v1_what_is_none_is_a_problem_too() {
    let bench = Bench::new(Table::example());
    for path in ["/v1/nothing", "/v1/statistics/1/2", "/v1"] {
        let request = warp::test::request().method("GET").path(path);
        let reply = bench.send(request).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
}
