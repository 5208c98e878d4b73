//! The contact centre as the two servers see it: the model moved along simulated time, what tests
//! scripted over it, and from when on each server's totals count.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::catalogue::{Catalogue, Metric, ObjectRef, agent_dn, queue_number};
use super::centre::{Agent, Centre, QueueTotals, WARM_UP};
use super::command::Role;
use super::reading::{Reading, ScriptedValue};
use crate::model::{Clock, Moment, Statistic};
use crate::wire::{AgentStatus, DnAction, DnCall, DnStatus, PlaceStatus};

/// One statistic, small enough to be kept a million times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Target {
    /// `None` for a statistic that only a script knows.
    pub(super) metric: Option<Metric>,
    pub(super) object: ObjectRef,
    /// Which refinements, by number; 0 for none. They make statistics distinct but do not change
    /// the model's values.
    variant: u32,
}

/// Filter, time profile, two time ranges, and whether the value is the one before a reset.
type Variant = ([Box<str>; 4], bool);

/// More distinct refinements than this are refused.
const VARIANTS_MAX: usize = 65_536;

/// From when on a server's totals count: the start of its process.
#[derive(Debug)]
struct Baseline {
    at: Duration,
    logins: Vec<Duration>,
    queues: Vec<QueueTotals>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) catalogue: Arc<Catalogue>,
    centre: Centre,
    speed: f64,
    clock: Clock,
    /// When simulated time began to run; before, it stands.
    running_since: Option<Moment>,
    /// Milliseconds since 1970 at which simulated time stood at the end of the warm-up.
    epoch_ms: u64,
    primary: Arc<Baseline>,
    backup: Arc<Baseline>,
    scripted: HashMap<Target, Reading>,
    scripted_statistics: Vec<Statistic>,
    scripted_numbers: HashMap<Statistic, u32>,
    variants: HashMap<Variant, u32>,
}

impl World {
    pub(super) fn new(seed: u64, speed: f64, catalogue: Arc<Catalogue>, clock: Clock) -> Self {
        let centre = Centre::new(seed, catalogue.teams());
        let baseline = Arc::new(Baseline::of(&centre));
        Self {
            catalogue,
            centre,
            speed: if speed.is_finite() {
                speed.max(0.0)
            } else {
                1.0
            },
            epoch_ms: clock.wall().0,
            clock,
            running_since: None,
            primary: Arc::clone(&baseline),
            backup: baseline,
            scripted: HashMap::new(),
            scripted_statistics: Vec::new(),
            scripted_numbers: HashMap::new(),
            variants: HashMap::new(),
        }
    }

    /// Starts simulated time, once.
    pub(super) fn run(&mut self) {
        if self.running_since.is_none() {
            self.running_since = Some(self.clock.now());
            self.epoch_ms = self.clock.wall().0;
        }
    }

    /// Moves the model to now.
    pub(super) fn advance(&mut self) {
        let Some(since) = self.running_since else {
            return;
        };
        let elapsed_ms = self.clock.now().0.saturating_sub(since.0);
        let elapsed = Duration::from_millis(u64::try_from(elapsed_ms).unwrap_or(0));
        let simulated = elapsed.as_secs_f64() * self.speed;
        if let Ok(simulated) = Duration::try_from_secs_f64(simulated) {
            self.centre.advance(WARM_UP + simulated);
        }
    }

    pub(super) fn take_changed(&mut self) -> Vec<ObjectRef> {
        self.centre.take_changed()
    }

    /// The server's process starts anew: its totals count from now.
    pub(super) fn restart(&mut self, role: Role) {
        self.advance();
        let baseline = Arc::new(Baseline::of(&self.centre));
        match role {
            Role::Primary => self.primary = baseline,
            Role::Backup => self.backup = baseline,
        }
    }

    fn baseline(&self, role: Role) -> &Baseline {
        match role {
            Role::Primary => &self.primary,
            Role::Backup => &self.backup,
        }
    }

    /// The statistic, if a script made it up.
    pub(super) fn scripted_target(&self, statistic: &Statistic) -> Option<Target> {
        let number = *self.scripted_numbers.get(statistic)?;
        Some(Target {
            metric: None,
            object: ObjectRef::Scripted(number),
            variant: 0,
        })
    }

    /// The statistic of a known metric and object; `None` when there are too many refinements.
    pub(super) fn target(
        &mut self,
        metric: Metric,
        object: ObjectRef,
        refined: &Statistic,
    ) -> Option<Target> {
        let parts = refined.refinements();
        let variant = if !refined.reset && parts.iter().all(|part| part.is_empty()) {
            0
        } else {
            let key = (parts.map(Into::into), refined.reset);
            let is_full = self.variants.len() >= VARIANTS_MAX;
            let next = u32::try_from(self.variants.len() + 1).ok()?;
            match self.variants.get(&key) {
                Some(known) => *known,
                None if is_full => return None,
                None => *self.variants.entry(key).or_insert(next),
            }
        };
        Some(Target {
            metric: Some(metric),
            object,
            variant,
        })
    }

    /// The statistic that a target stands for.
    pub(super) fn statistic(&self, target: Target) -> Option<Statistic> {
        let Some(metric) = target.metric else {
            let ObjectRef::Scripted(number) = target.object else {
                return None;
            };
            let number = usize::try_from(number).ok()?;
            return self.scripted_statistics.get(number).cloned();
        };
        let mut statistic = self.catalogue.statistic(metric, target.object);
        if target.variant == 0 {
            return Some(statistic);
        }
        let mut variants = self.variants.iter();
        if let Some(((parts, reset), _)) = variants.find(|(_, number)| **number == target.variant) {
            let [filter, time_profile, time_range, time_range2] = parts.clone();
            statistic = Statistic {
                filter,
                time_profile,
                time_range,
                time_range2,
                reset: *reset,
                ..statistic
            };
        }
        Some(statistic)
    }

    /// Names of metrics that only scripts know.
    pub(super) fn scripted_metrics(&self) -> impl Iterator<Item = &Statistic> {
        self.scripted_statistics.iter()
    }

    /// Puts a value over the model's, and makes the statistic up if there is none.
    pub(super) fn script(&mut self, statistic: &Statistic, value: ScriptedValue) -> Option<Target> {
        let metric = Metric::named(&statistic.metric)
            .filter(|metric| metric.applies_to(statistic.object_type));
        let Statistic {
            object_type,
            object_id,
            tenant,
            ..
        } = statistic;
        let object = self.catalogue.object(*object_type, object_id, tenant);
        let target = match (metric, object) {
            (Some(metric), Some(object)) => self.target(metric, object, statistic)?,
            _ => self.invent(statistic)?,
        };
        match Reading::from_script(value) {
            Some(reading) => self.scripted.insert(target, reading),
            None => self.scripted.remove(&target),
        };
        Some(target)
    }

    fn invent(&mut self, statistic: &Statistic) -> Option<Target> {
        if let Some(known) = self.scripted_target(statistic) {
            return Some(known);
        }
        let number = u32::try_from(self.scripted_statistics.len()).ok()?;
        self.scripted_statistics.push(statistic.clone());
        self.scripted_numbers.insert(statistic.clone(), number);
        self.scripted_target(statistic)
    }

    /// Seconds that the value of a total covers on that server; 0 for a current value.
    pub(super) fn interval_s(&self, role: Role, target: Target) -> i32 {
        if !target
            .metric
            .is_some_and(|metric| metric.definition().is_total)
        {
            return 0;
        }
        let covered = self.centre.now().saturating_sub(self.baseline(role).at);
        i32::try_from(covered.as_secs()).unwrap_or(i32::MAX)
    }

    /// What the statistic reads on that server at the instant the model was last advanced to.
    pub(super) fn read(&self, role: Role, target: Target) -> Reading {
        if let Some(scripted) = self.scripted.get(&target) {
            return scripted.clone();
        }
        let reading = target.metric.and_then(|metric| match target.object {
            ObjectRef::Agent(agent) => self.read_agent(role, metric, agent),
            ObjectRef::Queue(queue) => self.read_queue(role, metric, queue),
            ObjectRef::Group(team) => self.read_group(metric, team),
            ObjectRef::Scripted(_) => None,
        });
        reading.unwrap_or(Reading::Whole(0))
    }

    fn read_agent(&self, role: Role, metric: Metric, number: u32) -> Option<Reading> {
        let agent = self.centre.agent(number)?;
        let now = self.centre.now();
        Some(match metric {
            Metric::TotalLoginTime => {
                let before = self
                    .baseline(role)
                    .logins
                    .get(usize::try_from(number).ok()?)?;
                whole(agent.login_time(now).saturating_sub(*before).as_secs())
            }
            Metric::TimeInCurrentState => whole(now.saturating_sub(agent.since).as_secs()),
            Metric::CurrentAgentState => Reading::Agent(Arc::new(self.agent_status(number, agent))),
            _ => return None,
        })
    }

    fn read_queue(&self, role: Role, metric: Metric, number: u32) -> Option<Reading> {
        let queue = self.centre.queue(number)?;
        let before = self
            .baseline(role)
            .queues
            .get(usize::try_from(number).ok()?)?;
        let totals = queue.totals.since(before);
        Some(match metric {
            Metric::ExpectedWaitTime => hundredths(self.centre.expected_wait_hundredths(number)?),
            Metric::CurrNumberWaitingCalls => whole(queue.waiting()),
            Metric::CurrentReadyAgents => whole(self.centre.team_of_queue(number)?.ready),
            Metric::TotalCallsEntered => whole(totals.entered),
            Metric::TotalCallsAnswered => whole(totals.answered),
            Metric::TotalAbandoned => whole(totals.abandoned),
            Metric::AverageHandlingTime => {
                hundredths(totals.mean_handling_hundredths().unwrap_or(0))
            }
            Metric::ServiceLevel => {
                // A queue that nobody came to has kept its promise to everybody.
                let ended = totals.answered + totals.abandoned;
                let share = (totals.answered_in_time * 10_000).checked_div(ended);
                hundredths(share.unwrap_or(10_000))
            }
            _ => return None,
        })
    }

    fn read_group(&self, metric: Metric, team: u32) -> Option<Reading> {
        let team = self.centre.team(team)?;
        match metric {
            Metric::CurrentReadyAgents => Some(whole(team.ready)),
            Metric::CurrentLoggedInAgents => Some(whole(team.logged_in)),
            _ => None,
        }
    }

    fn agent_status(&self, number: u32, agent: &Agent) -> AgentStatus {
        let status = agent.status.code();
        let time = self.unix_seconds(agent.since);
        let name = ObjectRef::Agent(number).name();
        let (dn, switch) = agent_dn(number);
        let action = agent.call.map(|(call, queue)| DnAction {
            action: status,
            time,
            call: Some(DnCall {
                connection_id: u64::from(call.number).to_be_bytes(),
                dnis: queue_number(queue).to_string(),
                ani: format!("0401{:06}", call.number % 1_000_000),
                user_data: crate::wire::Kv::default(),
            }),
        });
        let dn_status = DnStatus {
            dn,
            switch,
            dn_type: 1,
            status,
            time,
            actions: action.into_iter().collect(),
        };
        let is_seated = agent.status != super::centre::AgentStatus::LoggedOut;
        let place = PlaceStatus {
            place_id: format!("Place_{}", number + 1),
            status,
            time,
            dns: vec![dn_status],
        };
        AgentStatus {
            agent_id: name,
            status,
            time,
            place: is_seated.then_some(place),
            login_id: format!("{}", 1001 + number),
        }
    }

    /// The wall-clock second at which simulated time stood at `at`.
    fn unix_seconds(&self, at: Duration) -> u32 {
        let ms = |simulated: Duration| {
            let real = Duration::try_from_secs_f64(simulated.as_secs_f64() / self.speed);
            u64::try_from(real.unwrap_or_default().as_millis()).unwrap_or(0)
        };
        let unix_ms = match at.checked_sub(WARM_UP) {
            Some(after) => self.epoch_ms.saturating_add(ms(after)),
            None => self.epoch_ms.saturating_sub(ms(WARM_UP.saturating_sub(at))),
        };
        u32::try_from(unix_ms / 1000).unwrap_or(u32::MAX)
    }

    /// The server's own clock: real time, whatever the speed.
    pub(super) fn server_time(&self) -> u32 {
        u32::try_from(self.clock.wall().0 / 1000).unwrap_or(u32::MAX)
    }
}

impl Baseline {
    fn of(centre: &Centre) -> Self {
        let now = centre.now();
        Self {
            at: now,
            logins: centre
                .agents()
                .iter()
                .map(|agent| agent.login_time(now))
                .collect(),
            queues: centre.queues().iter().map(|queue| queue.totals).collect(),
        }
    }
}

fn whole(number: u64) -> Reading {
    Reading::Whole(i64::try_from(number).unwrap_or(i64::MAX))
}

fn hundredths(number: u64) -> Reading {
    Reading::Hundredths(i64::try_from(number).unwrap_or(i64::MAX))
}
