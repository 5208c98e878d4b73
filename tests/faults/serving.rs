//! The whole service on a disk that refuses: it answers, says so over HTTP, and recovers by itself.

use std::sync::Arc;
use std::time::Duration;

use peekd::api::auth::hash_password;
use peekd::model::{Clock, ObjectType, Statistic, StatisticId, Value};
use peekd::service::{Service, Settings};
use peekd::simulator::{self, Role, ScriptedValue, Simulator};
use peekd::store::{self, Range};
use peekd::upstream::TcpConnector;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::disk::Disk;
use crate::mount::Refusal;
use crate::power_cut::mounted;

/// Ends a run that hangs; nothing is measured with it.
const PATIENCE: Duration = Duration::from_mins(1);
const CREDENTIALS: &str = "Authorization: Basic ZGVmYXVsdDpwYXNzd29yZA==\r\n";

fn counter() -> Statistic {
    let (metric, queue) = ("Total_Calls_Entered", "9001@SIP_Switch");
    Statistic::new(metric, ObjectType::Queue, queue, "Environment")
}

/// One answer's status and body, on a connection of its own.
async fn send(address: &str, request: String) -> (u16, String) {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap()
}

async fn get(address: &str, path: &str) -> (u16, String) {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\n{CREDENTIALS}Accept: */*\r\nConnection: close\r\n\r\n"
    );
    send(address, request).await
}

/// The counter's value, as a client is told it.
async fn peek(address: &str) -> u64 {
    let statistic = counter();
    let form = format!(
        "objectId={}&objectType={}&tenant={}&tenantPassword=&metric={}",
        statistic.object_id(),
        statistic.object_type(),
        statistic.tenant(),
        statistic.metric()
    );
    let length = form.len();
    let request = format!(
        "POST /genesys/1/statistic HTTP/1.1\r\nHost: a\r\n{CREDENTIALS}Connection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    );
    let (status, body) = send(address, request).await;
    assert_eq!(status, 200, "{body}");
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    json["value"].as_u64().unwrap()
}

/// Asks for a page until it is as wanted.
async fn until(address: &str, path: &str, wanted: impl Fn(&str) -> bool) -> String {
    let asking = async {
        loop {
            let (status, body) = get(address, path).await;
            assert_eq!(status, 200, "{path}: answers go on: {body}");
            if wanted(&body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, asking).await;
    found.unwrap_or_else(|_| panic!("{path} never said what was waited for"))
}

/// Sets the counter and waits until clients are told.
async fn count(simulator: &Simulator, address: &str, number: u64) {
    simulator.set(&counter(), ScriptedValue::Number(number.to_string()));
    let told = async {
        while peek(address).await != number {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap();
}

fn has_line(line: &str) -> impl Fn(&str) -> bool {
    move |page| page.lines().any(|found| found == line)
}

async fn simulator() -> (Arc<Simulator>, [String; 2]) {
    let config = simulator::Config {
        seed: 42,
        speed: 1.0,
        statistics: 10,
        tenant_passwords: Vec::new(),
        version: "8.5.112.03".to_owned(),
    };
    let simulator = Simulator::new(config, Clock::system());
    let any = "127.0.0.1:0".parse().unwrap();
    let primary = simulator.listen(Role::Primary, any).await.unwrap();
    let backup = simulator.listen(Role::Backup, any).await.unwrap();
    (simulator, [primary.to_string(), backup.to_string()])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_on_a_disk_that_refuses_answers_and_says_so_until_it_works_again() {
    let hash = hash_password("password");
    for refusal in [Refusal::Full, Refusal::ReadOnly] {
        let Some(mounted) = mounted(Disk::empty(), u64::MAX, 0) else {
            return;
        };
        let (simulator, [primary, backup]) = simulator().await;
        simulator.set(&counter(), ScriptedValue::Number("1".to_owned()));
        let configuration = format!(
            "[store]\npath = \"{}\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
             [[http.auth.users]]\nname = \"default\"\npassword_hash = \"{hash}\"\n\
             [[stat_server]]\nname = \"StatServer\"\nprimary = \"{primary}\"\nbackup = \"{backup}\"\n\
             [[open]]\nstatistic = \"{}\"\n",
            mounted.path().join("store").display(),
            counter()
        );
        let settings = Settings::from_text(&configuration).unwrap();
        let listener = TcpListener::bind(settings.listen).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        let connector = Arc::new(TcpConnector);
        let clock = Clock::system();
        let mut service = Service::launch(settings, listener, connector, clock, stop.clone());
        assert!(service.ready().await, "{refusal:?}");

        for number in 1..=5 {
            count(&simulator, &address, number).await;
        }
        until(&address, "/health/ready", |body| {
            body.contains(r#""ready""#)
        })
        .await;
        until(&address, "/metrics", has_line("peekd_store_healthy 1.0")).await;

        mounted.refuse(Some(refusal));
        for number in 6..=10 {
            count(&simulator, &address, number).await;
        }
        let degraded = |body: &str| body.contains(r#""degraded""#);
        let told = until(&address, "/health/ready", degraded).await;
        assert!(
            told.contains("the store cannot write"),
            "{refusal:?}: {told}"
        );
        until(&address, "/metrics", has_line("peekd_store_healthy 0.0")).await;
        // Neither asking nor being told waits for the disk.
        count(&simulator, &address, 11).await;

        mounted.refuse(None);
        until(&address, "/health/ready", |body| {
            body.contains(r#""ready""#)
        })
        .await;
        let page = until(&address, "/metrics", has_line("peekd_store_healthy 1.0")).await;
        assert!(has_line("peekd_store_lost_changes_total 0")(&page));
        count(&simulator, &address, 12).await;
        stop.cancel();
        service.join().await.unwrap();

        let copy = TempDir::new().unwrap();
        mounted.copy_to(copy.path());
        all_is_there(&copy.path().join("store"), refusal);
    }
}

/// The queue had room for what came meanwhile: each value is in the journal or in history, and no
/// part of that time is told to be lost.
fn all_is_there(store: &std::path::Path, refusal: Refusal) {
    let looked = store::look(store, &Clock::system()).unwrap();
    let known = looked.loaded.statistics.each();
    let counted: Vec<StatisticId> = known
        .filter(|known| *known.statistic == counter())
        .map(|known| known.id)
        .collect();
    let [id] = counted[..] else {
        panic!("{refusal:?}: {counted:?}");
    };
    let past = looked.history.past(id, Range::ALL).unwrap();
    let mut values: Vec<i64> = past
        .samples
        .iter()
        .map(|sample| match sample.value {
            Value::Integer(number) => number,
            ref other => panic!("{refusal:?}: {other:?}"),
        })
        .collect();
    values.dedup();
    assert_eq!(values, (1..=12).collect::<Vec<_>>(), "{refusal:?}");
    let lost = |gap: &store::Gap| gap.reason == store::Reason::Lost;
    assert!(!past.gaps.iter().any(lost), "{refusal:?}: {:?}", past.gaps);
}
