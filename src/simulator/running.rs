//! The simulator at work: ticks, restores, and what its servers need to know of it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catalogue::Metric;
use super::command::{Command, Role};
use super::log::Log;
use super::pair::{PairId, ServerId};
use super::server::{Condition, Connection, Faults, Side, Spoiling, Tick, View};
use super::world::{Target, World};
use super::{Simulator, lock};
use crate::model::Statistic;
use crate::wire::ServerMode;

impl Simulator {
    pub(super) fn modelled_target(
        &self,
        world: &mut World,
        pair: PairId,
        statistic: &Statistic,
    ) -> Option<Target> {
        let kind = statistic.object_type();
        let metric = Metric::named(statistic.metric()).filter(|metric| metric.applies_to(kind))?;
        if !self.stat_types(pair).contains(&metric) {
            return None;
        }
        let object = self
            .catalogue
            .object(kind, statistic.object_id(), statistic.tenant())?;
        world.target(metric, object, statistic)
    }

    pub(super) fn obey(&self, pair: PairId, command: Command) {
        let at = |role| pair.server(role);
        match command {
            Command::Kill(role) => self.side(at(role)).kill(),
            Command::Freeze(role) => self.side(at(role)).freeze(),
            Command::Refuse(role) => self.change_faults(at(role), |faults| faults.refuses = true),
            Command::HalfOpen(role) => {
                self.change_faults(at(role), |faults| faults.is_half_open = true);
            }
            Command::Delay(role, delay) => {
                self.change_faults(at(role), |faults| faults.delay = delay);
            }
            Command::BackupMode(role) => self.say_mode(at(role), ServerMode::Backup),
            Command::PrimaryMode(role) => self.say_mode(at(role), ServerMode::Primary),
            Command::Invalid(role) => self.set_validity(at(role), false),
            Command::Valid(role) => self.set_validity(at(role), true),
            Command::Restore(role) => self.restore(at(role)),
            Command::RestoreAll => {
                for role in Role::ALL {
                    self.restore(at(role));
                }
            }
            Command::CutFrame(role) => self.spoil(at(role), Spoiling::CutFrame),
            Command::Garbage(role) => self.spoil(at(role), Spoiling::Garbage),
            Command::EndlessFrame(role) => self.spoil(at(role), Spoiling::EndlessFrame),
            Command::HugeLength(role) => self.spoil(at(role), Spoiling::HugeLength),
            Command::Rate(values_per_second) => self.set_rate(values_per_second),
            Command::CloseOne(role) => {
                self.for_each_connection_of(&lock(&self.world), at(role), |connection, view| {
                    connection.close_unasked(view, None);
                });
            }
        }
    }

    fn restore(&self, server: ServerId) {
        let side = self.side(server);
        match side.condition() {
            Condition::Up => {
                self.set_validity(server, true);
                side.change_faults(|faults| *faults = Faults::default());
                side.drop_spoilt();
                if side.mode().is_some_and(|mode| mode != ServerMode::Primary) {
                    self.say_mode(server, ServerMode::Primary);
                }
            }
            Condition::Frozen | Condition::Dead => {
                let mut world = lock(&self.world);
                world.advance();
                side.restart(world.baseline(), &self.stop);
            }
        }
    }

    fn say_mode(&self, server: ServerId, mode: ServerMode) {
        let time = lock(&self.world).server_time();
        self.side(server).say_mode(mode, time);
    }

    fn change_faults(&self, server: ServerId, change: impl FnOnce(&mut Faults)) {
        self.side(server).change_faults(change);
    }

    fn set_validity(&self, server: ServerId, is_valid: bool) {
        let mut world = lock(&self.world);
        world.advance();
        self.change_faults(server, |faults| faults.is_invalid = !is_valid);
        self.for_each_connection_of(&world, server, |connection, view| {
            connection.set_validity(view, is_valid);
        });
    }

    fn spoil(&self, server: ServerId, spoiling: Spoiling) {
        self.for_each_connection_of(&lock(&self.world), server, |connection, _| {
            connection.spoil(spoiling);
        });
    }

    pub(super) fn tick(&self) {
        let mut world = lock(&self.world);
        world.advance();
        let changed = world.take_changed();
        let tick = Tick {
            changed: &changed,
            growing_max: self.growing_max(),
            now_ms: self.now_ms(),
        };
        self.for_each_connection(&world, |connection, view| connection.tick(view, &tick));
    }

    /// Visits the connections of all servers, as far as these are able to act.
    pub(super) fn for_each_connection(
        &self,
        world: &World,
        mut act: impl FnMut(&Connection, View<'_>),
    ) {
        for server in self.pairs.servers() {
            self.for_each_connection_of(world, server, &mut act);
        }
    }

    /// Visits the connections of one server, if it is able to act.
    pub(super) fn for_each_connection_of(
        &self,
        world: &World,
        server: ServerId,
        mut act: impl FnMut(&Connection, View<'_>),
    ) {
        let side = self.side(server);
        if side.condition() != Condition::Up {
            return;
        }
        let since = side.since();
        let view = View {
            world,
            since: &since,
            compat: self.compat(),
            time: world.server_time(),
        };
        for connection in side.connections() {
            act(&connection, view);
        }
    }

    pub(super) fn side(&self, server: impl Into<ServerId>) -> &Side {
        let server = server.into();
        self.pairs.find(server.pair).side(server.role)
    }

    pub(super) fn stat_types(&self, pair: PairId) -> Arc<[Metric]> {
        self.pairs.find(pair).stat_types()
    }

    pub(super) fn compat(&self) -> i64 {
        self.compat.load(Ordering::Relaxed)
    }

    /// Numbers that are pushed need not be told that time passes besides.
    fn growing_max(&self) -> usize {
        match self.rate.load(Ordering::Relaxed) {
            0 => self.growing_max.load(Ordering::Relaxed),
            _ => 0,
        }
    }

    pub(super) fn unsent_max(&self) -> usize {
        self.unsent_max.load(Ordering::Relaxed)
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now().0
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn world(&self) -> &Mutex<World> {
        &self.world
    }

    pub(super) fn log_book(&self) -> &Mutex<Log> {
        &self.log
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    pub(super) fn stopped(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub(super) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }
}
