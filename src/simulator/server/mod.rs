//! One Stat Server of a pair: whether its process lives, what it says of itself, and who is
//! connected to it.

mod connection;
mod conversation;
mod delay;
mod faults;
mod heartbeat;
mod listener;
mod lookup;
mod outbox;
mod refusal;
mod request;
mod rotation;
mod subscription;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::log::{Counts, LogKind, Noted};
use super::pair::ServerId;
use super::world::Baseline;
use super::{Simulator, lock};
use crate::wire::{Request, ServerMode};
pub(super) use connection::Connection;
use conversation::Conversation;
pub(super) use conversation::{Tick, View};
pub(super) use faults::{Faults, Spoiling};
pub(super) use listener::accept;
pub(super) use outbox::UNSENT_MAX;
use request::Desk;

/// The state of a server's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Up,
    /// Takes bytes and connections, answers nothing.
    Frozen,
    Dead,
}

#[derive(Debug)]
pub(super) struct Side {
    condition: watch::Sender<Condition>,
    state: Mutex<SideState>,
}

#[derive(Debug)]
struct SideState {
    /// Ends every connection of the process that runs now.
    process: CancellationToken,
    connections: Vec<Arc<Connection>>,
    /// What connections that are gone have counted.
    past: Counts,
    /// What a command made the server say of itself.
    mode: Option<ServerMode>,
    faults: Faults,
    /// From when on the process's totals count.
    since: Arc<Baseline>,
}

impl Side {
    pub(super) fn new(since: Arc<Baseline>, stop: &CancellationToken) -> Self {
        Self {
            condition: watch::Sender::new(Condition::Up),
            state: Mutex::new(SideState {
                process: stop.child_token(),
                connections: Vec::new(),
                past: Counts::default(),
                mode: None,
                faults: Faults::default(),
                since,
            }),
        }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Condition> {
        self.condition.subscribe()
    }

    pub(super) fn condition(&self) -> Condition {
        *self.condition.borrow()
    }

    pub(super) fn connections(&self) -> Vec<Arc<Connection>> {
        lock(&self.state).connections.clone()
    }

    pub(super) fn counts(&self) -> Counts {
        let state = lock(&self.state);
        let mut counts = state.past;
        for connection in &state.connections {
            counts.add(&lock(&connection.conversation).counts());
        }
        counts.connections_now = u64::try_from(state.connections.len()).unwrap_or(u64::MAX);
        counts
    }

    pub(super) fn kill(&self) {
        self.condition.send_replace(Condition::Dead);
        lock(&self.state).process.cancel();
    }

    pub(super) fn freeze(&self) {
        // A dead process cannot hang.
        self.condition.send_if_modified(|condition| {
            let was_up = *condition == Condition::Up;
            if was_up {
                *condition = Condition::Frozen;
            }
            was_up
        });
    }

    pub(super) fn faults(&self) -> Faults {
        lock(&self.state).faults
    }

    pub(super) fn delay(&self) -> Duration {
        lock(&self.state).faults.delay
    }

    pub(super) fn change_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut lock(&self.state).faults);
    }

    pub(super) fn since(&self) -> Arc<Baseline> {
        Arc::clone(&lock(&self.state).since)
    }

    /// Drops the connections that faults have made useless.
    pub(super) fn drop_spoilt(&self) {
        for connection in self.connections() {
            connection.end_if_spoilt();
        }
    }

    /// A new process takes the place of a dead or hung one.
    pub(super) fn restart(&self, since: Arc<Baseline>, stop: &CancellationToken) {
        let mut state = lock(&self.state);
        state.process.cancel();
        state.process = stop.child_token();
        state.mode = None;
        state.faults = Faults::default();
        state.since = since;
        drop(state);
        self.condition.send_replace(Condition::Up);
    }

    /// Tells every client, and those to come, what this server is now.
    pub(super) fn say_mode(&self, mode: ServerMode, time: u32) {
        lock(&self.state).mode = Some(mode);
        if self.condition() == Condition::Up {
            for connection in self.connections() {
                connection.send_mode(mode, time);
            }
        }
    }

    pub(super) fn mode(&self) -> Option<ServerMode> {
        lock(&self.state).mode
    }
}

impl Simulator {
    /// Takes a client in and serves it until either side has enough.
    pub(super) fn admit<S>(self: &Arc<Self>, server: ServerId, stream: S)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let number = self.next_connection();
        let mut state = lock(&self.side(server).state);
        let end = state.process.child_token();
        let conversation = Conversation::new(self.unsent_max(), state.faults.is_invalid);
        let connection = Arc::new(Connection::new(number, server, end, conversation));
        state.connections.push(Arc::clone(&connection));
        state.past.connections_total += 1;
        drop(state);
        self.note(&connection, LogKind::Connected, String::new());
        let simulator = Arc::clone(self);
        self.tasks()
            .spawn(connection::serve(simulator, connection, stream));
    }

    /// Takes a connection that has ended off the books.
    fn left(&self, connection: &Arc<Connection>, why: String) {
        let mut state = lock(&self.side(connection.server).state);
        state
            .connections
            .retain(|other| !Arc::ptr_eq(other, connection));
        let counts = lock(&connection.conversation).counts();
        state.past.add(&Counts {
            opens_now: 0,
            ..counts
        });
        drop(state);
        self.note(connection, LogKind::Disconnected, why);
    }

    fn note(&self, connection: &Connection, kind: LogKind, detail: String) {
        lock(self.log_book()).push(Noted {
            server: connection.server,
            connection: connection.number,
            kind,
            statistic: None,
            detail,
            notification: None,
        });
    }

    /// Answers a batch of requests; `Err` holds the number of a message that is no request.
    fn answer(&self, connection: &Connection, requests: Vec<Result<Request<'_>, u32>>) {
        let server = connection.server;
        let side = self.side(server);
        let (mode, faults, since) = (side.mode(), side.faults(), side.since());
        let mut world = lock(self.world());
        world.advance();
        connection.with_client(|client| {
            let mut log = lock(self.log_book());
            let mut desk = Desk {
                server,
                connection: connection.number,
                stat_types: self.stat_types(server.pair),
                faults,
                since: &since,
                compat: self.compat(),
                version: self.version(),
                mode,
                time: world.server_time(),
                now_ms: self.now_ms(),
                world: &mut world,
                client,
                log: &mut log,
            };
            for request in requests {
                match request {
                    Ok(request) => desk.handle(request),
                    Err(id) => desk.note(LogKind::Unknown, None, id.to_string()),
                }
            }
        });
    }
}
