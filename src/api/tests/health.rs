//! The health endpoints, and the other ones while the store is not loaded.

use super::*;

struct Starting {
    edge: Arc<Edge<Table>>,
    answers: watch::Sender<Option<Arc<Table>>>,
    readiness: watch::Sender<Readiness>,
}

fn starting() -> Starting {
    let (answers, answers_seen) = watch::channel(None);
    let (readiness, readiness_seen) = watch::channel(Readiness::default());
    let edge = Arc::new(Edge::new(Arc::new(config()), answers_seen, readiness_seen));
    Starting {
        edge,
        answers,
        readiness,
    }
}

async fn send(service: &Starting, request: RequestBuilder) -> Reply {
    let bench = Bench {
        edge: Arc::clone(&service.edge),
        table: Arc::default(),
    };
    bench.send(request).await
}

#[tokio::test]
async fn readiness_tells_the_phase_and_what_is_wrong() {
    let service = starting();
    for (phase, reasons, status, body) in [
        (
            Phase::Starting,
            &[][..],
            503,
            r#"{"status":"starting","reasons":[]}"#,
        ),
        (
            Phase::Migrating,
            &["2 of 3"],
            503,
            r#"{"status":"migrating","reasons":["2 of 3"]}"#,
        ),
        (Phase::Ready, &[], 200, r#"{"status":"ready","reasons":[]}"#),
        (
            Phase::Ready,
            &["no \"S\""],
            200,
            r#"{"status":"degraded","reasons":["no \"S\""]}"#,
        ),
        (
            Phase::Draining,
            &[],
            503,
            r#"{"status":"draining","reasons":[]}"#,
        ),
    ] {
        let reasons = reasons.iter().map(|&reason| reason.to_owned()).collect();
        service.readiness.send_replace(Readiness { phase, reasons });
        let reply = send(&service, warp::test::request().path("/health/ready")).await;
        assert_eq!((reply.status, reply.body.as_str()), (status, body));
        let live = send(&service, warp::test::request().path("/health/live")).await;
        assert_eq!(
            (live.status, live.body.as_str()),
            (200, r#"{"status":"live"}"#)
        );
    }
}

#[tokio::test]
async fn until_the_store_is_loaded_the_answer_is_later() {
    let service = starting();
    for request in [
        post(STATISTIC, EXAMPLE),
        post(INTERNAL, EXAMPLE),
        post(STATISTICS, "a=T;Agent;K;E"),
    ] {
        let reply = send(&service, request).await;
        reply.message(503);
        assert_eq!(reply.header("retry-after"), "1");
    }
    service
        .answers
        .send_replace(Some(Arc::new(Table::example())));
    assert_eq!(send(&service, post(STATISTIC, EXAMPLE)).await.status, 200);
}
