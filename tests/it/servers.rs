//! `GET /v1/servers`: where the values come from.

use peekd::simulator::{Command, Role};

use crate::harness::{CREDENTIALS, PATIENCE, Response, World, login_time, until};

async fn ask(world: &World, head: &str) -> Response {
    world
        .send(
            format!("{head} /v1/servers HTTP/1.1\r\nHost: 127.0.0.1\r\n{CREDENTIALS}\r\n")
                .as_bytes(),
        )
        .await
}

fn first(response: &Response) -> serde_json::Value {
    assert_eq!(response.status, 200, "{response:?}");
    let json: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    json["servers"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_pair_is_told_with_its_active_side() {
    let mut world = World::start().await;
    // Its stat types come after the registration.
    let server = told(&world, |server| {
        server["statTypes"]
            .as_u64()
            .is_some_and(|count| count >= 10)
    })
    .await;
    assert_eq!(server["name"], "StatServer");
    assert_eq!(server["state"], "connected");
    assert_eq!(server["active"]["side"], "primary");
    assert_eq!(server["active"]["address"], world.pair.primary.as_str());
    assert_eq!(server["addresses"]["primary"], world.pair.primary.as_str());
    assert_eq!(server["addresses"]["backup"], world.pair.backup.as_str());
    assert_eq!(server["version"], "8.5.112.03");
    assert!(server["mode"].is_null() && server["lastSwitchover"].is_null());

    world.pair.simulator.command(Command::Kill(Role::Primary));
    let no_cache = "Cache-Control: no-cache\r\n";
    until(&world.address, &login_time(), no_cache, |answer| {
        answer.status == 200
    })
    .await;
    let server = first(&ask(&world, "GET").await);
    assert_eq!(server["active"]["side"], "backup");
    assert_eq!(
        (&server["switchovers"], &server["connections"]),
        (&1.into(), &2.into())
    );
    let switchover = &server["lastSwitchover"];
    assert_eq!(switchover["from"], world.pair.primary.as_str());
    assert_eq!(switchover["to"], world.pair.backup.as_str());
    assert_eq!(switchover["at"], server["active"]["since"]);
    let reason = switchover["reason"].as_str().unwrap();
    assert!(reason.contains("connection"), "{reason}");
    world.stop().await;
}

/// Asks until the first pair is told as wanted.
pub(crate) async fn told(
    world: &World,
    wanted: impl Fn(&serde_json::Value) -> bool,
) -> serde_json::Value {
    let asking = async {
        loop {
            let server = first(&ask(world, "GET").await);
            if wanted(&server) {
                return server;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("the wanted report")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_of_itself_and_what_it_holds_are_told() {
    let mut world = World::start().await;
    let statistics: Vec<_> = world.pair.open_to_all().take(3).collect();
    for statistic in &statistics {
        assert_eq!(world.peek(statistic, "").await.status, 200, "{statistic}");
    }
    let server = told(&world, |server| server["statistics"]["open"] == 3).await;
    assert_eq!(server["statistics"]["wanted"], 3);
    assert_eq!(server["skippedMessages"], 0);

    // Nothing else tells that it is demoted: the other side is down, so that it is kept.
    world.pair.simulator.command(Command::Kill(Role::Backup));
    for (command, mode) in [
        (Command::BackupMode(Role::Primary), "backup"),
        (Command::PrimaryMode(Role::Primary), "primary"),
    ] {
        world.pair.simulator.command(command);
        told(&world, |server| server["mode"] == mode).await;
    }
    world.pair.simulator.command(Command::Kill(Role::Primary));
    let server = told(&world, |server| server["statistics"]["open"] == 0).await;
    assert_eq!(server["statistics"]["wanted"], 3, "they stay wanted");
    assert!(server["mode"].is_null(), "it says nothing any more");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_problem_details() {
    let mut world = World::start().await;
    let unknown = world
        .send(b"GET /v1/servers HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        .await;
    let wrong_method = ask(&world, "DELETE").await;
    for (response, status) in [(unknown, 401), (wrong_method, 405)] {
        assert_eq!(response.status, status);
        assert_eq!(
            response.header("Content-Type"),
            Some("application/problem+json")
        );
        let problem: serde_json::Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(problem["status"], status);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
    world.stop().await;
}
