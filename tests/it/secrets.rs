//! No password is left behind: not in the log at its finest, not in the store, not in an answer.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::harness::{CREDENTIALS, Pair, post, send};
use crate::process::Process;

/// Every file below `folder`, as bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

fn check_access_log(log: &str) {
    for told in [
        "\"path\":\"/genesys/1/statistic\",\"status\":401",
        "\"path\":\"other\",\"status\":404",
        "\"client\":\"127.0.0.1\"",
        "\"request_id\":\"",
    ] {
        assert!(log.contains(told), "the access log tells {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_run_leaves_no_password_behind() {
    let mut pair = Pair::start().await;
    pair.http = "access_log = true";
    let folder = TempDir::new().unwrap();
    let secrets = TempDir::new().unwrap();
    // The simulated tenant's own password: kept by the configuration, so that it is really used.
    let password_file = secrets.path().join("resources");
    fs::write(&password_file, "open sesame\n").unwrap();
    let more = format!(
        "[[tenant]]\nname = \"Resources\"\npassword_file = \"{}\"\n\
         [[open]]\nstatistic = \"ExpectedWaitTime;Queue;9003@SIP_Switch;Resources\"\n\
         [[open]]\nstatistic = \"TotalLoginTime;Agent;KSippola;Environment\"\n",
        password_file.display()
    );
    let filter = "trace,sled=info,peekd::store=debug";
    let mut process = Process::start_logging(&pair, folder.path(), &more, filter).await;

    let form = |password: &str| {
        format!(
            "objectId=9003@SIP_Switch&objectType=Queue&tenant=Resources\
             &tenantPassword={password}&metric=ExpectedWaitTime"
        )
    };
    // "default:canary-login" as a client sends it.
    let wrong_login = "Basic ZGVmYXVsdDpjYW5hcnktbG9naW4=";
    let path = "/genesys/1/statistic";
    let good = String::from_utf8(post(path, "", &form("open+sesame"))).unwrap();
    let mut answers = String::new();
    for (request, status) in [
        (good.clone(), 200),
        (
            good.replace(CREDENTIALS, &format!("Authorization: {wrong_login}\r\n")),
            401,
        ),
        (
            String::from_utf8(post(path, "", &form("canary-tenant"))).unwrap(),
            403,
        ),
        (
            String::from_utf8(post(path, "", "tenantPassword=canary-tenant%ff")).unwrap(),
            400,
        ),
        (
            String::from_utf8(post("/genesys/1/statistics", "", "canary-tenant")).unwrap(),
            400,
        ),
        (
            String::from_utf8(post(
                "/canary-path?canary-query",
                "X-Key: canary-header\r\n",
                "",
            ))
            .unwrap(),
            404,
        ),
        (
            format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{CREDENTIALS}\r\n"),
            200,
        ),
    ] {
        let answer = send(&process.address, request.as_bytes()).await;
        assert_eq!(answer.status, status, "{answer:?}");
        answers += &answer.body;
    }
    process.flushed_twice().await;
    let (status, log) = process.terminate_with_log().await;
    assert!(status.success());
    assert!(
        log.contains("\"level\":\"TRACE\""),
        "the log is at its finest"
    );

    check_access_log(&log);

    let mut left = contents(&folder.path().join("store"));
    left.push(("the log".to_owned(), log.into_bytes()));
    left.push(("the answers".to_owned(), answers.into_bytes()));
    let left: Vec<(String, String)> = left
        .into_iter()
        .map(|(place, bytes)| (place, String::from_utf8_lossy(&bytes).into_owned()))
        .collect();
    let holds = |text: &str| left.iter().any(|(_, content)| content.contains(text));
    assert!(
        holds("9003@SIP_Switch"),
        "what may be seen is found, so the search works"
    );
    for secret in [
        "open sesame",
        "open+sesame",
        "canary-login",
        "canary-tenant",
        "canary-path",
        "canary-query",
        "canary-header",
        "ZGVmYXVsdDpjYW5hcnktbG9naW4=",
        "ZGVmYXVsdDpwYXNzd29yZA==",
    ] {
        for (place, content) in &left {
            assert!(!content.contains(secret), "{secret} was left in {place}");
        }
    }
}
