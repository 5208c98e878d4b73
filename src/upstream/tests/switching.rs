//! From one server of the pair to the other.

use super::*;
use crate::simulator::Command;

const COUNT: usize = 60;

/// A pair of simulated servers with everything open on the primary.
async fn open_on_primary() -> (Arc<Simulator>, Run, Vec<Epoch>) {
    opened(|_| {}).await
}

async fn opened(adjust: impl FnOnce(&mut Config)) -> (Arc<Simulator>, Run, Vec<Epoch>) {
    let simulator = simulator();
    let dial = simulator.clone();
    let connector = Dialler::new(move |address| {
        let stream = dial.connect(role_of(address))?;
        Ok(Box::new(stream) as BoxStream)
    });
    let mut run = Run::adjusted(connector, Some("backup"), 100_000, adjust);
    run.upstream.want(specs(&simulator, COUNT)).await;
    let epochs = run.values(COUNT).await;
    assert_eq!(simulator.counts(Role::Primary).opens_now, 60);
    (simulator, run, epochs)
}

/// Everything is open on the backup in a later epoch, and nothing of the primary comes after.
async fn everything_is_reopened(simulator: &Simulator, run: &mut Run, before: &[Epoch]) {
    let mut downs = 0;
    let mut ups = 0;
    let mut reopened = HashMap::new();
    while reopened.len() < COUNT {
        match run.next().await {
            Event::LinkDown { .. } => downs += 1,
            Event::LinkUp => ups += 1,
            Event::Value { id, epoch, .. } if ups > 0 => {
                assert!(before.iter().all(|old| *old < epoch), "{epoch:?}");
                reopened.insert(id, epoch);
            }
            _ => {}
        }
    }
    assert_eq!((downs, ups), (1, 1));
    assert_eq!(simulator.counts(Role::Backup).opens_now, 60);
}

#[tokio::test(start_paused = true)]
async fn a_killed_primary_is_replaced_at_once() {
    let (simulator, mut run, before) = open_on_primary().await;
    let start = Instant::now();
    simulator.command(Command::Kill(Role::Primary));
    run.until(PairState::Connected, true).await;
    assert_eq!(
        start.elapsed(),
        Duration::ZERO,
        "the other side is not waited for"
    );
    everything_is_reopened(&simulator, &mut run, &before).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(run.status().switchovers, 1);
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_frozen_primary_is_found_out_after_twice_the_time_out_and_not_before() {
    let (simulator, mut run, before) = open_on_primary().await;
    let start = Instant::now();
    simulator.command(Command::Freeze(Role::Primary));
    let found = run.until(PairState::Connected, true).await - start;
    assert!(found >= T * 2, "{found:?} is rash");
    assert!(found < T * 2 + Duration::from_secs(1), "{found:?} is late");
    everything_is_reopened(&simulator, &mut run, &before).await;
    assert!(start.elapsed() < T * 2 + Duration::from_secs(1));
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_primary_that_answers_heartbeats_is_kept() {
    let (simulator, run, _) = open_on_primary().await;
    tokio::time::sleep(T * 100).await;
    assert_eq!(simulator.counts(Role::Primary).connections_now, 1);
    assert!(simulator.counts(Role::Primary).addp_polls_answered >= 50);
    assert_eq!(run.status().state, PairState::Connected);
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn through_a_total_outage_everything_stays_wanted() {
    let (simulator, mut run, before) = open_on_primary().await;
    for role in Role::ALL {
        simulator.command(Command::Kill(role));
    }
    run.until(PairState::Disconnected, false).await;
    tokio::time::sleep(Duration::from_hours(10)).await;
    let wanted = specs(&simulator, 1).remove(0);
    assert_eq!(run.fetch(wanted).await, Outcome::Lost);
    simulator.command(Command::Restore(Role::Backup));
    let start = Instant::now();
    run.until(PairState::Connected, true).await;
    assert!(
        start.elapsed() <= Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    everything_is_reopened(&simulator, &mut run, &before).await;
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn waits_grow_to_a_cap_and_never_end() {
    let connector = Dialler::new(|_| Err(io::ErrorKind::ConnectionRefused.into()));
    let run = Run::new(connector.clone(), Some("backup"));
    tokio::time::sleep(Duration::from_hours(1)).await;
    let dialled = connector.dialled();
    assert!(dialled.len() > 700, "{}", dialled.len());
    assert!(dialled.len() < 1600, "{}", dialled.len());
    let waits: Vec<Duration> = dialled
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .collect();
    assert_eq!(
        waits[0],
        Duration::ZERO,
        "each side is tried before any wait"
    );
    assert!(waits[1] <= Duration::from_millis(101), "{:?}", waits[1]);
    let cap = Duration::from_millis(5_001);
    assert!(waits.iter().all(|wait| *wait <= cap));
    assert!(
        waits[20..]
            .iter()
            .all(|wait| *wait >= Duration::from_millis(2_499))
    );
    let sides = dialled.windows(2).all(|pair| pair[0].1 != pair[1].1);
    assert!(sides, "both sides are tried in turn");
    let failures = run.status().last_failures;
    for failure in failures {
        assert!(failure.unwrap().starts_with("cannot connect: "));
    }
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_demoted_primary_is_left_only_for_a_server_that_serves() {
    let (simulator, mut run, before) = open_on_primary().await;
    simulator.command(Command::BackupMode(Role::Backup));
    simulator.command(Command::BackupMode(Role::Primary));
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(
        simulator.counts(Role::Primary).opens_now,
        60,
        "the last one that works is kept"
    );
    simulator.command(Command::PrimaryMode(Role::Backup));
    run.until(PairState::Connected, true).await;
    everything_is_reopened(&simulator, &mut run, &before).await;
    assert_eq!(simulator.counts(Role::Primary).connections_now, 0);
    let failure = run.status();
    assert_eq!(failure.switchovers, 1);
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_demoted_primary_is_kept_while_the_backup_is_away() {
    let (simulator, mut run, _) = open_on_primary().await;
    simulator.command(Command::Kill(Role::Backup));
    simulator.command(Command::BackupMode(Role::Primary));
    assert_eq!(run.validities(COUNT).await, HashSet::from([false]));
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(simulator.counts(Role::Primary).opens_now, 60);
    assert_eq!(run.status().state, PairState::Connected);
    assert_eq!(run.status().switchovers, 0);
    simulator.command(Command::PrimaryMode(Role::Primary));
    assert_eq!(run.validities(COUNT).await, HashSet::from([true]));
    run.end().await;
}

/// As [`open_on_primary`], but everything has moved to the backup since.
async fn open_on_backup(return_to_primary: bool, pause: Duration) -> (Arc<Simulator>, Run) {
    let (simulator, mut run, before) = opened(|config| {
        config.return_to_primary = return_to_primary;
        config.switchover_min_interval = pause;
    })
    .await;
    simulator.command(Command::Kill(Role::Primary));
    run.until(PairState::Connected, true).await;
    everything_is_reopened(&simulator, &mut run, &before).await;
    (simulator, run)
}

#[tokio::test(start_paused = true)]
async fn a_primary_that_came_back_is_returned_to_where_that_was_asked_for() {
    let (simulator, run) = open_on_backup(true, Duration::from_secs(10)).await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(simulator.counts(Role::Backup).opens_now, 60);
    assert_eq!(run.status().state, PairState::Connected);
    simulator.command(Command::Restore(Role::Primary));
    simulator.command(Command::BackupMode(Role::Primary));
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert!(run.status().on_backup, "it must serve, not only be there");
    simulator.command(Command::PrimaryMode(Role::Primary));
    let start = Instant::now();
    run.until(PairState::Connected, false).await;
    assert!(
        start.elapsed() < Duration::from_secs(11),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(run.status().switchovers, 2);
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(simulator.counts(Role::Primary).opens_now, 60);
    assert_eq!(simulator.counts(Role::Backup).connections_now, 0);
    assert_eq!(run.status().switchovers, 2, "the primary is stayed with");
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_primary_that_came_back_is_left_alone_by_default() {
    let (simulator, run) = open_on_backup(false, Duration::from_secs(10)).await;
    simulator.command(Command::Restore(Role::Primary));
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(simulator.counts(Role::Backup).opens_now, 60);
    assert_eq!(simulator.counts(Role::Primary).connections_now, 0);
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn voluntary_switchovers_are_kept_apart_and_losses_wait_for_nothing() {
    let pause = Duration::from_mins(5);
    let slack = Duration::from_secs(5);
    let (simulator, run) = open_on_backup(true, pause).await;
    let lost = Instant::now();
    simulator.command(Command::Restore(Role::Primary));
    let returned = run.until(PairState::Connected, false).await - lost;
    assert!(returned + slack > pause, "{returned:?}");
    assert!(returned < pause + slack, "{returned:?}");

    let start = Instant::now();
    simulator.command(Command::BackupMode(Role::Primary));
    let demoted = run.until(PairState::Connected, true).await - start;
    assert!(demoted + slack > pause, "{demoted:?}");
    assert!(demoted < pause + slack, "{demoted:?}");

    let start = Instant::now();
    simulator.command(Command::PrimaryMode(Role::Primary));
    simulator.command(Command::Kill(Role::Backup));
    let lost = run.until(PairState::Connected, false).await - start;
    assert_eq!(lost, Duration::ZERO);
    run.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_flaps_is_followed_only_so_often() {
    let pause = Duration::from_secs(30);
    let (simulator, run, _) = opened(|config| config.switchover_min_interval = pause).await;
    // For ten minutes the two take turns every second.
    let start = Instant::now();
    let mut serving = Role::Primary;
    while start.elapsed() < Duration::from_mins(10) {
        let other = if serving == Role::Primary {
            Role::Backup
        } else {
            Role::Primary
        };
        simulator.command(Command::BackupMode(serving));
        simulator.command(Command::PrimaryMode(other));
        serving = other;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let switchovers = run.status().switchovers;
    assert!((1..=21).contains(&switchovers), "{switchovers}");

    // A working connection that is lost is followed at once, as often as that happens.
    let before = run.status().switchovers;
    for number in 1..=10 {
        let (lost, other) = if run.status().on_backup {
            (Role::Backup, Role::Primary)
        } else {
            (Role::Primary, Role::Backup)
        };
        simulator.command(Command::Restore(other));
        simulator.command(Command::PrimaryMode(other));
        // One that breaks as soon as it stands would be a failure to connect.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let start = Instant::now();
        simulator.command(Command::Kill(lost));
        run.until(PairState::Connected, other == Role::Backup).await;
        assert_eq!(start.elapsed(), Duration::ZERO, "loss {number}");
        assert_eq!(run.status().switchovers, before + number);
    }
    run.end().await;
}
