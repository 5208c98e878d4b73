//! Random changes against a plain map, with orderly and sudden ends in between.

use std::collections::BTreeMap;

use super::*;

#[derive(Debug, Clone, Default)]
struct Model {
    statistics: BTreeMap<u32, LoadedStatistic>,
    next_id: u32,
    counter: u64,
    last_revision: Revision,
    servers: BTreeMap<u16, String>,
    stat_types: BTreeMap<String, Vec<String>>,
}

impl Model {
    fn draw(&mut self, random: &mut fastrand::Rng, generation: u32) -> Change {
        // Some of the numbers are forgotten ones.
        let id = StatisticId(random.u32(..self.next_id.max(1)));
        let kind = if self.next_id == 0 {
            0
        } else {
            random.u32(..20)
        };
        match kind {
            0..3 => {
                let id = StatisticId(self.next_id);
                self.next_id += 1;
                Change::Registered {
                    id,
                    statistic: unusual(id.0),
                }
            }
            3 => Change::Forgotten { id },
            4 => Change::Unsubscribed { id },
            5 => Change::Subscribed {
                id,
                subscription: Subscription {
                    mode: NotificationMode::ALL[random.usize(..4)],
                    protected: random.bool(),
                },
            },
            6 => Change::Validated {
                id,
                at: Timestamp(random.u64(..)),
            },
            7 => Change::Quality {
                id,
                quality: Quality::Uncertain,
            },
            8 => Change::ServerNamed {
                server: ServerId(random.u16(..3)),
                name: "s".repeat(random.usize(..9)),
            },
            9 => Change::StatTypes {
                server_name: format!("s{}", random.u8(..3)),
                names: vec!["T".repeat(700); random.usize(..20)],
            },
            10 => Change::LinkDown {
                server: ServerId(1),
                at: NOW,
            },
            11 => Change::LinkUp {
                server: ServerId(1),
                at: NOW,
            },
            _ => {
                self.counter += random.u64(1..4);
                Change::Sample {
                    id,
                    sample: Sample {
                        value: value(random),
                        quality: if random.bool() {
                            Quality::Good
                        } else {
                            Quality::Uncertain
                        },
                        source_time: random.u32(..),
                        received_at: Timestamp(NOW.0 + random.u64(..1000)),
                        validated_at: Timestamp(random.u64(..)),
                        server: ServerId(random.u16(..)),
                        epoch: Epoch(random.u64(..1 << 60)),
                    },
                    revision: Revision {
                        generation,
                        counter: self.counter,
                    },
                }
            }
        }
    }

    fn draw_and_apply(&mut self, random: &mut fastrand::Rng, generation: u32) -> Change {
        let change = self.draw(random, generation);
        self.apply(change.clone());
        change
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Registered { id, statistic } => {
                let (subscription, last) = (None, None);
                let new = LoadedStatistic {
                    id,
                    statistic,
                    subscription,
                    protected: false,
                    last,
                };
                self.statistics.insert(id.0, new);
            }
            Change::Forgotten { id } => drop(self.statistics.remove(&id.0)),
            Change::ServerNamed { server, name } => drop(self.servers.insert(server.0, name)),
            Change::StatTypes { server_name, names } => {
                self.stat_types.insert(server_name, names);
            }
            Change::LinkUp { .. }
            | Change::LinkDown { .. }
            | Change::Dropped { .. }
            | Change::Erased { .. } => {}
            Change::Subscribed { id, subscription } => {
                self.with(id, |known| {
                    known.subscription = Some(subscription);
                    known.protected = subscription.protected;
                });
            }
            Change::Unsubscribed { id } => self.with(id, |known| known.subscription = None),
            Change::Sample {
                id,
                sample,
                revision,
            } => {
                self.last_revision = revision;
                self.with(id, |known| {
                    known.last = Some(LastValue { sample, revision });
                });
            }
            Change::Validated { id, at } => self.with(id, |known| {
                if let Some(last) = &mut known.last {
                    last.sample.validated_at = at;
                }
            }),
            Change::Quality { id, quality } => self.with(id, |known| {
                if let Some(last) = &mut known.last {
                    last.sample.quality = quality;
                }
            }),
        }
    }

    fn with(&mut self, id: StatisticId, change: impl FnOnce(&mut LoadedStatistic)) {
        if let Some(known) = self.statistics.get_mut(&id.0) {
            change(known);
        }
    }

    fn check(&self, opened: &Opened, what: &str) {
        let loaded = &opened.loaded;
        assert_eq!(opened.report.damaged, Vec::<String>::new(), "{what}");
        let expected: Vec<_> = self.statistics.values().cloned().collect();
        for (found, expected) in loaded.statistics.each().zip(&expected) {
            assert_eq!(
                format!("{found:.60?}"),
                format!("{expected:.60?}"),
                "{what}"
            );
            assert_eq!(found, *expected, "{what}");
        }
        assert_eq!(loaded.statistics.len(), expected.len(), "{what}");
        assert_eq!(loaded.next_id.0, self.next_id, "{what}");
        assert_eq!(loaded.last_revision, self.last_revision, "{what}");
        let servers = self.servers.iter();
        let servers: Vec<_> = servers
            .map(|(id, name)| (ServerId(*id), name.clone()))
            .collect();
        assert_eq!(loaded.servers, servers, "{what}");
        let types: Vec<_> = self.stat_types.clone().into_iter().collect();
        assert_eq!(loaded.stat_types, types, "{what}");
    }
}

fn unusual(id: u32) -> Arc<Statistic> {
    let usual = statistic(id);
    let object_type = ObjectType::ALL[id as usize % 17];
    let filter = "é;%".repeat(id as usize % 5);
    let range = "r".repeat(id as usize % 300);
    let [metric, object_id, tenant, ..] = usual.texts();
    let texts = [metric, object_id, tenant, &filter, "", "", &range];
    Arc::new(Statistic::of(object_type, texts, id.is_multiple_of(3)))
}

fn value(random: &mut fastrand::Rng) -> Value {
    match random.u32(..10) {
        0 => Value::Decimal(format!("{}.50", random.i32(..)).into()),
        1 => Value::Text("t".repeat(random.usize(..20_000)).into()),
        2 => Value::State(Arc::new(crate::model::State::Raw {
            raw: std::iter::repeat_with(|| random.u8(..)).take(300).collect(),
        })),
        3 => Value::Integer(random.i64(..)),
        _ => Value::Integer(random.i64(..1000)),
    }
}

/// Tells the child its store, its seed and how many steps to take.
const CHILD: &str = "PEEKD_TEST_MODEL";

/// Takes some steps with orderly ends in between. Deterministic, so that parent and child agree on
/// what the store must hold, whether they have a store or not.
fn take_steps(seed: u64, steps: u32, store: &mut dyn FnMut(Step)) -> Model {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut model = Model::default();
    let mut generation = 1;
    for _ in 0..steps {
        let count = random.u32(..300);
        let drawn = (0..count).map(|_| model.draw_and_apply(&mut random, generation));
        store(Step::Record(drawn.collect()));
        match random.u32(..6) {
            0 => {
                store(Step::Reopen(Box::new(model.clone())));
                model.counter = 0;
                generation += 1;
            }
            1 => store(Step::Flush),
            _ => {}
        }
    }
    store(Step::Flush);
    model
}

enum Step {
    Record(Vec<Change>),
    Flush,
    Reopen(Box<Model>),
}

/// Pages are written every 20 ms, so that a sudden end falls into that.
fn busy(path: &Path) -> Config {
    let mut config = config(path);
    config.flush_interval = Duration::from_micros(200);
    config.journal_size_max = 30_000;
    config
}

/// Takes the steps with a store and ends without closing it. A test only because the child is this
/// test program; without its task it does nothing.
#[test]
fn child() {
    let Ok(task) = std::env::var(CHILD) else {
        return;
    };
    let mut task = task.splitn(3, ' ');
    let mut number = || task.next().unwrap().parse::<u32>().unwrap();
    let (seed, steps) = (number(), number());
    let config = busy(Path::new(task.next().unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut store = open(&config, &clock()).unwrap();
    take_steps(u64::from(seed), steps, &mut |step| match step {
        Step::Record(changes) => store.writer.record(changes),
        Step::Flush => runtime.block_on(store.writer.flush()).unwrap(),
        Step::Reopen(model) => {
            store.writer.close().unwrap();
            store = open(&config, &clock()).unwrap();
            model.check(&store, &format!("seed {seed}, reopened"));
        }
    });
    std::process::exit(0);
}

#[test]
fn random_changes_and_ends_agree_with_a_plain_map() {
    for seed in 0..16 {
        let steps = 5 + seed * 3;
        let dir = tempfile::tempdir().unwrap();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["store::tests::model::child", "--exact", "--nocapture"])
            .env(CHILD, format!("{seed} {steps} {}", dir.path().display()))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let model = take_steps(seed, u32::try_from(steps).unwrap(), &mut |_| ());
        let what = format!("seed {seed}");
        model.check(&open(&busy(dir.path()), &clock()).unwrap(), &what);
    }
}
