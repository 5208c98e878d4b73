//! `peekd simulate`.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::serve::raise_file_limit;
use super::signals::stop_on_signal;
use crate::model::Clock;
use crate::service::{self, LogFormat};
use crate::simulator::{Config, Role, Simulator};

/// Options of `simulate`.
#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// Where the primary Stat Server listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7100")]
    primary: SocketAddr,
    /// Where the backup Stat Server listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7101")]
    backup: SocketAddr,
    #[command(flatten)]
    centre: CentreOptions,
}

/// What the simulated contact centre is like.
#[derive(Debug, Clone, Args)]
pub(super) struct CentreOptions {
    /// Simulated seconds per real second.
    #[arg(long, default_value_t = 10.0, value_parser = speed)]
    pub(super) speed: f64,
    /// How many statistics the contact centre has, at least.
    #[arg(long, default_value_t = 100)]
    pub(super) statistics: u32,
    /// The same seed gives the same contact centre.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
}

impl CentreOptions {
    pub(super) fn simulator(&self) -> Arc<Simulator> {
        let config = Config {
            seed: self.seed,
            speed: self.speed,
            statistics: self.statistics,
            tenant_passwords: Vec::new(),
            version: "8.5.112.03".to_owned(),
        };
        Simulator::new(config, Clock::system())
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed > 0.0 && speed <= 100_000.0 => Ok(speed),
        _ => Err("the speed lies above 0 and is at most 100000".to_owned()),
    }
}

impl Simulate {
    pub(super) fn run(self, log_format: LogFormat, out: &mut impl Write) -> anyhow::Result<()> {
        service::start_logging(log_format, "info")?;
        raise_file_limit();
        super::block_on(self.simulate(out))
    }

    async fn simulate(self, out: &mut impl Write) -> anyhow::Result<()> {
        let tasks = TaskTracker::new();
        let stop = stop_on_signal(&tasks)?;
        let simulator = self.centre.simulator();
        for (role, address) in [(Role::Primary, self.primary), (Role::Backup, self.backup)] {
            let listening = simulator.listen(role, address).await;
            let address = listening.with_context(|| format!("cannot listen on {address}"))?;
            writeln!(out, "{role} Stat Server on {address}")?;
        }
        simulator.run_centre();
        writeln!(out, "commands on standard input: {COMMANDS}")?;
        out.flush()?;
        obey(&simulator, &stop).await;
        simulator.stop().await;
        Ok(())
    }
}

/// What can be typed while simulated Stat Servers run.
pub(super) const COMMANDS: &str = crate::simulator::COMMANDS;

/// Carries out commands from standard input, until `stop`. An end of the input changes nothing.
pub(super) async fn obey(simulator: &Simulator, stop: &CancellationToken) {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        let line = tokio::select! {
            () = stop.cancelled() => return,
            line = lines.next_line() => line,
        };
        match line {
            Ok(Some(line)) if line.trim().is_empty() => {}
            Ok(Some(line)) => match simulator.order(&line) {
                Ok(()) => tracing::info!(command = line.trim(), "done"),
                Err(error) => tracing::error!("{error}"),
            },
            Ok(None) | Err(_) => {
                stop.cancelled().await;
                return;
            }
        }
    }
}
