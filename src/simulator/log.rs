//! What happened on the simulated servers, for tests to read: a bounded log and counters.

use std::collections::VecDeque;

use super::command::Role;
use super::pair::{PairId, ServerId};
use crate::model::Statistic;
use crate::wire::Notification;

/// The log keeps this many entries; the oldest go first.
const ENTRIES_MAX: usize = 100_000;

/// The kinds of log entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "requests by their names; the others are explained"
)]
pub enum LogKind {
    /// A connection was accepted.
    Connected,
    /// A connection ended; the detail says why.
    Disconnected,
    Register,
    Open,
    Get,
    OpenEx,
    GetEx,
    Peek,
    Suspend,
    Resume,
    Close,
    Profile,
    /// A message that is no known request.
    Unknown,
    /// A request was answered with an error; the detail is its text.
    Refused,
}

/// One thing that happened on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The pair it happened on.
    pub pair: PairId,
    /// The server of that pair.
    pub role: Role,
    /// The connection's number, counted over all servers from 1.
    pub connection: u64,
    /// What happened.
    pub kind: LogKind,
    /// The statistic's text form; empty where none is concerned.
    pub statistic: String,
    /// More words, by kind; mostly empty.
    pub detail: String,
}

/// An entry as it is kept: put into words when somebody reads it, which is rare, and every open makes one.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) server: ServerId,
    pub(super) connection: u64,
    pub(super) kind: LogKind,
    pub(super) statistic: Option<Statistic>,
    pub(super) detail: String,
    /// How an open is to notify.
    pub(super) notification: Option<Notification>,
}

impl Noted {
    fn entry(&self) -> LogEntry {
        let statistic = self.statistic.as_ref().map(Statistic::to_string);
        let words = self.notification.map(words).unwrap_or_default();
        let separator = if self.detail.is_empty() || words.is_empty() {
            ""
        } else {
            ", "
        };
        LogEntry {
            pair: self.server.pair,
            role: self.server.role,
            connection: self.connection,
            kind: self.kind,
            statistic: statistic.unwrap_or_default(),
            detail: format!("{}{separator}{words}", self.detail),
        }
    }
}

/// How an open is to notify, in the words of the log.
fn words(notification: Notification) -> String {
    let frequency = notification.frequency;
    let frequency = frequency.map_or(String::new(), |seconds| format!(" every {seconds} s"));
    let least = notification.insensitivity;
    let least = least.map_or(String::new(), |least| format!(" from {least} on"));
    format!("{}{frequency}{least}", notification.mode)
}

#[derive(Debug, Default)]
pub(super) struct Log(VecDeque<Noted>);

impl Log {
    pub(super) fn push(&mut self, entry: Noted) {
        if self.0.len() >= ENTRIES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    pub(super) fn last(&mut self) -> Option<&mut Noted> {
        self.0.back_mut()
    }

    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = LogEntry> {
        self.0.iter().map(Noted::entry)
    }
}

/// What one server has done since the simulator was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Connections that exist now.
    pub connections_now: u64,
    /// Connections ever accepted.
    pub connections_total: u64,
    /// Statistics open now, over all connections.
    pub opens_now: u64,
    /// Opens that were acknowledged.
    pub opens_total: u64,
    /// Peeks that were answered with a value.
    pub peeks_total: u64,
    /// Gets that were answered with a value.
    pub gets_total: u64,
    /// Closes that were acknowledged.
    pub closes_total: u64,
    /// Requests answered with an error.
    pub refusals_total: u64,
    /// Values sent, for whatever reason.
    pub values_total: u64,
    /// Heartbeat polls of clients that were answered.
    pub addp_polls_answered: u64,
    /// Heartbeat polls sent to clients.
    pub addp_polls_sent: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.connections_now += other.connections_now;
        self.connections_total += other.connections_total;
        self.opens_now += other.opens_now;
        self.opens_total += other.opens_total;
        self.peeks_total += other.peeks_total;
        self.gets_total += other.gets_total;
        self.closes_total += other.closes_total;
        self.refusals_total += other.refusals_total;
        self.values_total += other.values_total;
        self.addp_polls_answered += other.addp_polls_answered;
        self.addp_polls_sent += other.addp_polls_sent;
    }
}
