//! One pair of Stat Servers: a task that connects, keeps the session fed, and changes sides when
//! the active one is lost.

mod conversation;
mod probe;
mod standby;
mod status;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::connection::{BoxStream, Connector};
use super::counts::PairCounts;
use super::event::{Batch, Event};
use super::handle::{COMMAND_QUEUE_LEN, Command, Held, PairHandle, PairState, PairStatus, Pulse};
use super::profile::StatTypes;
use super::roster::Roster;
use super::session::{Failure, Session, SessionConfig};
use super::subscription::OpenSpec;
use super::tls::Tls;
use super::trace::Trace;
use crate::model::{Clock, EpochCounter, ServerId};
use conversation::{Conversation, Ended};
use probe::{Probe, served};
use standby::{Standby, attend};
use status::Published;

/// How long an orderly end waits for the Stat Server to confirm the closes.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// How long an orderly end waits for the last events to be taken.
const EVENTS_PATIENCE: Duration = Duration::from_secs(2);
/// A registered connection that held so long was a working one: attempts start over after it.
const STEADY_AFTER: Duration = Duration::from_secs(5);
/// Commands carried out before the socket is looked at again.
const COMMANDS_PER_STEP: usize = 1024;

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

    /// Runs until `stop`: connects for ever, and ends by closing what is open. A pair that is no
    /// longer on the roster then hands over what is wanted of it.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        let mut on_backup = false;
        let mut failed_in_a_row = 0_u32;
        let mut ready = None;
        let sides = 1 + u32::from(self.config.endpoints.backup.is_some());
        loop {
            let began = Instant::now();
            let ended = self
                .connect_and_converse(on_backup, ready.take(), &stop)
                .await;
            let was_registered = self.session.is_registered();
            self.session.disconnected();
            self.forget();
            self.forward_events(&stop).await;
            if matches!(ended, Ended::Stopped) {
                return self.retire(&stop).await;
            }
            self.lost(&ended, on_backup, was_registered);
            // One that breaks as soon as it stands is a failure too, or two such servers would be
            // asked in turn as fast as they answer.
            if was_registered && began.elapsed() >= STEADY_AFTER {
                backoff.reset();
                failed_in_a_row = 0;
            } else {
                failed_in_a_row = failed_in_a_row.saturating_add(1);
            }
            if sides == 2 {
                on_backup = !on_backup;
                self.switched = Some(Instant::now());
                if let Some(standby) = &mut self.standby {
                    ready = standby.change_places(&mut self.session);
                }
            }
            // The other side is tried at once; only when each was tried in vain is there a wait.
            if ready.is_none() && (failed_in_a_row >= sides || sides == 1) {
                self.wait(backoff.next_wait(), on_backup, &stop).await;
                if let Some(standby) = &mut self.standby
                    && standby.is_ready()
                {
                    on_backup = !on_backup;
                    ready = standby.change_places(&mut self.session);
                }
            }
            if stop.is_cancelled() {
                return self.retire(&stop).await;
            }
        }
    }

    /// What is wanted of a pair that was taken off the configuration goes to those that are on it.
    async fn retire(&mut self, stop: &CancellationToken) {
        if let Some(standby) = &mut self.standby
            && timeout(CLOSE_PATIENCE, standby.close_orderly())
                .await
                .is_err()
        {
            tracing::warn!(server = %self.config.name, "the standby side did not end in time");
        }
        if self.roster.lists(&self.held) {
            return;
        }
        // Whoever has more for this pair is told that it is gone; what it was told yet still counts.
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            self.command(command).unwrap_or_default();
            self.forget();
        }
        self.forward_events(stop).await;
        let wanted: Vec<OpenSpec> = self.session.wanted().cloned().collect();
        tracing::info!(server = %self.config.name, wanted = wanted.len(), "the pair is taken off");
        self.roster.want(wanted).await;
    }

    async fn connect_and_converse(
        &mut self,
        on_backup: bool,
        ready: Option<Conversation>,
        stop: &CancellationToken,
    ) -> Ended {
        let address = self.config.endpoints.address(on_backup).to_owned();
        let mut conversation = match ready {
            Some(conversation) => {
                if let Err(failure) = self.session.activate(Instant::now()) {
                    return failure.into();
                }
                // Told at once: where nothing is to be said, a first step may be long in coming.
                self.publish(&address, on_backup);
                self.forward_events(stop).await;
                conversation
            }
            None => match self.begin(&address, on_backup, stop).await {
                Ok(conversation) => conversation,
                Err(ended) => return ended,
            },
        };
        let mut probe: Option<Probe> = None;
        loop {
            let stepped = self
                .step(&mut conversation, &mut probe, on_backup, stop)
                .await;
            self.publish(&address, on_backup);
            self.forget();
            match stepped {
                Ok(()) => {}
                Err(Ended::Stopped) => {
                    self.close_orderly(&mut conversation).await;
                    return Ended::Stopped;
                }
                Err(ended) => return ended,
            }
            if self.config.session.addp.is_some()
                && let Some(heard) = self.session.last_heard()
            {
                self.pulse.beat(self.clock.moment(heard));
            }
            // Once stopping, what is left to tell is told after the connection's end.
            if !stop.is_cancelled() && self.forward_events(stop).await {
                conversation.excuse();
            }
            if self.reason_to_leave(on_backup).is_some() {
                probe.get_or_insert_with(|| self.probe(!on_backup));
            } else {
                probe = None;
            }
        }
    }

    async fn begin(
        &mut self,
        address: &str,
        on_backup: bool,
        stop: &CancellationToken,
    ) -> Result<Conversation, Ended> {
        let stream = self.connect(address, on_backup, stop).await?;
        let addp = self.config.session.addp;
        let traced = addp.is_some_and(|addp| addp.local_trace);
        let trace = traced.then(|| Trace::new(self.clock.clone(), stream.local_port()));
        self.session.connected(trace, Instant::now());
        Ok(Conversation::new(stream, &self.config))
    }

    /// Dials, while commands are still heard: what waits for a value is told that there is none.
    async fn connect(
        &mut self,
        address: &str,
        on_backup: bool,
        stop: &CancellationToken,
    ) -> Result<BoxStream, Ended> {
        let connector = self.connector.clone();
        let dial = timeout(self.config.connect_timeout, connector.connect(address));
        tokio::pin!(dial);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Err(Ended::Stopped),
                Some(command) = self.commands.recv() => self.command(command)?,
                () = attend(&mut self.standby, &self.config, &connector, !on_backup) => {}
                dialled = &mut dial => return match dialled {
                    Ok(Ok(stream)) => Ok(stream),
                    Ok(Err(error)) => Err(Ended::NotConnected(error)),
                    Err(_) => Err(Ended::ConnectTimeout(self.config.connect_timeout)),
                },
            }
        }
    }

    /// Waits for whatever comes first.
    async fn step(
        &mut self,
        conversation: &mut Conversation,
        probe: &mut Option<Probe>,
        on_backup: bool,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        if stop.is_cancelled() {
            return Err(Ended::Stopped);
        }
        let choked = self.session.is_choked();
        tokio::select! {
            () = stop.cancelled() => Err(Ended::Stopped),
            // While the socket takes nothing, commands wait in their queue, which has a bound.
            Some(command) = self.commands.recv(), if !choked => {
                self.command(command)?;
                for _ in 0..COMMANDS_PER_STEP {
                    match self.commands.try_recv() {
                        Ok(command) => self.command(command)?,
                        Err(_) => break,
                    }
                }
                Ok(())
            }
            Ok(()) = self.definitions.changed() => Ok(self.move_away()?),
            () = attend(&mut self.standby, &self.config, &self.connector, !on_backup) => Ok(()),
            () = served(probe) => {
                *probe = None;
                // A standby side was only to be looked at.
                if self.standby.as_ref().is_some_and(|standby| !standby.is_ready()) {
                    return Ok(());
                }
                self.reason_to_leave(on_backup).map_or(Ok(()), Err)
            }
            stepped = conversation.step(&mut self.session) => stepped,
        }
    }

    /// Hands over what is defined elsewhere now and not here any more.
    fn move_away(&mut self) -> Result<(), Failure> {
        let stat_types = self.status.borrow().stat_types.clone();
        let (roster, this) = (&self.roster, self.config.id);
        let belongs_elsewhere = |spec: &OpenSpec| {
            let metric = spec.statistic.metric();
            spec.terms.manner.spelled_out.is_none()
                && stat_types.define(metric) == Some(false)
                && roster.is_defined_elsewhere(metric, this)
        };
        let moved = self.session.move_away(belongs_elsewhere, Instant::now())?;
        if moved > 0 {
            tracing::info!(server = %self.config.name, moved, "metrics are defined elsewhere now");
        }
        Ok(())
    }

    fn command(&mut self, command: Command) -> Result<(), Failure> {
        let now = Instant::now();
        let carried_out = match command {
            Command::Want(specs) => {
                self.held.insert(specs.iter().map(|spec| spec.id));
                if let Some(standby) = &mut self.standby {
                    standby.session.want(specs.clone(), now)?;
                }
                self.session.want(specs, now)
            }
            Command::Fetch { spec, ticket } => {
                let id = spec.id;
                let known = self.session.wants(id);
                self.session.fetch(spec, ticket, now)?;
                if !known && self.session.wants(id) {
                    self.held.insert([id]);
                }
                Ok(())
            }
            Command::Close(ids) => self.session.close(&ids, now),
            Command::TakeOver(handed_over) => {
                // Again: it may have been let go of here while it was on its way.
                let held = handed_over
                    .iter()
                    .filter(|one| one.spec.terms.manner.keep_open);
                self.held.insert(held.map(|one| one.spec.id));
                self.session.take_over(handed_over, now)
            }
        };
        self.publish_counts();
        carried_out
    }

    /// Lets go of what is not wanted here any more; what another pair may have goes there.
    fn forget(&mut self) {
        let handed_over = self.session.take_handed_over();
        if !handed_over.is_empty() {
            let kept = self.roster.pass_on(self.config.id, handed_over);
            for refused in kept {
                self.session.keep(refused, Instant::now());
            }
        }
        let mut forgotten = self.session.take_forgotten();
        forgotten.retain(|id| !self.session.wants(*id));
        if let Some(standby) = &mut self.standby {
            let closed = standby.session.close(&forgotten, Instant::now());
            closed.unwrap_or_default();
        }
        self.held.remove(forgotten);
    }

    /// Hands the events on; while there is no room for them, nothing is read. Once the service is
    /// stopping they wait for its end, and there only for a while. Returns whether it had to wait.
    async fn forward_events(&mut self, stop: &CancellationToken) -> bool {
        if !self.session.has_events() {
            return false;
        }
        let sender = self.events.clone();
        let had_to_wait = sender.capacity() == 0;
        let room = if stop.is_cancelled() {
            let Ok(room) = timeout(EVENTS_PATIENCE, sender.reserve()).await else {
                tracing::warn!(server = %self.config.name, "the last events were not taken");
                return had_to_wait;
            };
            room
        } else {
            tokio::select! {
                room = sender.reserve() => room,
                () = stop.cancelled() => return had_to_wait,
            }
        };
        let mut events = self.session.take_events();
        for event in &mut events {
            self.notice(event);
        }
        let server = self.config.id;
        let name = self.name.clone();
        if let Ok(room) = room {
            room.send(Batch {
                server,
                name,
                events,
            });
        } else {
            tracing::debug!("nobody listens to events any more");
        }
        had_to_wait
    }

    /// What the pair itself has to do with an event before it is handed on.
    fn notice(&mut self, event: &mut Event) {
        match event {
            Event::StatTypes { names } => {
                let stat_types = StatTypes::of(names.iter().cloned());
                let news = self.status.send_if_modified(|status| {
                    let news = status.stat_types != stat_types;
                    status.stat_types = stat_types;
                    news
                });
                if news {
                    self.roster.definitions_changed();
                }
            }
            Event::LinkDown { heard } => *heard = self.pulse.take(),
            Event::Opened { id, .. } => {
                if let Some(standby) = &mut self.standby
                    && let Some(spec) = self.session.spec(*id)
                {
                    let wanted = standby.session.want(vec![spec], Instant::now());
                    wanted.unwrap_or_default();
                }
            }
            _ => {}
        }
    }

    async fn wait(&mut self, wait: Duration, on_backup: bool, stop: &CancellationToken) {
        let until = Instant::now() + wait;
        let connector = self.connector.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(until) => return,
                () = attend(&mut self.standby, &self.config, &connector, !on_backup) => {
                    let ready = self.standby.as_ref().is_some_and(Standby::is_ready);
                    if ready {
                        return;
                    }
                }
                Ok(()) = self.definitions.changed() => {
                    self.move_away().unwrap_or_default();
                    self.forget();
                }
                Some(command) = self.commands.recv() => {
                    // Without a connection a command cannot fail.
                    self.command(command).unwrap_or_default();
                    self.forget();
                }
            }
        }
    }

    /// Closes every open statistic and waits a little for the Stat Server to confirm it.
    async fn close_orderly(&mut self, conversation: &mut Conversation) {
        let closing = async {
            let standby = async {
                if let Some(standby) = &mut self.standby {
                    standby.close_orderly().await;
                }
            };
            let (closed, ()) = tokio::join!(conversation.close_all(&mut self.session), standby);
            closed
        };
        match timeout(CLOSE_PATIENCE, closing).await {
            Ok(Ok(())) => tracing::info!(server = %self.config.name, "closed all statistics"),
            Ok(Err(error)) => {
                tracing::warn!(server = %self.config.name, %error, "the orderly end was cut short");
            }
            Err(_) => tracing::warn!(
                server = %self.config.name, left = self.session.open_count(),
                "the Stat Server did not confirm every close in time"
            ),
        }
        conversation.shutdown().await;
        // Its end was waited for, and is not waited for again.
        self.standby = None;
    }
}
