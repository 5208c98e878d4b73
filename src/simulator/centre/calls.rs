//! A call's way: it arrives, waits, is given to an agent or gives up.

use std::time::Duration;

use super::queue::{CallId, index};
use super::schedule::Happening;
use super::{Centre, DAY_OFFSET, Status, TEAM_QUEUES};

impl Centre {
    pub(super) fn expect_arrival(&mut self, queue: u32) {
        if let Some(gap) = self.draw.arrival_gap(queue) {
            self.schedule
                .at(self.now + gap, Happening::Arrival { queue });
        }
    }

    pub(super) fn arrival(&mut self, queue: u32) {
        self.expect_arrival(queue);
        if !self.draw.arrives(self.now + DAY_OFFSET) {
            return;
        }
        let call = self.calls.add(queue, self.now);
        if let Some(mean) = self.model.patience_mean {
            let patience = self.draw.exponential(mean.as_secs_f64());
            self.schedule
                .at(self.now + patience, Happening::GiveUp(call));
        }
        if let Some(queue) = self.queues.get_mut(index(queue)) {
            queue.totals.entered += 1;
            queue.queued += 1;
            queue.line.push_back(call);
        }
        self.changed.add_team_queues(queue / TEAM_QUEUES);
        self.distribute(queue / TEAM_QUEUES);
    }

    pub(super) fn give_up(&mut self, id: CallId) {
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
    pub(super) fn distribute(&mut self, team: u32) {
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

    pub(super) fn longest_waiting(&mut self, team: u32) -> Option<CallId> {
        let calls = &mut self.calls;
        let queues = self.queues.iter_mut();
        let queues = queues
            .skip(index(team * TEAM_QUEUES))
            .take(index(TEAM_QUEUES));
        let first = queues.filter_map(|queue| queue.first(calls)).min();
        first.map(|(_, call)| call)
    }

    pub(super) fn longest_ready(&mut self, team: u32) -> Option<u32> {
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

    pub(super) fn ring(&mut self, agent: u32, id: CallId) {
        let Some(call) = self.calls.find(id) else {
            return;
        };
        call.is_queued = false;
        let number = call.queue;
        let has_waited = self.now > call.arrived;
        if let Some(queue) = self.queues.get_mut(index(number)) {
            queue.totals.delayed += u64::from(has_waited);
            queue.queued = queue.queued.saturating_sub(1);
            queue.ringing += 1;
        }
        if let Some(agent) = self.agents.get_mut(index(agent)) {
            agent.call = Some((id, number));
        }
        let ringing = if self.model.has_ringing {
            self.draw.uniform(2.0, 8.0)
        } else {
            Duration::ZERO
        };
        self.enter_for(agent, Status::CallRinging, ringing);
    }
}
