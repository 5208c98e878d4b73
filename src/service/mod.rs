//! The composition root: builds the rooms leaf first, starts them in order, and stops them in the
//! reverse, so that nothing received is lost on the way out.

mod file;
mod pairs;
mod readiness;
mod reload;
mod settings;
mod supervisor;
mod telemetry;
mod warm_up;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use pairs::{Equipment, Pairs};
use reload::{RELOAD_QUEUE_LEN, Reloads};
pub use settings::{Faults, Settings};
pub use supervisor::Supervisor;
pub use telemetry::{LogFormat, start_logging};
use warm_up::{cold_cache, warm};

use crate::api::{self, Edge, Phase, Readiness};
use crate::ingest::{BATCH_QUEUE_LEN, Ingest};
use crate::model::{Clock, ProofKey};
use crate::peek::{Board, Peek, Stored};
use crate::store::{self, Migrating, Opened};
use crate::upstream::{Connector, StatTypes, Upstream};

/// How long the tasks of a stage may take to end once told, before they are left behind.
const STAGE_PATIENCE: Duration = Duration::from_secs(5);
/// How long the store may take to write its last before it is left behind.
const CLOSE_PATIENCE: Duration = Duration::from_secs(30);
/// How often idle statistics are looked for, at most.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

/// Why the service did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ServiceError {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the operating system gives no random numbers: {0}")]
    Random(getrandom::Error),
    #[error("cannot listen on {0} (setting http.internal.listen): {1}")]
    Listen(SocketAddr, std::io::Error),
    #[error("the store did not finish writing in time; what was flushed before is safe")]
    StoreStuck,
    #[error("a part of the service failed; the log says which")]
    TaskFailed,
}

/// A running service.
pub struct Service {
    readiness: watch::Receiver<Readiness>,
    migrating: watch::Receiver<Option<Migrating>>,
    edge: Arc<Edge<Peek>>,
    reloads: mpsc::Sender<Settings>,
    task: JoinHandle<Result<(), ServiceError>>,
}

impl Service {
    /// Starts the service on `listener`. At `stop` it drains, closes what is open on the Stat
    /// Servers, and flushes.
    pub fn launch(
        settings: Settings,
        listener: TcpListener,
        connector: Arc<dyn Connector>,
        clock: Clock,
        stop: CancellationToken,
    ) -> Self {
        let (told, readiness) = watch::channel(Readiness::default());
        let (migration, migrating) = watch::channel(None);
        let (answers, answers_seen) = watch::channel(None);
        let http = Arc::new(settings.http.clone());
        let edge = Arc::new(Edge::new(http, answers_seen, readiness.clone()));
        let front = Front {
            edge: edge.clone(),
            listener,
            answers,
            readiness: told,
            migration,
        };
        let (reloads, asked) = mpsc::channel(RELOAD_QUEUE_LEN);
        let task = run(settings, front, asked, connector, clock, stop);
        Self {
            readiness,
            migrating,
            edge,
            reloads,
            task: TaskTracker::new().spawn(task),
        }
    }

    /// Takes over what can change while the service runs: users, the certificate, most limits, Stat Servers,
    /// rules, definitions and the list of what is always open. The log names the rest that differs.
    pub async fn reload(&self, settings: Settings) {
        self.edge.replace_users(settings.http.users.clone());
        self.edge.replace_certificate(settings.http.tls.clone());
        self.edge.replace_limits(settings.http.limits.clone());
        if self.reloads.send(settings).await.is_err() {
            tracing::debug!("the service is stopping");
        }
    }

    /// Waits until requests are answered; false when the service ended before that.
    pub async fn ready(&mut self) -> bool {
        self.readiness
            .wait_for(|readiness| readiness.phase == Phase::Ready)
            .await
            .is_ok()
    }

    /// How the service is, as `/health/ready` tells it.
    #[must_use]
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.clone()
    }

    /// How far a migration of the store has come, while there is one; closed when the store is open.
    #[must_use]
    pub fn migrating(&self) -> watch::Receiver<Option<Migrating>> {
        self.migrating.clone()
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// The store could not be opened, or a part failed that the service cannot do without.
    pub async fn join(&mut self) -> Result<(), ServiceError> {
        (&mut self.task)
            .await
            .unwrap_or(Err(ServiceError::TaskFailed))
    }
}

/// What faces the clients, and what it is told.
struct Front {
    edge: Arc<Edge<Peek>>,
    listener: TcpListener,
    answers: watch::Sender<Option<Arc<Peek>>>,
    readiness: watch::Sender<Readiness>,
    migration: watch::Sender<Option<Migrating>>,
}

async fn run(
    settings: Settings,
    front: Front,
    asked: mpsc::Receiver<Settings>,
    connector: Arc<dyn Connector>,
    clock: Clock,
    stop: CancellationToken,
) -> Result<(), ServiceError> {
    let Front {
        edge,
        listener,
        answers,
        readiness,
        migration,
    } = front;
    let edge_stop = CancellationToken::new();
    let edge_tasks = Supervisor::new(stop.clone());
    let (edge_token, served) = (edge_stop.clone(), edge.clone());
    edge_tasks.spawn("http", async move {
        let summary = api::serve_edge(listener, api::Face::Main, served, edge_token).await;
        if !summary.drained {
            tracing::warn!(
                cut = summary.connections_cut,
                "connections were cut at the deadline"
            );
        }
    });

    if let Some(address) = settings.internal_listen {
        let served = (edge.clone(), edge_stop.clone());
        if let Err(error) = serve_internal(address, served, &edge_tasks).await {
            stop.cancel();
            edge_stop.cancel();
            edge_tasks.wait(STAGE_PATIENCE).await;
            return Err(ServiceError::Listen(address, error));
        }
    }

    let drain = settings.http.drain;
    let outcome = match start(settings, asked, connector, clock, migration, &stop).await {
        Ok(core) => {
            edge.watch_store(store_figures(&core.writer));
            answers.send_replace(Some(core.peek.clone()));
            readiness::follow(&core, &readiness, &stop).await;
            // Without a stop this means that the store's or a pair's task is gone.
            let failed = !stop.is_cancelled();
            stop.cancel();
            readiness.send_modify(|readiness| readiness.phase = Phase::Draining);
            tracing::info!("stopping: draining requests");
            edge_stop.cancel();
            edge_tasks.wait(drain.saturating_add(STAGE_PATIENCE)).await;
            let stopped = core.stop().await;
            if failed {
                Err(ServiceError::TaskFailed)
            } else {
                stopped
            }
        }
        Err(error) => {
            // A migration that was stopped is finished by the next start.
            let asked = stop.is_cancelled();
            stop.cancel();
            edge_stop.cancel();
            edge_tasks.wait(STAGE_PATIENCE).await;
            match error {
                ServiceError::Store(store::Error::Closed) if asked => Ok(()),
                error => Err(error),
            }
        }
    };
    if edge_tasks.has_failed() {
        Err(ServiceError::TaskFailed)
    } else {
        outcome
    }
}

/// Serves `internal_statistic` on a listener of its own.
async fn serve_internal(
    address: SocketAddr,
    (edge, stop): (Arc<Edge<Peek>>, CancellationToken),
    tasks: &Supervisor,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening for internal_statistic");
    tasks.spawn("internal http", async move {
        api::serve_edge(listener, api::Face::Internal, edge, stop).await;
    });
    Ok(())
}

/// What runs behind the HTTP edge.
struct Core {
    peek: Arc<Peek>,
    upstream: Arc<Upstream>,
    writer: store::Writer,
    report: store::OpenReport,
    store_stuck: watch::Receiver<bool>,
    peek_deadline: Duration,
    upstream_tasks: Supervisor,
    ingest_tasks: Supervisor,
    upstream_stop: CancellationToken,
}

async fn start(
    settings: Settings,
    asked: mpsc::Receiver<Settings>,
    connector: Arc<dyn Connector>,
    clock: Clock,
    migration: watch::Sender<Option<Migrating>>,
    stop: &CancellationToken,
) -> Result<Core, ServiceError> {
    let proofs = ProofKey::random().map_err(ServiceError::Random)?;
    let (config, trial) = (settings.store.clone(), settings.trial.clone());
    let opened = open_store(config, trial, clock.clone(), migration, stop.clone()).await?;
    let Opened {
        writer,
        loaded,
        epochs,
        generation,
        report,
        history,
    } = opened;
    let (events, batches) = mpsc::channel(BATCH_QUEUE_LEN);
    let cache = Arc::new(cold_cache(&settings, &loaded, &clock, generation));
    let ingest = Ingest::new(cache.clone(), writer.clone(), clock.clone());
    let ingest_tasks = Supervisor::new(stop.clone());
    ingest_tasks.spawn("ingest", ingest.run(batches));

    let upstream_stop = CancellationToken::new();
    let upstream_tasks = Supervisor::new(stop.clone());
    let equipment = Equipment {
        connector,
        clock: clock.clone(),
        epochs,
        events,
        tasks: upstream_tasks.clone(),
        stop: upstream_stop.clone(),
    };
    let names = loaded.servers.iter();
    let names = names.map(|(number, name)| (*number, Arc::from(name.as_str())));
    let stored = Stored {
        servers: names.collect(),
        flushed: loaded.last_revision,
        dropped: loaded.dropped,
        history,
        writer: Some(writer.clone()),
    };
    let numbers = loaded.servers.into_iter();
    let numbers = numbers.map(|(number, name)| (name, number)).collect();
    let stat_types = loaded.stat_types.into_iter();
    let stat_types = stat_types.map(|(name, types)| (name, StatTypes::of(types)));
    let mut pairs = Pairs::new(equipment, writer.clone(), numbers, stat_types.collect());
    let upstream = Arc::new(Upstream::new(pairs.roster(), settings.plan()));
    let wanted = warm(&cache, &settings, loaded.statistics, &upstream, &proofs);
    pairs.arrange(&settings.stat_servers);

    let (peek_config, peek_deadline) = (settings.peek, settings.peek.deadline);
    let idle_close = settings.peek.idle_close;
    let reloads = Reloads {
        pairs,
        cache: cache.clone(),
        upstream: upstream.clone(),
        proofs: proofs.clone(),
        settings,
    };
    upstream_tasks.spawn("reloads", reloads.run(asked, wanted, upstream_stop.clone()));

    let board = Board::new(clock.clone(), cache.clone(), upstream.clone(), stored);
    let board = Arc::new(board);
    let peek = Peek::new(peek_config, clock, cache, upstream.clone(), proofs, board);
    let (sweeper, sweeper_stop) = (peek.clone(), upstream_stop.clone());
    let every = SWEEP_INTERVAL
        .min(idle_close / 4)
        .max(Duration::from_millis(100));
    upstream_tasks.spawn("idle sweep", async move {
        while !wait_or_stop(every, &sweeper_stop).await {
            sweeper.sweep().await;
        }
    });
    let (stuck, store_stuck) = watch::channel(false);
    let pulse = readiness::feel_pulse(writer.clone(), stuck, upstream_stop.clone());
    upstream_tasks.spawn("store pulse", pulse);
    Ok(Core {
        peek,
        upstream,
        writer,
        report,
        store_stuck,
        peek_deadline,
        upstream_tasks,
        ingest_tasks,
        upstream_stop,
    })
}

impl Core {
    /// Closes the statistics, empties the queue, flushes.
    async fn stop(self) -> Result<(), ServiceError> {
        self.upstream_stop.cancel();
        let mut ended = self.upstream_tasks.wait(STAGE_PATIENCE).await;
        // The pairs held the senders of the ingest's queue; it ends when it has emptied it.
        ended &= self.ingest_tasks.wait(STAGE_PATIENCE).await;
        if !ended {
            tracing::warn!("some tasks did not end in time and are left behind");
        }
        let writer = self.writer;
        let closing = tokio::task::spawn_blocking(move || writer.close());
        match timeout(CLOSE_PATIENCE, closing).await {
            Ok(Ok(Ok(()))) => tracing::info!("flushed and closed the store"),
            Ok(Ok(Err(error))) => return Err(error.into()),
            Ok(Err(_)) => return Err(ServiceError::TaskFailed),
            Err(_) => return Err(ServiceError::StoreStuck),
        }
        if self.upstream_tasks.has_failed() || self.ingest_tasks.has_failed() {
            return Err(ServiceError::TaskFailed);
        }
        Ok(())
    }
}

/// Reads the store's state for the metrics.
fn store_figures(writer: &store::Writer) -> impl Fn() -> api::StoreFigures + Send + Sync + 'static {
    let status = writer.status();
    move || {
        let status = status.borrow();
        api::StoreFigures {
            healthy: status.health == store::Health::Ok,
            flushed_changes: status.flushed_changes,
            queue_len: status.queue_len,
            lost_changes: status.lost_changes,
            flush_last: status.flush_last,
            flush_max: status.flush_max,
            flushes: status.flushes,
            size: status.size,
            history_size: status.history_size,
            history_folded_at: status.history_folded_at.map(|at| at.0 / 1000),
        }
    }
}

/// Opens the store. A stop ends a migration between two batches; the next start finishes it.
async fn open_store(
    config: store::Config,
    trial: Option<store::Trial>,
    clock: Clock,
    migrating: watch::Sender<Option<Migrating>>,
    stop: CancellationToken,
) -> Result<Opened, ServiceError> {
    let open = tokio::task::spawn_blocking(move || {
        store::open_watched(&config, &clock, trial.as_ref(), &mut |now| {
            migrating.send_replace(Some(now));
            if stop.is_cancelled() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })
    });
    match open.await {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(ServiceError::TaskFailed),
    }
}

/// Waits; true when the stop came first.
async fn wait_or_stop(wait: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(wait) => false,
    }
}
