//! Pairs against simulated and scripted Stat Servers, over in-memory pipes and paused time.

mod both;
mod broken;
mod faulty;
mod pacing;
mod passing_on;
mod stopping;
mod switching;
mod taking_off;
mod tracing;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::model::{Clock, Epoch, EpochCounter, NotificationMode, PasswordProof, Statistic};
use crate::model::{ServerId, StatisticId, Timestamp};
use crate::simulator::{self, Role, Simulator};
use crate::wire::{Charset, Register};

/// The local heartbeat time-out.
pub(in crate::upstream) const T: Duration = Duration::from_secs(10);
const FRAME_TIMEOUT: Duration = Duration::from_secs(7);
/// Far more than anything here takes; ends a broken run.
const PATIENCE: Duration = Duration::from_hours(1);

/// Dials `primary` or `backup`, and remembers when.
struct Dialler<F> {
    dial: F,
    dialled: Mutex<Vec<(Instant, String)>>,
}

impl<F> Dialler<F>
where
    F: Fn(&str) -> io::Result<BoxStream> + Send + Sync + 'static,
{
    fn new(dial: F) -> Arc<Self> {
        Arc::new(Self {
            dial,
            dialled: Mutex::default(),
        })
    }

    fn dialled(&self) -> Vec<(Instant, String)> {
        self.dialled.lock().unwrap().clone()
    }
}

impl<F> Connector for Dialler<F>
where
    F: Fn(&str) -> io::Result<BoxStream> + Send + Sync + 'static,
{
    fn connect<'a>(
        &'a self,
        address: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + 'a>> {
        let dialled = (Instant::now(), address.to_owned());
        self.dialled.lock().unwrap().push(dialled);
        let stream = (self.dial)(address);
        Box::pin(async move { stream })
    }
}

/// A pair's task at work, and everything it tells.
struct Run {
    upstream: Upstream,
    events: mpsc::Receiver<Batch>,
    /// Of the batch that is being looked at.
    pending: VecDeque<Event>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Run {
    fn new(connector: Arc<dyn Connector>, backup: Option<&str>) -> Self {
        Self::with_queue(connector, backup, 100_000)
    }

    fn with_queue(connector: Arc<dyn Connector>, backup: Option<&str>, queue: usize) -> Self {
        Self::adjusted(connector, backup, queue, |_| {})
    }

    fn adjusted(
        connector: Arc<dyn Connector>,
        backup: Option<&str>,
        queue: usize,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = config(backup);
        adjust(&mut config);
        let clock = Clock::set_at(Timestamp(1_700_000_000_000));
        let epochs = Arc::new(EpochCounter::starting_at(Epoch(1)));
        let (sender, events) = mpsc::channel(queue);
        let roster = Roster::new();
        let (pair, handle) = Pair::new(config, clock, connector, epochs, sender, roster.clone());
        roster.replace(vec![handle]);
        let stop = CancellationToken::new();
        let task = TaskTracker::new().spawn(pair.run(stop.clone()));
        Self {
            upstream: Upstream::new(roster, Plan::default()),
            events,
            pending: VecDeque::new(),
            stop,
            task,
        }
    }

    fn status(&self) -> PairStatus {
        self.upstream.pairs()[0].status().borrow().clone()
    }

    /// Waits until the pair is in this state on this side.
    async fn until(&self, state: PairState, on_backup: bool) -> Instant {
        let mut status = self.upstream.pairs()[0].status();
        let wait = status.wait_for(|now| now.state == state && now.on_backup == on_backup);
        let reached = tokio::time::timeout(PATIENCE, wait).await;
        drop(reached.expect("the state was never reached").unwrap());
        Instant::now()
    }

    async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return event;
            }
            let batch = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let batch = batch.expect("no more events").expect("the pair ended");
            self.pending.extend(batch.events);
        }
    }

    /// Waits for values of so many distinct statistics ; answers their epochs.
    async fn values(&mut self, count: usize) -> Vec<Epoch> {
        let mut seen = HashMap::new();
        while seen.len() < count {
            if let Event::Value { id, epoch, .. } = self.next().await {
                seen.insert(id, epoch);
            }
        }
        seen.into_values().collect()
    }

    /// Waits until so many distinct statistics were told to be valid or not; answers what was told.
    async fn validities(&mut self, count: usize) -> HashSet<bool> {
        let mut seen = HashMap::new();
        while seen.len() < count {
            if let Event::Validity { id, valid } = self.next().await {
                seen.insert(id, valid);
            }
        }
        seen.into_values().collect()
    }

    async fn fetch(&self, spec: OpenSpec) -> Outcome {
        let (tell, told) = tokio::sync::oneshot::channel();
        let ticket = Ticket::new(move |outcome| drop(tell.send(outcome)));
        match self.upstream.fetch(spec, ticket) {
            Ok(()) | Err(_) => told.await.unwrap(),
        }
    }

    async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.expect("the pair does not end").unwrap();
    }
}

pub(in crate::upstream) fn config(backup: Option<&str>) -> Config {
    Config {
        name: "main".to_owned(),
        id: ServerId(1),
        endpoints: Endpoints {
            primary: "primary".to_owned(),
            backup: backup.map(str::to_owned),
        },
        session: SessionConfig {
            register: Register::as_client("test", 0),
            charset: Charset::UTF_8,
            addp: Some(AddpConfig {
                local_timeout: T,
                remote_timeout: T * 2,
                local_trace: false,
                remote_trace: false,
            }),
            profile_refresh: Duration::from_mins(10),
            open_window: 1000,
            register_timeout: Duration::from_secs(3),
            try_next: false,
        },
        open_on_both: false,
        return_to_primary: false,
        switchover_min_interval: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(3),
        frame_timeout: FRAME_TIMEOUT,
        frame_len_max: 1 << 20,
        tls: None,
        stat_types: StatTypes::Unknown,
    }
}

fn simulator() -> Arc<Simulator> {
    simulator_of(100)
}

fn simulator_of(statistics: u32) -> Arc<Simulator> {
    let config = simulator::Config {
        seed: 42,
        speed: 1.0,
        statistics,
        tenant_passwords: Vec::new(),
        version: "8.5.112.03".to_owned(),
    };
    Simulator::new(config, Clock::set_at(Timestamp(1_700_000_000_000)))
}

/// Dials the simulated servers.
fn connect_to(simulator: &Arc<Simulator>) -> Arc<dyn Connector> {
    let dial = simulator.clone();
    Dialler::new(move |address| Ok(Box::new(dial.connect(role_of(address))?) as BoxStream))
}

fn role_of(address: &str) -> Role {
    Role::ALL
        .into_iter()
        .find(|role| role.name() == address)
        .unwrap()
}

fn spec((number, statistic): (usize, Statistic)) -> OpenSpec {
    OpenSpec {
        id: StatisticId(u32::try_from(number).unwrap()),
        statistic: Arc::new(statistic),
        mode: NotificationMode::Immediate,
        terms: Arc::new(Terms {
            password: String::new().into(),
            proof: PasswordProof::NONE,
            manner: Arc::default(),
        }),
    }
}

fn specs(simulator: &Simulator, count: usize) -> Vec<OpenSpec> {
    let statistics = simulator.statistics().into_iter().enumerate();
    statistics.take(count).map(spec).collect()
}
