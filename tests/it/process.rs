//! `peekd serve` as a process of its own.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use peekd::model::Clock;

use crate::harness::{PATIENCE, Pair};

/// A running `peekd serve`, followed by its log.
pub(crate) struct Process {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    pub(crate) address: String,
    /// The newest journal entry that the process found when it opened the store.
    pub(crate) recovered: u64,
    /// The newest journal entry it said to have flushed.
    pub(crate) flushed: u64,
    /// All that was read of the log.
    said: String,
}

impl Process {
    /// Starts the service and waits until it answers.
    pub(crate) async fn start(pair: &Pair, folder: &Path, more: &str) -> Self {
        Self::start_logging(pair, folder, more, "info,peekd::store=debug").await
    }

    /// As [`Process::start`], with a log filter; it must tell of flushes and readiness.
    pub(crate) async fn start_logging(
        pair: &Pair,
        folder: &Path,
        more: &str,
        filter: &str,
    ) -> Self {
        let config = folder.join("peekd.toml");
        std::fs::write(&config, pair.configuration(&folder.join("store"), more)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_peekd"))
            .args(["--log-format", "json", "serve", "--config"])
            .arg(&config)
            .env("PEEKD_LOG", filter)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut process = Self {
            child,
            log,
            address: String::new(),
            recovered: 0,
            flushed: 0,
            said: String::new(),
        };
        process
            .until(|_, entry| entry["fields"]["phase"] == "Ready")
            .await;
        process
    }

    /// Reads the log until what it says is as wanted.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Self, &Value) -> bool) {
        let reading = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                let entry: Value = serde_json::from_str(&line).unwrap();
                self.note(&entry);
                self.said += &line;
                if wanted(self, &entry) {
                    return;
                }
            }
            panic!("the process ended");
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("the wanted log line");
    }

    /// Waits for a flush that began after this call: the second one that ended after it. Lines that
    /// were written before and not read yet do not count.
    pub(crate) async fn flushed_twice(&mut self) {
        let now = Clock::system().wall().to_rfc3339();
        let now = now.trim_end_matches('Z');
        for _ in 0..2 {
            let before = self.flushed;
            let later = |entry: &Value| entry["timestamp"].as_str().is_some_and(|time| time > now);
            self.until(|process, entry| process.flushed > before && later(entry))
                .await;
        }
    }

    fn note(&mut self, entry: &Value) {
        let fields = &entry["fields"];
        match fields["message"].as_str() {
            Some("listening") => fields["address"]
                .as_str()
                .unwrap()
                .clone_into(&mut self.address),
            Some("recovered") => self.recovered = fields["sequence"].as_u64().unwrap(),
            Some("flushed") => self.flushed = fields["sequence"].as_u64().unwrap(),
            _ => {}
        }
    }

    /// SIGKILL after `delay`, in the middle of whatever it does, and the rest of its log.
    pub(crate) async fn kill_after(mut self, delay: Duration) -> u64 {
        tokio::time::sleep(delay).await;
        self.child.kill().await.unwrap();
        while let Some(line) = self.log.next_line().await.unwrap() {
            assert!(!line.contains("panicked"), "{line}");
            // The last line may be torn.
            if let Ok(entry) = serde_json::from_str::<Value>(&line) {
                self.note(&entry);
            }
        }
        self.flushed
    }

    /// SIGTERM, and how it ended.
    pub(crate) async fn terminate(self) -> ExitStatus {
        self.terminate_with_log().await.0
    }

    /// SIGHUP.
    pub(crate) async fn hang_up(&self) {
        self.signal("-HUP").await;
    }

    /// How many of its threads have names that begin like this.
    pub(crate) fn threads(&self, named: &str) -> usize {
        let tasks = format!("/proc/{}/task", self.child.id().unwrap());
        let is_named = |task: std::io::Result<std::fs::DirEntry>| {
            let name = std::fs::read_to_string(task.unwrap().path().join("comm"));
            // It may have ended meanwhile.
            name.is_ok_and(|name| name.starts_with(named))
        };
        let tasks = std::fs::read_dir(tasks).unwrap();
        tasks.map(is_named).filter(|is_named| *is_named).count()
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args([name, &id]).status().await;
        assert!(sent.unwrap().success());
    }

    /// SIGTERM, how it ended, and everything it logged.
    pub(crate) async fn terminate_with_log(mut self) -> (ExitStatus, String) {
        self.signal("-TERM").await;
        let end = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                self.said += &line;
            }
            self.child.wait().await.unwrap()
        };
        let ended = tokio::time::timeout(PATIENCE, end).await;
        (ended.expect("an orderly end"), self.said)
    }
}
