//! One pair of Stat Servers: a task that connects, keeps the session fed, and changes sides when
//! the active one is lost.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::connection::{BoxStream, Connector};
use super::event::{Batch, Event};
use super::handle::{COMMAND_QUEUE_LEN, Command, PairHandle, PairState, PairStatus};
use super::profile::StatTypes;
use super::session::{Failure, Session, SessionConfig};
use super::tls::Tls;
use crate::model::{Clock, EpochCounter, ServerId};
use crate::wire::Deframer;

/// How long an orderly end waits for the Stat Server to confirm the closes.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// Read this much at once at most, so that a burst is digested in pieces.
const READ_LEN: usize = 256 * 1024;

/// A pair's addresses.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
pub struct Config {
    /// The configured name.
    pub name: String,
    /// The store's number for that name.
    pub id: ServerId,
    /// Where to connect.
    pub endpoints: Endpoints,
    /// What is said on the connection.
    pub session: SessionConfig,
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
    session: Session,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("cannot connect: {0}")]
    NotConnected(io::Error),
    #[error("no connection within {}", humantime::format_duration(*.0))]
    ConnectTimeout(Duration),
    #[error("the Stat Server closed the connection")]
    ClosedByPeer,
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("a frame was not complete within {}", humantime::format_duration(*.0))]
    FrameTimeout(Duration),
    #[error(transparent)]
    Session(#[from] Failure),
    #[error("the service is stopping")]
    Stopped,
}

impl Pair {
    /// A pair's task and the handle to it. Events go to `events` in the order they happen.
    pub fn new(
        config: Config,
        clock: Clock,
        connector: Arc<dyn Connector>,
        epochs: Arc<EpochCounter>,
        events: mpsc::Sender<Batch>,
    ) -> (Self, PairHandle) {
        let (sender, commands) = mpsc::channel(COMMAND_QUEUE_LEN);
        let (status, status_seen) = watch::channel(PairStatus {
            state: PairState::Starting,
            address: config.endpoints.primary.clone(),
            on_backup: false,
            since: clock.wall(),
            last_failures: [None, None],
            version: None,
            switchovers: 0,
            addp_round_trip: None,
            stat_types: config.stat_types.clone(),
        });
        let handle = PairHandle {
            id: config.id,
            name: config.name.as_str().into(),
            commands: sender,
            status: status_seen,
        };
        let session = Session::new(config.session.clone(), epochs);
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
                session,
            },
            handle,
        )
    }

    /// Runs until `stop`: connects for ever, and ends by closing what is open.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        let mut on_backup = false;
        let mut failed_in_a_row = 0_u32;
        loop {
            let ended = self.connect_and_converse(on_backup, &stop).await;
            let was_registered = self.session.is_registered();
            self.session.disconnected();
            self.forward_events().await;
            if matches!(ended, Ended::Stopped) {
                return;
            }
            self.lost(&ended, on_backup, was_registered);
            if was_registered {
                backoff.reset();
                failed_in_a_row = 0;
            } else {
                failed_in_a_row += 1;
            }
            let sides = if self.config.endpoints.backup.is_some() {
                2
            } else {
                1
            };
            on_backup = sides == 2 && !on_backup;
            // The other side is tried at once; only when each was tried in vain is there a wait.
            if failed_in_a_row >= sides || (sides == 1 && was_registered) {
                self.wait(backoff.next_wait(), &stop).await;
            }
            if stop.is_cancelled() {
                return;
            }
        }
    }

    async fn connect_and_converse(&mut self, on_backup: bool, stop: &CancellationToken) -> Ended {
        let address = self.config.endpoints.address(on_backup).to_owned();
        let stream = match self.connect(&address, stop).await {
            Ok(stream) => stream,
            Err(ended) => return ended,
        };
        self.session.connected(Instant::now());
        let mut conversation = Conversation::new(stream, &self.config);
        loop {
            match self
                .step(&mut conversation, &address, on_backup, stop)
                .await
            {
                Ok(()) => {}
                Err(Ended::Stopped) => {
                    self.close_orderly(&mut conversation).await;
                    return Ended::Stopped;
                }
                Err(ended) => return ended,
            }
        }
    }

    /// Dials, while commands are still heard: what waits for a value is told that there is none.
    async fn connect(
        &mut self,
        address: &str,
        stop: &CancellationToken,
    ) -> Result<BoxStream, Ended> {
        let connector = self.connector.clone();
        let dial = timeout(self.config.connect_timeout, connector.connect(address));
        tokio::pin!(dial);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Err(Ended::Stopped),
                Some(command) = self.commands.recv() => self.command(command)?,
                dialled = &mut dial => return match dialled {
                    Ok(Ok(stream)) => Ok(stream),
                    Ok(Err(error)) => Err(Ended::NotConnected(error)),
                    Err(_) => Err(Ended::ConnectTimeout(self.config.connect_timeout)),
                },
            }
        }
    }

    /// Waits for whatever comes first, and tells what came of it.
    async fn step(
        &mut self,
        conversation: &mut Conversation,
        address: &str,
        on_backup: bool,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        let deadline = [self.session.deadline(), conversation.frame_deadline()]
            .into_iter()
            .flatten()
            .min();
        let Conversation {
            reader,
            writer,
            inbox,
            ..
        } = conversation;
        tokio::select! {
            () = stop.cancelled() => return Err(Ended::Stopped),
            Some(command) = self.commands.recv() => {
                self.command(command)?;
                while let Ok(command) = self.commands.try_recv() {
                    self.command(command)?;
                }
            }
            read = reader.read_buf(inbox) => {
                if read.map_err(Ended::Broken)? == 0 {
                    return Err(Ended::ClosedByPeer);
                }
                conversation.digest(&mut self.session)?;
            }
            wrote = writer.write_buf(self.session.output()), if !self.session.output().is_empty() => {
                wrote.map_err(Ended::Broken)?;
                self.session.wrote(Instant::now())?;
            }
            () = sleep_until(deadline) => {
                conversation.check_frame_deadline(Instant::now())?;
                self.session.tick(Instant::now())?;
            }
        }
        self.publish(address, on_backup);
        self.forward_events().await;
        Ok(())
    }

    fn command(&mut self, command: Command) -> Result<(), Failure> {
        let now = Instant::now();
        match command {
            Command::Want(specs) => self.session.want(specs, now),
            Command::Fetch { spec, ticket } => self.session.fetch(spec, ticket, now),
            Command::Close(ids) => self.session.close(&ids),
        }
    }

    async fn forward_events(&mut self) {
        let events = self.session.take_events();
        if events.is_empty() {
            return;
        }
        for event in &events {
            if let Event::StatTypes { names } = event {
                let stat_types = StatTypes::of(names.iter().cloned());
                self.status
                    .send_modify(|status| status.stat_types = stat_types);
            }
        }
        let batch = Batch {
            server: self.config.id,
            events,
        };
        if self.events.send(batch).await.is_err() {
            tracing::debug!("nobody listens to events any more");
        }
    }

    fn publish(&mut self, address: &str, on_backup: bool) {
        let round_trip = self.session.round_trip();
        let registered = self.session.is_registered();
        let version = self.session.version().map(str::to_owned);
        let since = self.clock.wall();
        let name = &self.config.name;
        let wanted = self.session.wanted_count();
        self.status.send_if_modified(|status| {
            let newly_connected = registered && status.state != PairState::Connected;
            if newly_connected {
                tracing::info!(
                    server = %name, address, on_backup, wanted, version = version.as_deref(),
                    "connected to the Stat Server"
                );
                status.state = PairState::Connected;
                status.last_failures = [None, None];
                status.switchovers += u64::from(status.on_backup != on_backup);
                address.clone_into(&mut status.address);
                status.on_backup = on_backup;
                status.since = since;
                status.version = version;
            }
            let measured = status.addp_round_trip != round_trip;
            status.addp_round_trip = round_trip;
            newly_connected || measured
        });
    }

    fn lost(&mut self, ended: &Ended, on_backup: bool, was_registered: bool) {
        let address = self.config.endpoints.address(on_backup);
        let reason = ended.to_string();
        let since = self.clock.wall();
        let last_chance = on_backup || self.config.endpoints.backup.is_none();
        let mut news = was_registered;
        self.status.send_if_modified(|status| {
            let [primary, backup] = &mut status.last_failures;
            let failure = if on_backup { backup } else { primary };
            let known = failure.as_ref() == Some(&reason);
            if !known {
                *failure = Some(reason.clone());
            }
            news |= !known;
            // The first attempt has ended in vain only when each side was tried.
            let down = status.state == PairState::Connected
                || (status.state == PairState::Starting && last_chance);
            if down {
                status.state = PairState::Disconnected;
                status.since = since;
                status.addp_round_trip = None;
            }
            down || !known
        });
        // The first of a series of like failures is news; the rest would only fill the log.
        if news {
            tracing::warn!(server = %self.config.name, address, reason, "no Stat Server");
        } else {
            tracing::debug!(server = %self.config.name, address, reason, "still no Stat Server");
        }
    }

    async fn wait(&mut self, wait: Duration, stop: &CancellationToken) {
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(until) => return,
                Some(command) = self.commands.recv() => {
                    // Without a connection a command cannot fail.
                    self.command(command).unwrap_or_default();
                }
            }
        }
    }

    /// Closes every open statistic and waits a little for the Stat Server to confirm it.
    async fn close_orderly(&mut self, conversation: &mut Conversation) {
        let closing = async {
            self.session.close_all()?;
            while self.session.open_count() > 0 || !self.session.output().is_empty() {
                let Conversation {
                    reader,
                    writer,
                    inbox,
                    ..
                } = &mut *conversation;
                tokio::select! {
                    read = reader.read_buf(inbox) => {
                        if read.map_err(Ended::Broken)? == 0 {
                            return Err(Ended::ClosedByPeer);
                        }
                        conversation.digest(&mut self.session)?;
                        // Opens that were on their way are closed as soon as they stand.
                        self.session.close_all()?;
                    }
                    wrote = writer.write_buf(self.session.output()),
                        if !self.session.output().is_empty() =>
                    {
                        wrote.map_err(Ended::Broken)?;
                    }
                }
            }
            Ok::<(), Ended>(())
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
        // The peer sees an orderly end of the stream; that it is gone already is no matter.
        conversation.writer.shutdown().await.unwrap_or_default();
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// One connection's two halves and the bytes that have arrived on it.
struct Conversation {
    reader: ReadHalf<BoxStream>,
    writer: WriteHalf<BoxStream>,
    inbox: BytesMut,
    deframer: Deframer,
    frame_timeout: Duration,
    /// When the first byte of the frame that is not complete yet arrived.
    frame_started: Option<Instant>,
}

impl Conversation {
    fn new(stream: BoxStream, config: &Config) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader,
            writer,
            inbox: BytesMut::with_capacity(READ_LEN),
            deframer: Deframer::new(config.frame_len_max),
            frame_timeout: config.frame_timeout,
            frame_started: None,
        }
    }

    /// Feeds the session every packet that is complete.
    fn digest(&mut self, session: &mut Session) -> Result<(), Ended> {
        let now = Instant::now();
        session.heard(now);
        while let Some(packet) = self.deframer.next(&mut self.inbox).map_err(Failure::from)? {
            self.frame_started = None;
            session.received(&packet, now)?;
        }
        let incomplete = !self.inbox.is_empty() || self.deframer.is_inside_frame();
        self.frame_started = incomplete.then(|| self.frame_started.unwrap_or(now));
        self.inbox
            .reserve(READ_LEN.saturating_sub(self.inbox.len()).max(READ_LEN / 4));
        Ok(())
    }

    fn frame_deadline(&self) -> Option<Instant> {
        self.frame_started
            .map(|started| started + self.frame_timeout)
    }

    fn check_frame_deadline(&self, now: Instant) -> Result<(), Ended> {
        match self.frame_deadline() {
            Some(deadline) if deadline <= now => Err(Ended::FrameTimeout(self.frame_timeout)),
            _ => Ok(()),
        }
    }
}
