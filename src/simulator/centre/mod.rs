//! The contact centre itself: one discrete-event model from which every statistic is computed.
//!
//! Its state at an instant depends on the seed and the instant alone, never on how often it was
//! advanced. Knows nothing of servers, statistics or real time.

mod agent;
mod draw;
mod queue;
mod schedule;

use std::time::Duration;

use agent::AgentStatus as Status;
pub(super) use agent::{Agent, AgentStatus, Team};
use draw::Draw;
use queue::{CallId, Calls, index};
pub(super) use queue::{Queue, QueueTotals};
use schedule::{Happening, Schedule};

use super::catalogue::{ObjectRef, TEAM_AGENTS, TEAM_QUEUES};

/// Simulated time before anybody looks, so that nobody sees an empty house.
pub(super) const WARM_UP: Duration = Duration::from_mins(15);
/// Where the day curve stands when the warm-up begins: it ends at 9:00, two hours into the curve.
const DAY_OFFSET: Duration = Duration::from_mins(105);
/// A call answered within this time is within the service level.
const ANSWERED_IN_TIME: Duration = Duration::from_secs(20);
/// KSippola's first shift; the well-known agent is there for as long as anybody looks.
const FIRST_SHIFT: Duration = Duration::from_hours(8);

const PATIENCE_MEAN_S: f64 = 180.0;
const AFTER_CALL_MEAN_S: f64 = 30.0;
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
    pub(super) fn new(seed: u64, teams: u32) -> Self {
        let agents = teams * TEAM_AGENTS;
        let queues = teams * TEAM_QUEUES;
        let mut centre = Self {
            now: Duration::ZERO,
            draw: Draw::with_seed(seed),
            schedule: Schedule::default(),
            agents: vec![Agent::new(); index(agents)],
            teams: (0..teams).map(|_| Team::default()).collect(),
            queues: (0..queues).map(|_| Queue::default()).collect(),
            calls: Calls::default(),
            changed: Changed::new(agents, queues, teams),
        };
        for agent in 0..agents {
            let is_on_shift = agent == 0 || centre.draw.chance(ON_SHIFT_AT_START);
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

    fn expect_arrival(&mut self, queue: u32) {
        let gap = self.draw.arrival_gap(queue);
        self.schedule
            .at(self.now + gap, Happening::Arrival { queue });
    }

    fn arrival(&mut self, queue: u32) {
        self.expect_arrival(queue);
        if !self.draw.arrives(self.now + DAY_OFFSET) {
            return;
        }
        let call = self.calls.add(queue, self.now);
        let patience = self.draw.exponential(PATIENCE_MEAN_S);
        self.schedule
            .at(self.now + patience, Happening::GiveUp(call));
        if let Some(queue) = self.queues.get_mut(index(queue)) {
            queue.totals.entered += 1;
            queue.queued += 1;
            queue.line.push_back(call);
        }
        self.changed.add_team_queues(queue / TEAM_QUEUES);
        self.distribute(queue / TEAM_QUEUES);
    }

    fn give_up(&mut self, id: CallId) {
        let Some(call) = self.calls.find(id).filter(|call| call.is_queued) else {
            return;
        };
        let queue = call.queue;
        self.calls.remove(id);
        if let Some(queue) = self.queues.get_mut(index(queue)) {
            queue.queued = queue.queued.saturating_sub(1);
            queue.totals.abandoned += 1;
        }
        self.changed.add_team_queues(queue / TEAM_QUEUES);
    }

    /// Rings the longest-ready agent for the longest-waiting call, while there are both.
    fn distribute(&mut self, team: u32) {
        loop {
            let Some(call) = self.longest_waiting(team) else {
                return;
            };
            let Some(agent) = self.longest_ready(team) else {
                return;
            };
            self.ring(agent, call);
        }
    }

    fn longest_waiting(&mut self, team: u32) -> Option<CallId> {
        let calls = &mut self.calls;
        let queues = self.queues.iter_mut();
        let queues = queues
            .skip(index(team * TEAM_QUEUES))
            .take(index(TEAM_QUEUES));
        let first = queues.filter_map(|queue| queue.first(calls)).min();
        first.map(|(_, call)| call)
    }

    fn longest_ready(&mut self, team: u32) -> Option<u32> {
        let line = &mut self.teams.get_mut(index(team))?.line;
        while let Some((agent, turn)) = line.pop_front() {
            // A later turn means that the agent has not been ready without a break since then.
            if self
                .agents
                .get(index(agent))
                .is_some_and(|agent| agent.turn == turn)
            {
                return Some(agent);
            }
        }
        None
    }

    fn ring(&mut self, agent: u32, id: CallId) {
        let Some(call) = self.calls.find(id) else {
            return;
        };
        call.is_queued = false;
        let number = call.queue;
        if let Some(queue) = self.queues.get_mut(index(number)) {
            queue.queued = queue.queued.saturating_sub(1);
            queue.ringing += 1;
        }
        if let Some(agent) = self.agents.get_mut(index(agent)) {
            agent.call = Some((id, number));
        }
        let ringing = self.draw.uniform(2.0, 8.0);
        self.enter_for(agent, Status::CallRinging, ringing);
    }

    fn status_end(&mut self, number: u32, turn: u32) {
        let Some(agent) = self
            .agents
            .get(index(number))
            .filter(|agent| agent.turn == turn)
        else {
            return;
        };
        match agent.status {
            Status::CallRinging => self.answer(number),
            Status::CallInbound => {
                let work = self.draw.exponential(AFTER_CALL_MEAN_S);
                self.enter_for(number, Status::AfterCallWork, work);
            }
            Status::AfterCallWork => self.finish(number),
            Status::LoggedIn | Status::NotReadyForNextCall => self.be_ready(number),
            Status::WaitForNextCall | Status::LoggedOut => {}
        }
    }

    fn answer(&mut self, number: u32) {
        let Some(agent) = self.agents.get_mut(index(number)) else {
            return;
        };
        agent.answered_at = self.now;
        let Some((id, queue)) = agent.call else {
            return;
        };
        let arrived = self.calls.find(id).map_or(self.now, |call| call.arrived);
        self.calls.remove(id);
        if let Some(queue) = self.queues.get_mut(index(queue)) {
            queue.ringing = queue.ringing.saturating_sub(1);
            queue.totals.answered += 1;
            let in_time = self.now.saturating_sub(arrived) <= ANSWERED_IN_TIME;
            queue.totals.answered_in_time += u64::from(in_time);
        }
        self.changed.add_team_queues(queue / TEAM_QUEUES);
        let service = self.draw.service();
        self.enter_for(number, Status::CallInbound, service);
    }

    fn finish(&mut self, number: u32) {
        let Some(agent) = self.agents.get_mut(index(number)) else {
            return;
        };
        let (answered_at, is_leaving) = (agent.answered_at, agent.is_leaving);
        if let Some((_, queue)) = agent.call.take() {
            if let Some(queue) = self.queues.get_mut(index(queue)) {
                queue.totals.handled += 1;
                queue.totals.handling += self.now.saturating_sub(answered_at);
            }
            self.changed.add_team_queues(queue / TEAM_QUEUES);
        }
        if is_leaving {
            self.leave(number);
        } else if self.draw.chance(BREAK_CHANCE) {
            let pause = self.draw.exponential(BREAK_MEAN_S);
            self.enter_for(number, Status::NotReadyForNextCall, pause);
        } else {
            self.be_ready(number);
        }
    }

    fn be_ready(&mut self, agent: u32) {
        let turn = self.enter(agent, Status::WaitForNextCall);
        let team = agent / TEAM_AGENTS;
        if let Some(team) = self.teams.get_mut(index(team)) {
            team.line.push_back((agent, turn));
        }
        self.distribute(team);
    }

    fn shift(&mut self, number: u32) {
        let Some(agent) = self.agents.get_mut(index(number)) else {
            return;
        };
        if agent.status == Status::LoggedOut {
            let is_first = number == 0 && self.now < WARM_UP;
            let shift = self.draw.exponential(SHIFT_MEAN_S);
            let shift = if is_first {
                shift.max(FIRST_SHIFT)
            } else {
                shift
            };
            self.schedule
                .at(self.now + shift, Happening::Shift { agent: number });
            self.enter_for(number, Status::LoggedIn, Duration::from_secs(5));
        } else if agent.status.is_free_to_leave() {
            self.leave(number);
        } else {
            agent.is_leaving = true;
        }
    }

    fn leave(&mut self, agent: u32) {
        self.enter(agent, Status::LoggedOut);
        let off = self.draw.exponential(OFF_MEAN_S);
        self.schedule.at(self.now + off, Happening::Shift { agent });
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

/// Objects that something happened to, each once.
#[derive(Debug)]
struct Changed {
    agents: Vec<bool>,
    queues: Vec<bool>,
    groups: Vec<bool>,
    list: Vec<ObjectRef>,
}

impl Changed {
    fn new(agents: u32, queues: u32, groups: u32) -> Self {
        let none = |count| vec![false; index(count)];
        Self {
            agents: none(agents),
            queues: none(queues),
            groups: none(groups),
            list: Vec::new(),
        }
    }

    fn mark(&mut self, object: ObjectRef) -> Option<&mut bool> {
        match object {
            ObjectRef::Agent(agent) => self.agents.get_mut(index(agent)),
            ObjectRef::Queue(queue) => self.queues.get_mut(index(queue)),
            ObjectRef::Group(team) => self.groups.get_mut(index(team)),
            ObjectRef::Scripted(_) => None,
        }
    }

    fn add(&mut self, object: ObjectRef) {
        if let Some(mark) = self.mark(object).filter(|mark| !**mark) {
            *mark = true;
            self.list.push(object);
        }
    }

    /// A team's queues change together, since each one's expected wait depends on both.
    fn add_team_queues(&mut self, team: u32) {
        for queue in team * TEAM_QUEUES..(team + 1) * TEAM_QUEUES {
            self.add(ObjectRef::Queue(queue));
        }
    }

    fn take(&mut self) -> Vec<ObjectRef> {
        let list = std::mem::take(&mut self.list);
        for object in &list {
            if let Some(mark) = self.mark(*object) {
                *mark = false;
            }
        }
        list
    }
}

#[cfg(test)]
mod tests;
