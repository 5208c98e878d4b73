//! A process killed at any instant keeps what it was told is durable.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::*;

/// Names the store's directory to the child.
const CHILD: &str = "PEEKD_TEST_KILL_STORE";
const STATISTICS: u32 = 40;
const KILLS: u64 = 20;

/// Records rounds of numbered samples and prints each number once it is durable, until killed. A
/// test only because the child is this test program; without its directory it does nothing.
#[tokio::test]
async fn child() {
    let Ok(path) = std::env::var(CHILD) else {
        return;
    };
    let opened = open_at(Path::new(&path));
    let known = opened.loaded.statistics.first().and_then(number_of);
    opened.writer.record((0..STATISTICS).map(registered));
    for number in known.unwrap_or(0) + 1..1_000_000 {
        opened
            .writer
            .record((0..STATISTICS).map(|id| sampled(id, number)));
        opened.writer.flush().await.unwrap();
        println!("durable {number}");
    }
}

#[test]
fn a_killed_process_keeps_everything_it_was_told_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    // What survived the kill before counts as acknowledged, too: a child may not get that far.
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["store::tests::kill::child", "--exact", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut read = |lines: &mut dyn Iterator<Item = std::io::Result<String>>| {
            for line in lines {
                if let Some((_, number)) = line.unwrap().split_once("durable ") {
                    acknowledged = number.parse().unwrap();
                }
            }
        };
        // The first child gets as far as making the store; the others are killed at any instant.
        // Any number of lines may already wait in the pipe: all of them count.
        let least = if kill == 0 { 6 } else { 0 };
        read(&mut lines.by_ref().take(least + random.usize(..40)));
        child.kill().unwrap();
        child.wait().unwrap();
        read(&mut lines);

        let what = format!("seed {seed}, kill {kill}, {acknowledged} acknowledged");
        let (loaded, report) = super::read(dir.path(), &clock()).unwrap();
        assert_eq!(report.damaged, Vec::<String>::new(), "{what}");
        for known in &loaded.statistics {
            let number = number_of(known).unwrap_or(0);
            // The round in progress may be there or not; its flush may have been unacknowledged.
            assert!(
                (acknowledged..=acknowledged + 2).contains(&number),
                "{what}: {number}"
            );
        }
        let complete = loaded.statistics.len() == STATISTICS as usize;
        assert!(complete || acknowledged == 0, "{what}");
        let survived = loaded.statistics.first().and_then(number_of);
        acknowledged = acknowledged.max(survived.unwrap_or(0));
    }
}
