//! Whole requests: through the filters alone, and over real sockets.

mod cors;
mod errors;
mod express;
mod head;
mod health;
mod internal;
mod limits;
mod metrics;
mod odd;
mod openapi;
mod page;
mod reload;
mod secrets;
mod sockets;
mod statistic;
mod statistics;
mod stopping;
mod tls;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use warp::http::HeaderMap;
use warp::test::RequestBuilder;

use super::auth::hash_password;
use super::{Config, Edge, Internal, Limits, Local, Peer, Phase, Readiness, Role, User};
use crate::model::{Age, Statistic, Value};
use crate::peek::{Answer, AnswerPeeks, Board, Freshness, Glance, PeekError, Query, Source};

const STATISTIC: &str = "/genesys/1/statistic";
const STATISTICS: &str = "/genesys/1/statistics";
const INTERNAL: &str = "/genesys/1/internal_statistic";

/// The API document's first example: its body, and its user `default` with password `password`.
const EXAMPLE: &str =
    "objectId=KSippola&objectType=Agent&tenant=Environment&tenantPassword=&metric=TotalLoginTime";
const EXAMPLE_STATISTIC: &str = "TotalLoginTime;Agent;KSippola;Environment";
const EXAMPLE_USER: &str = "Basic ZGVmYXVsdDpwYXNzd29yZA==";

/// Answers peeks from a table, and notes what it was asked.
#[derive(Default)]
struct Table {
    answers: HashMap<String, Result<Answer, PeekError>>,
    asked: Mutex<Vec<(Query, Freshness)>>,
    /// When there is a gate, peeks tell that they arrived and wait for it to open.
    gate: Option<Gate>,
    /// Whether a glance shows what is in the table, as memory would.
    shows: bool,
    glances: AtomicUsize,
    board: OnceLock<Arc<Board>>,
}

#[derive(Default, Clone)]
struct Gate {
    arrived: Arc<Notify>,
    open: Arc<Notify>,
}

impl Table {
    fn with(mut self, statistic: &str, answer: Result<Answer, PeekError>) -> Self {
        self.answers.insert(statistic.to_owned(), answer);
        self
    }

    /// The API document's answer to its first example.
    fn example() -> Self {
        Self::default().with(EXAMPLE_STATISTIC, Ok(stored("1025", 9_400)))
    }
}

impl AnswerPeeks for Table {
    fn board(&self) -> Option<&Arc<Board>> {
        Some(self.board.get_or_init(Board::empty))
    }

    fn glance(
        &self,
        question: Glance<'_>,
        _freshness: Freshness,
        _now: Instant,
        out: &mut String,
    ) -> Option<(Age, Option<Duration>)> {
        let is_it = |text: &str| text.parse::<Statistic>().unwrap().key() == question.key;
        let mut answers = self.answers.iter().filter(|_| self.shows);
        let (_, answer) = answers.find(|(text, _)| is_it(text))?;
        let answer = answer.as_ref().ok()?;
        let Source::Store { ttl } = answer.source else {
            return None;
        };
        self.glances.fetch_add(1, Ordering::Relaxed);
        answer.value.write_json(out);
        Some((answer.age, ttl))
    }

    async fn peek(&self, query: Query, freshness: Freshness) -> Result<Answer, PeekError> {
        let answer = self.answers.get(&query.statistic.to_string()).cloned();
        self.asked.lock().unwrap().push((query, freshness));
        if let Some(gate) = &self.gate {
            gate.arrived.notify_one();
            gate.open.notified().await;
        }
        answer.unwrap_or(Err(PeekError::Refused("not in the table".into())))
    }
}

fn stored(text: &str, age_ms: u64) -> Answer {
    Answer {
        value: Value::from_text(text),
        age: Age::Known(age_ms),
        source: Source::Store { ttl: None },
    }
}

fn user(name: &str, tenants: Option<&[&str]>) -> User {
    // One hash for all: each costs as much as a login.
    static HASH: LazyLock<String> = LazyLock::new(|| hash_password("password"));
    User {
        name: name.to_owned(),
        password_hash: HASH.clone().into(),
        tenants: tenants.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
        role: Role::Viewer,
    }
}

fn config() -> Config {
    let loopback = || vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
    Config {
        threads: 2,
        realm: "peekd".to_owned(),
        open_paths: Vec::new(),
        users: vec![user("default", None)],
        internal: Internal {
            on_main: true,
            networks: loopback(),
            hosts: Vec::new(),
        },
        trusted_proxies: Vec::new(),
        access_log: false,
        origins: Vec::new(),
        tls: None,
        limits: Limits {
            body: 1024 * 1024,
            fields: 1000,
            statistics_per_request: 1000,
            header: 16 * 1024,
            header_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(10),
            connections: 4096,
            connections_per_address: 256,
            unlimited_networks: loopback(),
            stream_clients: 2,
            response: 64 * 1024 * 1024,
        },
        tenant_passwords: HashMap::new(),
        drain: Duration::from_secs(10),
        peek_deadline: Duration::from_secs(3),
    }
}

fn ready() -> Readiness {
    Readiness {
        phase: Phase::Ready,
        reasons: Vec::new(),
    }
}

/// An edge over a table, for requests that go through the filters alone.
struct Bench {
    edge: Arc<Edge<Table>>,
    table: Arc<Table>,
}

impl Bench {
    fn new(table: Table) -> Self {
        Self::configured(table, config())
    }

    fn configured(table: Table, config: Config) -> Self {
        let table = Arc::new(table);
        let (_, answers) = watch::channel(Some(Arc::clone(&table)));
        let (_, readiness) = watch::channel(ready());
        let edge = Arc::new(Edge::new(Arc::new(config), answers, readiness));
        Self { edge, table }
    }

    async fn send(&self, request: RequestBuilder) -> Reply {
        let reply = request.reply(&super::routes(Arc::clone(&self.edge))).await;
        Reply {
            status: reply.status().as_u16(),
            headers: reply.headers().clone(),
            body: String::from_utf8(reply.body().to_vec()).unwrap(),
        }
    }

    /// What was asked of the table last.
    fn asked(&self) -> (Query, Freshness) {
        self.table.asked.lock().unwrap().pop().expect("a question")
    }

    fn was_asked_nothing(&self) -> bool {
        self.table.asked.lock().unwrap().is_empty()
    }
}

#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }

    /// Checks the documented error shape, and returns the message.
    fn message(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        let json: HashMap<String, String> = serde_json::from_str(&self.body).unwrap();
        let message = json["message"].clone();
        let expected = format!(
            "{{\"message\":{},\"exception\":\
             \"com.genesyslab.gsg.services.statistic.StatServerException\"}}",
            serde_json::Value::from(message.as_str())
        );
        assert_eq!(self.body, expected);
        message
    }
}

/// A POST as the listener would hand it on, without credentials.
fn anonymous(path: &str, body: impl AsRef<[u8]>) -> RequestBuilder {
    warp::test::request()
        .method("POST")
        .path(path)
        .extension(Peer("127.0.0.1:50000".parse().unwrap()))
        .extension(Local("127.0.0.1:8080".parse().unwrap()))
        .header("host", "127.0.0.1:8080")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}

fn post(path: &str, body: impl AsRef<[u8]>) -> RequestBuilder {
    anonymous(path, body).header("authorization", EXAMPLE_USER)
}

fn password_of(query: &Query) -> &str {
    query.tenant_password.expose_secret()
}

/// A multipart body with the boundary `XX`.
fn multipart(pairs: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    pairs.iter().map(part).collect::<String>() + "--XX--\r\n"
}
