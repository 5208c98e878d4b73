//! An agent's day: shifts, calls, the work after them, and breaks.

use std::time::Duration;

use super::queue::index;
use super::schedule::Happening;
use super::{
    ANSWERED_IN_TIME, BREAK_CHANCE, BREAK_MEAN_S, Centre, FIRST_SHIFT, OFF_MEAN_S, SHIFT_MEAN_S,
    Status, TEAM_AGENTS, TEAM_QUEUES, WARM_UP,
};

impl Centre {
    pub(super) fn status_end(&mut self, number: u32, turn: u32) {
        let Some(agent) = self
            .agents
            .get(index(number))
            .filter(|agent| agent.turn == turn)
        else {
            return;
        };
        match agent.status {
            Status::CallRinging => self.answer(number),
            Status::CallInbound => match self.model.after_call_mean {
                Some(mean) => {
                    let work = self.draw.exponential(mean.as_secs_f64());
                    self.enter_for(number, Status::AfterCallWork, work);
                }
                None => self.finish(number),
            },
            Status::AfterCallWork => self.finish(number),
            Status::LoggedIn | Status::NotReadyForNextCall => self.be_ready(number),
            Status::WaitForNextCall | Status::LoggedOut => {}
        }
    }

    pub(super) fn answer(&mut self, number: u32) {
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
            let waited = self.now.saturating_sub(arrived);
            queue.totals.waited += waited;
            let in_time = waited <= ANSWERED_IN_TIME;
            queue.totals.answered_in_time += u64::from(in_time);
        }
        self.changed.add_team_queues(queue / TEAM_QUEUES);
        let service = self.draw.service();
        self.enter_for(number, Status::CallInbound, service);
    }

    pub(super) fn finish(&mut self, number: u32) {
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
        } else if self.model.has_breaks && self.draw.chance(BREAK_CHANCE) {
            let pause = self.draw.exponential(BREAK_MEAN_S);
            self.enter_for(number, Status::NotReadyForNextCall, pause);
        } else {
            self.be_ready(number);
        }
    }

    pub(super) fn be_ready(&mut self, agent: u32) {
        let turn = self.enter(agent, Status::WaitForNextCall);
        let team = agent / TEAM_AGENTS;
        if let Some(team) = self.teams.get_mut(index(team)) {
            team.line.push_back((agent, turn));
        }
        self.distribute(team);
    }

    pub(super) fn shift(&mut self, number: u32) {
        let Some(agent) = self.agents.get_mut(index(number)) else {
            return;
        };
        if agent.status == Status::LoggedOut {
            if self.model.has_shifts {
                self.expect_end_of_shift(number);
            }
            self.enter_for(number, Status::LoggedIn, Duration::from_secs(5));
        } else if agent.status.is_free_to_leave() {
            self.leave(number);
        } else {
            agent.is_leaving = true;
        }
    }

    fn expect_end_of_shift(&mut self, agent: u32) {
        let is_first = agent == 0 && self.now < WARM_UP;
        let shift = self.draw.exponential(SHIFT_MEAN_S);
        let shift = if is_first {
            shift.max(FIRST_SHIFT)
        } else {
            shift
        };
        self.schedule
            .at(self.now + shift, Happening::Shift { agent });
    }

    pub(super) fn leave(&mut self, agent: u32) {
        self.enter(agent, Status::LoggedOut);
        let off = self.draw.exponential(OFF_MEAN_S);
        self.schedule.at(self.now + off, Happening::Shift { agent });
    }
}
