//! Several Stat Servers: which one is asked, which one next, and what moves; and both sides of one.

use std::sync::Arc;
use std::time::Duration;

use peekd::model::{Clock, ObjectType, Statistic};
use peekd::service::Service;
use peekd::simulator::{Command, Config, LogEntry, LogKind, Model, PairConfig, PairId};
use peekd::simulator::{Role, Simulator};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::harness::{PATIENCE, Pair, World, login_time, peek, service_on, until};

const LIVE: &str = "Cache-Control: no-cache\r\n";

/// A service in front of several pairs, each with its name, its stat types and more configuration.
struct Several {
    simulator: Arc<Simulator>,
    address: String,
    service: Service,
    stop: CancellationToken,
    _store: TempDir,
}

impl Several {
    async fn start(pairs: &[(&str, &[&str], &str)]) -> Self {
        let config = Config {
            seed: 42,
            speed: 10.0,
            statistics: 100,
            tenant_passwords: Vec::new(),
            version: "8.5.112.03".to_owned(),
        };
        let configs = pairs.iter().map(|(name, stat_types, _)| PairConfig {
            name: (*name).to_owned(),
            stat_types: stat_types.iter().map(|name| (*name).to_owned()).collect(),
        });
        let (model, clock) = (Model::default(), Clock::system());
        let simulator = Simulator::with(config, model, configs.collect(), clock).unwrap();
        let store = TempDir::new().unwrap();
        let mut servers = String::new();
        for (name, _, more) in pairs {
            let server = simulator.pair(name).unwrap().server(Role::Primary);
            let any = "127.0.0.1:0".parse().unwrap();
            let address = simulator.listen(server, any).await.unwrap();
            let server = format!(
                "[[stat_server]]\nname = \"{name}\"\nprimary = \"{address}\"\n\
                 profile_refresh = \"10s\"\n{more}"
            );
            servers.push_str(&server);
        }
        simulator.run_centre();
        let text = Pair::head(store.path(), "") + &servers;
        let (service, address, stop) = service_on(&text).await;
        Self {
            simulator,
            address,
            service,
            stop,
            _store: store,
        }
    }

    fn id(&self, name: &str) -> PairId {
        self.simulator.pair(name).unwrap()
    }

    /// The pairs that were asked to open the statistic, in order.
    fn opened(&self, statistic: &Statistic) -> Vec<PairId> {
        let text = statistic.to_string();
        let opens = |entry: &LogEntry| entry.kind == LogKind::Open && entry.statistic == text;
        let opens = self.simulator.log_where(opens);
        opens.into_iter().map(|entry| entry.pair).collect()
    }

    async fn eventually(&self, what: &str, reached: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !reached(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{what}");
    }

    async fn end(mut self) {
        self.stop.cancel();
        self.service.join().await.unwrap();
    }
}

fn waiting() -> Statistic {
    let queue = "9001@SIP_Switch";
    Statistic::new(
        "CurrNumberWaitingCalls",
        ObjectType::Queue,
        queue,
        "Environment",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statistic_goes_to_the_first_server_that_defines_its_metric() {
    let agents: &[&str] = &["TotalLoginTime", "CurrentAgentState"];
    let several = Several::start(&[("Agents", agents, ""), ("All", &[], "")]).await;
    for statistic in [login_time(), waiting()] {
        assert_eq!(peek(&several.address, &statistic, "").await.status, 200);
    }
    assert_eq!(several.opened(&login_time()), [several.id("Agents")]);
    assert_eq!(several.opened(&waiting()), [several.id("All")]);
    let defined = waiting();
    let undefined = Statistic::new(
        "NoSuchMetric",
        defined.object_type(),
        defined.object_id(),
        defined.tenant(),
    );
    let refused = peek(&several.address, &undefined, "").await;
    assert_eq!(refused.status, 403);
    assert!(refused.message().contains("NoSuchMetric"), "{refused:?}");
    several.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_statistic_is_tried_elsewhere_only_where_the_configuration_says_so() {
    let somebody = login_time();
    let nobody = Statistic::new(
        somebody.metric(),
        somebody.object_type(),
        "Nobody",
        somebody.tenant(),
    );
    let several = Several::start(&[("A", &[], ""), ("B", &[], "")]).await;
    assert_eq!(peek(&several.address, &nobody, "").await.status, 403);
    assert_eq!(several.opened(&nobody), [several.id("A")]);
    several.end().await;

    let generous = "try_next = true\n";
    let several = Several::start(&[("A", &[], generous), ("B", &[], generous)]).await;
    let refused = peek(&several.address, &nobody, "").await;
    assert_eq!(refused.status, 403);
    assert!(refused.message().contains("Nobody"), "{refused:?}");
    let (first, second) = (several.id("A"), several.id("B"));
    assert_eq!(several.opened(&nobody), [first, second]);
    // Remembered: nobody is asked again.
    assert_eq!(peek(&several.address, &nobody, LIVE).await.status, 403);
    assert_eq!(several.opened(&nobody), [first, second]);
    several.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_that_moves_takes_its_statistics_along() {
    let queues: &[&str] = &["CurrNumberWaitingCalls", "ExpectedWaitTime"];
    let agents: &[&str] = &["TotalLoginTime"];
    let several = Several::start(&[("A", queues, ""), ("B", agents, "")]).await;
    assert_eq!(peek(&several.address, &waiting(), "").await.status, 200);
    let (first, second) = (several.id("A"), several.id("B"));
    several
        .simulator
        .define(first, &["ExpectedWaitTime"])
        .unwrap();
    several
        .simulator
        .define(second, &["TotalLoginTime", "CurrNumberWaitingCalls"])
        .unwrap();
    // Profiles are read again on reconnection.
    several
        .simulator
        .command_to(first, Command::Kill(Role::Primary));
    several
        .simulator
        .command_to(second, Command::Kill(Role::Primary));
    several.simulator.command(Command::RestoreAll);
    several.simulator.command_to(second, Command::RestoreAll);
    several
        .eventually("opened on the other server", |several| {
            several.opened(&waiting()).last() == Some(&second)
        })
        .await;
    until(&several.address, &waiting(), LIVE, |live| {
        live.status == 200
    })
    .await;
    let opens = |pair: PairId| {
        several
            .simulator
            .counts(pair.server(Role::Primary))
            .opens_now
    };
    several
        .eventually("closed on the first", |_| {
            (opens(first), opens(second)) == (0, 1)
        })
        .await;
    several.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opened_on_both_sides_a_switchover_reopens_nothing() {
    let mut world = World::start_with("open_on = \"both\"\n").await;
    for statistic in world.pair.open_to_all() {
        assert_eq!(world.peek(&statistic, "").await.status, 200);
    }
    let counts = |role: Role| world.pair.simulator.counts(role);
    let opens = counts(Role::Primary).opens_now;
    assert!(opens >= 50, "{opens}");
    let suspended = |role: Role, kind: LogKind| {
        let of = move |entry: &LogEntry| entry.role == role && entry.kind == kind;
        u64::try_from(world.pair.simulator.log_count(of)).unwrap()
    };
    let ready = async {
        while suspended(Role::Backup, LogKind::Suspend) < opens {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ready)
        .await
        .expect("everything open on both");
    assert_eq!(counts(Role::Backup).opens_now, opens);

    world.pair.simulator.command(Command::Kill(Role::Primary));
    let live = until(&world.address, &login_time(), LIVE, |live| {
        live.status == 200
    })
    .await;
    assert_eq!(live.age(), 0);
    let resumed = async {
        while suspended(Role::Backup, LogKind::Resume) < opens {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, resumed)
        .await
        .expect("everything resumed");
    assert_eq!(
        counts(Role::Backup).opens_total,
        opens,
        "nothing was opened again"
    );

    // The primary that comes back becomes the side that is not read.
    world.pair.simulator.command(Command::RestoreAll);
    let reopened = async {
        while counts(Role::Primary).opens_now < opens {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reopened)
        .await
        .expect("open on both again");
    world.stop().await;
    let left = |role| world.pair.simulator.counts(role).opens_now;
    assert_eq!((left(Role::Primary), left(Role::Backup)), (0, 0));
}
