//! `POST /genesys/1/statistics`: several at once, all or nothing.

use super::*;
use crate::model::{NotificationMode, State};
use crate::peek::Why;

const FIRST: &str = "ExpectedWaitTime;Queue;9002@SIP_Switch;Environment";
const SECOND: &str = "ExpectedWaitTime;Queue;9001@SIP_Switch;Environment";

fn table() -> Table {
    Table::default()
        .with(FIRST, Ok(stored("10000", 2_000)))
        .with(SECOND, Ok(stored("10000", 7_900)))
}

#[tokio::test]
async fn the_documents_example_gets_an_object_in_the_order_asked() {
    let bench = Bench::new(table());
    let reply = bench
        .send(post(STATISTICS, format!("stat1={FIRST}&stat2={SECOND}")))
        .await;
    assert_eq!(reply.body, r#"{"stat1":10000,"stat2":10000}"#);
    assert_eq!(reply.header("age"), "7");
    assert_eq!(reply.header("cache-status"), "peekd; hit");

    let reply = bench
        .send(post(STATISTICS, format!("z%22={SECOND}&a={FIRST}")))
        .await;
    assert_eq!(reply.body, r#"{"z\"":10000,"a":10000}"#);
}

#[tokio::test]
async fn the_oldest_age_and_the_first_reason_stand_for_all() {
    let unknown = Answer {
        age: Age::Unknown,
        source: Source::Live {
            why: Why::Stale,
            collapsed: false,
        },
        ..stored("x", 0)
    };
    let bench = Bench::new(table().with(SECOND, Ok(unknown)));
    let reply = bench
        .send(post(STATISTICS, format!("a={FIRST}&b={SECOND}")))
        .await;
    assert_eq!(reply.body, r#"{"a":10000,"b":"x"}"#);
    assert_eq!(reply.header("age"), "2147483648");
    assert_eq!(
        reply.header("cache-status"),
        "peekd; fwd=stale; detail=\"1 of 2 were asked of the Stat Server\""
    );
}

#[tokio::test]
async fn states_stand_as_objects() {
    let state = State::Raw { raw: vec![b'?'] };
    let answer = Answer {
        value: Value::State(Arc::new(state)),
        ..stored("", 0)
    };
    let bench = Bench::new(table().with(FIRST, Ok(answer)));
    let reply = bench
        .send(post(STATISTICS, format!("a={FIRST}&b={SECOND}")))
        .await;
    assert_eq!(reply.body, r#"{"a":{"raw":"Pw=="},"b":10000}"#);
}

#[tokio::test]
async fn the_first_error_in_the_order_asked_wins_and_refusals_are_404() {
    let bench = Bench::new(
        table()
            .with("A;Queue;q;E", Err(PeekError::Refused("unknown".into())))
            .with("B;Queue;q;E", Err(PeekError::Unavailable))
            .with("C;Queue;q;E", Err(PeekError::NotDefined("C".into()))),
    );
    let ask = async |body: &str| bench.send(post(STATISTICS, body)).await;
    let reply = ask(&format!("a={FIRST}&b=A;Queue;q;E&c=B;Queue;q;E")).await;
    assert_eq!(reply.message(404), "unknown");
    let reply = ask("c=B;Queue;q;E&b=A;Queue;q;E").await;
    assert_eq!(reply.message(500), "Statistic Service unavailable");
    ask("c=C;Queue;q;E").await.message(404);
}

#[tokio::test]
async fn wrong_forms_name_the_field_and_show_no_value() {
    let bench = Bench::new(table());
    let many = format!("a={FIRST}&").repeat(1001);
    for (body, start) in [
        (&b""[..], "the body names no statistic"),
        (b"&&", "the body names no statistic"),
        (
            b"a=T;Queue;q;E&a=canary;Queue;q;E",
            "field 'a' is given more than once",
        ),
        (
            b"a=T;Queue;q;E&b=canary",
            "field 'b': a statistic has 4, 8 or 9 parts",
        ),
        (b"a=T;canary;q;E", "field 'a': objectType is not one of"),
        (b"a=T;Queue;;canary", "field 'a': objectId is empty"),
        (
            b"a=T;Queue;q%0acanary;E",
            "field 'a': objectId holds a control",
        ),
        (b"canary", "field 1 has no '='"),
        (b"=canary;Queue;q;E", "field 1 has no name"),
        (b"a%00=T;Queue;q;E", "field 'a?' has a control character"),
        (b"a=canary%ff", "field 'a' is not UTF-8"),
        (many.as_bytes(), "the form has more than 1000 fields"),
    ] {
        let message = bench.send(post(STATISTICS, body)).await.message(400);
        assert!(message.starts_with(start), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
    assert!(bench.was_asked_nothing());
}

#[tokio::test]
async fn passwords_come_from_the_configuration_and_modes_from_the_text() {
    let mut config = config();
    let password = ("Resources".to_owned(), "hunter2".into());
    config.tenant_passwords = HashMap::from([password]);
    let bench = Bench::configured(Table::default(), config);
    bench
        .send(post(STATISTICS, "a=T;Agent;K;Resources;;;;;Reset"))
        .await;
    let (query, _) = bench.asked();
    assert_eq!(password_of(&query), "hunter2");
    assert_eq!(query.mode, NotificationMode::Reset);
    bench
        .send(post(STATISTICS, "a=T;Agent;K;Environment"))
        .await;
    let (query, _) = bench.asked();
    assert_eq!(password_of(&query), "");
    assert_eq!(query.mode, NotificationMode::Immediate);
}

#[tokio::test]
async fn peeks_run_at_the_same_time() {
    let gate = Gate::default();
    let bench = Bench::new(Table {
        gate: Some(gate.clone()),
        ..table()
    });
    let both = bench.send(post(STATISTICS, format!("a={FIRST}&b={SECOND}")));
    let opener = async {
        // Both have to arrive before either may go on.
        while bench.table.asked.lock().unwrap().len() < 2 {
            gate.arrived.notified().await;
        }
        gate.open.notify_waiters();
    };
    let (reply, ()) = tokio::join!(both, opener);
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn an_open_path_needs_no_credentials_and_the_others_still_do() {
    let mut config = config();
    config.open_paths = vec![STATISTICS.to_owned()];
    let bench = Bench::configured(table(), config);
    let reply = bench
        .send(anonymous(STATISTICS, format!("a={FIRST}")))
        .await;
    assert_eq!(reply.status, 200);
    bench.send(anonymous(STATISTIC, EXAMPLE)).await.message(401);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_has_waited_has_what_is_left_of_its_time() {
    let table = Table {
        gate: Some(Gate::default()),
        ..Table::example()
    };
    let config = Config {
        open_paths: vec![STATISTIC.to_owned(), STATISTICS.to_owned()],
        ..config()
    };
    let bench = Bench::configured(table, config);
    let several = format!("a={EXAMPLE_STATISTIC}");
    for (path, body) in [(STATISTIC, EXAMPLE), (STATISTICS, several.as_str())] {
        let now = Instant::now();
        let arrival = crate::api::request::Arrival {
            waiting_since: Some(now - Duration::from_secs(2)),
            ..Default::default()
        };
        let reply = bench.send(anonymous(path, body).extension(arrival)).await;
        let message = reply.message(500);
        assert!(message.ends_with("within 3s"), "{message}");
        let took = now.elapsed();
        assert!((1_000..1_100).contains(&took.as_millis()), "{took:?}");
    }
}
