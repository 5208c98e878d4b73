//! The contact centre itself: one discrete-event model from which every statistic is computed.
//!
//! Its state at an instant depends on the seed and the instant alone, never on how often it was
//! advanced. Knows nothing of servers, statistics or real time.

mod agent;
mod calls;
mod changed;
mod draw;
mod model;
mod queue;
mod schedule;
mod shifts;

use std::time::Duration;

use agent::AgentStatus as Status;
pub(super) use agent::{Agent, AgentStatus, Team};
use changed::Changed;
use draw::Draw;
pub use model::{Model, Service};
use queue::{Calls, index};
pub(super) use queue::{Queue, QueueTotals};
use schedule::{Happening, Schedule};

use super::catalogue::{ObjectRef, TEAM_AGENTS, TEAM_QUEUES};

/// Simulated time before anybody looks, so that nobody sees an empty house.
pub(super) const WARM_UP: Duration = Duration::from_mins(5);
/// Where the day curve stands when the warm-up begins: it ends at 9:00, two hours into the curve.
const DAY_OFFSET: Duration = Duration::from_mins(115);
/// A call answered within this time is within the service level.
const ANSWERED_IN_TIME: Duration = Duration::from_secs(20);
/// The first agent's first shift; the well-known agent is there for as long as anybody looks.
const FIRST_SHIFT: Duration = Duration::from_hours(8);

const BREAK_MEAN_S: f64 = 240.0;
const BREAK_CHANCE: f64 = 1.0 / 12.0;
/// Shifts and the time between them are compressed, so that logins are seen within an hour.
const SHIFT_MEAN_S: f64 = 7200.0;
const OFF_MEAN_S: f64 = 1200.0;
const ON_SHIFT_AT_START: f64 = 0.85;
/// Handling time that the expected wait assumes until a queue has handled a call.
const HANDLING_GUESS_HUNDREDTHS: u64 = 22_200;

#[derive(Debug)]
pub(super) struct Centre {
    now: Duration,
    model: Model,
    draw: Draw,
    schedule: Schedule,
    agents: Vec<Agent>,
    teams: Vec<Team>,
    queues: Vec<Queue>,
    calls: Calls,
    changed: Changed,
}

impl Centre {
    /// A centre of so many teams, warmed up to [`WARM_UP`].
    pub(super) fn new(seed: u64, teams: u32, model: Model) -> Self {
        let agents = teams * TEAM_AGENTS;
        let queues = teams * TEAM_QUEUES;
        let mut centre = Self {
            now: Duration::ZERO,
            draw: Draw::new(seed, &model),
            model,
            schedule: Schedule::default(),
            agents: vec![Agent::new(); index(agents)],
            teams: (0..teams).map(|_| Team::default()).collect(),
            queues: (0..queues).map(|_| Queue::default()).collect(),
            calls: Calls::default(),
            changed: Changed::new(agents, queues, teams),
        };
        for agent in 0..agents {
            let is_on_shift =
                agent == 0 || !centre.model.has_shifts || centre.draw.chance(ON_SHIFT_AT_START);
            let begin = if is_on_shift {
                centre.draw.uniform(0.0, 60.0)
            } else {
                centre.draw.exponential(OFF_MEAN_S)
            };
            centre.schedule.at(begin, Happening::Shift { agent });
        }
        for queue in 0..queues {
            centre.expect_arrival(queue);
        }
        centre.advance(WARM_UP);
        centre.take_changed();
        centre
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }

    pub(super) fn agent(&self, agent: u32) -> Option<&Agent> {
        self.agents.get(index(agent))
    }

    pub(super) fn agents(&self) -> &[Agent] {
        &self.agents
    }

    pub(super) fn queue(&self, queue: u32) -> Option<&Queue> {
        self.queues.get(index(queue))
    }

    pub(super) fn queues(&self) -> &[Queue] {
        &self.queues
    }

    pub(super) fn team(&self, team: u32) -> Option<&Team> {
        self.teams.get(index(team))
    }

    pub(super) fn team_of_queue(&self, queue: u32) -> Option<&Team> {
        self.team(queue / TEAM_QUEUES)
    }

    /// The expected wait of a new caller, in hundredths of a second: none while an agent is ready,
    /// else the work queued before him, shared by who is logged in. With nobody logged in it is
    /// shared by one, since no number stands for "for ever".
    pub(super) fn expected_wait_hundredths(&self, queue: u32) -> Option<u64> {
        let team = self.team_of_queue(queue)?;
        if team.ready > 0 {
            return Some(0);
        }
        let mine = self.queue(queue)?;
        let handling = mine.totals.mean_handling_hundredths();
        let handling = handling.unwrap_or(HANDLING_GUESS_HUNDREDTHS);
        // Both queues of a team share its agents, so the other's callers are ahead as well.
        let first = queue - queue % TEAM_QUEUES;
        let queues = (first..first + TEAM_QUEUES).filter_map(|queue| self.queue(queue));
        let ahead: u64 = queues.map(|queue| queue.queued).sum();
        Some(handling.saturating_mul(ahead + 1) / team.logged_in.max(1))
    }

    /// Lets everything happen that is due by `time`. Time never goes back.
    pub(super) fn advance(&mut self, time: Duration) {
        while let Some((at, happening)) = self.schedule.next_until(time) {
            self.now = at;
            match happening {
                Happening::Arrival { queue } => self.arrival(queue),
                Happening::GiveUp(call) => self.give_up(call),
                Happening::StatusEnd { agent, turn } => self.status_end(agent, turn),
                Happening::Shift { agent } => self.shift(agent),
            }
        }
        self.now = self.now.max(time);
    }

    /// The objects that something happened to since the last call.
    pub(super) fn take_changed(&mut self) -> Vec<ObjectRef> {
        self.changed.take()
    }

    fn enter_for(&mut self, agent: u32, status: Status, time: Duration) {
        let turn = self.enter(agent, status);
        self.schedule
            .at(self.now + time, Happening::StatusEnd { agent, turn });
    }

    fn enter(&mut self, number: u32, status: Status) -> u32 {
        let Some(agent) = self.agents.get_mut(index(number)) else {
            return 0;
        };
        let before = agent.enter(status, self.now);
        let turn = agent.turn;
        let team = number / TEAM_AGENTS;
        if let Some(team) = self.teams.get_mut(index(team)) {
            team.count(before, status);
        }
        self.changed.add(ObjectRef::Agent(number));
        self.changed.add(ObjectRef::Group(team));
        self.changed.add_team_queues(team);
        turn
    }
}

#[cfg(test)]
mod tests;
