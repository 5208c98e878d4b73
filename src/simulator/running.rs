//! The simulator at work: ticks, restores, and what its servers need to know of it.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catalogue::Metric;
use super::command::Role;
use super::log::Log;
use super::server::{Condition, Connection, Side, Tick, View};
use super::world::{Target, World};
use super::{Simulator, lock};
use crate::model::Statistic;
use crate::wire::ServerMode;

impl Simulator {
    pub(super) fn modelled_target(
        &self,
        world: &mut World,
        statistic: &Statistic,
    ) -> Option<Target> {
        let kind = statistic.object_type;
        let metric = Metric::named(&statistic.metric).filter(|metric| metric.applies_to(kind))?;
        let object = self
            .catalogue
            .object(kind, &statistic.object_id, &statistic.tenant)?;
        world.target(metric, object, statistic)
    }

    pub(super) fn restore(&self, role: Role) {
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

    pub(super) fn say_mode(&self, role: Role, mode: ServerMode) {
        let time = lock(&self.world).server_time();
        self.side(role).say_mode(mode, time);
    }

    pub(super) fn tick(&self) {
        let mut world = lock(&self.world);
        world.advance();
        let changed = world.take_changed();
        let tick = Tick {
            changed: &changed,
            growing_max: self.growing_max.load(Ordering::Relaxed),
            now_ms: self.now_ms(),
        };
        self.for_each_connection(&world, |connection, view| connection.tick(view, &tick));
    }

    /// Visits the connections of both servers, as far as these are able to act.
    pub(super) fn for_each_connection(&self, world: &World, act: impl Fn(&Connection, View<'_>)) {
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

    pub(super) fn side(&self, role: Role) -> &Side {
        match role {
            Role::Primary => &self.primary,
            Role::Backup => &self.backup,
        }
    }

    pub(super) fn compat(&self) -> i64 {
        self.compat.load(Ordering::Relaxed)
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
