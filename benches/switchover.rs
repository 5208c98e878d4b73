//! Measures what a lost Stat Server and a lost T-Server cost, against simulated servers in the same
//! process. Prints figures; asserts nothing. `PEEKD_BENCH_STATISTICS` sets the size.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use peekd::model::{Clock, Statistic};
use peekd::service::{Service, Settings};
use peekd::simulator::{Command, Config, Role, Simulator};
use peekd::upstream::TcpConnector;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const STATISTICS: usize = 100_000;
/// Not open at first; asked for live, one after the other, while the others are reopened.
const ASKED: usize = 10_000;
const SWITCHOVERS: usize = 4;
const FLOODED: usize = 10_000;
const FLOODS: usize = 5;
/// How long latency is watched in calm, and from each flood on.
const WATCH: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_mins(2);

fn main() -> anyhow::Result<()> {
    let statistics = std::env::var("PEEKD_BENCH_STATISTICS");
    let statistics = statistics.ok().and_then(|text| text.parse().ok());
    let statistics = statistics.unwrap_or(STATISTICS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let path = std::env::temp_dir().join(format!("peekd-bench-switchover-{}", std::process::id()));
    let outcome = runtime.block_on(async {
        measure_switchovers(&path.join("switchovers"), statistics).await?;
        measure_floods(&path.join("floods")).await
    });
    std::fs::remove_dir_all(&path)?;
    outcome
}

/// Simulated servers and a service that has the first of their statistics open.
struct Bench {
    simulator: Arc<Simulator>,
    statistics: Vec<Statistic>,
    service: Service,
    stop: CancellationToken,
    address: String,
}

impl Bench {
    async fn start(store: &Path, open: usize, more: usize) -> anyhow::Result<Self> {
        std::fs::create_dir_all(store)?;
        let config = Config {
            seed: 42,
            speed: 1.0,
            statistics: u32::try_from(open + more)?,
            tenant_passwords: Vec::new(),
            version: "8.5.112.03".to_owned(),
        };
        let simulator = Simulator::new(config, Clock::system());
        let any = "127.0.0.1:0".parse()?;
        let primary = simulator.listen(Role::Primary, any).await?;
        let backup = simulator.listen(Role::Backup, any).await?;
        simulator.run_centre();
        let statistics = simulator.statistics();
        let mut text = format!(
            "[store]\npath = \"{}\"\n[http]\nlisten = \"127.0.0.1:0\"\n[[stat_server]]\n\
             name = \"StatServer\"\nprimary = \"{primary}\"\nbackup = \"{backup}\"\n",
            store.display()
        );
        let entry = |statistic: &Statistic| format!("[[open]]\nstatistic = \"{statistic}\"\n");
        text.extend(statistics.iter().take(open).map(entry));
        let settings = Settings::from_text(&text).map_err(|faults| anyhow::anyhow!("{faults}"))?;
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?.to_string();
        let stop = CancellationToken::new();
        let connector = Arc::new(TcpConnector);
        let mut service =
            Service::launch(settings, listener, connector, Clock::system(), stop.clone());
        if !service.ready().await {
            bail!("the service ended before it was ready");
        }
        let bench = Self {
            simulator,
            statistics,
            service,
            stop,
            address,
        };
        bench.until_open(Role::Primary, open).await?;
        bench.until_valued().await?;
        Ok(bench)
    }

    /// Answers come in order: behind a live one everything open has its value.
    async fn until_valued(&self) -> anyhow::Result<()> {
        let mut client = Client::connect(&self.address).await?;
        let first = self.statistics.first().context("no statistics")?;
        while client.ask(first, LIVE).await? != 200 {}
        Ok(())
    }

    async fn until_open(&self, role: Role, count: usize) -> anyhow::Result<()> {
        let count = u64::try_from(count)?;
        let waiting = async {
            while self.simulator.counts(role).opens_now < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.context("not everything was opened")
    }

    async fn end(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.service.join().await?;
        self.simulator.stop().await;
        Ok(())
    }
}

async fn measure_switchovers(store: &Path, statistics: usize) -> anyhow::Result<()> {
    let bench = Bench::start(store, statistics, ASKED).await?;
    let asked = bench.statistics.get(statistics..).unwrap_or_default();
    let mut expected = statistics;
    let (mut dying, mut taking) = (Role::Primary, Role::Backup);
    let mut chunks = asked.chunks(ASKED / SWITCHOVERS);
    for _ in 0..SWITCHOVERS {
        let chunk = chunks.next().unwrap_or_default().to_vec();
        let is_over = Arc::<AtomicBool>::default();
        let (over, address) = (is_over.clone(), bench.address.clone());
        let killed = Instant::now();
        bench.simulator.command(Command::Kill(dying));
        let asking = TaskTracker::new().spawn(ask_live(address, chunk, over));
        bench.until_open(taking, expected).await?;
        let opened = killed.elapsed();
        bench.until_valued().await?;
        let valued = killed.elapsed();
        is_over.store(true, Ordering::Relaxed);
        let live = asking.await??;
        expected += live.len();
        let slowest = live.iter().max_by_key(|(_, took)| *took);
        let slowest_at = slowest.map_or(killed, |(asked, _)| *asked) - killed;
        let mut live: Vec<Duration> = live.into_iter().map(|(_, took)| took).collect();
        live.sort();
        let [median, high, most] = [0.5, 0.9, 1.0].map(|part| quantile(&live, part));
        report(&format!(
            "{expected} statistics, {dying} killed: opened after {opened:.2?}, valued after \
             {valued:.2?}; {} live peeks meanwhile, median {median:.1?}, 90 % {high:.1?}, slowest \
             {most:.1?} (asked {slowest_at:.2?} after the kill)",
            live.len()
        ));
        bench.simulator.command(Command::Restore(dying));
        (dying, taking) = (taking, dying);
    }
    bench.end().await
}

/// Asks live for one statistic after the other; answers when each was asked and what it took.
async fn ask_live(
    address: String,
    statistics: Vec<Statistic>,
    is_over: Arc<AtomicBool>,
) -> anyhow::Result<Vec<(Instant, Duration)>> {
    let mut client = Client::connect(&address).await?;
    let mut took = Vec::new();
    for statistic in &statistics {
        // Without a connection there is nothing to be had, and that is told at once.
        loop {
            if is_over.load(Ordering::Relaxed) {
                return Ok(took);
            }
            let asked = Instant::now();
            if client.ask(statistic, LIVE).await? == 200 {
                took.push((asked, asked.elapsed()));
                break;
            }
        }
    }
    Ok(took)
}

async fn measure_floods(store: &Path) -> anyhow::Result<()> {
    let bench = Bench::start(store, FLOODED, 0).await?;
    let open = bench.statistics.get(..FLOODED).unwrap_or_default();
    let mut client = Client::connect(&bench.address).await?;
    watch(&mut client, open).await?;
    let (mut calm, mut invalid, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..FLOODS {
        calm.extend(watch(&mut client, open).await?);
        bench.simulator.command(Command::Invalid(Role::Primary));
        invalid.extend(watch(&mut client, open).await?);
        bench.simulator.command(Command::Valid(Role::Primary));
        valid.extend(watch(&mut client, open).await?);
    }
    for (what, took) in [
        ("calm", &mut calm),
        ("lost", &mut invalid),
        ("back", &mut valid),
    ] {
        took.sort();
        let [median, high, most] = [0.5, 0.99, 1.0].map(|part| quantile(took, part));
        report(&format!(
            "{FLOODED} statistics, T-Server {what}: {} answers, median {median:.0?}, 99 % \
             {high:.0?}, slowest {most:.1?}",
            took.len()
        ));
    }
    bench.end().await
}

/// Asks for stored values for a while.
async fn watch(client: &mut Client, statistics: &[Statistic]) -> anyhow::Result<Vec<Duration>> {
    let (began, mut took) = (Instant::now(), Vec::new());
    for statistic in statistics.iter().cycle() {
        if began.elapsed() >= WATCH {
            break;
        }
        let asked = Instant::now();
        let status = client.ask(statistic, STORED).await?;
        if status != 200 {
            bail!("{statistic}: {status}");
        }
        took.push(asked.elapsed());
    }
    Ok(took)
}

const LIVE: &str = "Cache-Control: max-age=0\r\n";
const STORED: &str = "Cache-Control: only-if-cached\r\n";

/// One HTTP connection, one request at a time.
struct Client(TcpStream);

impl Client {
    async fn connect(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    async fn ask(&mut self, statistic: &Statistic, headers: &str) -> anyhow::Result<u16> {
        let body = format!(
            "objectId={}&objectType={}&tenant={}&metric={}",
            statistic.object_id(),
            statistic.object_type(),
            statistic.tenant(),
            statistic.metric()
        );
        let request = format!(
            "POST /genesys/1/internal_statistic HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        loop {
            if self.0.read_buf(&mut bytes).await? == 0 {
                bail!("the service closed the connection");
            }
            let text = String::from_utf8_lossy(&bytes);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let lower = head.to_ascii_lowercase();
            let length = lower
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .context("an answer without a length")?;
            if body.len() >= length.parse()? {
                let status = head.split(' ').nth(1).context("no status")?;
                return Ok(status.parse()?);
            }
        }
    }
}

/// The value that this part of the sorted ones does not exceed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a part of a small count"
)]
fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let at = (sorted.len().saturating_sub(1) as f64 * part) as usize;
    sorted.get(at).copied().unwrap_or_default()
}

fn report(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").unwrap_or_default();
}
