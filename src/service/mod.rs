//! The composition root: builds the rooms leaf first, starts them in order, and stops them in the
//! reverse, so that nothing received is lost on the way out.

mod file;
mod readiness;
mod settings;
mod supervisor;
mod telemetry;

use std::collections::HashMap;
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

use crate::api::{self, Phase, Readiness};
use crate::cache::{Cache, Restored};
use crate::ingest::{BATCH_QUEUE_LEN, Ingest};
use crate::model::{Clock, NotificationMode, PasswordProof, ProofKey, ServerId, Statistic};
use crate::peek::Peek;
use crate::store::{self, Change, Loaded, LoadedStatistic, Opened};
use crate::upstream::{Connector, OpenSpec, Pair, PairHandle, StatTypes, Upstream};

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
#[derive(Debug)]
pub struct Service {
    readiness: watch::Receiver<Readiness>,
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
        let (sender, readiness) = watch::channel(Readiness::default());
        let task = run(settings, listener, connector, clock, stop, sender);
        Self {
            readiness,
            task: TaskTracker::new().spawn(task),
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

    /// Waits for the end.
    ///
    /// # Errors
    /// The store could not be opened, or a part failed that the service cannot do without.
    pub async fn join(self) -> Result<(), ServiceError> {
        self.task.await.unwrap_or(Err(ServiceError::TaskFailed))
    }
}

async fn run(
    settings: Settings,
    listener: TcpListener,
    connector: Arc<dyn Connector>,
    clock: Clock,
    stop: CancellationToken,
    readiness: watch::Sender<Readiness>,
) -> Result<(), ServiceError> {
    let edge_stop = CancellationToken::new();
    let readiness_seen = readiness.subscribe();
    let (answers, answers_seen) = watch::channel(None);
    let edge_tasks = Supervisor::new(stop.clone());
    let edge_config = Arc::new(settings.http.clone());
    let edge_token = edge_stop.clone();
    edge_tasks.spawn("http", async move {
        let summary = api::serve::<Peek>(
            listener,
            edge_config,
            answers_seen,
            readiness_seen,
            edge_token,
        )
        .await;
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
            let ready = readiness::follow(&core, &readiness, &stop);
            tokio::select! {
                () = stop.cancelled() => {}
                () = ready => {}
            }
            stop.cancelled().await;
            readiness.send_modify(|readiness| readiness.phase = Phase::Draining);
            tracing::info!("stopping: draining requests");
            edge_stop.cancel();
            edge_tasks.wait(drain.saturating_add(STAGE_PATIENCE)).await;
            core.stop().await
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

/// The store's stable numbers for the configured names; new names get new ones.
fn number_servers(
    settings: &Settings,
    loaded: &Loaded,
    writer: &store::Writer,
) -> HashMap<String, ServerId> {
    let mut ids: HashMap<String, ServerId> = loaded
        .servers
        .iter()
        .map(|(id, name)| (name.clone(), *id))
        .collect();
    let mut next = ids.values().map(|id| id.0).max().unwrap_or(0);
    for config in &settings.stat_servers {
        if !ids.contains_key(&config.name) {
            next = next.saturating_add(1);
            ids.insert(config.name.clone(), ServerId(next));
            let name = config.name.clone();
            writer.record([Change::ServerNamed {
                server: ServerId(next),
                name,
            }]);
        }
    }
    ids
}

/// Fills the cache with what the store knew. Returns also what is to be opened: what was open
/// before, and what the configuration lists.
fn warm_cache(
    settings: &Settings,
    loaded: Loaded,
    clock: &Clock,
    generation: u32,
    proofs: &ProofKey,
) -> (Cache, Vec<OpenSpec>) {
    let cache = Cache::new(
        clock.clone(),
        generation,
        loaded.last_revision,
        loaded.next_id,
        settings.statistics_max,
    );
    let mut wanted = Vec::new();
    for statistic in loaded.statistics {
        let (restored, spec) = restore(settings, statistic, proofs);
        cache.restore(restored);
        wanted.extend(spec);
    }
    for (statistic, mode) in &settings.open {
        let Ok(slot) = cache.intern(statistic) else {
            tracing::error!(%statistic, "no room to open a configured statistic");
            continue;
        };
        slot.pin();
        if !slot.is_held() {
            let spec = configured(settings, slot.id, slot.statistic.clone(), *mode, proofs);
            wanted.push(spec);
        }
    }
    (cache, wanted)
}

fn restore(
    settings: &Settings,
    loaded: LoadedStatistic,
    proofs: &ProofKey,
) -> (Restored, Option<OpenSpec>) {
    let LoadedStatistic {
        id,
        statistic,
        subscription,
        protected,
        last,
    } = loaded;
    let password = settings.http.tenant_passwords.get(&*statistic.tenant);
    // Without its password, which is not stored, it stays closed until a caller brings that along.
    let held = subscription
        .filter(|_| !protected || password.is_some())
        .map(|subscription| subscription.mode);
    let spec = held.map(|mode| configured(settings, id, statistic.clone(), mode, proofs));
    let proof = match (protected, password) {
        (false, _) => Some(PasswordProof::NONE),
        (true, Some(password)) => Some(proofs.prove(password)),
        (true, None) => None,
    };
    let last = last.map(|last| (last.sample, last.revision));
    (
        Restored {
            id,
            statistic,
            last,
            held,
            proof,
        },
        spec,
    )
}

fn configured(
    settings: &Settings,
    id: crate::model::StatisticId,
    statistic: Arc<Statistic>,
    mode: NotificationMode,
    proofs: &ProofKey,
) -> OpenSpec {
    let password = settings
        .http
        .tenant_passwords
        .get(&*statistic.tenant)
        .cloned()
        .unwrap_or_default();
    let proof = proofs.prove(&password);
    OpenSpec {
        id,
        statistic,
        mode,
        password,
        proof,
    }
}

/// Waits; true when the stop came first.
async fn wait_or_stop(wait: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(wait) => false,
    }
}
