//! The pairs as the configuration lists them: started, exchanged while the service runs, and
//! stopped one by one or all together.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::supervisor::Supervisor;
use crate::model::{Clock, EpochCounter, ServerId};
use crate::store::{self, Change};
use crate::upstream::{self, Batch, Connector, Pair, PairHandle, Roster, StatTypes};

/// What every pair needs.
pub(super) struct Equipment {
    pub(super) connector: Arc<dyn Connector>,
    pub(super) clock: Clock,
    pub(super) epochs: Arc<EpochCounter>,
    /// Where events go. Ingest ends when nobody holds this any more.
    pub(super) events: mpsc::Sender<Batch>,
    pub(super) tasks: Supervisor,
    pub(super) stop: CancellationToken,
}

/// The pairs at work.
pub(super) struct Pairs {
    roster: Arc<Roster>,
    equipment: Equipment,
    writer: store::Writer,
    /// The store's stable numbers for all names it ever saw.
    numbers: HashMap<String, ServerId>,
    /// The stat types of an earlier run.
    stat_types: HashMap<String, StatTypes>,
    running: Vec<Running>,
}

struct Running {
    config: upstream::Config,
    handle: PairHandle,
    stop: CancellationToken,
}

impl Pairs {
    /// No pairs yet.
    pub(super) fn new(
        equipment: Equipment,
        writer: store::Writer,
        numbers: HashMap<String, ServerId>,
        stat_types: HashMap<String, StatTypes>,
    ) -> Self {
        Self {
            roster: Roster::new(),
            equipment,
            writer,
            numbers,
            stat_types,
            running: Vec::new(),
        }
    }

    pub(super) fn roster(&self) -> Arc<Roster> {
        self.roster.clone()
    }

    /// Has exactly these pairs at work from now on. One that is as it was goes on undisturbed; one
    /// that is gone or changed closes what it has open, and hands over what is wanted of it.
    pub(super) fn arrange(&mut self, configs: &[upstream::Config]) {
        let mut before = std::mem::take(&mut self.running);
        let mut starting = Vec::new();
        for config in configs {
            let same = before.iter().position(|running| running.config == *config);
            if let Some(at) = same {
                self.running.push(before.swap_remove(at));
                continue;
            }
            let replaced = before
                .iter()
                .find(|running| running.config.name == config.name);
            let known = replaced.map(|running| running.handle.status().borrow().stat_types.clone());
            let (pair, running) = self.prepare(config, known);
            let stop = running.stop.clone();
            starting.push((pair, stop));
            self.running.push(running);
        }
        let handles = self.running.iter().map(|running| running.handle.clone());
        self.roster.replace(handles.collect());
        for (pair, stop) in starting {
            let tasks = &self.equipment.tasks;
            tasks.spawn_until("stat server pair", stop.clone(), pair.run(stop));
        }
        // Only now, so that there is somebody to hand over to.
        for gone in before {
            tracing::info!(server = %gone.config.name, "the pair is stopped");
            gone.stop.cancel();
        }
    }

    fn prepare(&mut self, config: &upstream::Config, known: Option<StatTypes>) -> (Pair, Running) {
        let mut numbered = config.clone();
        numbered.id = self.number(&config.name);
        let known = known.or_else(|| self.stat_types.get(&config.name).cloned());
        numbered.stat_types = known.unwrap_or_default();
        let equipment = &self.equipment;
        let (pair, handle) = Pair::new(
            numbered,
            equipment.clock.clone(),
            equipment.connector.clone(),
            equipment.epochs.clone(),
            equipment.events.clone(),
            self.roster.clone(),
        );
        let running = Running {
            config: config.clone(),
            handle,
            stop: equipment.stop.child_token(),
        };
        (pair, running)
    }

    /// The store's number for a name; a new name gets the next one.
    fn number(&mut self, name: &str) -> ServerId {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let last = self.numbers.values().map(|id| id.0).max().unwrap_or(0);
        let server = ServerId(last.saturating_add(1));
        self.numbers.insert(name.to_owned(), server);
        self.writer.record([Change::ServerNamed {
            server,
            name: name.to_owned(),
        }]);
        server
    }
}
