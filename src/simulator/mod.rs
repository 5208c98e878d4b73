//! Simulated Stat Servers: primaries and backups that speak [`crate::wire`] and whose values all
//! come from one simulated contact centre. For the command line, the tests and the examples.
//!
//! A total counts from the start of that server's process: from [`Simulator::new`] on, and after a
//! restored kill or freeze from the restore on, so that a restarted server's totals jump back.

mod catalogue;
mod centre;
mod command;
mod load;
mod log;
mod pair;
mod reading;
mod running;
mod scenario;
mod server;
mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::{Clock, Statistic, Value};
use catalogue::{Catalogue, Metric};
use centre::Centre;
pub use centre::{Model, Service};
pub use command::{COMMANDS, Command, Order, OrderError, ParseCommandError, Role, command_help};
use log::Log;
pub use log::{Counts, LogEntry, LogKind};
use pair::Pairs;
pub use pair::{PairConfig, PairId, ServerId, UnknownStatType};
pub use reading::{Reading, ScriptedValue};
pub use scenario::{Scenario, ScenarioError, ScenarioPair, Step};
use server::{Condition, UNSENT_MAX, accept};
use world::{Target, World};

/// How often the model moves and clients hear of it, in real time.
const TICK: Duration = Duration::from_millis(100);
/// Values per tick and connection that tell of nothing but time passing: 10,000 a second, about
/// half of what a large installation sends.
const GROWING_PER_TICK: usize = 1000;
/// What an in-memory connection holds in each direction.
const PIPE_LEN: usize = 256 << 10;
/// The number that newer servers register clients with.
const COMPAT: i64 = 61;

/// What a simulator is made of.
#[derive(Debug, Clone)]
pub struct Config {
    /// Makes runs repeat: the same seed gives the same values at the same instants.
    pub seed: u64,
    /// Simulated seconds per real second.
    pub speed: f64,
    /// The least number of distinct statistics the centre has; 100 is a good small number.
    pub statistics: u32,
    /// Tenants that ask for a password. `Environment` and `Resources` exist anyway, without one;
    /// other names make further tenants.
    pub tenant_passwords: Vec<(String, String)>,
    /// The version that the servers register clients with.
    pub version: String,
}

/// One contact centre and the pairs of Stat Servers that watch it; mostly one pair.
#[derive(Debug)]
pub struct Simulator {
    version: String,
    clock: Clock,
    catalogue: Arc<Catalogue>,
    pairs: Pairs,
    compat: AtomicI64,
    unsent_max: AtomicUsize,
    growing_max: AtomicUsize,
    /// Values a second that each connection is told; 0 for as they change.
    rate: AtomicUsize,
    connections: AtomicU64,
    is_running: AtomicBool,
    stop: CancellationToken,
    tasks: TaskTracker,
    // Locks are taken in this order: world, a side's state, a connection's conversation, log.
    world: Mutex<World>,
    log: Mutex<Log>,
}

impl Simulator {
    /// A contact centre that has been open for a while. Its time stands still until
    /// [`Simulator::run_centre`].
    #[must_use]
    pub fn new(config: Config, clock: Clock) -> Arc<Self> {
        let stop = CancellationToken::new();
        let world = new_world(&config, Model::default(), clock);
        let pairs = Pairs::one(&world.baseline(), &stop);
        Self::build(config, world, pairs, stop)
    }

    /// The same with a model and pairs of one's own; without any pair there is one that defines
    /// everything.
    ///
    /// # Errors
    /// A pair is to define what cannot be simulated.
    pub fn with(
        config: Config,
        model: Model,
        pairs: Vec<PairConfig>,
        clock: Clock,
    ) -> Result<Arc<Self>, UnknownStatType> {
        let stop = CancellationToken::new();
        let world = new_world(&config, model, clock);
        let pairs = Pairs::new(pairs, &world.baseline(), &stop)?;
        Ok(Self::build(config, world, pairs, stop))
    }

    fn build(config: Config, world: World, pairs: Pairs, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            version: config.version,
            clock: world.clock().clone(),
            catalogue: Arc::clone(&world.catalogue),
            pairs,
            compat: AtomicI64::new(COMPAT),
            unsent_max: AtomicUsize::new(UNSENT_MAX),
            growing_max: AtomicUsize::new(GROWING_PER_TICK),
            rate: AtomicUsize::new(0),
            connections: AtomicU64::new(0),
            is_running: AtomicBool::new(false),
            stop,
            tasks: TaskTracker::new(),
            world: Mutex::new(world),
            log: Mutex::default(),
        })
    }

    /// Starts accepting clients of one server at `addr`; port 0 takes a free one. Answers the
    /// address listened at, which stays the same over kills and restores.
    pub async fn listen(
        self: &Arc<Self>,
        server: impl Into<ServerId>,
        addr: SocketAddr,
    ) -> io::Result<SocketAddr> {
        let server = server.into();
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        self.tasks
            .spawn(accept(Arc::clone(self), server, addr, listener));
        Ok(addr)
    }

    /// A connection to one server in memory, for tests whose time is paused.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] while that server is dead or the simulator stopped.
    pub fn connect(self: &Arc<Self>, server: impl Into<ServerId>) -> io::Result<DuplexStream> {
        let server_id = server.into();
        if self.side(server_id).condition() == Condition::Dead || self.stop.is_cancelled() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (client, server) = tokio::io::duplex(PIPE_LEN);
        self.admit(server_id, server);
        Ok(client)
    }

    /// Starts the task that moves the model along and tells clients of changes. Only the first
    /// call does anything.
    pub fn run_centre(self: &Arc<Self>) {
        if self.is_running.swap(true, Ordering::Relaxed) {
            return;
        }
        lock(&self.world).run();
        let simulator = Arc::clone(self);
        self.tasks.spawn(async move {
            let mut interval = tokio::time::interval(TICK);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = simulator.stop.cancelled() => return,
                    _ = interval.tick() => simulator.tick(),
                }
            }
        });
        self.tasks.spawn(load::run(Arc::clone(self)));
    }

    /// Orders a fault of the first pair, or the end of one.
    pub fn command(&self, command: Command) {
        self.command_to(PairId::FIRST, command);
    }

    /// Orders a fault of any pair, or the end of one.
    pub fn command_to(&self, pair: PairId, command: Command) {
        tracing::info!(?pair, ?command, "simulated fault");
        self.obey(pair, command);
    }

    /// Carries out an [`Order`] as typed.
    ///
    /// # Errors
    /// The text is no order, or names a pair that there is not.
    pub fn order(&self, text: &str) -> Result<(), OrderError> {
        let order: Order = text.parse()?;
        let pair = match order.pair {
            None => PairId::FIRST,
            Some(name) => self.pair(&name).ok_or(OrderError::UnknownPair(name))?,
        };
        self.command_to(pair, order.command);
        Ok(())
    }

    /// Has a pair define these stat types from now on, as a change of its configuration would; none
    /// means all there are. What is open stays open.
    ///
    /// # Errors
    /// There is no such stat type to simulate; nothing was changed.
    pub fn define(&self, pair: PairId, stat_types: &[&str]) -> Result<(), UnknownStatType> {
        let names = stat_types.iter().map(|name| (*name).to_owned());
        self.pairs.find(pair).define(names.collect())
    }

    /// The pair with this name.
    #[must_use]
    pub fn pair(&self, name: &str) -> Option<PairId> {
        self.pairs.named(name)
    }

    /// Closes a statistic on every connection of one server that has it open, though nobody asked.
    /// Answers how many were closed.
    pub fn close_unasked(&self, server: impl Into<ServerId>, statistic: &Statistic) -> usize {
        let server = server.into();
        let mut world = lock(&self.world);
        let mut closed = 0;
        if let Some(target) = self.target(&mut world, server.pair, statistic) {
            self.for_each_connection_of(&world, server, |connection, view| {
                closed += connection.close_unasked(view, Some(target));
            });
        }
        closed
    }

    /// The statistics that the centre has, the well-known ones first; at least as many as the
    /// configuration says.
    #[must_use]
    pub fn statistics(&self) -> Vec<Statistic> {
        self.catalogue.statistics().collect()
    }

    /// Those of [`Simulator::statistics`] that the pair defines.
    #[must_use]
    pub fn statistics_of(&self, pair: PairId) -> Vec<Statistic> {
        let defined = self.stat_types(pair);
        let is_defined = |statistic: &Statistic| {
            Metric::named(statistic.metric()).is_some_and(|metric| defined.contains(&metric))
        };
        self.catalogue.statistics().filter(is_defined).collect()
    }

    /// What happened on all servers, oldest first; of a long history only the newest part, and that
    /// may be 100,000 entries: see [`Simulator::log_where`] and [`Simulator::log_count`].
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        self.log_where(|_| true)
    }

    /// The wanted part of the log. Servers stand still while it is looked through.
    pub fn log_where(&self, is_wanted: impl Fn(&LogEntry) -> bool) -> Vec<LogEntry> {
        let log = lock(&self.log);
        log.entries().filter(|entry| is_wanted(entry)).collect()
    }

    /// How long the wanted part of the log is.
    pub fn log_count(&self, is_wanted: impl Fn(&LogEntry) -> bool) -> usize {
        let log = lock(&self.log);
        log.entries().filter(|entry| is_wanted(entry)).count()
    }

    /// What one server has done.
    #[must_use]
    pub fn counts(&self, server: impl Into<ServerId>) -> Counts {
        self.side(server).counts()
    }

    /// Puts a value in the place of the model's, on all servers, and sends it to who has the
    /// statistic open. A statistic that the centre does not have exists from then on.
    pub fn set(&self, statistic: &Statistic, value: ScriptedValue) {
        let mut world = lock(&self.world);
        world.advance();
        let Some(target) = world.script(statistic, value) else {
            return;
        };
        self.for_each_connection(&world, |connection, view| connection.scripted(view, target));
    }

    /// What one server would answer now, if it knows the statistic.
    #[must_use]
    pub fn value(&self, server: impl Into<ServerId>, statistic: &Statistic) -> Option<Value> {
        let server = server.into();
        let mut world = lock(&self.world);
        world.advance();
        let target = self.target(&mut world, server.pair, statistic)?;
        let since = self.side(server).since();
        Some(world.read(&since, target).to_value(self.compat()))
    }

    fn target(&self, world: &mut World, pair: PairId, statistic: &Statistic) -> Option<Target> {
        match world.scripted_target(statistic) {
            Some(scripted) => Some(scripted),
            None => self.modelled_target(world, pair, statistic),
        }
    }

    /// Sets the number that servers register clients with and that decides which fields states
    /// have (61 unless set).
    pub fn set_compat(&self, compat: i64) {
        self.compat.store(compat, Ordering::Relaxed);
    }

    /// Makes the servers push so many values a second to each connection, as long as a number is
    /// open there: one after the other in rotation, and where the model's value has not changed, one
    /// step aside of it. 0, as at first, tells values as they change; login times and times in state
    /// then take turns past 10,000 a second. What happens in the centre is told whatever the rate.
    pub fn set_rate(&self, values_per_second: usize) {
        self.rate.store(values_per_second, Ordering::Relaxed);
    }

    /// Sets after how many unsent bytes a client that does not read is dropped, for connections
    /// made from now on.
    pub fn set_unsent_max(&self, bytes: usize) {
        self.unsent_max.store(bytes, Ordering::Relaxed);
    }

    /// Closes listeners and connections and waits for every task.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn new_world(config: &Config, model: Model, clock: Clock) -> World {
    let catalogue = Catalogue::new(config.statistics, &config.tenant_passwords);
    let centre = Centre::new(config.seed, catalogue.teams(), model);
    World::new(centre, config.speed, Arc::new(catalogue), clock)
}

/// Locks, even after a panic elsewhere: every holder leaves the data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
