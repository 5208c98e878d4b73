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
    /// By name, cancelled when the last pair of that name has ended.
    ended: HashMap<String, CancellationToken>,
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
            ended: HashMap::new(),
        }
    }

    pub(super) fn roster(&self) -> Arc<Roster> {
        self.roster.clone()
    }

    /// Has exactly these pairs at work from now on. One that is as it was goes on undisturbed; one
    /// that is gone or changed closes what it has open, and hands over what is wanted of it; one
    /// that takes its name begins after that.
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
            let ended = CancellationToken::new();
            let former = self.ended.insert(config.name.clone(), ended.clone());
            starting.push((pair, stop, former, ended));
            self.running.push(running);
        }
        let handles = self.running.iter().map(|running| running.handle.clone());
        self.roster.replace(handles.collect());
        for (pair, stop, former, ended) in starting {
            let tasks = &self.equipment.tasks;
            tasks.spawn_until("stat server pair", stop.clone(), async move {
                let _ended = ended.drop_guard();
                // They share a number: the former's end would pass for this one's.
                if let Some(former) = former {
                    former.cancelled().await;
                }
                pair.run(stop).await;
            });
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::sync::Mutex;
    use std::time::Duration;

    use tokio::io::DuplexStream;
    use tokio::time::Instant;

    use super::*;
    use crate::service::Settings;
    use crate::upstream::BoxStream;

    /// Servers that read nothing, so that a pair cannot end in order.
    #[derive(Default)]
    struct Deaf(Mutex<Vec<(Instant, String, DuplexStream)>>);

    impl Connector for Deaf {
        fn connect<'a>(
            &'a self,
            address: &'a str,
        ) -> Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + 'a>> {
            let (ours, theirs) = tokio::io::duplex(1);
            let dialled = (Instant::now(), address.to_owned(), theirs);
            self.0.lock().unwrap().push(dialled);
            Box::pin(async move { Ok(Box::new(ours) as BoxStream) })
        }
    }

    impl Deaf {
        async fn until_dialled(&self, address: &str) -> Instant {
            loop {
                if let Some(at) = self.dialled(address) {
                    return at;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }

        fn dialled(&self, address: &str) -> Option<Instant> {
            let dialled = self.0.lock().unwrap();
            let found = dialled.iter().find(|(_, to, _)| to == address);
            found.map(|(at, ..)| *at)
        }
    }

    fn configs(address: &str) -> Vec<upstream::Config> {
        let text = format!("[[stat_server]]\nname = 'S'\nprimary = '{address}'\n");
        Settings::from_text(&text).unwrap().stat_servers
    }

    #[tokio::test(start_paused = true)]
    async fn a_pair_under_the_name_of_another_begins_when_that_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let config = store::Config {
            path: folder.path().join("store"),
            flush_interval: Duration::from_millis(50),
            on_corruption: store::OnCorruption::Stop,
            journal_size_max: 1 << 20,
            history: store::HistoryConfig::default(),
        };
        let opened = store::open(&config, &clock).unwrap();
        let connector = Arc::<Deaf>::default();
        let stop = CancellationToken::new();
        let tasks = Supervisor::new(stop.clone());
        let (events, _told) = mpsc::channel(100);
        let equipment = Equipment {
            connector: connector.clone(),
            clock,
            epochs: opened.epochs,
            events,
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        let mut pairs = Pairs::new(equipment, opened.writer, HashMap::new(), HashMap::new());
        pairs.arrange(&configs("one:1"));
        connector.until_dialled("one:1").await;
        let start = Instant::now();
        pairs.arrange(&configs("two:1"));
        // Gone before it began; it is waited for all the same.
        pairs.arrange(&configs("three:1"));
        let begun = connector.until_dialled("three:1").await;
        assert!(
            begun - start >= Duration::from_secs(2),
            "{:?}",
            begun - start
        );
        stop.cancel();
        assert!(tasks.wait(Duration::from_secs(10)).await);
    }
}
