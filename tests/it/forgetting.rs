//! `DELETE /v1/statistics/{id}`: who may, what becomes of it, and who is told.

use peekd::api::auth::hash_password;
use peekd::model::Statistic;
use peekd::simulator::Role;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{CREDENTIALS, PATIENCE, Pair, Response, World, login_time, peek, send, until};
use crate::process::Process;

/// `operator:password`.
pub(crate) const OPERATOR: &str = "Authorization: Basic b3BlcmF0b3I6cGFzc3dvcmQ=\r\n";
/// `bound:password`, an operator of another tenant.
const BOUND: &str = "Authorization: Basic Ym91bmQ6cGFzc3dvcmQ=\r\n";

/// Configuration with two operators, one bound to the tenant `Resources`.
pub(crate) fn operators() -> String {
    let hash = hash_password("password");
    let user = |name: &str, more: &str| {
        format!(
            "[[http.auth.users]]\nname = \"{name}\"\npassword_hash = \"{hash}\"\n\
             role = \"operator\"\n{more}"
        )
    };
    user("operator", "") + &user("bound", "tenants = [\"Resources\"]\n")
}

pub(crate) async fn ask(address: &str, method: &str, target: &str, headers: &str) -> Response {
    let head = format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n");
    send(address, head.as_bytes()).await
}

fn json(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{response:?}");
    serde_json::from_str(&response.body).unwrap()
}

async fn changes(address: &str, since: &str) -> Response {
    ask(
        address,
        "GET",
        &format!("/v1/changes?since={since}"),
        CREDENTIALS,
    )
    .await
}

/// The path of the one statistic that is known.
async fn path_of(address: &str, metric: &str) -> String {
    let target = format!("/v1/statistics?metric={metric}");
    let listed = json(&ask(address, "GET", &target, CREDENTIALS).await);
    let statistics = listed["statistics"].as_array().unwrap();
    assert_eq!(statistics.len(), 1, "{statistics:?}");
    format!("/v1/statistics/{}", statistics[0]["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_forgets_a_statistic_and_everybody_is_told() {
    let listed =
        "[[open]]\nstatistic = \"CurrNumberWaitingCalls;Queue;9001@SIP_Switch;Environment\"\n";
    let mut world = World::start_with(&(operators() + listed)).await;
    let address = world.address.clone();
    assert_eq!(world.peek(&login_time(), "").await.status, 200);
    let path = path_of(&address, "TotalLoginTime").await;
    let all = json(&changes(&address, "0").await);
    let revision = all["revision"].as_str().unwrap();

    for (target, headers, status) in [
        (path.as_str(), "", 401),
        (&path, CREDENTIALS, 403),
        (&path, BOUND, 404),
        ("/v1/statistics/7b-00000000", OPERATOR, 404),
        ("/v1/statistics/nothing", OPERATOR, 404),
        (&format!("{path}?history=perhaps"), OPERATOR, 400),
    ] {
        let refused = ask(&address, "DELETE", target, headers).await;
        assert_eq!(refused.status, status, "{target} {headers}: {refused:?}");
    }
    let pinned = path_of(&address, "CurrNumberWaitingCalls").await;
    let refused = ask(&address, "DELETE", &pinned, OPERATOR).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.body.contains("[[open]]"), "{refused:?}");
    let patched = ask(&address, "PATCH", &path, OPERATOR).await;
    assert_eq!(patched.header("Allow"), Some("GET, HEAD, DELETE"));

    let gone = send_for_status(&address, &path).await;
    assert!(gone.starts_with("HTTP/1.1 204"), "{gone}");
    assert_eq!(ask(&address, "GET", &path, CREDENTIALS).await.status, 404);
    let history = format!("{path}/history");
    assert_eq!(
        ask(&address, "GET", &history, CREDENTIALS).await.status,
        404
    );
    assert_eq!(ask(&address, "DELETE", &path, OPERATOR).await.status, 404);
    let told = json(&changes(&address, revision).await);
    let tombstone = told["changes"].as_array().unwrap().last().unwrap();
    assert_eq!(tombstone["statistic"], login_time().to_string());
    assert_eq!(tombstone["deleted"], true);
    let is_closed = || {
        world
            .pair
            .asked(Role::Primary, &login_time())
            .contains(&"Close".to_owned())
    };
    let closed = async {
        while !is_closed() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, closed)
        .await
        .expect("it is closed");

    // Asked for again, it is another one.
    assert_eq!(world.peek(&login_time(), "").await.status, 200);
    assert_ne!(path_of(&address, "TotalLoginTime").await, path);
    let figures = ask(&address, "GET", "/metrics", CREDENTIALS).await;
    let counted = "endpoint=\"DELETE /v1/statistics/{id}\",status=\"204\"} 1";
    assert!(figures.body.contains(counted), "{}", figures.body);
    world.stop().await;
}

/// A 204 has no length.
async fn send_for_status(address: &str, path: &str) -> String {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "DELETE {path}?history=true HTTP/1.1\r\nHost: 127.0.0.1\r\n{OPERATOR}\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.unwrap();
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_forgotten_stays_so_after_a_kill_and_followers_start_over() {
    let pair = Pair::start().await;
    let folder = TempDir::new().unwrap();
    let process = Process::start(&pair, folder.path(), &operators()).await;
    let queue = peekd::model::ObjectType::Queue;
    let object = "9001@SIP_Switch";
    let other = Statistic::new("CurrNumberWaitingCalls", queue, object, "Environment");
    let address = process.address.clone();
    for statistic in [&login_time(), &other] {
        until(&address, statistic, "", |answer| answer.status == 200).await;
    }
    let path = path_of(&address, "TotalLoginTime").await;
    let before = json(&changes(&address, "0").await);
    let before = before["revision"].as_str().unwrap().to_owned();
    let gone = send_for_status(&address, &path).await;
    assert!(gone.starts_with("HTTP/1.1 204"), "{gone}");
    let after = json(&changes(&address, &before).await);
    let after = after["revision"].as_str().unwrap().to_owned();
    // What is acknowledged is on the disk.
    process.kill_after(std::time::Duration::ZERO).await;

    let process = Process::start(&pair, folder.path(), &operators()).await;
    let address = process.address.clone();
    assert_eq!(ask(&address, "GET", &path, CREDENTIALS).await.status, 404);
    let reset = changes(&address, &before).await;
    assert_eq!(
        (reset.status, reset.body.as_str()),
        (410, "{\"reset\":true}")
    );
    // Whoever was told of it may go on, as far as what they were told was flushed.
    let resumed = changes(&address, &after).await;
    assert!([200, 410].contains(&resumed.status), "{resumed:?}");
    assert_eq!(peek(&address, &other, "").await.status, 200);
    let status = process.terminate().await;
    assert!(status.success(), "{status}");
}
