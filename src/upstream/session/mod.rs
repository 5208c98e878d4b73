//! One pair's conversation as a socket-free state machine: packets, commands and time in; bytes
//! and events out. Outlives connections: what is wanted open stays wanted.
//!
//! Owners call [`Session::take_events`] and write [`Session::output`] after every call.

mod answers;
mod endings;
mod handover;
mod leaving;
mod passive;
mod patience;
mod profiles;
mod references;
mod refusals;
mod requests;
mod standing;
mod status;
#[cfg(test)]
mod tests;
mod upgrade;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

use super::event::{Event, Ticket};
use super::heartbeat::{AddpConfig, Heartbeat, Verdict};
use super::subscription::{HandedOver, OpenSpec, Round, Subscription};
use super::trace::Trace;
use super::window::Window;
use crate::model::{Epoch, EpochCounter, Numbered, StatisticId};
use crate::wire::{Charset, Packet, ProfileKind, Register, Request, ServerMode};
use references::References;

/// After an acknowledged open without a value for so long, the value is peeked for.
const FIRST_VALUE_PATIENCE: Duration = Duration::from_millis(100);
/// A statistic that was refused or closed unasked is asked for again after this.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// A request without an answer for so long is given up.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// No more opens are written while this much output waits for the socket.
const OUTPUT_LEN_HIGH: usize = 256 * 1024;

/// Room kept for the next events, at most: what a read's worth of notifications makes.
const EVENTS_ROOM_MAX: usize = 4096;

/// What a session needs to know of its pair.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionConfig {
    /// What registration says.
    pub register: Register,
    /// The connection's character set.
    pub charset: Charset,
    /// Heartbeats; `None` to do without.
    pub addp: Option<AddpConfig>,
    /// How often the stat types are read again.
    pub profile_refresh: Duration,
    /// The most opens in flight at once.
    pub open_window: usize,
    /// How long the Stat Server may take to answer the registration.
    pub register_timeout: Duration,
    /// Whether a statistic that is refused here is tried on other pairs.
    pub try_next: bool,
}

/// Why a session wants its connection closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("the Stat Server refused the registration: {text} (code {code})")]
    Refused { code: i64, text: String },
    #[error("the Stat Server did not answer the registration within {}", humantime::format_duration(*.0))]
    Silent(Duration),
    #[error(
        "nothing arrived for twice the ADDP local time-out of {}",
        humantime::format_duration(*.0)
    )]
    Dead(Duration),
    #[error("the Stat Server sent what it should not: {0}")]
    Malformed(#[from] crate::wire::Error),
    #[error("all request numbers of the connection are in use")]
    OutOfReferences,
}

/// The state machine of one pair.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    epochs: Arc<EpochCounter>,
    subscriptions: Numbered<Subscription>,
    /// Somebody waits for these: opened before the backlog and past its window.
    urgent: VecDeque<StatisticId>,
    /// Wanted, not yet asked for on this connection. May name a statistic that is open by now.
    /// While ending: open, not yet asked to be closed.
    backlog: VecDeque<StatisticId>,
    /// To be put on the backlog at their time, which is in order since the delay is one constant.
    retries: VecDeque<(Instant, StatisticId)>,
    connection: Option<Connected>,
    events: Vec<Event>,
    output: BytesMut,
    /// No longer wanted since they were last taken.
    forgotten: Vec<StatisticId>,
    /// To go to another pair.
    handed_over: Vec<HandedOver>,
    skipped_messages: u64,
    /// Nobody reads the values: see [`passive`].
    passive: bool,
    /// Everything is being closed for an orderly end; the statistics stay wanted for the next start.
    ending: bool,
}

/// What lives as long as one connection.
#[derive(Debug)]
struct Connected {
    since: Instant,
    registered: bool,
    heartbeat: Heartbeat,
    last_reference: i32,
    /// What each reference id in use stands for.
    references: References,
    window: Window,
    /// When everything that the peer had sent was last taken in; `None` when nobody told.
    caught_up: Option<Instant>,
    /// How many statistics are open, opening or closing.
    held: usize,
    /// Shared by what is opened; none as soon as something was closed, since whatever is opened
    /// after that may be that statistic again.
    epoch: Option<Epoch>,
    /// The number that decides a few shapes of state bodies.
    compat: i64,
    mode: Option<ServerMode>,
    version: Option<String>,
    /// Acknowledged without a value, by when to lose patience; in order, the delay is constant.
    awaiting_first: VecDeque<(Instant, StatisticId)>,
    /// Requests under way, by when to give them up; in order, the delay is constant. May name some
    /// that were answered.
    unanswered: VecDeque<(Instant, i32)>,
    stat_types: StatTypesAsked,
}

impl Connected {
    /// An open that was sent then is answered.
    fn open_answered(&mut self, sent: Instant, now: Instant, overdue: bool) {
        let unanswered_until = self.caught_up.unwrap_or(now);
        let took = unanswered_until.saturating_duration_since(sent);
        self.window.answered(took, overdue);
    }
}

/// When the stat types are asked for next, and the number of the request that asked last.
#[derive(Debug)]
struct StatTypesAsked {
    due: Instant,
    reference_id: Option<i32>,
}

#[derive(Debug)]
enum Reference {
    Open(StatisticId),
    Peek(StatisticId),
    Close(StatisticId),
    /// A second open of the statistic, in a more telling mode.
    Upgrade(StatisticId),
    /// A peek of the second open.
    UpgradePeek(StatisticId),
    /// An open that belongs to nobody any more.
    Leaving(Leaving),
    /// The close of such an open, by the open's number.
    CloseLeaving(i32),
    /// One value; nothing stays open.
    Get(Box<Get>),
    Profile(ProfileKind),
}

/// What is still to come for an open that belongs to nobody any more.
#[derive(Debug)]
enum Leaving {
    /// Its acknowledgement; when overdue, its place in the window is given up already.
    Unanswered { sent: Box<Instant>, overdue: bool },
    /// The answer to its close, which went out under the number `own`.
    Closing { own: i32 },
}

/// A request for one value.
#[derive(Debug)]
struct Get {
    spec: OpenSpec,
    ticket: Ticket,
    /// Whether the value is everybody's; else it is for somebody alone whose tenant password differs
    /// from the open statistic's.
    shared: bool,
    round: Option<Box<Round>>,
}

impl Get {
    fn new(spec: OpenSpec, ticket: Ticket, shared: bool) -> Self {
        Self {
            spec,
            ticket,
            shared,
            round: None,
        }
    }
}

impl Session {
    /// A session that has never been connected.
    #[must_use]
    pub fn new(config: SessionConfig, epochs: Arc<EpochCounter>) -> Self {
        Self {
            config,
            epochs,
            subscriptions: Numbered::default(),
            urgent: VecDeque::new(),
            backlog: VecDeque::new(),
            retries: VecDeque::new(),
            connection: None,
            events: Vec::new(),
            output: BytesMut::new(),
            forgotten: Vec::new(),
            handed_over: Vec::new(),
            skipped_messages: 0,
            passive: false,
            ending: false,
        }
    }

    /// A connection stands: heartbeat first, then the registration. Heartbeats are written to
    /// `trace`.
    pub fn connected(&mut self, trace: Option<Trace>, now: Instant) {
        let heartbeat = Heartbeat::new(self.config.addp, trace, now);
        if let Some(init) = heartbeat.init() {
            self.output.extend_from_slice(&init.encode());
        }
        self.connection = Some(Connected {
            since: now,
            registered: false,
            heartbeat,
            last_reference: 0,
            references: References::default(),
            window: Window::new(self.config.open_window),
            caught_up: None,
            held: 0,
            epoch: None,
            compat: 0,
            mode: None,
            version: None,
            awaiting_first: VecDeque::new(),
            unanswered: VecDeque::new(),
            stat_types: StatTypesAsked {
                due: now + self.config.profile_refresh,
                reference_id: None,
            },
        });
        let register = Request::Register(self.config.register.clone());
        register.write(self.config.charset, &mut self.output);
    }

    /// Bytes arrived, whatever they say: proof that the peer lives.
    pub fn heard(&mut self, now: Instant) {
        if let Some(connection) = &mut self.connection {
            connection.heartbeat.received(now);
        }
    }

    /// Until `now` nothing lay unread: what is answered late from here on was not answered yet. An
    /// answer that came later may have waited behind a stream of notifications that we are slow to
    /// read, which says nothing about the Stat Server.
    pub fn caught_up(&mut self, now: Instant) {
        if let Some(connection) = &mut self.connection {
            connection.caught_up = Some(now);
        }
    }

    /// One packet arrived.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn received(&mut self, packet: &Packet, now: Instant) -> Result<(), Failure> {
        match packet {
            Packet::Addp(packet) => {
                let Some(connection) = &mut self.connection else {
                    return Ok(());
                };
                if let Some(answer) = connection.heartbeat.packet(*packet, now) {
                    self.output.extend_from_slice(&answer.encode());
                }
                Ok(())
            }
            Packet::Body(body) => self.received_body(body, now),
        }
    }

    /// Time passed: polls, patience, retries.
    ///
    /// # Errors
    /// The connection is to be closed.
    pub fn tick(&mut self, now: Instant) -> Result<(), Failure> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        if !connection.registered && now >= connection.since + self.config.register_timeout {
            return Err(Failure::Silent(self.config.register_timeout));
        }
        match connection.heartbeat.check(now) {
            Verdict::Alive => {}
            Verdict::Poll(poll) => self.output.extend_from_slice(&poll.encode()),
            Verdict::Dead => {
                let timeout = self
                    .config
                    .addp
                    .map_or(Duration::ZERO, |addp| addp.local_timeout);
                return Err(Failure::Dead(timeout));
            }
        }
        self.peek_where_patience_ended(now)?;
        self.give_up_unanswered(now)?;
        self.requeue_due_retries(now);
        self.refresh_stat_types(now)?;
        self.pump(now)
    }

    /// When [`Session::tick`] should be called next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let connection = self.connection.as_ref()?;
        let register =
            (!connection.registered).then(|| connection.since + self.config.register_timeout);
        let first = connection.awaiting_first.front().map(|(due, _)| *due);
        let retry = self.retries.front().map(|(due, _)| *due);
        let unanswered = connection.unanswered.front().map(|(due, _)| *due);
        let heartbeat = connection.heartbeat.deadline();
        let refresh = self.wants_refresh().then_some(connection.stat_types.due);
        [register, heartbeat, refresh, first, unanswered, retry]
            .into_iter()
            .flatten()
            .min()
    }

    /// Bytes to be written to the socket; the writer takes them off the front.
    pub fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Whether the socket is too slow for what is to be written: nothing more should be asked.
    #[must_use]
    pub fn is_choked(&self) -> bool {
        self.output.len() >= OUTPUT_LEN_HIGH
    }

    /// Whether [`Session::take_events`] has something to give.
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        // As many are likely to follow: growing to that again would copy each several times.
        let room = self.events.len().min(EVENTS_ROOM_MAX);
        std::mem::replace(&mut self.events, Vec::with_capacity(room))
    }

    /// Statistics that are no longer wanted open since the last call.
    pub fn take_forgotten(&mut self) -> Vec<StatisticId> {
        std::mem::take(&mut self.forgotten)
    }
}
