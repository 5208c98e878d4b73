//! Values that come by themselves: by notification mode and as time goes on.

use super::*;

const WAITING: &str = "CurrNumberWaitingCalls;Queue;9001@SIP_Switch;Environment";
const LOGIN: &str = "TotalLoginTime;Agent;KSippola;Environment";

#[tokio::test(start_paused = true)]
async fn values_come_by_notification_mode() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    let set = |value| simulator.set(&statistic(WAITING), number(value));
    set("10");

    let insensitive = Notification {
        mode: NotificationMode::Immediate,
        insensitivity: Some(5),
        frequency: None,
    };
    assert_eq!(client.ask(open_as(1, WAITING, insensitive)).await.id, 1);
    assert_eq!(client.event().await.text, "10");
    set("14");
    assert!(client.is_left_alone().await);
    set("15");
    assert_eq!(client.event().await.text, "15");
    client
        .ask(Request::Close {
            reference_id: 99,
            statistic: 1,
        })
        .await;

    let silent = Notification::of(NotificationMode::NoNotification);
    assert_eq!(
        client.ask(open_as(2, WAITING, silent)).await.kind,
        EventKind::StatisticOpened
    );
    set("16");
    assert!(client.is_left_alone().await);
    let peeked = client
        .ask(Request::Peek {
            reference_id: 3,
            statistic: 2,
        })
        .await;
    assert_eq!((peeked.id, peeked.text.as_str()), (2, "16"));
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_periodical_statistic_is_told_every_period() {
    let simulator = simulator();
    simulator.run_centre();
    let mut client = client(&simulator).await;
    simulator.set(&statistic(WAITING), number("3"));
    let every_three = Notification {
        mode: NotificationMode::Periodical,
        insensitivity: None,
        frequency: Some(3),
    };
    client.ask(open_as(1, WAITING, every_three)).await;
    let start = tokio::time::Instant::now();
    for round in 0..4_u32 {
        assert_eq!(client.event().await.text, "3");
        let late = start
            .elapsed()
            .saturating_sub(Duration::from_secs(3) * round);
        assert!(
            late <= TICK * 2 * (round + 1),
            "round {round} came {late:?} late"
        );
    }
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_statistic_is_told_just_before_it_returns_to_zero() {
    let simulator = simulator();
    let mut client = client(&simulator).await;
    let reset = statistic(&format!("{WAITING};;;;;Reset"));
    simulator.set(&reset, number("5"));
    let mode = Notification::of(NotificationMode::Reset);
    assert_eq!(
        client.ask(open_as(1, WAITING, mode)).await.kind,
        EventKind::StatisticOpened
    );
    simulator.set(&reset, number("6"));
    assert!(client.is_left_alone().await);
    simulator.set(&reset, number("0"));
    assert_eq!(client.event().await.text, "6");
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_login_time_grows_with_time() {
    let simulator = simulator();
    simulator.run_centre();
    let mut client = client(&simulator).await;
    client.ask(open(1, LOGIN)).await;
    let mut last = client.event().await;
    assert_eq!(last.text, "0", "totals count since the server's start");
    for _ in 0..3 {
        let next = client.event().await;
        assert_eq!(next.int, last.int + 1);
        last = next;
    }
    assert_eq!(i64::from(last.interval), last.int);
    simulator.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_values_at_the_same_instants() {
    let (one, other) = (simulator(), simulator());
    one.run_centre();
    other.run_centre();
    for _ in 0..5 {
        tokio::time::advance(Duration::from_mins(2)).await;
        for statistic in one.statistics() {
            let value = one.value(Role::Primary, &statistic);
            assert!(value.is_some(), "{statistic}");
            assert_eq!(value, other.value(Role::Backup, &statistic), "{statistic}");
        }
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test(start_paused = true)]
async fn values_that_only_tell_of_time_passing_take_turns() {
    let simulator = simulator();
    simulator.growing_max.store(1, Ordering::Relaxed);
    simulator.run_centre();
    let mut client = client(&simulator).await;
    let login_times = simulator.statistics().into_iter();
    let login_times = login_times.filter(|statistic| statistic.metric() == "TotalLoginTime");
    let login_times = login_times.filter(|statistic| statistic.tenant() == "Environment");
    let mut opened = 0;
    for (id, statistic) in (1..).zip(login_times) {
        client.ask(open(id, &statistic.to_string())).await;
        client.event().await;
        opened = id;
    }
    assert_eq!(opened, 20);
    let before = simulator.counts(Role::Primary).values_total;
    tokio::time::timeout(Duration::from_mins(1), async {
        loop {
            client.said().await;
        }
    })
    .await
    .unwrap_err();
    let told = simulator.counts(Role::Primary).values_total - before;
    // Most are logged in; agents who come and go are told of whatever the rate.
    assert!((400..700).contains(&told), "{told} values in a minute");
    simulator.stop().await;
}
