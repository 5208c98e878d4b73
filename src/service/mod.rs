//! The composition root: builds the rooms leaf first, starts them in order, and stops them in the
//! reverse, so that nothing received is lost on the way out.

mod file;
mod readiness;
mod settings;
mod supervisor;
mod telemetry;
mod warm_up;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use settings::{Faults, Settings};
pub use supervisor::Supervisor;
pub use telemetry::{LogFormat, start_logging};
use warm_up::{number_servers, warm_cache};

use crate::api::{self, Edge, Phase, Readiness};
use crate::ingest::{BATCH_QUEUE_LEN, Ingest};
use crate::model::{Clock, ProofKey, ServerId};
use crate::peek::Peek;
use crate::store::{self, Opened};
use crate::upstream::{Connector, Pair, PairHandle, StatTypes, Upstream};

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
    #[error("the store did not finish writing in time; what was flushed before is safe")]
    StoreStuck,
    #[error("a part of the service failed; the log says which")]
    TaskFailed,
}

/// A running service.
pub struct Service {
    readiness: watch::Receiver<Readiness>,
    edge: Arc<Edge<Peek>>,
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
        let (answers, answers_seen) = watch::channel(None);
        let http = Arc::new(settings.http.clone());
        let edge = Arc::new(Edge::new(http, answers_seen, readiness.clone()));
        let front = Front {
            edge: edge.clone(),
            listener,
            answers,
            readiness: told,
        };
        let task = run(settings, front, connector, clock, stop);
        Self {
            readiness,
            edge,
            task: TaskTracker::new().spawn(task),
        }
    }

    /// Exchanges the users while the service runs.
    pub fn replace_users(&self, users: Vec<api::User>) {
        self.edge.replace_users(users);
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
}

async fn run(
    settings: Settings,
    front: Front,
    connector: Arc<dyn Connector>,
    clock: Clock,
    stop: CancellationToken,
) -> Result<(), ServiceError> {
    let Front {
        edge,
        listener,
        answers,
        readiness,
    } = front;
    let edge_stop = CancellationToken::new();
    let edge_tasks = Supervisor::new(stop.clone());
    let edge_token = edge_stop.clone();
    edge_tasks.spawn("http", async move {
        let summary = api::serve_edge(listener, edge, edge_token).await;
        if !summary.drained {
            tracing::warn!(
                cut = summary.connections_cut,
                "connections were cut at the deadline"
            );
        }
    });

    let drain = settings.http.drain;
    let outcome = match start(settings, connector, clock, &stop).await {
        Ok(core) => {
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
            stop.cancel();
            edge_stop.cancel();
            edge_tasks.wait(STAGE_PATIENCE).await;
            Err(error)
        }
    };
    if edge_tasks.has_failed() {
        Err(ServiceError::TaskFailed)
    } else {
        outcome
    }
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
    connector: Arc<dyn Connector>,
    clock: Clock,
    stop: &CancellationToken,
) -> Result<Core, ServiceError> {
    let proofs = ProofKey::random().map_err(ServiceError::Random)?;
    let opened = open_store(settings.store.clone(), clock.clone()).await?;
    let Opened {
        writer,
        loaded,
        epochs,
        generation,
        report,
        history: _,
    } = opened;
    let server_ids = number_servers(&settings, &loaded, &writer);

    let (events, batches) = mpsc::channel(BATCH_QUEUE_LEN);
    let mut pairs: Vec<(Pair, PairHandle)> = Vec::new();
    for mut config in settings.stat_servers.clone() {
        config.id = server_ids.get(&config.name).copied().unwrap_or(ServerId(0));
        let known = loaded
            .stat_types
            .iter()
            .find(|(name, _)| *name == config.name);
        if let Some((_, names)) = known {
            config.stat_types = StatTypes::of(names.iter().cloned());
        }
        let (connector, epochs) = (connector.clone(), epochs.clone());
        pairs.push(Pair::new(
            config,
            clock.clone(),
            connector,
            epochs,
            events.clone(),
        ));
    }
    drop(events);
    let (tasks, handles): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let upstream = Arc::new(Upstream::new(handles));

    let (cache, wanted) = warm_cache(&settings, loaded, &clock, generation, &proofs);
    let cache = Arc::new(cache);
    let names = server_ids
        .into_iter()
        .map(|(name, id)| (id, name))
        .collect();
    let ingest = Ingest::new(cache.clone(), writer.clone(), clock.clone(), names);
    let ingest_tasks = Supervisor::new(stop.clone());
    ingest_tasks.spawn("ingest", ingest.run(batches));

    let upstream_stop = CancellationToken::new();
    let upstream_tasks = Supervisor::new(stop.clone());
    for pair in tasks {
        upstream_tasks.spawn("stat server pair", pair.run(upstream_stop.clone()));
    }
    upstream.want(wanted).await;

    let peek = Peek::new(settings.peek, clock, cache, upstream.clone(), proofs);
    let (sweeper, sweeper_stop) = (peek.clone(), upstream_stop.clone());
    let every = SWEEP_INTERVAL
        .min(settings.peek.idle_close / 4)
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
        peek_deadline: settings.peek.deadline,
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

async fn open_store(config: store::Config, clock: Clock) -> Result<Opened, ServiceError> {
    let open = tokio::task::spawn_blocking(move || store::open(&config, &clock));
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
