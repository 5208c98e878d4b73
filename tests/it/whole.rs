//! The store as a whole through the running service: backup, check, and the past of everything; over
//! the wire and by the commands.

use std::path::Path;
use std::process::Output;

use peekd::simulator::ScriptedValue;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::forgetting::{OPERATOR, ask, operators};
use crate::harness::{CREDENTIALS, PATIENCE, World, login_time};

/// `bound:password`.
const BOUND: &str = "Authorization: Basic Ym91bmQ6cGFzc3dvcmQ=\r\n";

async fn peekd(arguments: &[&str]) -> Output {
    tokio::process::Command::new(env!("CARGO_BIN_EXE_peekd"))
        .args(arguments)
        .env("PEEKD_PASSWORD", "password")
        .stdin(std::process::Stdio::null())
        .output()
        .await
        .unwrap()
}

/// What a command prints when it does what it is told.
async fn printed(arguments: &[&str]) -> String {
    let output = peekd(arguments).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// An answer of unknown length, as text.
async fn whole(address: &str, target: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    read.expect("the end").unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn world() -> World {
    let pair = crate::harness::Pair::start().await;
    let opens = crate::harness::Pair::opening(pair.open_to_all());
    let world = World::in_front_of(pair, &(operators() + &opens)).await;
    for text in ["4711", "4712.50"] {
        let value = ScriptedValue::Number(text.to_owned());
        world.pair.simulator.set(&login_time(), value);
        crate::harness::until(&world.address, &login_time(), "", |answer| {
            answer.body == format!("{{\"value\":{text}}}")
        })
        .await;
    }
    // History is told when it is flushed.
    let told = async {
        loop {
            let history = whole(&world.address, "/v1/history", CREDENTIALS).await;
            if history.contains(":4712.50,") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, told)
        .await
        .expect("the change");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_operator_of_everything_gets_the_whole_store() {
    let mut world = world().await;
    for path in ["/v1/backup", "/v1/verify"] {
        for (headers, status) in [("", 401), (CREDENTIALS, 403), (BOUND, 403)] {
            let refused = ask(&world.address, "GET", path, headers).await;
            assert_eq!(refused.status, status, "{path}: {refused:?}");
        }
        let odd = ask(
            &world.address,
            "GET",
            &format!("{path}?colour=blue"),
            OPERATOR,
        )
        .await;
        assert_eq!(odd.status, 400, "{odd:?}");
    }
    let checked = whole(&world.address, "/v1/verify", OPERATOR).await;
    assert!(checked.contains("\"damaged\":[]"), "{checked}");
    let gaps = whole(
        &world.address,
        "/v1/gaps?filter=TotalLoginTime*",
        CREDENTIALS,
    )
    .await;
    assert!(gaps.contains("\"reason\":\"not recorded\""), "{gaps}");
    let none = whole(&world.address, "/v1/history?filter=Nothing*", CREDENTIALS).await;
    assert!(
        none.starts_with("HTTP/1.1 200") && !none.contains("statistic"),
        "{none}"
    );
    let headers = format!("{CREDENTIALS}Accept: text/csv\r\n");
    let csv = whole(&world.address, "/v1/history?filter=Nothing*", &headers).await;
    assert!(
        csv.contains("statistic,time,value,quality,server,epoch"),
        "{csv}"
    );
    for wrong in ["from=never", "from=1h%20ago&to=2h%20ago", "step=1m"] {
        let target = format!("/v1/history?{wrong}");
        let refused = ask(&world.address, "GET", &target, CREDENTIALS).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    // Whoever is bound to a tenant is told of that one alone.
    let theirs = whole(&world.address, "/v1/history", BOUND).await;
    assert!(
        theirs.starts_with("HTTP/1.1 200") && !theirs.contains("Environment"),
        "{theirs}"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_print_the_same_of_a_running_service_as_of_its_store() {
    let mut world = world().await;
    let url = format!("http://{}", world.address);
    let through = ["--url", &url, "--user", "operator"];
    let folder = TempDir::new().unwrap();
    let (file, copy) = (folder.path().join("backup"), folder.path().join("copy"));
    let (file, copy) = (file.to_str().unwrap(), copy.to_str().unwrap());
    printed(&[&["backup"], &through[..], &[file]].concat()).await;
    printed(&["restore", file, "--store", copy]).await;
    let offline = ["--store", copy];
    let verified = printed(&[&["inspect", "verify"], &offline[..]].concat()).await;
    assert!(verified.ends_with("everything can be read\n"), "{verified}");
    let running = printed(&[&["inspect", "verify"], &through[..]].concat()).await;
    assert!(running.ends_with("everything can be read\n"), "{running}");

    // What stands still is the same in both.
    let still = ["--filter", "TotalLoginTime;Agent;KSippola;*", "--until"];
    let until = peekd::model::Clock::system().wall().to_rfc3339();
    for format in ["csv", "jsonl"] {
        for what in ["history", "gaps"] {
            let asked = [
                &["inspect", what, "--format", format],
                &still[..],
                &[&until],
            ]
            .concat();
            let here = printed(&[&asked, &offline[..]].concat()).await;
            let there = printed(&[&asked, &through[..]].concat()).await;
            let lines = |text: &str| -> Vec<String> {
                // The restored copy was cut at the backup, and knows no more of the last gap.
                text.lines().take(3).map(str::to_owned).collect()
            };
            assert_eq!(lines(&there), lines(&here), "{what} as {format}");
            assert!(lines(&there).len() > 1 || what == "gaps", "{there}");
        }
        let asked = ["inspect", "last", "--format", format, "--filter", still[1]];
        let there = printed(&[&asked, &through[..]].concat()).await;
        let here = printed(&[&asked, &offline[..]].concat()).await;
        assert!(
            there.contains("4712.50") && here.contains("4712.50"),
            "{there}{here}"
        );
    }
    let asked = [
        &["inspect", "last", "--format", "jsonl"],
        &still[..2],
        &through,
    ]
    .concat();
    let line = printed(&asked).await;
    let line: Value = serde_json::from_str(line.trim()).unwrap();
    let names: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 9, "{names:?}");
    assert_eq!(
        (&line["quality"], &line["server"]),
        (&"good".into(), &"StatServer".into())
    );
    let drawn = printed(&[&["inspect", "history", "--plot"], &still[..2], &through].concat()).await;
    assert!(drawn.contains('█') && drawn.contains("4712.5"), "{drawn}");
    let table = printed(&[&["inspect", "last"], &through[..]].concat()).await;
    assert!(table.lines().count() > 20, "{table}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_finds_the_store_in_use_names_who_uses_it_and_what_to_type() {
    let mut world = world().await;
    let store = world.configuration();
    let store = store
        .lines()
        .find_map(|line| line.strip_prefix("path = "))
        .unwrap();
    let store = store.trim_matches('"').to_owned();
    let pid = format!("process {}", std::process::id());
    for what in ["last", "history", "gaps", "verify", "schema"] {
        let refused = peekd(&["inspect", what, "--store", &store]).await;
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains(&pid), "{told}");
        let paste = format!("peekd inspect {what} --url http://127.0.0.1:8080 --user");
        assert!(told.contains(&paste) || what == "schema", "{told}");
    }
    let file = Path::new(&store).with_extension("backup");
    let refused = peekd(&["backup", "--store", &store, file.to_str().unwrap()]).await;
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.contains(&pid) && told.contains("peekd backup"),
        "{told}"
    );
    assert!(!file.exists());

    let url = format!("http://{}", world.address);
    for (arguments, code, word) in [
        (vec!["inspect", "schema", "--url", &url], 2, "verify"),
        (
            vec!["inspect", "last", "--url", &url, "--store", "x"],
            2,
            "--store",
        ),
        (vec!["inspect", "last", "--user", "operator"], 2, "--url"),
        (vec!["inspect", "last", "--url", &url], 1, "401"),
        (
            vec!["inspect", "verify", "--url", &url, "--user", "default"],
            1,
            "operator",
        ),
        (
            vec![
                "backup",
                "--url",
                &url,
                "--user",
                "bound",
                file.to_str().unwrap(),
            ],
            1,
            "tenants",
        ),
    ] {
        let refused = peekd(&arguments).await;
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(word), "{arguments:?}: {told}");
        assert!(!file.exists());
    }
    world.stop().await;
}
