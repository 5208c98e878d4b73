//! A simulated pair and the service in front of it, in one process, on loopback ports.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use peekd::api::auth::hash_password;
use peekd::model::{Clock, ObjectType, Statistic};
use peekd::service::{Service, Settings};
use peekd::simulator::{Config, LogEntry, Role, Simulator};
use peekd::upstream::TcpConnector;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// `default:password`.
pub(crate) const CREDENTIALS: &str = "Authorization: Basic ZGVmYXVsdDpwYXNzd29yZA==\r\n";
/// Ends a run that hangs; nothing is measured with it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Simulated Stat Servers.
pub(crate) struct Pair {
    pub(crate) simulator: Arc<Simulator>,
    pub(crate) primary: String,
    pub(crate) backup: String,
    /// More settings of `[http]` itself.
    pub(crate) http: &'static str,
}

impl Pair {
    pub(crate) async fn start() -> Self {
        Self::of_size(100).await
    }

    /// Starts with at least so many statistics, half of them open to all.
    pub(crate) async fn of_size(statistics: u32) -> Self {
        let config = Config {
            seed: 42,
            speed: 10.0,
            statistics,
            tenant_passwords: vec![("Resources".to_owned(), "open sesame".to_owned())],
            version: "8.5.112.03".to_owned(),
        };
        let simulator = Simulator::new(config, Clock::system());
        let any = "127.0.0.1:0".parse().unwrap();
        let primary = simulator
            .listen(Role::Primary, any)
            .await
            .unwrap()
            .to_string();
        let backup = simulator
            .listen(Role::Backup, any)
            .await
            .unwrap()
            .to_string();
        simulator.run_centre();
        Self {
            simulator,
            primary,
            backup,
            http: "",
        }
    }

    /// The configuration of a service in front of this pair. `more` is added at the end.
    pub(crate) fn configuration(&self, store: &std::path::Path, more: &str) -> String {
        let (head, primary, backup) = (Self::head(store, self.http), &self.primary, &self.backup);
        format!(
            "{head}[[stat_server]]\nname = \"StatServer\"\nprimary = \"{primary}\"\n\
             backup = \"{backup}\"\n{more}"
        )
    }

    /// A configuration without Stat Servers, with `http` in its `[http]`.
    pub(crate) fn head(store: &std::path::Path, http: &str) -> String {
        let (store, hash) = (store.display(), password_hash());
        format!(
            "[store]\npath = \"{store}\"\n[http]\nlisten = \"127.0.0.1:0\"\n{http}\n\
             [[http.auth.users]]\nname = \"default\"\npassword_hash = \"{hash}\"\n"
        )
    }

    /// Every statistic that can be asked for without a tenant's password.
    pub(crate) fn open_to_all(&self) -> impl Iterator<Item = Statistic> {
        let statistics = self.simulator.statistics().into_iter();
        statistics.filter(|statistic| statistic.tenant() == "Environment")
    }

    /// What one server was asked of a statistic, in order, with the words that the log has for it.
    pub(crate) fn asked(&self, role: Role, statistic: &Statistic) -> Vec<String> {
        let text = statistic.to_string();
        let of = |entry: &LogEntry| entry.role == role && entry.statistic == text;
        let asked = self.simulator.log_where(of);
        let words = asked.iter().map(|entry| match entry.detail.as_str() {
            "" => format!("{:?}", entry.kind),
            detail => format!("{:?} {detail}", entry.kind),
        });
        words.collect()
    }

    /// Configuration that opens these statistics from the start.
    pub(crate) fn opening(statistics: impl IntoIterator<Item = Statistic>) -> String {
        let entry = |statistic: Statistic| format!("[[open]]\nstatistic = \"{statistic}\"\n");
        statistics.into_iter().map(entry).collect()
    }

    /// How many opens both sides were sent, ever.
    pub(crate) fn opens_total(&self) -> u64 {
        let total = |role| self.simulator.counts(role).opens_total;
        total(Role::Primary) + total(Role::Backup)
    }
}

/// One hash is enough: it costs as much as it should.
fn password_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash_password("password"))
}

/// A service in this process.
pub(crate) struct World {
    pub(crate) pair: Pair,
    pub(crate) address: String,
    clock: Clock,
    store: TempDir,
    more: String,
    running: Option<(Service, CancellationToken)>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts with more configuration behind that of [`Pair::configuration`].
    pub(crate) async fn start_with(more: &str) -> Self {
        Self::start_at(Clock::system(), more).await
    }

    /// As [`World::start_with`], by another clock.
    pub(crate) async fn start_at(clock: Clock, more: &str) -> Self {
        Self::of(Pair::start().await, clock, more).await
    }

    /// As [`World::start_with`], with these Stat Servers.
    pub(crate) async fn in_front_of(pair: Pair, more: &str) -> Self {
        Self::of(pair, Clock::system(), more).await
    }

    async fn of(pair: Pair, clock: Clock, more: &str) -> Self {
        let mut world = Self {
            pair,
            address: String::new(),
            clock,
            store: TempDir::new().unwrap(),
            more: more.to_owned(),
            running: None,
        };
        world.launch().await;
        world
    }

    pub(crate) async fn launch(&mut self) {
        let text = self.pair.configuration(self.store.path(), &self.more);
        let (service, address, stop) = service_at(self.clock.clone(), &text).await;
        self.address = address;
        self.running = Some((service, stop));
    }

    pub(crate) async fn stop(&mut self) {
        let (mut service, stop) = self.running.take().unwrap();
        stop.cancel();
        service.join().await.unwrap();
    }

    /// The configuration of the running service.
    pub(crate) fn configuration(&self) -> String {
        self.pair.configuration(self.store.path(), &self.more)
    }

    /// Has the running service take over another configuration.
    pub(crate) async fn reload(&self, configuration: &str) {
        let (service, _) = self.running.as_ref().unwrap();
        let settings = Settings::from_text(configuration).unwrap();
        service.reload(settings).await;
    }

    /// What the store of a stopped service holds: a row of `peekd inspect last` per statistic.
    pub(crate) async fn stored(&self) -> Vec<serde_json::Value> {
        assert!(self.running.is_none(), "the store is in use");
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_peekd"))
            .args(["inspect", "last", "--format", "jsonl", "--store"])
            .arg(self.store.path())
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
        rows.collect()
    }

    pub(crate) async fn send(&self, request: &[u8]) -> Response {
        send(&self.address, request).await
    }

    pub(crate) async fn peek(&self, statistic: &Statistic, headers: &str) -> Response {
        peek(&self.address, statistic, headers).await
    }
}

/// A service with this configuration, ready; where it answers, and how to stop it.
pub(crate) async fn service_on(configuration: &str) -> (Service, String, CancellationToken) {
    service_at(Clock::system(), configuration).await
}

async fn service_at(clock: Clock, configuration: &str) -> (Service, String, CancellationToken) {
    let settings = Settings::from_text(configuration).unwrap();
    let listener = TcpListener::bind(settings.listen).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    let connector = Arc::new(TcpConnector);
    let mut service = Service::launch(settings, listener, connector, clock, stop.clone());
    let ready = service.ready().await;
    assert!(ready, "the service ended before it was ready");
    (service, address, stop)
}

pub(crate) fn login_time() -> Statistic {
    Statistic::new(
        "TotalLoginTime",
        ObjectType::Agent,
        "KSippola",
        "Environment",
    )
}

/// One answer, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let same = |(found, _): &&(String, String)| found.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(same)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn age(&self) -> u64 {
        self.header("Age").expect("an Age header").parse().unwrap()
    }

    /// The number in `{"value":…}`.
    pub(crate) fn value(&self) -> f64 {
        assert_eq!(self.status, 200, "{self:?}");
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        json["value"]
            .as_f64()
            .unwrap_or_else(|| panic!("no number: {self:?}"))
    }

    /// The message of a documented error.
    pub(crate) fn message(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        let exception = "com.genesyslab.gsg.services.statistic.StatServerException";
        assert_eq!(json["exception"], exception, "{self:?}");
        json["message"].as_str().unwrap().to_owned()
    }
}

/// Sends raw bytes on a connection of their own and reads one answer by its Content-Length.
pub(crate) async fn send(address: &str, request: &[u8]) -> Response {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        read_response(&mut stream).await
    };
    tokio::time::timeout(PATIENCE, exchange)
        .await
        .expect("an answer")
}

pub(crate) async fn read_response(stream: &mut TcpStream) -> Response {
    let mut bytes = Vec::new();
    let head_len = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        let read = stream.read_buf(&mut bytes).await.unwrap();
        assert!(
            read > 0,
            "closed inside the head: {:?}",
            String::from_utf8_lossy(&bytes)
        );
    };
    let head = String::from_utf8(bytes[..head_len].to_vec()).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut response = Response {
        status,
        headers,
        body: String::new(),
    };
    let length: usize = response
        .header("Content-Length")
        .expect("a length")
        .parse()
        .unwrap();
    while bytes.len() < head_len + length {
        let read = stream.read_buf(&mut bytes).await.unwrap();
        assert!(read > 0, "closed inside the body");
    }
    assert_eq!(
        bytes.len(),
        head_len + length,
        "more bytes than the Content-Length says"
    );
    response.body = String::from_utf8(bytes.split_off(head_len)).unwrap();
    response
}

/// A POST of an urlencoded body, with credentials.
pub(crate) fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{CREDENTIALS}{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(crate) fn form(statistic: &Statistic) -> String {
    format!(
        "objectId={}&objectType={}&tenant={}&tenantPassword=&metric={}",
        statistic.object_id(),
        statistic.object_type(),
        statistic.tenant(),
        statistic.metric()
    )
}

pub(crate) async fn peek(address: &str, statistic: &Statistic, headers: &str) -> Response {
    send(
        address,
        &post("/genesys/1/statistic", headers, &form(statistic)),
    )
    .await
}

/// Asks again and again until the answer is as wanted. Each turn waits for an answer.
pub(crate) async fn until(
    address: &str,
    statistic: &Statistic,
    headers: &str,
    wanted: impl Fn(&Response) -> bool,
) -> Response {
    let asking = async {
        loop {
            let response = peek(address, statistic, headers).await;
            if wanted(&response) {
                return response;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("the wanted answer")
}
