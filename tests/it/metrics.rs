//! `GET /metrics`: the service's own figures, and statistics' values for those who name them.

use peekd::api::auth::hash_password;
use peekd::simulator::{Command, Role, ScriptedValue};

use crate::harness::{CREDENTIALS, PATIENCE, Response, World, login_time};

/// `elsewhere:password`.
const ELSEWHERE: &str = "Authorization: Basic ZWxzZXdoZXJlOnBhc3N3b3Jk\r\n";

async fn get(world: &World, target: &str, headers: &str) -> Response {
    let head = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n");
    world.send(head.as_bytes()).await
}

fn lines<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("{name}{{");
    let lines = text.lines().filter(|line| line.starts_with(&start));
    lines.collect()
}

const LOGIN_TIME: &str = "{metric=\"TotalLoginTime\",object_type=\"Agent\",\
                          object_id=\"KSippola\",tenant=\"Environment\"} ";

#[tokio::test(flavor = "multi_thread")]
async fn values_are_told_for_a_pattern_with_their_age_and_validity() {
    let mut world = World::start().await;
    let seven = ScriptedValue::Number("4711".to_owned());
    world.pair.simulator.set(&login_time(), seven);
    world
        .peek(&login_time(), "Cache-Control: no-cache\r\n")
        .await;
    let own = get(&world, "/metrics", CREDENTIALS).await;
    assert!(own.body.contains("peekd_peeks_total") && !own.body.contains("KSippola"));

    let target = "/metrics?match=Nothing&match=TotalLogin*%3BAgent";
    let told = get(&world, target, CREDENTIALS).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(
        told.header("Content-Type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = &told.body;
    assert!(!text.contains("peekd_peeks_total") && text.ends_with('\n'));
    for (name, value) in [
        ("peekd_statistic_value", Some("4711")),
        ("peekd_statistic_valid", Some("1")),
        ("peekd_statistic_age_seconds", None),
        ("peekd_statistic_validated_timestamp_seconds", None),
    ] {
        let [line] = lines(text, name)[..] else {
            panic!("not one line of {name}: {text}");
        };
        let (_, told) = line.split_once(LOGIN_TIME).expect(line);
        assert!(told.parse::<f64>().unwrap() >= 0.0, "{line}");
        assert!(value.is_none_or(|value| value == told), "{line}");
        assert!(text.contains(&format!("# TYPE {name} gauge\n")));
    }

    let open = format!("{CREDENTIALS}Accept: application/openmetrics-text\r\n");
    let open = get(&world, target, &open).await;
    assert!(open.body.ends_with("\n# EOF\n"), "{open:?}");

    for role in Role::ALL {
        world.pair.simulator.command(Command::Kill(role));
    }
    let doubted = async {
        loop {
            let told = get(&world, target, CREDENTIALS).await;
            let line = format!("peekd_statistic_valid{LOGIN_TIME}0");
            if told.body.lines().any(|told| told == line) {
                return;
            }
        }
    };
    let doubted = tokio::time::timeout(PATIENCE, doubted).await;
    doubted.expect("a value that nobody vouches for");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn states_and_other_tenants_statistics_are_left_out_and_wrong_queries_refused() {
    let more = format!(
        "[[http.auth.users]]\nname = \"elsewhere\"\npassword_hash = \"{}\"\ntenants = [\"Nowhere\"]\n",
        hash_password("password")
    );
    let mut world = World::start_with(&more).await;
    let statistics: Vec<_> = world.pair.open_to_all().collect();
    let mut states = 0;
    for statistic in &statistics {
        let peeked = world.peek(statistic, "").await;
        states += usize::from(peeked.body.contains("status"));
    }
    assert!(states > 0);
    let all = get(&world, "/metrics?match=*", CREDENTIALS).await;
    let values = lines(&all.body, "peekd_statistic_value");
    assert_eq!(values.len(), statistics.len() - states);
    let theirs = get(&world, "/metrics?match=*", ELSEWHERE).await;
    assert_eq!(theirs.status, 200);
    assert!(lines(&theirs.body, "peekd_statistic_value").is_empty());
    assert_eq!(get(&world, "/metrics?match=*", "").await.status, 401);
    for wrong in ["match=", "mach=*", "max_age=1", "match=*&max_age=x"] {
        let refused = get(&world, &format!("/metrics?{wrong}"), CREDENTIALS).await;
        assert_eq!(refused.status, 400, "{wrong}: {refused:?}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_values_than_an_answer_may_hold_are_refused() {
    let mut world = World::start_with("[http.limits]\nresponse = \"1KiB\"\n").await;
    let statistics: Vec<_> = world.pair.open_to_all().collect();
    for statistic in &statistics {
        world.peek(statistic, "").await;
    }
    let refused = get(&world, "/metrics?match=*", CREDENTIALS).await;
    assert_eq!(refused.status, 500, "{refused:?}");
    assert!(refused.body.contains("http.limits.response"), "{refused:?}");
    world.stop().await;
}
