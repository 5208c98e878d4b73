//! Every metric's formula: what a statistic reads on one server at the model's present instant.

use std::sync::Arc;
use std::time::Duration;

use super::super::catalogue::{Metric, ObjectRef, agent_dn, queue_number};
use super::super::centre::{self, Agent, WARM_UP};
use super::super::reading::Reading;
use super::{Baseline, Target, World};
use crate::wire::{AgentStatus, DnAction, DnCall, DnStatus, Kv, PlaceStatus};

impl World {
    /// Seconds that the value of a total covers on a server; 0 for a current value.
    pub(in crate::simulator) fn interval_s(&self, since: &Baseline, target: Target) -> i32 {
        if !target
            .metric
            .is_some_and(|metric| metric.definition().is_total)
        {
            return 0;
        }
        let covered = self.centre.now().saturating_sub(since.at);
        i32::try_from(covered.as_secs()).unwrap_or(i32::MAX)
    }

    /// What the statistic reads on a server whose totals count from `since`, at the instant the model was last advanced to.
    pub(in crate::simulator) fn read(&self, since: &Baseline, target: Target) -> Reading {
        if let Some(scripted) = self.scripted.get(&target) {
            return scripted.clone();
        }
        let reading = target.metric.and_then(|metric| match target.object {
            ObjectRef::Agent(agent) => self.read_agent(since, metric, agent),
            ObjectRef::Queue(queue) => self.read_queue(since, metric, queue),
            ObjectRef::Group(team) => self.read_group(metric, team),
            ObjectRef::Scripted(_) => None,
        });
        reading.unwrap_or(Reading::Whole(0))
    }

    fn read_agent(&self, since: &Baseline, metric: Metric, number: u32) -> Option<Reading> {
        let agent = self.centre.agent(number)?;
        let now = self.centre.now();
        Some(match metric {
            Metric::TotalLoginTime => {
                let before = since.logins.get(usize::try_from(number).ok()?)?;
                whole(agent.login_time(now).saturating_sub(*before).as_secs())
            }
            Metric::TimeInCurrentState => whole(now.saturating_sub(agent.since).as_secs()),
            Metric::CurrentAgentState => Reading::Agent(Arc::new(self.agent_status(number, agent))),
            _ => return None,
        })
    }

    fn read_queue(&self, since: &Baseline, metric: Metric, number: u32) -> Option<Reading> {
        let queue = self.centre.queue(number)?;
        let before = since.queues.get(usize::try_from(number).ok()?)?;
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
                user_data: Kv::default(),
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
        let is_seated = agent.status != centre::AgentStatus::LoggedOut;
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
}

fn whole(number: u64) -> Reading {
    Reading::Whole(i64::try_from(number).unwrap_or(i64::MAX))
}

fn hundredths(number: u64) -> Reading {
    Reading::Hundredths(i64::try_from(number).unwrap_or(i64::MAX))
}
