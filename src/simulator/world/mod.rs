//! The contact centre as the servers see it: the model moved along simulated time, what tests
//! scripted over it, and where a server's totals count from. `read` computes values from it.

mod read;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::catalogue::{Catalogue, Metric, ObjectRef};
use super::centre::{Centre, QueueTotals, WARM_UP};
use super::reading::{Reading, ScriptedValue};
use crate::model::{Clock, Moment, Statistic};

/// One statistic, small enough to be kept a million times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::simulator) struct Target {
    /// `None` for a statistic that only a script knows.
    pub(in crate::simulator) metric: Option<Metric>,
    pub(in crate::simulator) object: ObjectRef,
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
pub(in crate::simulator) struct Baseline {
    at: Duration,
    logins: Vec<Duration>,
    queues: Vec<QueueTotals>,
}

#[derive(Debug)]
pub(in crate::simulator) struct World {
    pub(in crate::simulator) catalogue: Arc<Catalogue>,
    centre: Centre,
    speed: f64,
    clock: Clock,
    /// When simulated time began to run; before, it stands.
    running_since: Option<Moment>,
    /// Milliseconds since 1970 at which simulated time stood at the end of the warm-up.
    epoch_ms: u64,
    scripted: HashMap<Target, Reading>,
    scripted_statistics: Vec<Statistic>,
    scripted_numbers: HashMap<Statistic, u32>,
    variants: HashMap<Variant, u32>,
}

impl World {
    pub(in crate::simulator) fn new(
        centre: Centre,
        speed: f64,
        catalogue: Arc<Catalogue>,
        clock: Clock,
    ) -> Self {
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
            scripted: HashMap::new(),
            scripted_statistics: Vec::new(),
            scripted_numbers: HashMap::new(),
            variants: HashMap::new(),
        }
    }

    /// Starts simulated time, once.
    pub(in crate::simulator) fn run(&mut self) {
        if self.running_since.is_none() {
            self.running_since = Some(self.clock.now());
            self.epoch_ms = self.clock.wall().0;
        }
    }

    /// Moves the model to now.
    pub(in crate::simulator) fn advance(&mut self) {
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

    pub(in crate::simulator) fn take_changed(&mut self) -> Vec<ObjectRef> {
        self.centre.take_changed()
    }

    pub(in crate::simulator) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// For a server's process that starts now: its totals count from here.
    pub(in crate::simulator) fn baseline(&self) -> Arc<Baseline> {
        Arc::new(Baseline::of(&self.centre))
    }

    /// The statistic, if a script made it up.
    pub(in crate::simulator) fn scripted_target(&self, statistic: &Statistic) -> Option<Target> {
        let number = *self.scripted_numbers.get(statistic)?;
        Some(Target {
            metric: None,
            object: ObjectRef::Scripted(number),
            variant: 0,
        })
    }

    /// The statistic of a known metric and object; `None` when there are too many refinements.
    pub(in crate::simulator) fn target(
        &mut self,
        metric: Metric,
        object: ObjectRef,
        refined: &Statistic,
    ) -> Option<Target> {
        let parts = refined.refinements();
        let variant = if !refined.reset() && parts.iter().all(|part| part.is_empty()) {
            0
        } else {
            let key = (parts.map(Into::into), refined.reset());
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
    pub(in crate::simulator) fn statistic(&self, target: Target) -> Option<Statistic> {
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
            let parts = parts.each_ref().map(|part| &**part);
            statistic = statistic.refined(parts, *reset);
        }
        Some(statistic)
    }

    /// Names of metrics that only scripts know.
    pub(in crate::simulator) fn scripted_metrics(&self) -> impl Iterator<Item = &Statistic> {
        self.scripted_statistics.iter()
    }

    /// Puts a value over the model's, and makes the statistic up if there is none.
    pub(in crate::simulator) fn script(
        &mut self,
        statistic: &Statistic,
        value: ScriptedValue,
    ) -> Option<Target> {
        let object_type = statistic.object_type();
        let metric = Metric::named(statistic.metric());
        let metric = metric.filter(|metric| metric.applies_to(object_type));
        let (object_id, tenant) = (statistic.object_id(), statistic.tenant());
        let object = self.catalogue.object(object_type, object_id, tenant);
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

    /// The server's own clock: real time, whatever the speed.
    pub(in crate::simulator) fn server_time(&self) -> u32 {
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
