//! How each statistic is asked for, read from the log of the simulated Stat Servers.

use std::time::Duration;

use peekd::model::{ObjectType, Statistic};
use peekd::simulator::{Command, Role, ScriptedValue};

use crate::harness::{PATIENCE, Response, World, form, login_time, post, until};

const LIVE: &str = "Cache-Control: no-cache\r\n";

fn waiting() -> Statistic {
    let queue = "9001@SIP_Switch";
    Statistic::new(
        "CurrNumberWaitingCalls",
        ObjectType::Queue,
        queue,
        "Environment",
    )
}

async fn peek_in(world: &World, statistic: &Statistic, mode: &str, headers: &str) -> Response {
    let form = form(statistic);
    let body = format!("{form}&notificationMode={mode}");
    world
        .send(&post("/genesys/1/statistic", headers, &body))
        .await
}

/// Waits until the primary was asked just this of the statistic.
async fn asked(world: &World, statistic: &Statistic, wanted: &[&str]) {
    let waiting = async {
        while world.pair.asked(Role::Primary, statistic) != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        let found = world.pair.asked(Role::Primary, statistic);
        panic!("{statistic}: {found:?} instead of {wanted:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_to_be_kept_open_is_fetched_each_time() {
    let mut world = World::start_with(
        "[[rule]]\nmatch = \"CurrNumber*;Queue\"\nkeep_open = false\n\
         [peek]\ndefault_max_age = \"1h\"\n",
    )
    .await;
    assert_eq!(world.peek(&waiting(), "").await.status, 200);
    let stored = world.peek(&waiting(), "").await;
    assert!(
        stored.header("Cache-Status").unwrap().contains("hit"),
        "{stored:?}"
    );
    assert_eq!(world.peek(&waiting(), LIVE).await.age(), 0);
    assert_eq!(world.pair.asked(Role::Primary, &waiting()), ["Get", "Get"]);
    // Nothing that must be opened again, and yet the value outlives a restart.
    world.stop().await;
    world.launch().await;
    world.pair.simulator.command(Command::Kill(Role::Primary));
    world.pair.simulator.command(Command::Kill(Role::Backup));
    assert_eq!(world.peek(&waiting(), "").await.status, 200);
    assert_eq!(world.pair.asked(Role::Primary, &waiting()), ["Get", "Get"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statistic_is_opened_in_the_mode_and_as_coarsely_as_it_is_to_be() {
    let mut world = World::start_with(
        "[[rule]]\nmatch = \"TotalLoginTime;Agent\"\ninsensitivity = 5\nfrequency = \"15s\"\n",
    )
    .await;
    let total = |object: &str| {
        let queue = ObjectType::Queue;
        Statistic::new("Total_Calls_Entered", queue, object, "Environment")
    };
    let first = total("9001@SIP_Switch");
    let zeroed = total("9002@SIP_Switch").refined([""; 4], true);
    assert_eq!(
        peek_in(&world, &login_time(), "Periodical", "")
            .await
            .status,
        200
    );
    assert_eq!(
        peek_in(&world, &first, "NoNotification", "").await.status,
        200
    );
    let refined = "Open Periodical every 15 s from 5 on";
    asked(&world, &login_time(), &[refined]).await;
    asked(&world, &first, &["Open NoNotification", "Peek"]).await;
    // Only a return to zero has a value to tell.
    let unheard = peek_in(&world, &zeroed, "Reset", "").await;
    assert!([200, 500].contains(&unheard.status), "{unheard:?}");
    let opened = world.pair.asked(Role::Primary, &zeroed);
    assert_eq!(opened.first().map(String::as_str), Some("Open Reset"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_more_telling_mode_opens_a_second_time_before_the_first_is_closed() {
    let mut world = World::start().await;
    assert_eq!(
        peek_in(&world, &waiting(), "NoNotification", "")
            .await
            .status,
        200
    );
    asked(&world, &waiting(), &["Open NoNotification", "Peek"]).await;
    // Answered out of the store, and opened better behind the caller's back.
    assert_eq!(
        peek_in(&world, &waiting(), "Immediate", "").await.status,
        200
    );
    let upgraded = ["Open NoNotification", "Peek", "Open Immediate", "Close"];
    asked(&world, &waiting(), &upgraded).await;
    assert_eq!(world.pair.simulator.counts(Role::Primary).opens_now, 1);
    // Values come by themselves now.
    let first = world
        .peek(&waiting(), "Cache-Control: only-if-cached\r\n")
        .await;
    let moved =
        |answer: &Response| answer.value() > first.value() || answer.value() < first.value();
    until(
        &world.address,
        &waiting(),
        "Cache-Control: only-if-cached\r\n",
        moved,
    )
    .await;
    assert_eq!(
        peek_in(&world, &waiting(), "NoNotification", "")
            .await
            .status,
        200
    );
    asked(&world, &waiting(), &upgraded).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statistic_type_of_our_own_is_opened_by_its_definition() {
    let mut world = World::start_with(
        "[[definition]]\nname = \"Waiting_Now\"\ncategory = \"CurrentNumber\"\n\
         main_mask = [\"CallWait\"]\nsubject = \"DNAction\"\n\
         [[definition]]\nname = \"Ready_Once\"\ncategory = 12\nmain_mask = [4]\n\
         subject = \"AgentStatus\"\n\
         [[rule]]\nmatch = \"Ready_Once\"\nkeep_open = false\n",
    )
    .await;
    let own = of_metric(&waiting(), "Waiting_Now");
    let once = of_metric(&waiting(), "Ready_Once");
    assert_eq!(world.peek(&own, "").await.status, 200);
    assert_eq!(world.peek(&once, LIVE).await.status, 200);
    // The simulator knows them under the names of its own.
    asked(&world, &waiting(), &["OpenEx category 12, Immediate"]).await;
    let ready = of_metric(&waiting(), "CurrentReadyAgents");
    asked(&world, &ready, &["GetEx category 12"]).await;
    let named = world.peek(&waiting(), LIVE).await.value();
    let defined = world.peek(&own, LIVE).await.value();
    assert!((named - defined).abs() < 20.0, "{named} and {defined}");

    let staging = ObjectType::StagingArea;
    let misfit = Statistic::new(own.metric(), staging, own.object_id(), own.tenant());
    let refused = world.peek(&misfit, "").await;
    assert_eq!(refused.status, 403);
    assert!(refused.message().contains("CallWait"), "{refused:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_on_a_living_link_validates_where_the_rules_say_so() {
    let mut world = World::start_with(
        "[stat_server.addp]\nlocal_timeout = \"2s\"\nremote_timeout = \"2s\"\n\
         [[rule]]\nmatch = \"Service_Level\"\nsilence = \"unchanged\"\n",
    )
    .await;
    let queue = "9001@SIP_Switch";
    let level = Statistic::new("Service_Level", ObjectType::Queue, queue, "Environment");
    let other = Statistic::new(
        "AverageHandlingTime",
        ObjectType::Queue,
        queue,
        "Environment",
    );
    for statistic in [&level, &other] {
        let value = ScriptedValue::Number("50".to_owned());
        world.pair.simulator.set(statistic, value);
        assert_eq!(world.peek(statistic, "").await.status, 200);
    }
    // Heartbeats alone cross the link from now on; the second one's age shows that time passes. A
    // link is given up after 4 s without one, so that no living one leaves a value older than that.
    let aged = |answer: &Response| answer.age() >= 8;
    until(&world.address, &other, "", aged).await;
    assert!(world.peek(&level, "").await.age() <= 4);
    let opens = world.pair.opens_total();
    assert_eq!(
        world
            .peek(&level, "Cache-Control: max-age=5\r\n")
            .await
            .status,
        200
    );
    let peeks = |world: &World| world.pair.simulator.counts(Role::Primary).peeks_total;
    assert_eq!((world.pair.opens_total(), peeks(&world)), (opens, 0));
    // Nobody vouches for it when the link is gone.
    world.pair.simulator.command(Command::Kill(Role::Primary));
    world.pair.simulator.command(Command::Kill(Role::Backup));
    until(&world.address, &level, "", aged).await;
    world.stop().await;
}

/// The same of another metric.
fn of_metric(statistic: &Statistic, metric: &str) -> Statistic {
    Statistic::new(
        metric,
        statistic.object_type(),
        statistic.object_id(),
        statistic.tenant(),
    )
}
