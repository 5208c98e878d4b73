//! Queues: who waits, and what has become of everybody who came.

use std::collections::VecDeque;
use std::time::Duration;

/// A call, by its place in memory and a number that no other call has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::simulator) struct CallId {
    pub(super) slot: u32,
    pub(in crate::simulator) number: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) number: u32,
    pub(super) queue: u32,
    pub(super) arrived: Duration,
    /// Neither answered, ringing nor abandoned.
    pub(super) is_queued: bool,
}

/// The calls in the house. Places are used again, numbers are not.
#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Vec<Call>,
    free: Vec<u32>,
    last_number: u32,
}

impl Calls {
    pub(super) fn add(&mut self, queue: u32, arrived: Duration) -> CallId {
        self.last_number = self.last_number.wrapping_add(1);
        let number = self.last_number;
        let call = Call {
            number,
            queue,
            arrived,
            is_queued: true,
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(call);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(place) = self.slots.get_mut(index(slot)) {
            *place = call;
        }
        CallId { slot, number }
    }

    /// The call, unless it has left.
    pub(super) fn find(&mut self, id: CallId) -> Option<&mut Call> {
        let call = self.slots.get_mut(index(id.slot))?;
        (call.number == id.number).then_some(call)
    }

    pub(super) fn remove(&mut self, id: CallId) {
        if let Some(call) = self.find(id) {
            // No id has number 0 before four billion calls, so the place is nobody's.
            call.number = 0;
            call.is_queued = false;
            self.free.push(id.slot);
        }
    }
}

/// What a queue has counted; only ever grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::simulator) struct QueueTotals {
    pub(in crate::simulator) entered: u64,
    pub(in crate::simulator) answered: u64,
    pub(in crate::simulator) abandoned: u64,
    /// Answered within the service level's limit.
    pub(in crate::simulator) answered_in_time: u64,
    /// Given to an agent later than in the instant they came.
    pub(in crate::simulator) delayed: u64,
    /// What the answered ones waited, ringing included.
    pub(in crate::simulator) waited: Duration,
    /// Calls whose after-call work is done, and the time they took from answer to there.
    pub(in crate::simulator) handled: u64,
    pub(in crate::simulator) handling: Duration,
}

impl QueueTotals {
    /// What has been counted since `earlier`.
    pub(in crate::simulator) fn since(&self, earlier: &Self) -> Self {
        Self {
            entered: self.entered.saturating_sub(earlier.entered),
            answered: self.answered.saturating_sub(earlier.answered),
            abandoned: self.abandoned.saturating_sub(earlier.abandoned),
            answered_in_time: self
                .answered_in_time
                .saturating_sub(earlier.answered_in_time),
            delayed: self.delayed.saturating_sub(earlier.delayed),
            waited: self.waited.saturating_sub(earlier.waited),
            handled: self.handled.saturating_sub(earlier.handled),
            handling: self.handling.saturating_sub(earlier.handling),
        }
    }

    /// Mean handling time in hundredths of a second, if anything was handled.
    pub(in crate::simulator) fn mean_handling_hundredths(&self) -> Option<u64> {
        let hundredths = u64::try_from(self.handling.as_millis() / 10).unwrap_or(u64::MAX);
        hundredths.checked_div(self.handled)
    }
}

#[derive(Debug, Default)]
pub(in crate::simulator) struct Queue {
    pub(in crate::simulator) totals: QueueTotals,
    /// Calls that wait for an agent to be free.
    pub(in crate::simulator) queued: u64,
    /// Calls that ring at an agent. Callers still wait, so these count as waiting.
    pub(in crate::simulator) ringing: u64,
    /// In order of arrival; calls that gave up stay until they come to the front.
    pub(super) line: VecDeque<CallId>,
}

impl Queue {
    /// Calls that have neither been answered nor given up.
    pub(in crate::simulator) fn waiting(&self) -> u64 {
        self.queued + self.ringing
    }

    /// The first in line that still waits, with its arrival.
    pub(super) fn first(&mut self, calls: &mut Calls) -> Option<(Duration, CallId)> {
        while let Some(&id) = self.line.front() {
            match calls.find(id) {
                Some(call) if call.is_queued => return Some((call.arrived, id)),
                _ => {
                    self.line.pop_front();
                }
            }
        }
        None
    }
}

pub(super) fn index(position: u32) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
