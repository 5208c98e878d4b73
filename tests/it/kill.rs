//! SIGKILL in the middle of updates: nothing that was flushed is ever lost.

use std::path::Path;
use std::time::Duration;

use peekd::model::{ObjectType, Statistic};
use peekd::simulator::{Command, Role, ScriptedValue};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::harness::{Pair, Response, login_time, peek, until};
use crate::process::Process;

/// `PEEKD_SERVICE_KILLS` asks for another number.
const KILLS: usize = 20;

fn counter() -> Statistic {
    Statistic::new(
        "Total_Calls_Entered",
        ObjectType::Queue,
        "9001@SIP_Switch",
        "Environment",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_nothing_that_was_flushed() {
    let kills = std::env::var("PEEKD_SERVICE_KILLS").map_or(KILLS, |asked| asked.parse().unwrap());
    let pair = Pair::start().await;
    let folder = TempDir::new().unwrap();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let opens = Pair::opening(pair.open_to_all());

    // A statistic that counts up as fast as it can be told, all the while.
    let simulator = pair.simulator.clone();
    let mut counting = JoinSet::new();
    counting.spawn(async move {
        for number in 1_u64.. {
            simulator.set(&counter(), ScriptedValue::Number(number.to_string()));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });

    let (mut acknowledged, mut least_value) = (0, 0.0);
    for kill in 0..kills {
        let mut process = Process::start(&pair, folder.path(), &opens).await;
        assert!(
            process.recovered >= acknowledged,
            "kill {kill}: {acknowledged} was flushed, {} was found",
            process.recovered
        );
        // A value seen before a flush that began later is in that flush.
        let live = until(&process.address, &counter(), "", |answer| {
            answer.status == 200
        })
        .await;
        process.flushed_twice().await;
        least_value = live.value();
        let delay = Duration::from_micros(random.u64(0..100_000));
        acknowledged = process.kill_after(delay).await;
        let stored = stored_offline(&folder.path().join("store")).await;
        assert!(
            stored >= least_value,
            "kill {kill}: {stored} < {least_value}"
        );
        everything_can_be_read(&folder.path().join("store")).await;
    }
    counting.abort_all();

    everything_answers_without_stat_servers(&pair, &folder, &opens, least_value).await;
}

async fn everything_can_be_read(store: &Path) {
    let verified = tokio::process::Command::new(env!("CARGO_BIN_EXE_peekd"))
        .args(["inspect", "verify", "--store"])
        .arg(store)
        .output()
        .await
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

/// The counter's last value in a store that nobody has open.
async fn stored_offline(store: &Path) -> f64 {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_peekd"))
        .args(["inspect", "last", "--format", "jsonl", "--filter"])
        .arg(counter().to_string())
        .arg("--store")
        .arg(store)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let row: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    row["value"].as_f64().unwrap()
}

async fn everything_answers_without_stat_servers(
    pair: &Pair,
    folder: &TempDir,
    opens: &str,
    least_value: f64,
) {
    for role in [Role::Primary, Role::Backup] {
        pair.simulator.command(Command::Kill(role));
    }
    let process = Process::start(pair, folder.path(), opens).await;
    let demanding = "Cache-Control: max-age=0\r\n";
    let answer = until(&process.address, &counter(), "", |answer| answer.age() > 0).await;
    let older = |later: &Response| later.age() > answer.age();
    let later = until(&process.address, &counter(), "", older).await;
    assert_eq!(later.body, answer.body);
    let refused = peek(&process.address, &counter(), demanding).await;
    assert_eq!(
        (refused.status, refused.message().as_str()),
        (500, "Statistic Service unavailable")
    );
    for statistic in pair.open_to_all() {
        let answer = peek(&process.address, &statistic, "").await;
        assert_eq!(answer.status, 200, "{statistic}: {answer:?}");
    }
    let stored = peek(&process.address, &counter(), "").await;
    assert!(stored.value() >= least_value);

    pair.simulator.command(Command::RestoreAll);
    let only_stored = "Cache-Control: only-if-cached\r\n";
    let before = peek(&process.address, &login_time(), only_stored)
        .await
        .value();
    until(&process.address, &login_time(), only_stored, |answer| {
        answer.age() == 0 && answer.value() != before
    })
    .await;
    let status = process.terminate().await;
    assert!(status.success(), "{status}");
}
