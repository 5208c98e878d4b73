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
mod running;
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
use catalogue::Catalogue;
use centre::Centre;
pub use command::{Command, ParseCommandError, Role};
use log::Log;
pub use log::{Counts, LogEntry, LogKind};
pub use reading::ScriptedValue;
use server::{Condition, Side, UNSENT_MAX, accept};
use world::World;

/// How often the model moves and clients hear of it, in real time.
const TICK: Duration = Duration::from_millis(100);
/// Ticks in a second.
const TICKS_PER_SECOND: usize = 10;
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
    growing_max: AtomicUsize,
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
            growing_max: AtomicUsize::new(GROWING_PER_TICK),
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
            loop {
                tokio::select! {
                    () = simulator.stop.cancelled() => return,
                    _ = interval.tick() => simulator.tick(),
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

    /// Sets the number that servers register clients with and that decides which fields states
    /// have (61 unless set).
    pub fn set_compat(&self, compat: i64) {
        self.compat.store(compat, Ordering::Relaxed);
    }

    /// Sets how many values a second a connection is sent at most because time passes (10,000
    /// unless set). Login times and times in state would all change every second; past this many
    /// they take turns. What happens in the centre is told whatever the rate.
    pub fn set_growth_rate(&self, values_per_second: usize) {
        let per_tick = values_per_second.div_ceil(TICKS_PER_SECOND);
        self.growing_max.store(per_tick, Ordering::Relaxed);
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

/// Locks, even after a panic elsewhere: every holder leaves the data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
