//! `peekd simulate`.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use clap::builder::RangedI64ValueParser;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::serve::raise_file_limit;
use super::signals::stop_on_signal;
use crate::model::Clock;
use crate::service::{self, LogFormat};
use crate::simulator::{Config, PairId, Role, Scenario, ServerId, Simulator, command_help};

const PRIMARY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7100);
const BACKUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7101);
const SPEED: f64 = 10.0;
const STATISTICS: u32 = 100;
const SEED: u64 = 1;
const VERSION: &str = "8.5.112.03";

/// Options of `simulate`. What is given here goes before what the scenario says.
#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// A file that says what the contact centre is like and what goes wrong when.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Where the first pair's primary Stat Server listens [default: 127.0.0.1:7100]
    #[arg(long, value_name = "ADDR")]
    primary: Option<SocketAddr>,
    /// Where the first pair's backup Stat Server listens [default: 127.0.0.1:7101]
    #[arg(long, value_name = "ADDR")]
    backup: Option<SocketAddr>,
    /// Simulated seconds per real second [default: 10]
    #[arg(long, value_parser = speed)]
    speed: Option<f64>,
    /// How many statistics the contact centre has, at least [default: 100]
    #[arg(long, value_parser = statistics())]
    statistics: Option<u32>,
    /// Notifications a second that each client is pushed, up to a million [default: as values change]
    #[arg(long, value_parser = rate())]
    rate: Option<u32>,
    /// The same seed gives the same contact centre [default: 1]
    #[arg(long)]
    seed: Option<u64>,
}

/// What the simulated contact centre is like.
#[derive(Debug, Clone, Args)]
pub(super) struct CentreOptions {
    /// Simulated seconds per real second.
    #[arg(long, default_value_t = SPEED, value_parser = speed)]
    pub(super) speed: f64,
    /// How many statistics the contact centre has, at least.
    #[arg(long, default_value_t = STATISTICS, value_parser = statistics())]
    pub(super) statistics: u32,
    /// The same seed gives the same contact centre.
    #[arg(long, default_value_t = SEED)]
    pub(super) seed: u64,
}

impl CentreOptions {
    pub(super) fn simulator(&self) -> Arc<Simulator> {
        let config = Config {
            seed: self.seed,
            speed: self.speed,
            statistics: self.statistics,
            tenant_passwords: Vec::new(),
            version: VERSION.to_owned(),
        };
        Simulator::new(config, Clock::system())
    }
}

/// More would end in want of memory, and not in words.
fn statistics() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(..=10_000_000)
}

fn rate() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(..=1_000_000)
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
        let scenario = self.scenario()?;
        let stop = stop_on_signal(&tasks)?;
        let simulator = scenario.simulator(self.config(&scenario), Clock::system())?;
        if let Some(rate) = self.rate {
            simulator.set_rate(usize::try_from(rate).unwrap_or(usize::MAX));
        }
        for (name, server, address) in self.addresses(&scenario, &simulator) {
            let listening = simulator.listen(server, address).await;
            let address = listening.with_context(|| format!("cannot listen on {address}"))?;
            writeln!(
                out,
                "{name}{role} Stat Server on {address}",
                role = server.role
            )?;
        }
        simulator.run_centre();
        simulator.play(&scenario);
        writeln!(out, "commands on standard input; `help` lists them")?;
        out.flush()?;
        obey(&simulator, &stop).await;
        simulator.stop().await;
        Ok(())
    }

    fn scenario(&self) -> anyhow::Result<Scenario> {
        let Some(path) = &self.scenario else {
            return Ok(Scenario::default());
        };
        let name = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        text.parse()
            .with_context(|| format!("{name} is no scenario"))
    }

    fn config(&self, scenario: &Scenario) -> Config {
        Config {
            seed: self.seed.or(scenario.seed).unwrap_or(SEED),
            speed: self.speed.or(scenario.speed).unwrap_or(SPEED),
            statistics: self
                .statistics
                .or(scenario.statistics)
                .unwrap_or(STATISTICS),
            tenant_passwords: scenario.tenant_passwords.clone(),
            version: VERSION.to_owned(),
        }
    }

    /// Every server with the words before its role and its address. Further pairs that say none
    /// take any free port.
    fn addresses(
        &self,
        scenario: &Scenario,
        simulator: &Simulator,
    ) -> Vec<(String, ServerId, SocketAddr)> {
        let written = scenario.pairs.first();
        let (primary, backup) = written.map_or((None, None), |pair| (pair.primary, pair.backup));
        let primary = self.primary.or(primary).unwrap_or(PRIMARY);
        let backup = self.backup.or(backup).unwrap_or(BACKUP);
        let mut addresses = Vec::new();
        let first = |role| PairId::FIRST.server(role);
        let first_name = written.map(|pair| format!("{} ", pair.config.name));
        let first_name = first_name.unwrap_or_default();
        addresses.push((first_name.clone(), first(Role::Primary), primary));
        addresses.push((first_name, first(Role::Backup), backup));
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        for pair in scenario.pairs.iter().skip(1) {
            let Some(id) = simulator.pair(&pair.config.name) else {
                continue;
            };
            let name = format!("{} ", pair.config.name);
            let primary = pair.primary.unwrap_or(any);
            addresses.push((name.clone(), id.server(Role::Primary), primary));
            addresses.push((name, id.server(Role::Backup), pair.backup.unwrap_or(any)));
        }
        addresses
    }
}

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
            Ok(Some(line)) if line.trim() == "help" => {
                tracing::warn!("the commands are:\n{}", command_help());
            }
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::Arguments;

    #[test]
    fn a_centre_too_great_for_any_memory_is_refused() {
        for command in ["demo", "simulate"] {
            let parse =
                |count| Arguments::try_parse_from(["peekd", command, "--statistics", count]);
            assert!(parse("1200000").is_ok());
            assert!(parse("4000000000").is_err());
        }
    }
}
