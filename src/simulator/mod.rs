//! Simulated Stat Servers: a primary and a backup that speak [`crate::wire`] and whose values all
//! come from one simulated contact centre. For the command line, the tests and the examples.
//!
//! A total counts from the start of that server's process: from [`Simulator::new`] on, and after a
//! restored kill or freeze from the restore on, so that a restarted server's totals jump back.

mod catalogue;
mod centre;
mod command;
mod log;
mod reading;
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
use crate::wire::ServerMode;
use catalogue::{Catalogue, Metric};
use centre::Centre;
pub use command::{Command, ParseCommandError, Role};
use log::Log;
pub use log::{Counts, LogEntry, LogKind};
pub use reading::ScriptedValue;
use server::{Condition, Connection, Side, Tick, UNSENT_MAX, View, accept};
use world::{Target, World};

/// How often the model moves and clients hear of it, in real time.
const TICK: Duration = Duration::from_millis(100);
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

/// One contact centre and the two Stat Servers that watch it.
#[derive(Debug)]
pub struct Simulator {
    version: String,
    clock: Clock,
    catalogue: Arc<Catalogue>,
    primary: Side,
    backup: Side,
    compat: AtomicI64,
    unsent_max: AtomicUsize,
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
        let catalogue = Arc::new(Catalogue::new(config.statistics, &config.tenant_passwords));
        let centre = Centre::new(config.seed, catalogue.teams());
        let world = World::new(centre, config.speed, Arc::clone(&catalogue), clock.clone());
        let stop = CancellationToken::new();
        Arc::new(Self {
            version: config.version,
            clock,
            catalogue,
            primary: Side::new(&stop),
            backup: Side::new(&stop),
            compat: AtomicI64::new(COMPAT),
            unsent_max: AtomicUsize::new(UNSENT_MAX),
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
    pub async fn listen(self: &Arc<Self>, role: Role, addr: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        self.tasks
            .spawn(accept(Arc::clone(self), role, addr, listener));
        Ok(addr)
    }

    /// A connection to one server in memory, for tests whose time is paused.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] while that server is dead or the simulator stopped.
    pub fn connect(self: &Arc<Self>, role: Role) -> io::Result<DuplexStream> {
        if self.side(role).condition() == Condition::Dead || self.stop.is_cancelled() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (client, server) = tokio::io::duplex(PIPE_LEN);
        self.admit(role, server);
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
            for number in 0.. {
                tokio::select! {
                    () = simulator.stop.cancelled() => return,
                    _ = interval.tick() => simulator.tick(number),
                }
            }
        });
    }

    /// Orders a fault, or the end of one.
    pub fn command(&self, command: Command) {
        tracing::info!(?command, "simulated fault");
        match command {
            Command::Kill(role) => self.side(role).kill(),
            Command::Freeze(role) => self.side(role).freeze(),
            Command::BackupMode(role) => self.say_mode(role, ServerMode::Backup),
            Command::PrimaryMode(role) => self.say_mode(role, ServerMode::Primary),
            Command::Restore(role) => self.restore(role),
            Command::RestoreAll => Role::ALL.into_iter().for_each(|role| self.restore(role)),
        }
    }

    /// The statistics that can be asked for, the well-known ones first; at least as many as the
    /// configuration says.
    #[must_use]
    pub fn statistics(&self) -> Vec<Statistic> {
        self.catalogue.statistics()
    }

    /// What happened on both servers, oldest first; of a long history only the newest part.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        lock(&self.log).entries()
    }

    /// What one server has done.
    #[must_use]
    pub fn counts(&self, role: Role) -> Counts {
        self.side(role).counts()
    }

    /// Puts a value in the place of the model's, on both servers, and sends it to who has the
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
    pub fn value(&self, role: Role, statistic: &Statistic) -> Option<Value> {
        let mut world = lock(&self.world);
        world.advance();
        let target = match world.scripted_target(statistic) {
            Some(scripted) => Some(scripted),
            None => self.modelled_target(&mut world, statistic),
        };
        let target = target?;
        Some(world.read(role, target).to_value(self.compat()))
    }

    fn modelled_target(&self, world: &mut World, statistic: &Statistic) -> Option<Target> {
        let kind = statistic.object_type;
        let metric = Metric::named(&statistic.metric).filter(|metric| metric.applies_to(kind))?;
        let object = self
            .catalogue
            .object(kind, &statistic.object_id, &statistic.tenant)?;
        world.target(metric, object, statistic)
    }

    /// Sets the number that servers register clients with and that decides which fields states
    /// have (61 unless set).
    pub fn set_compat(&self, compat: i64) {
        self.compat.store(compat, Ordering::Relaxed);
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

    fn restore(&self, role: Role) {
        let side = self.side(role);
        match side.condition() {
            Condition::Up if side.mode().is_some_and(|mode| mode != ServerMode::Primary) => {
                self.say_mode(role, ServerMode::Primary);
            }
            Condition::Up => {}
            Condition::Frozen | Condition::Dead => {
                lock(&self.world).restart(role);
                side.restart(&self.stop);
            }
        }
    }

    fn say_mode(&self, role: Role, mode: ServerMode) {
        let time = lock(&self.world).server_time();
        self.side(role).say_mode(mode, time);
    }

    fn tick(&self, number: usize) {
        let mut world = lock(&self.world);
        world.advance();
        let changed = world.take_changed();
        let tick = Tick {
            changed: &changed,
            number,
            now_ms: self.now_ms(),
        };
        self.for_each_connection(&world, |connection, view| connection.tick(view, &tick));
    }

    /// Visits the connections of both servers, as far as these are able to act.
    fn for_each_connection(&self, world: &World, act: impl Fn(&Connection, View<'_>)) {
        let (compat, time) = (self.compat(), world.server_time());
        for role in Role::ALL {
            let side = self.side(role);
            if side.condition() == Condition::Up {
                let view = View {
                    world,
                    role,
                    compat,
                    time,
                };
                for connection in side.connections() {
                    act(&connection, view);
                }
            }
        }
    }

    fn side(&self, role: Role) -> &Side {
        match role {
            Role::Primary => &self.primary,
            Role::Backup => &self.backup,
        }
    }

    fn compat(&self) -> i64 {
        self.compat.load(Ordering::Relaxed)
    }

    fn unsent_max(&self) -> usize {
        self.unsent_max.load(Ordering::Relaxed)
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().0
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn world(&self) -> &Mutex<World> {
        &self.world
    }

    fn log_book(&self) -> &Mutex<Log> {
        &self.log
    }

    fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    fn stopped(&self) -> CancellationToken {
        self.stop.clone()
    }

    fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Locks, even after a panic elsewhere: every holder leaves the data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
