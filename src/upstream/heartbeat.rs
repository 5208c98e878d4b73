//! ADDP, our side: polls a silent peer, gives it up when it stays silent, answers its polls.
//!
//! Only received bytes prove that a peer lives; what we send proves nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::trace::Trace;
use crate::wire::{Addp, AddpCommand, TRACE_BIT};

const VERSION: u32 = 0x00_0200;
/// A time-out travels in 23 bits of milliseconds.
const TIMEOUT_MS_MAX: u32 = TRACE_BIT - 1;

/// What ADDP is asked to do on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddpConfig {
    /// We poll after this much silence, and give up after as much again.
    pub local_timeout: Duration,
    /// The peer is asked to poll us after this much silence.
    pub remote_timeout: Duration,
    /// We write trace lines.
    pub local_trace: bool,
    /// The peer is asked to write trace lines.
    pub remote_trace: bool,
}

/// What the silence of a peer calls for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    Alive,
    /// Ask whether it is there.
    Poll(Addp),
    /// It is not.
    Dead,
}

/// The heartbeat of one connection.
#[derive(Debug)]
pub(super) struct Heartbeat {
    config: Option<AddpConfig>,
    /// Where each packet is written down.
    trace: Option<Trace>,
    last_received: Instant,
    /// When the unanswered poll was sent.
    polled: Option<Instant>,
    number: u32,
    round_trip: Option<Duration>,
}

impl Heartbeat {
    pub(super) fn new(config: Option<AddpConfig>, trace: Option<Trace>, now: Instant) -> Self {
        Self {
            config,
            trace,
            last_received: now,
            polled: None,
            number: 0,
            round_trip: None,
        }
    }

    /// The first bytes on the connection, if ADDP is wanted.
    pub(super) fn init(&self) -> Option<Addp> {
        let config = self.config?;
        let timeout_ms = u32::try_from(config.remote_timeout.as_millis()).unwrap_or(u32::MAX);
        let trace = if config.remote_trace { TRACE_BIT } else { 0 };
        let data = timeout_ms.min(TIMEOUT_MS_MAX) | trace;
        Some(self.sending(AddpCommand::Init, data))
    }

    /// Bytes arrived, whatever they say.
    pub(super) fn received(&mut self, now: Instant) {
        self.last_received = now;
    }

    /// When bytes last arrived.
    pub(super) fn last_received(&self) -> Instant {
        self.last_received
    }

    /// A heartbeat packet arrived; the answer, if it asks for one.
    pub(super) fn packet(&mut self, packet: Addp, now: Instant) -> Option<Addp> {
        if let Some(trace) = &self.trace {
            trace.received(packet);
        }
        let answer = |command, data| Some(self.sending(command, data));
        match packet.command {
            AddpCommand::Poll => answer(AddpCommand::PollAnswer, packet.data),
            AddpCommand::Init => answer(AddpCommand::InitAnswer, packet.data),
            // We never let the peer change when we poll, so the previous value is the present one.
            AddpCommand::Reconfigure => answer(AddpCommand::ReconfigureAnswer, packet.data),
            AddpCommand::Version => answer(AddpCommand::VersionAnswer, VERSION),
            AddpCommand::PollAnswer => {
                if packet.data == self.number
                    && let Some(polled) = self.polled.take()
                {
                    self.round_trip = Some(now.saturating_duration_since(polled));
                    self.number = (self.number + 1) & 0x00ff_ffff;
                }
                None
            }
            _ => None,
        }
    }

    /// What the silence so far calls for. A poll is sent once per silence.
    pub(super) fn check(&mut self, now: Instant) -> Verdict {
        let Some(config) = self.config else {
            return Verdict::Alive;
        };
        let due = |since: Instant| now.saturating_duration_since(since) >= config.local_timeout;
        // A verdict needs a poll that had its time: if we ourselves came late, the proof of life
        // may be waiting to be read.
        match self.unanswered_poll() {
            // Nor may we have been away meanwhile: stopped, or waiting for room for events.
            Some(polled) if now.saturating_duration_since(polled) >= config.local_timeout * 2 => {}
            Some(polled) if due(polled) => return Verdict::Dead,
            None if due(self.last_received) => {}
            _ => return Verdict::Alive,
        }
        self.polled = Some(now);
        Verdict::Poll(self.sending(AddpCommand::Poll, self.number))
    }

    /// When [`Heartbeat::check`] should be asked next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let since = self.unanswered_poll().unwrap_or(self.last_received);
        Some(since + self.config?.local_timeout)
    }

    /// How long the last answered poll took.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    fn sending(&self, command: AddpCommand, data: u32) -> Addp {
        let packet = Addp { command, data };
        if let Some(trace) = &self.trace {
            trace.sent(packet);
        }
        packet
    }

    /// When the poll was sent that nothing has come after.
    fn unanswered_poll(&self) -> Option<Instant> {
        self.polled.filter(|polled| *polled > self.last_received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Duration = Duration::from_secs(3);

    fn heartbeat(now: Instant) -> Heartbeat {
        let remote_timeout = Duration::from_secs(11);
        let config = AddpConfig {
            local_timeout: T,
            remote_timeout,
            local_trace: false,
            remote_trace: true,
        };
        Heartbeat::new(Some(config), None, now)
    }

    #[tokio::test(start_paused = true)]
    async fn the_init_asks_for_polls_and_trace() {
        let init = heartbeat(Instant::now()).init().unwrap();
        assert_eq!(init.encode(), [0x70, 0x32, 0x49, 0x80, 0x2a, 0xf8]);
        assert_eq!(Heartbeat::new(None, None, Instant::now()).init(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_polled_once_after_t_and_dead_after_2t() {
        let start = Instant::now();
        let mut heartbeat = heartbeat(start);
        assert_eq!(heartbeat.deadline(), Some(start + T));
        assert_eq!(
            heartbeat.check(start + T - Duration::from_millis(1)),
            Verdict::Alive
        );
        let poll = Addp {
            command: AddpCommand::Poll,
            data: 0,
        };
        assert_eq!(heartbeat.check(start + T), Verdict::Poll(poll));
        assert_eq!(heartbeat.deadline(), Some(start + T * 2));
        assert_eq!(heartbeat.check(start + T + T / 2), Verdict::Alive);
        assert_eq!(heartbeat.check(start + T * 2), Verdict::Dead);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_away_while_the_answer_may_have_come_asks_again() {
        let start = Instant::now();
        let mut heartbeat = heartbeat(start);
        assert!(matches!(heartbeat.check(start + T), Verdict::Poll(_)));
        let back = start + T * 4;
        assert!(matches!(heartbeat.check(back), Verdict::Poll(_)));
        assert_eq!(heartbeat.check(back + T / 2), Verdict::Alive);
        assert_eq!(heartbeat.check(back + T), Verdict::Dead);
    }

    #[tokio::test(start_paused = true)]
    async fn any_bytes_prove_life_and_an_answer_measures_the_round_trip() {
        let start = Instant::now();
        let mut heartbeat = heartbeat(start);
        assert!(matches!(heartbeat.check(start + T), Verdict::Poll(_)));
        let later = start + T + Duration::from_millis(7);
        heartbeat.received(later);
        let answer = Addp {
            command: AddpCommand::PollAnswer,
            data: 0,
        };
        assert_eq!(heartbeat.packet(answer, later), None);
        assert_eq!(heartbeat.round_trip(), Some(Duration::from_millis(7)));
        assert_eq!(heartbeat.check(start + T * 2), Verdict::Alive);
        let second = Addp {
            command: AddpCommand::Poll,
            data: 1,
        };
        assert_eq!(heartbeat.check(later + T), Verdict::Poll(second));
    }

    #[tokio::test(start_paused = true)]
    async fn questions_are_answered_even_when_addp_was_not_asked_for() {
        let now = Instant::now();
        let mut heartbeat = Heartbeat::new(None, None, now);
        for (asked, answered, data, answer) in [
            (AddpCommand::Poll, AddpCommand::PollAnswer, 41, 41),
            (AddpCommand::Init, AddpCommand::InitAnswer, 5, 5),
            (
                AddpCommand::Reconfigure,
                AddpCommand::ReconfigureAnswer,
                9,
                9,
            ),
            (AddpCommand::Version, AddpCommand::VersionAnswer, 0, 0x200),
        ] {
            let reply = heartbeat.packet(
                Addp {
                    command: asked,
                    data,
                },
                now,
            );
            assert_eq!(
                reply,
                Some(Addp {
                    command: answered,
                    data: answer
                })
            );
        }
        assert_eq!(heartbeat.check(now + T * 100), Verdict::Alive);
        assert_eq!(heartbeat.deadline(), None);
    }
}
