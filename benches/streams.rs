//! A thousand dashboards: clients that follow statistics over `/v1/stream` of a real service while its
//! Stat Server pushes. How late values are shown, whether every client ends with the newest, what
//! it costs the service, and what a client costs that stops reading.
//!
//! `PEEKD_BENCH_CLIENTS`, `PEEKD_BENCH_RATE` (values a second) and `PEEKD_BENCH_SECONDS` change the load.

#[path = "figures/process.rs"]
mod process;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use peekd::model::{Clock, Timestamp};
use peekd::simulator::{Config, Simulator};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::ChildStdout;
use tokio::sync::watch;
use tokio::task::JoinSet;

use process::{number, processor_ms_of, report, resident_of};

const STATISTICS: u32 = 10_000;
/// Statistics that a client follows.
const FOLLOWED: usize = 100;
/// A value told later than this is late, in milliseconds.
const LATE_MS: usize = 2_000;

fn main() -> io::Result<()> {
    let name = format!("peekd-bench-streams-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let measured = runtime.block_on(follow(&path));
    fs::remove_dir_all(&path)?;
    measured
}

/// What is told of a statistic, as far as it matters here.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    id: &'a str,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow, rename = "receivedAt")]
    received_at: Option<&'a str>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    statistics: Vec<Told<'a>>,
    #[serde(borrow, default)]
    changes: Vec<Told<'a>>,
}

/// What one client saw.
#[derive(Default)]
struct Seen {
    values: HashMap<String, String>,
    updates: u64,
    /// Updates by how late they were, in milliseconds; the last place is for all later ones.
    late: Vec<u64>,
}

async fn follow(path: &Path) -> io::Result<()> {
    let (clients, rate) = (
        number("PEEKD_BENCH_CLIENTS", 1_000),
        number("PEEKD_BENCH_RATE", 10_000),
    );
    let seconds = number("PEEKD_BENCH_SECONDS", 30);
    fs::create_dir_all(path)?;
    let mut simulator = Process(simulate()?);
    let (stat_server, _said) = stat_server_of(&mut simulator).await?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let service = Process(serve(path, address, stat_server)?);
    let statistics = known(address).await?;
    report(&format!("{} statistics are open", statistics.len()));

    let (stop, stopped) = watch::channel(false);
    let ready = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    for client in 0..clients {
        let mut draw = fastrand::Rng::with_seed(u64::from(client));
        let ids = draw.choose_multiple(&statistics, FOLLOWED);
        let ids = ids.into_iter().map(|(id, _)| id.clone()).collect();
        let (ready, stopped) = (ready.clone(), stopped.clone());
        tasks.spawn(client_of(address, ids, ready, stopped));
    }
    while ready.load(Ordering::Relaxed) < clients {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pid = service.0.id().to_string();
    let memory = resident_of(&pid);
    // Follows everything and reads nothing.
    let mut deaf = TcpStream::connect(address).await?;
    deaf.write_all(request(address, "/v1/stream").as_bytes())
        .await?;

    let worked = processor_ms_of(&pid);
    simulator.say(&format!("rate {rate}"))?;
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    let worked = processor_ms_of(&pid) - worked;
    let memory_later = resident_of(&pid);
    // Nothing changes any more, login times included.
    simulator.say("freeze primary")?;
    // What is under way by then is told within two seconds, or it is late.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    stop.send_replace(true);
    let newest: HashMap<String, String> = known(address).await?.into_iter().collect();
    let mut late = vec![0; LATE_MS + 1];
    let (mut updates, mut wrong) = (0, 0);
    while let Some(seen) = tasks.join_next().await {
        let seen = seen.map_err(io::Error::other)??;
        updates += seen.updates;
        for (all, of_one) in late.iter_mut().zip(seen.late) {
            *all += of_one;
        }
        let is_wrong = |(id, value): &(&String, &String)| newest.get(*id) != Some(value);
        wrong += seen.values.iter().filter(is_wrong).count() + FOLLOWED - seen.values.len();
    }
    report(&format!(
        "{clients} clients with {FOLLOWED} statistics each, {rate} values/s for {seconds} s: {updates} updates, {} a \
         second; shown after: median {} ms, 99 % {} ms, latest {}; {wrong} values at the end are not the newest; \
         {:.2} cores; memory {} MB before, {} MB after, with one client that follows everything and does not read",
        updates / u64::from(seconds),
        quantile(&late, 50),
        quantile(&late, 99),
        latest(&late),
        f64::from(u32::try_from(worked).unwrap_or(u32::MAX)) / 1000.0 / f64::from(seconds),
        memory >> 20,
        memory_later >> 20,
    ));
    let mut unread = Vec::new();
    let told = tokio::time::timeout(Duration::from_secs(10), deaf.read_to_end(&mut unread)).await;
    report(&format!(
        "the client that did not read got {} MB, and then {}",
        unread.len() >> 20,
        match told {
            Err(_) => "was told more".to_owned(),
            Ok(Ok(_)) => "the stream ended".to_owned(),
            Ok(Err(error)) => format!("the connection broke: {error}"),
        }
    ));
    Ok(())
}

/// The lateness in milliseconds that so many per cent do not exceed.
fn quantile(late: &[u64], per_cent: u64) -> usize {
    let all: u64 = late.iter().sum();
    let mut left = all * per_cent / 100;
    let place = late.iter().position(|count| {
        let is_here = *count > left;
        left = left.saturating_sub(*count);
        is_here
    });
    place.unwrap_or(LATE_MS)
}

fn latest(late: &[u64]) -> String {
    match late.iter().rposition(|count| *count > 0) {
        Some(LATE_MS) => {
            let count = late.last().copied().unwrap_or_default();
            format!("{LATE_MS} ms or more ({count} updates)")
        }
        place => format!("{} ms", place.unwrap_or(0)),
    }
}

/// Follows `ids` until told to stop.
async fn client_of(
    address: SocketAddr,
    ids: Vec<String>,
    ready: Arc<AtomicU32>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<Seen> {
    let stream = TcpStream::connect(address).await?;
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    let path = format!("/v1/stream?id={}", ids.join(","));
    reader.write_all(request(address, &path).as_bytes()).await?;
    let clock = Clock::system();
    let mut seen = Seen {
        late: vec![0; LATE_MS + 1],
        ..Seen::default()
    };
    let mut line = String::new();
    loop {
        line.clear();
        tokio::select! {
            read = reader.read_line(&mut line) => if read? == 0 {
                return Err(io::Error::other("the stream ended"));
            },
            _ = stopped.changed() => return Ok(seen),
        }
        if line.starts_with("event: snapshot-end") {
            ready.fetch_add(1, Ordering::Relaxed);
        }
        let Some(data) = line.strip_prefix("data: ") else {
            continue;
        };
        let now = clock.wall();
        let event: Event<'_> = serde_json::from_str(data).map_err(io::Error::other)?;
        for told in event.statistics {
            seen.keep(&told);
        }
        for told in event.changes {
            let received = told.received_at.and_then(|at| Timestamp::read(at, now));
            let late = received.map_or(0, |received| now.0.saturating_sub(received.0));
            let place = usize::try_from(late).unwrap_or(LATE_MS).min(LATE_MS);
            if let Some(count) = seen.late.get_mut(place) {
                *count += 1;
            }
            seen.updates += 1;
            seen.keep(&told);
        }
    }
}

impl Seen {
    fn keep(&mut self, told: &Told<'_>) {
        let value = told.value.map_or("null", RawValue::get);
        match self.values.get_mut(told.id) {
            Some(known) => value.clone_into(known),
            None => {
                self.values.insert(told.id.to_owned(), value.to_owned());
            }
        }
    }
}

fn request(address: SocketAddr, path: &str) -> String {
    // HTTP/1.0 has no chunks, so that lines are lines.
    format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")
}

/// What the service knows: each statistic's id with its value, once all are open and have one.
async fn known(address: SocketAddr) -> io::Result<Vec<(String, String)>> {
    for _ in 0..600 {
        if let Ok(mut stream) = TcpStream::connect(address).await {
            stream
                .write_all(request(address, "/v1/statistics?limit=10000").as_bytes())
                .await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            if let Ok(event) = serde_json::from_str::<Event<'_>>(body) {
                let told = event.statistics.iter();
                let known: Vec<(String, String)> = told
                    .filter_map(|told| Some((told.id.to_owned(), told.value?.get().to_owned())))
                    .collect();
                if known.len() >= STATISTICS as usize {
                    return Ok(known);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(io::Error::other("not every statistic got a value"))
}

/// A process that is ended with this.
struct Process(Child);

impl Process {
    fn say(&mut self, command: &str) -> io::Result<()> {
        let Some(input) = &mut self.0.stdin else {
            return Ok(());
        };
        writeln!(input, "{command}")?;
        input.flush()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            report(&format!("a process did not end: {error}"));
        }
    }
}

fn simulate() -> io::Result<Child> {
    Command::new(env!("CARGO_BIN_EXE_peekd"))
        .args([
            "simulate",
            "--primary",
            "127.0.0.1:0",
            "--backup",
            "127.0.0.1:0",
        ])
        .args(["--speed", "1", "--statistics", &STATISTICS.to_string()])
        .env("PEEKD_LOG", "error")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

/// Where the simulated primary says that it listens, and the pipe in which it may say more.
async fn stat_server_of(
    simulator: &mut Process,
) -> io::Result<(SocketAddr, Lines<BufReader<ChildStdout>>)> {
    let said = simulator.0.stdout.take();
    let said = said.ok_or_else(|| io::Error::other("the simulator says nothing"))?;
    let said = ChildStdout::from_std(said)?;
    let mut lines = BufReader::new(said).lines();
    let line = lines.next_line().await?.unwrap_or_default();
    let address = line.rsplit(' ').next().unwrap_or_default();
    let address = address.parse().map_err(io::Error::other)?;
    Ok((address, lines))
}

fn serve(path: &Path, address: SocketAddr, stat_server: SocketAddr) -> io::Result<Child> {
    let config = Config {
        seed: 1,
        speed: 1.0,
        statistics: STATISTICS,
        tenant_passwords: Vec::new(),
        version: "8.5".to_owned(),
    };
    let mut file = format!(
        "[store]\npath = \"store\"\n[http]\nlisten = \"{address}\"\n\
         [http.auth]\nopen = [\"/v1/stream\", \"/v1/statistics\"]\n\
         [[stat_server]]\nname = \"StatServer\"\nprimary = \"{stat_server}\"\n"
    );
    let statistics = Simulator::new(config, Clock::system()).statistics();
    for statistic in statistics.iter().take(STATISTICS as usize) {
        write!(
            file,
            "[[open]]\nstatistic = \"{statistic}\"\nnotification_mode = \"Immediate\"\n"
        )
        .map_err(io::Error::other)?;
    }
    let config = path.join("peekd.toml");
    fs::write(&config, file)?;
    Command::new(env!("CARGO_BIN_EXE_peekd"))
        .args(["serve", "--config"])
        .arg(&config)
        .env("PEEKD_LOG", "error")
        .stdin(Stdio::null())
        .spawn()
}
