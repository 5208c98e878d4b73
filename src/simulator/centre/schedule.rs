//! What is going to happen, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::queue::CallId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Happening {
    /// Possibly a call, by the day curve.
    Arrival { queue: u32 },
    /// A caller's patience ends.
    GiveUp(CallId),
    /// An agent's present status ends, if `turn` is still the agent's.
    StatusEnd { agent: u32, turn: u32 },
    /// A shift begins or ends.
    Shift { agent: u32 },
}

#[derive(Debug, Default)]
pub(super) struct Schedule {
    heap: BinaryHeap<Reverse<(Duration, u64, Happening)>>,
    /// Makes the order of simultaneous happenings that in which they were scheduled.
    scheduled: u64,
}

impl Schedule {
    pub(super) fn at(&mut self, time: Duration, happening: Happening) {
        self.scheduled += 1;
        self.heap.push(Reverse((time, self.scheduled, happening)));
    }

    /// The next happening at or before `time`.
    pub(super) fn next_until(&mut self, time: Duration) -> Option<(Duration, Happening)> {
        let Reverse((at, ..)) = self.heap.peek()?;
        if *at > time {
            return None;
        }
        self.heap
            .pop()
            .map(|Reverse((at, _, happening))| (at, happening))
    }
}
