//! Odd requests, some hundred connections full of them: whether the express lane or hyper alone has
//! a connection is not to be told from the answers.

mod request;

use std::net::SocketAddr;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use self::request::{Odd, request};
use super::*;
use crate::api::Face;
use crate::api::listener::{serve_by_hyper_alone, serve_edge};

/// Answers with all that it was asked, and knows every statistic without a `z`.
#[derive(Default)]
struct Echo {
    glances: AtomicUsize,
}

impl Echo {
    fn answer(
        key: &[u8],
        mode: crate::model::NotificationMode,
        password: &str,
        freshness: Freshness,
    ) -> Option<Answer> {
        let sum = key
            .iter()
            .fold(7_u64, |sum, &byte| sum * 31 % 1009 + u64::from(byte));
        let text = format!("{} {mode:?} {password} {freshness:?}", key.escape_ascii());
        let ttl = (sum % 3 == 0).then(|| Duration::from_secs(sum % 100));
        (!key.contains(&b'z')).then(|| Answer {
            value: Value::from_text(&text),
            age: Age::Known(sum * 100),
            source: Source::Store { ttl },
        })
    }
}

impl AnswerPeeks for Echo {
    async fn peek(&self, query: Query, freshness: Freshness) -> Result<Answer, PeekError> {
        let key = query.statistic.key();
        let password = query.tenant_password.expose_secret();
        Self::answer(key, query.mode, password, freshness)
            .ok_or_else(|| PeekError::Refused("not known".into()))
    }

    fn glance(
        &self,
        question: Glance<'_>,
        freshness: Freshness,
        _now: Instant,
        out: &mut String,
    ) -> Option<(Age, Option<Duration>)> {
        let Glance {
            key,
            mode,
            tenant_password,
        } = question;
        let answer = Self::answer(key, mode, tenant_password, freshness)?;
        let Source::Store { ttl } = answer.source else {
            return None;
        };
        self.glances.fetch_add(1, Ordering::Relaxed);
        answer.value.write_json(out);
        Some((answer.age, ttl))
    }
}

/// A listener over an [`Echo`], and its credentials proven.
struct Side {
    address: SocketAddr,
    edge: Arc<Edge<Echo>>,
    table: Arc<Echo>,
    /// Readiness is told for as long as this lives.
    _readiness: watch::Sender<Readiness>,
}

impl Side {
    #[expect(
        clippy::disallowed_methods,
        reason = "the runtime ends with the test, and the task with it"
    )]
    async fn start(config: Config, by_hyper_alone: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let table = Arc::new(Echo::default());
        let (_, answers) = watch::channel(Some(Arc::clone(&table)));
        let (ready, readiness) = watch::channel(ready());
        let edge = Arc::new(Edge::new(Arc::new(config), answers, readiness));
        let (shared, stop) = (
            Arc::clone(&edge),
            tokio_util::sync::CancellationToken::new(),
        );
        if by_hyper_alone {
            tokio::spawn(serve_by_hyper_alone(listener, Face::Main, shared, stop));
        } else {
            tokio::spawn(serve_edge(listener, Face::Main, shared, stop));
        }
        let side = Self {
            address,
            edge,
            table,
            _readiness: ready,
        };
        for login in ["ZGVmYXVsdDpwYXNzd29yZA==", "Ym91bmQ6cGFzc3dvcmQ="] {
            let proof = format!(
                "POST {STATISTIC} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {login}\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            side.exchange(proof.as_bytes(), &[]).await;
        }
        side
    }

    /// What comes back for these bytes, sent in pieces that end at `cuts`.
    async fn exchange(&self, bytes: &[u8], cuts: &[usize]) -> String {
        let mut bytes = bytes.to_vec();
        bytes.extend(LAST);
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut begin = 0;
        for end in cuts.iter().copied().chain([bytes.len()]) {
            // The connection may have ended at what came before.
            let sent = stream.write_all(&bytes[begin..end.max(begin)]).await;
            begin = end.max(begin);
            if sent.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let mut answer = Vec::new();
        // It may also end with a reset, after all that was answered.
        stream.read_to_end(&mut answer).await.ok();
        comparable(&String::from_utf8(answer).unwrap())
    }

    fn counted(&self) -> Vec<String> {
        let text = crate::api::metrics::write(
            &self.edge.figures(),
            crate::api::metrics::Format::Prometheus,
        );
        let text = text.unwrap();
        let counts = [
            "peekd_http_requests_total",
            "peekd_peeks_total",
            "peekd_refusals_total",
        ];
        let lines = text.lines().map(str::to_owned);
        lines
            .filter(|line| counts.iter().any(|name| line.starts_with(name)))
            .filter(|line| !line.contains("limit=\"header\""))
            .collect()
    }
}

/// Ends the connection, even where what came before swallows the beginning of it.
const LAST: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Without what differs from one answer to the next.
fn comparable(answers: &str) -> String {
    let own = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        !["date", "x-request-id"].contains(&name.to_ascii_lowercase().as_str())
    };
    let answers: String = answers.split_inclusive("\r\n").filter(own).collect();
    // How far hyper reads into a head that is wrong as well as too long depends on its pieces.
    answers.replace("431 Request Header Fields Too Large", "400 Bad Request")
}

#[test]
fn the_lane_and_hyper_alone_answer_alike_whatever_is_sent() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut limits = config().limits;
    (limits.body, limits.response) = (1500, 1200);
    (limits.fields, limits.statistics_per_request) = (12, 4);
    let config = Config {
        limits,
        users: vec![user("default", None), user("bound", Some(&["T"]))],
        tenant_passwords: HashMap::from([("T".to_owned(), "of T".to_owned().into())]),
        ..config()
    };
    for (origins, open_paths) in [
        (vec![], vec![]),
        (
            vec!["https://wall.example".to_owned()],
            vec![STATISTICS.to_owned()],
        ),
    ] {
        let config = Config {
            open_paths,
            origins,
            ..config.clone()
        };
        let lane = runtime.block_on(Side::start(config.clone(), false));
        let alone = runtime.block_on(Side::start(config, true));
        let requests = prop_oneof![request(), request().prop_map(Odd::tamed)];
        let requests = prop::collection::vec(requests, 1..5);
        let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
        let mut runner = TestRunner::new(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(1000)
        });
        let ran = runner.run(&(requests, cuts), |(requests, cuts)| {
            let bytes: Vec<u8> = requests.iter().flat_map(Odd::bytes).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let both =
                async { tokio::join!(lane.exchange(&bytes, &cuts), alone.exchange(&bytes, &cuts)) };
            let (by_lane, by_hyper) = runtime.block_on(both);
            prop_assert_eq!(by_lane, by_hyper, "{}", bytes.escape_ascii());
            Ok(())
        });
        ran.unwrap();
        assert_eq!(lane.counted(), alone.counted());
        let glances = lane.table.glances.load(Ordering::Relaxed);
        assert!(glances > 300, "{glances}");
        assert_eq!(alone.table.glances.load(Ordering::Relaxed), 0);
    }
}
