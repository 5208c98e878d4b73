//! One pair of Stat Servers: a task that connects, keeps the session fed, and changes sides when
//! the active one is lost.

mod commands;
mod connected;
mod conversation;
mod ending;
mod probe;
mod running;
mod standby;
mod status;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::connection::Connector;
use super::counts::PairCounts;
use super::event::Batch;
use super::handle::{COMMAND_QUEUE_LEN, Command, Held, PairHandle, PairState, PairStatus, Pulse};
use super::profile::StatTypes;
use super::roster::Roster;
use super::session::{Session, SessionConfig};
use super::tls::Tls;
use crate::model::{Clock, EpochCounter, ServerId};
use standby::Standby;
use status::Published;

/// A registered connection that held so long was a working one: attempts start over after it.
const STEADY_AFTER: Duration = Duration::from_secs(5);

/// A pair's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// `host:port`, tried first.
    pub primary: String,
    /// `host:port`, tried when the primary is lost.
    pub backup: Option<String>,
}

impl Endpoints {
    fn address(&self, on_backup: bool) -> &str {
        match &self.backup {
            Some(backup) if on_backup => backup,
            _ => &self.primary,
        }
    }
}

/// What a pair's task needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The configured name.
    pub name: String,
    /// The store's number for that name.
    pub id: ServerId,
    /// Where to connect.
    pub endpoints: Endpoints,
    /// What is said on the connection.
    pub session: SessionConfig,
    /// Whether statistics are opened on both sides, of which one is read.
    pub open_on_both: bool,
    /// Whether the backup is left as soon as the primary serves again.
    pub return_to_primary: bool,
    /// A working connection is not left for the other side sooner than this after the last change
    /// of sides.
    pub switchover_min_interval: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a frame may take to arrive.
    pub frame_timeout: Duration,
    /// The longest frame accepted, in bytes.
    pub frame_len_max: usize,
    /// TLS on the connection; `None` for clear text.
    pub tls: Option<Tls>,
    /// The stat types of an earlier run.
    pub stat_types: StatTypes,
}

/// A pair's task, ready to run.
pub struct Pair {
    config: Config,
    clock: Clock,
    connector: Arc<dyn Connector>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Batch>,
    status: watch::Sender<PairStatus>,
    published: Published,
    counts: Arc<PairCounts>,
    held: Arc<Held>,
    name: Arc<str>,
    epochs: Arc<EpochCounter>,
    pulse: Arc<Pulse>,
    roster: Arc<Roster>,
    /// Counts the changes of what the pairs define.
    definitions: watch::Receiver<u64>,
    session: Session,
    /// The side that is not read, where both are opened.
    standby: Option<Standby>,
    /// When the pair last turned to its other side, for whatever reason.
    switched: Option<Instant>,
}

impl Pair {
    /// A pair's task and the handle to it. Events go to `events` in the order they happen. What it
    /// refuses or does not define any more goes to the others of `roster`, which it is to be put on.
    pub fn new(
        config: Config,
        clock: Clock,
        connector: Arc<dyn Connector>,
        epochs: Arc<EpochCounter>,
        events: mpsc::Sender<Batch>,
        roster: Arc<Roster>,
    ) -> (Self, PairHandle) {
        let (sender, commands) = mpsc::channel(COMMAND_QUEUE_LEN);
        let counts = Arc::<PairCounts>::default();
        let (status, status_seen) = watch::channel(PairStatus {
            state: PairState::Starting,
            address: config.endpoints.primary.clone(),
            on_backup: false,
            since: clock.wall(),
            last_failures: [None, None],
            version: None,
            connections: 0,
            switchovers: 0,
            addp_round_trip: None,
            stat_types: config.stat_types.clone(),
            endpoints: config.endpoints.clone(),
            mode: None,
            last_switchover: None,
            counts: counts.clone(),
        });
        let held = Arc::<Held>::default();
        let handle = PairHandle {
            id: config.id,
            name: config.name.as_str().into(),
            commands: sender,
            status: status_seen,
            held: held.clone(),
            pulse: Arc::default(),
        };
        let session = || Session::new(config.session.clone(), epochs.clone());
        let both = config.open_on_both && config.endpoints.backup.is_some();
        let standby = both.then(|| Standby::new(session()));
        let session = session();
        let connector = match &config.tls {
            Some(tls) => Arc::new(tls.over(connector)),
            None => connector,
        };
        (
            Self {
                config,
                clock,
                connector,
                commands,
                events,
                status,
                published: Published::default(),
                counts,
                held,
                name: handle.name.clone(),
                epochs,
                pulse: handle.pulse.clone(),
                definitions: roster.definitions(),
                roster,
                session,
                standby,
                switched: None,
            },
            handle,
        )
    }
}
