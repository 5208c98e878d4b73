//! Agents and teams: who is logged in, in which state, since when.

use std::collections::VecDeque;
use std::time::Duration;

use super::queue::CallId;

/// What an agent does. The numbers are the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(in crate::simulator) enum AgentStatus {
    LoggedIn = 2,
    WaitForNextCall = 4,
    CallRinging = 7,
    NotReadyForNextCall = 8,
    AfterCallWork = 9,
    CallInbound = 22,
    LoggedOut = 23,
}

impl AgentStatus {
    pub(in crate::simulator) const fn code(self) -> u16 {
        self as u16
    }

    /// Whether leaving now would not leave a caller or his paperwork behind.
    pub(super) fn is_free_to_leave(self) -> bool {
        matches!(
            self,
            Self::LoggedIn | Self::WaitForNextCall | Self::NotReadyForNextCall
        )
    }
}

#[derive(Debug, Clone)]
pub(in crate::simulator) struct Agent {
    pub(in crate::simulator) status: AgentStatus,
    pub(in crate::simulator) since: Duration,
    /// The call being rung for, talked to or worked on, and its queue.
    pub(in crate::simulator) call: Option<(CallId, u32)>,
    /// Grows with each change of status, so that a timer knows whether it still concerns anybody.
    pub(super) turn: u32,
    /// The shift has ended; leaves when the call is done.
    pub(super) is_leaving: bool,
    pub(super) answered_at: Duration,
    logged_in_since: Option<Duration>,
    logged_in_before: Duration,
}

impl Agent {
    pub(super) fn new() -> Self {
        Self {
            status: AgentStatus::LoggedOut,
            since: Duration::ZERO,
            call: None,
            turn: 0,
            is_leaving: false,
            answered_at: Duration::ZERO,
            logged_in_since: None,
            logged_in_before: Duration::ZERO,
        }
    }

    /// Changes status and says the one before.
    pub(super) fn enter(&mut self, status: AgentStatus, now: Duration) -> AgentStatus {
        let before = std::mem::replace(&mut self.status, status);
        self.since = now;
        self.turn = self.turn.wrapping_add(1);
        if status == AgentStatus::LoggedOut {
            self.logged_in_before = self.login_time(now);
            self.logged_in_since = None;
            self.is_leaving = false;
        } else {
            self.logged_in_since.get_or_insert(now);
        }
        before
    }

    /// How long the agent has been logged in, all shifts together.
    pub(in crate::simulator) fn login_time(&self, now: Duration) -> Duration {
        let shift = self
            .logged_in_since
            .map_or(Duration::ZERO, |since| now.saturating_sub(since));
        self.logged_in_before + shift
    }
}

#[derive(Debug, Default)]
pub(in crate::simulator) struct Team {
    pub(in crate::simulator) logged_in: u64,
    pub(in crate::simulator) ready: u64,
    /// Who became ready, longest ago first, with the agent's turn then; who is not ready any more
    /// stays until he comes to the front.
    pub(super) line: VecDeque<(u32, u32)>,
}

impl Team {
    pub(super) fn count(&mut self, before: AgentStatus, after: AgentStatus) {
        let step = |count: &mut u64, was: bool, is: bool| {
            *count = count.saturating_sub(was.into()) + u64::from(is);
        };
        let ready = AgentStatus::WaitForNextCall;
        step(&mut self.ready, before == ready, after == ready);
        let out = AgentStatus::LoggedOut;
        step(&mut self.logged_in, before != out, after != out);
        debug_assert!(
            self.ready <= self.logged_in,
            "only who is logged in can be ready"
        );
    }
}
