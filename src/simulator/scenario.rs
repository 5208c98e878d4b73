//! Scenario files: what the contact centre is like, which pairs watch it, and what goes wrong when.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::catalogue::Metric;
use super::command::{Command, Order, RATE_MAX};
use super::{Config, Model, PairConfig, PairId, Service, Simulator, UnknownStatType};
use crate::model::Clock;

/// Nobody's patience is tested by longer times; keeps sums of times far from any limit.
const TIME_MAX: Duration = Duration::from_hours(24 * 365);
/// A team of twenty could not answer a thousandth of it.
const CALLS_PER_HOUR_MAX: f64 = 1e6;
const SPEED_MAX: f64 = 100_000.0;

/// A scenario that can be played.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scenario {
    /// Simulated seconds per real second.
    pub speed: Option<f64>,
    /// Makes runs repeat.
    pub seed: Option<u64>,
    /// The least number of statistics.
    pub statistics: Option<u32>,
    /// Values a second and connection, see [`Simulator::set_rate`].
    pub rate: Option<usize>,
    /// Tenants that ask for a password.
    pub tenant_passwords: Vec<(String, String)>,
    /// How the centre behaves.
    pub model: Model,
    /// The pairs, none for the usual one.
    pub pairs: Vec<ScenarioPair>,
    /// What is ordered when, earliest first.
    pub script: Vec<Step>,
    /// After so long the script begins again.
    pub repeat: Option<Duration>,
}

/// One pair of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioPair {
    /// Its name and stat types.
    pub config: PairConfig,
    /// Where its primary listens; not at all in tests that connect in memory.
    pub primary: Option<SocketAddr>,
    /// Where its backup listens.
    pub backup: Option<SocketAddr>,
}

/// One thing that is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When, in real time since the script began.
    pub time: Duration,
    /// Of which pair, by its position among the scenario's.
    pub pair: usize,
    /// What.
    pub command: Command,
}

/// A text that is no scenario; names the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(String);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    centre: CentreTable,
    #[serde(default)]
    model: ModelTable,
    #[serde(default)]
    pair: Vec<PairTable>,
    #[serde(default)]
    at: Vec<AtTable>,
    repeat: Option<Spanned<Text<Span>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CentreTable {
    speed: Option<Spanned<f64>>,
    seed: Option<u64>,
    statistics: Option<u32>,
    rate: Option<Spanned<usize>>,
    #[serde(default)]
    tenant_passwords: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelTable {
    day_curve: Option<Spanned<Vec<f64>>>,
    peak_calls_per_hour: Option<Spanned<f64>>,
    /// A mean, or "recorded".
    service: Option<Text<Option<Span>>>,
    patience: Option<Text<Option<Span>>>,
    after_call: Option<Text<Option<Span>>>,
    ringing: Option<bool>,
    breaks: Option<bool>,
    shifts: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PairTable {
    name: Spanned<String>,
    #[serde(default)]
    stat_types: Vec<Text<StatType>>,
    primary: Option<SocketAddr>,
    backup: Option<SocketAddr>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AtTable {
    time: Text<Span>,
    r#do: Spanned<Text<Order>>,
}

/// What is written as a text and read by its [`FromStr`], so that the error names the line.
#[derive(Debug)]
struct Text<T>(T);

impl<'de, T: Parse> Deserialize<'de> for Text<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

trait Parse: Sized {
    fn parse(text: &str) -> Result<Self, String>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span(Duration);

impl Parse for Span {
    fn parse(text: &str) -> Result<Self, String> {
        match humantime::parse_duration(text) {
            Ok(time) if time <= TIME_MAX => Ok(Self(time)),
            Ok(_) => Err("a year is the longest time".to_owned()),
            Err(error) => Err(format!("'{text}' is no time such as 30s: {error}")),
        }
    }
}

/// "off" and "recorded" stand for none.
impl Parse for Option<Span> {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "off" | "recorded" => Ok(None),
            time => Span::parse(time).map(Some),
        }
    }
}

#[derive(Debug)]
struct StatType(String);

impl Parse for StatType {
    fn parse(text: &str) -> Result<Self, String> {
        match Metric::named(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(UnknownStatType(text.to_owned()).to_string()),
        }
    }
}

impl Parse for Order {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error| format!("{error}"))
    }
}

impl FromStr for Scenario {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let file: File = toml::from_str(text).map_err(|error| ScenarioError(error.to_string()))?;
        let mut pairs: Vec<ScenarioPair> = Vec::new();
        for pair in file.pair {
            let is_same = |other: &ScenarioPair| other.config.name == *pair.name.get_ref();
            if pairs.iter().any(is_same) {
                return Err(at_line(text, &pair.name, "another pair has this name"));
            }
            pairs.push(pair.read());
        }
        let mut script = Vec::new();
        for step in file.at {
            script.push(step.read(text, &pairs)?);
        }
        script.sort_by_key(|step| step.time);
        let last = script.last().map_or(Duration::ZERO, |step| step.time);
        if let Some(repeat) = &file.repeat
            && (repeat.get_ref().0.0 <= last || script.is_empty())
        {
            let fault = format!("repeat lies after the last step, at {last:?}, of a script");
            return Err(at_line(text, repeat, &fault));
        }
        let CentreTable {
            speed,
            seed,
            statistics,
            rate,
            tenant_passwords,
        } = file.centre;
        let is_speed = |speed: &f64| *speed > 0.0 && *speed <= SPEED_MAX;
        check(
            text,
            speed.as_ref(),
            is_speed,
            "the speed lies above 0 and is at most 100000",
        )?;
        let is_rate = |rate: &usize| *rate <= RATE_MAX;
        check(text, rate.as_ref(), is_rate, "the rate is at most 1000000")?;
        Ok(Self {
            speed: speed.map(Spanned::into_inner),
            seed,
            statistics,
            rate: rate.map(Spanned::into_inner),
            tenant_passwords: tenant_passwords.into_iter().collect(),
            model: file.model.read(text)?,
            pairs,
            script,
            repeat: file.repeat.map(|repeat| repeat.into_inner().0.0),
        })
    }
}

impl ModelTable {
    fn read(self, text: &str) -> Result<Model, ScenarioError> {
        let is_curve = |curve: &Vec<f64>| {
            let is_rate = |calls: &f64| calls.is_finite() && *calls >= 0.0;
            !curve.is_empty() && curve.len() <= 1000 && curve.iter().all(is_rate)
        };
        let says = "a day has 1 to 1000 hours, with calls that are 0 or more";
        check(text, self.day_curve.as_ref(), is_curve, says)?;
        let is_peak = |calls: &f64| (0.0..=CALLS_PER_HOUR_MAX).contains(calls);
        let says = "peak_calls_per_hour lies between 0 and 1000000";
        check(text, self.peak_calls_per_hour.as_ref(), is_peak, says)?;
        let usual = Model::default();
        let mean = |written: Option<Text<Option<Span>>>, usual| {
            written.map_or(usual, |Text(mean)| mean.map(|Span(mean)| mean))
        };
        let service = mean(self.service, None);
        Ok(Model {
            day_curve: self.day_curve.map_or(usual.day_curve, Spanned::into_inner),
            peak_calls_per_hour: self
                .peak_calls_per_hour
                .map_or(usual.peak_calls_per_hour, Spanned::into_inner),
            service: service.map_or(Service::Recorded, Service::Exponential),
            patience_mean: mean(self.patience, usual.patience_mean),
            after_call_mean: mean(self.after_call, usual.after_call_mean),
            has_ringing: self.ringing.unwrap_or(usual.has_ringing),
            has_breaks: self.breaks.unwrap_or(usual.has_breaks),
            has_shifts: self.shifts.unwrap_or(usual.has_shifts),
        })
    }
}

impl PairTable {
    fn read(self) -> ScenarioPair {
        let stat_types = self.stat_types.into_iter().map(|Text(StatType(name))| name);
        ScenarioPair {
            config: PairConfig {
                name: self.name.into_inner(),
                stat_types: stat_types.collect(),
            },
            primary: self.primary,
            backup: self.backup,
        }
    }
}

impl AtTable {
    fn read(self, text: &str, pairs: &[ScenarioPair]) -> Result<Step, ScenarioError> {
        let Text(Order { pair, command }) = self.r#do.get_ref();
        let position = match pair {
            None => Some(0),
            Some(name) => pairs.iter().position(|pair| pair.config.name == *name),
        };
        let unknown = || {
            let name = pair.as_deref().unwrap_or_default();
            at_line(text, &self.r#do, &format!("there is no pair '{name}'"))
        };
        Ok(Step {
            time: self.time.0.0,
            pair: position.ok_or_else(unknown)?,
            command: *command,
        })
    }
}

fn check<T>(
    text: &str,
    value: Option<&Spanned<T>>,
    is_right: impl Fn(&T) -> bool,
    says: &str,
) -> Result<(), ScenarioError> {
    match value {
        Some(value) if !is_right(value.get_ref()) => Err(at_line(text, value, says)),
        _ => Ok(()),
    }
}

fn at_line<T>(text: &str, place: &Spanned<T>, fault: &str) -> ScenarioError {
    let before = text.get(..place.span().start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    ScenarioError(format!("line {line}: {fault}"))
}

impl Scenario {
    /// The simulator that the scenario describes; `config` has what the scenario may not say.
    ///
    /// # Errors
    /// A pair is to define what cannot be simulated. Scenarios from text never do.
    pub fn simulator(
        &self,
        config: Config,
        clock: Clock,
    ) -> Result<Arc<Simulator>, UnknownStatType> {
        let pairs = self.pairs.iter().map(|pair| pair.config.clone()).collect();
        let simulator = Simulator::with(config, self.model.clone(), pairs, clock)?;
        if let Some(rate) = self.rate {
            simulator.set_rate(rate);
        }
        Ok(simulator)
    }
}

impl Simulator {
    /// Starts a task that carries out the scenario's script from now on.
    pub fn play(self: &Arc<Self>, scenario: &Scenario) {
        let (script, repeat) = (scenario.script.clone(), scenario.repeat);
        let simulator = Arc::clone(self);
        let stop = self.stopped();
        let play = async move {
            let mut start = tokio::time::Instant::now();
            loop {
                for step in &script {
                    tokio::time::sleep_until(start + step.time).await;
                    simulator.command_to(PairId::at(step.pair), step.command);
                }
                let Some(repeat) = repeat else {
                    return;
                };
                start += repeat;
            }
        };
        self.tasks().spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = play => {}
            }
        });
    }
}
