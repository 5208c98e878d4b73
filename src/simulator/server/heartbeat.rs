//! ADDP on the server's side: what is answered, and when a silent client is polled and given up.

use std::time::Duration;

use tokio::time::Instant;

use crate::wire::{Addp, AddpCommand, TRACE_BIT};

/// The protocol's version, as the real thing answers it.
const VERSION: u32 = 0x00_0200;
/// Poll numbers are 24 bits wide.
const POLL_NUMBER_MAX: u32 = 0x00ff_ffff;

/// One connection's heartbeat.
#[derive(Debug)]
pub(super) struct Heartbeat {
    last_received: Instant,
    /// After so much silence the client wants to be polled, and after as much again it is gone.
    timeout: Option<Duration>,
    /// The init or reconfiguration data now in force, trace bit included.
    agreed: u32,
    next_poll: u32,
    is_polled: bool,
}

/// What the end of a silence calls for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Poll(Addp),
    GiveUp,
}

impl Heartbeat {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last_received: now,
            timeout: None,
            agreed: 0,
            next_poll: 0,
            is_polled: false,
        }
    }

    /// Bytes arrived, of whatever kind: the client lives.
    pub(super) fn received(&mut self, now: Instant) {
        self.last_received = now;
        self.is_polled = false;
    }

    /// The answer to a packet, if it wants one.
    pub(super) fn answer(&mut self, packet: Addp) -> Option<Addp> {
        let answer = |command, data| Some(Addp { command, data });
        match packet.command {
            AddpCommand::Init => {
                self.agree(packet.data);
                answer(AddpCommand::InitAnswer, packet.data)
            }
            AddpCommand::Reconfigure => {
                let previous = self.agreed;
                self.agree(packet.data);
                answer(AddpCommand::ReconfigureAnswer, previous)
            }
            AddpCommand::Poll => answer(AddpCommand::PollAnswer, packet.data),
            AddpCommand::Version => answer(AddpCommand::VersionAnswer, VERSION),
            _ => None,
        }
    }

    fn agree(&mut self, data: u32) {
        self.agreed = data;
        let timeout_ms = data & !TRACE_BIT;
        self.timeout = (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms.into()));
    }

    /// When [`Heartbeat::due`] is to be asked, unless something arrives before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let timeout = self.timeout?;
        let silences = if self.is_polled { 2 } else { 1 };
        Some(self.last_received + timeout * silences)
    }

    pub(super) fn due(&mut self) -> Due {
        if self.is_polled {
            return Due::GiveUp;
        }
        self.is_polled = true;
        let data = self.next_poll;
        self.next_poll = (data + 1) & POLL_NUMBER_MAX;
        Due::Poll(Addp {
            command: AddpCommand::Poll,
            data,
        })
    }
}
