//! What changed since a revision, over restarts too.

use std::collections::BTreeMap;
use std::time::Duration;

use peekd::simulator::{Command, Role, ScriptedValue};
use serde_json::{Value, json};

use super::{body, get, open_all};
use crate::harness::{PATIENCE, World, login_time};

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_since_a_revision_also_of_before_a_restart() {
    let mut world = World::start().await;
    open_all(&world).await;
    let all = body(&get(&world, "/v1/changes?since=0").await);
    let revision = all["revision"].as_str().unwrap().to_owned();
    world
        .pair
        .simulator
        .set(&login_time(), ScriptedValue::Number("4711".to_owned()));
    let text = login_time().to_string();
    let changed = async {
        loop {
            let changes = body(&get(&world, &format!("/v1/changes?since={revision}")).await);
            let list = changes["changes"].as_array().unwrap().clone();
            let found = list.iter().find(|one| one["statistic"] == text.as_str());
            if found.is_some_and(|one| one["value"] == 4711) {
                return changes["revision"].as_str().unwrap().to_owned();
            }
        }
    };
    let later = tokio::time::timeout(PATIENCE, changed)
        .await
        .expect("the change");
    let none = body(&get(&world, &format!("/v1/changes?since={later}&metric=Nothing")).await);
    assert_eq!(none["changes"], json!([]));

    world.stop().await;
    world.launch().await;
    // Trust was lost: everything that was good is told again.
    let restarted = body(&get(&world, &format!("/v1/changes?since={later}")).await);
    let told = restarted["changes"].as_array().unwrap();
    assert!(
        told.iter().any(|one| one["statistic"] == text.as_str()),
        "{told:?}"
    );
    for odd in ["ffff-1", "1-ffffffffffff"] {
        let reset = get(&world, &format!("/v1/changes?since={odd}")).await;
        assert_eq!(
            (reset.status, reset.body.as_str()),
            (410, "{\"reset\":true}")
        );
    }
    for wrong in ["since=yesterday", "quality=good"] {
        let refused = get(&world, &format!("/v1/changes?{wrong}")).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    world.stop().await;
}

/// What a client that polls for changes makes of them: each statistic by its id, without its age.
#[derive(Default)]
struct Polled {
    revision: String,
    known: BTreeMap<String, Value>,
}

impl Polled {
    /// Asks for what changed since the last time; answers how much that was.
    async fn poll(&mut self, world: &World) -> usize {
        let since = &self.revision;
        let told = body(&get(world, &format!("/v1/changes?since={since}")).await);
        told["revision"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.revision);
        let changes = told["changes"].as_array().unwrap();
        for change in changes {
            let id = change["id"].as_str().unwrap().to_owned();
            if change["deleted"] == true {
                self.known.remove(&id);
            } else {
                self.known.insert(id, without_age(change));
            }
        }
        changes.len()
    }
}

fn without_age(one: &Value) -> Value {
    let mut one = one.clone();
    one.as_object_mut().unwrap().remove("age");
    one
}

#[tokio::test(flavor = "multi_thread")]
async fn who_polls_through_a_restart_knows_what_a_list_tells() {
    let mut world = World::start().await;
    let opened = open_all(&world).await;
    let simulator = world.pair.simulator.clone();
    simulator.set_rate(2_000);
    simulator.run_centre();
    let mut client = Polled {
        revision: "0".to_owned(),
        ..Polled::default()
    };
    let mut told = 0;
    for round in 0..60 {
        if round == 30 {
            world.stop().await;
            world.launch().await;
        }
        told += client.poll(&world).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(told > 2 * opened, "{told} changes of {opened} statistics");
    simulator.command(Command::Freeze(Role::Primary));
    let at_rest = async {
        // What is under way comes in first; trust in it is lost for good meanwhile or not at all.
        loop {
            while client.poll(&world).await > 0 {}
            let list = body(&get(&world, "/v1/statistics?limit=10000").await);
            let list = list["statistics"].as_array().unwrap();
            let listed: BTreeMap<String, Value> = list
                .iter()
                .map(|one| (one["id"].as_str().unwrap().to_owned(), without_age(one)))
                .collect();
            if client.poll(&world).await == 0 {
                return listed;
            }
        }
    };
    let listed = tokio::time::timeout(PATIENCE, at_rest).await.expect("rest");
    assert!(listed.len() >= opened);
    assert_eq!(client.known, listed);
    world.stop().await;
}
