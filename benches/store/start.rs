//! A real `peekd serve` on a store of very many last values: from its start to the first answer, after
//! a clean stop and after a kill under load, and how much memory it needs.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use peekd::model::{Clock, NotificationMode, StatisticId, Value};
use peekd::store::{Change, Error, Subscription, open};
use tokio::time::Instant;

use crate::figures::{number, processor_ms_of, registered, report, resident_of, sample, size};
use crate::{STATISTICS, config, load};

/// The form of the last of them, as [`registered`] made it; filled in before it is asked for.
const FORM: &str = "metric=Total_Calls&objectType=Agent&tenant=Environment&objectId=agent";
/// Longer than any start may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long the store is under load before it is killed.
const LOADED: Duration = Duration::from_secs(10);

pub(crate) fn start(path: &Path) -> Result<(), Error> {
    let statistics = number("PEEKD_BENCH_STATISTICS", STATISTICS).max(4) / 4 * 4;
    let store = path.join("store");
    fill(&store, statistics)?;
    report(&format!(
        "{statistics} statistics, held open; {} MB on the disk",
        size(&store) >> 20
    ));
    let turns = number("PEEKD_BENCH_TURNS", 3);
    for turn in 1..=turns {
        let what = format!("clean stop {turn}");
        serve(path, statistics, &what).map_err(failed)?;
    }
    for turn in 1..=turns {
        kill_under_load(&store).map_err(failed)?;
        let what = format!("SIGKILL under load {turn}");
        serve(path, statistics, &what).map_err(failed)?;
    }
    Ok(())
}

fn fill(store: &Path, statistics: u32) -> Result<(), Error> {
    fs::create_dir_all(store).map_err(failed)?;
    let clock = Clock::system();
    let opened = open(&config(store), &clock)?;
    for first in (0..statistics).step_by(10_000) {
        let ids = first..statistics.min(first + 10_000);
        opened.writer.record(ids.clone().map(registered));
        opened.writer.record(ids.clone().map(subscribed));
        let now = clock.wall();
        opened.writer.record(ids.map(|id| {
            let value = Value::Integer(i64::from(id % 5_000));
            sample(id, now, value, u64::from(id) + 1)
        }));
        crate::figures::flush(&opened);
    }
    opened.writer.close()
}

fn subscribed(id: u32) -> Change {
    Change::Subscribed {
        id: StatisticId(id),
        subscription: Subscription {
            mode: NotificationMode::Immediate,
            protected: false,
        },
    }
}

/// Has another process write to the store as fast as a busy site, and kills it in the middle of it.
fn kill_under_load(store: &Path) -> io::Result<()> {
    let mut loader = Command::new(std::env::current_exe()?)
        .env(load::STORE, store)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(said) = loader.stdout.take() {
        BufReader::new(said).read_line(&mut String::new())?;
    }
    std::thread::park_timeout(LOADED);
    loader.kill()?;
    loader.wait()?;
    Ok(())
}

/// Starts the service, waits for its first answer, looks at its memory, stops it in order.
fn serve(path: &Path, statistics: u32, what: &str) -> io::Result<()> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let file = path.join("peekd.toml");
    // Nothing listens at port 9: every answer is the store's.
    let text = format!(
        "[store]\npath = \"store\"\njournal_max_size = \"1GiB\"\n[http]\nlisten = \"{address}\"\n\
         [[stat_server]]\nname = \"StatServer\"\nprimary = \"127.0.0.1:9\"\n"
    );
    fs::write(&file, text)?;
    let began = Instant::now();
    let mut service = Command::new(env!("CARGO_BIN_EXE_peekd"))
        .args(["serve", "--config"])
        .arg(&file)
        .env("PEEKD_LOG", "error")
        .stdin(Stdio::null())
        .spawn()?;
    let form = format!("{FORM}{:06}", statistics / 4 - 1);
    let answer = first_answer(&mut service, address, &form, began);
    let took = began.elapsed();
    let worked = processor_ms_of(&service.id().to_string());
    // Until whatever else begins at the start has had its time.
    std::thread::park_timeout(Duration::from_secs(3));
    let memory = resident_of(&service.id().to_string());
    Command::new("kill")
        .args(["-TERM", &service.id().to_string()])
        .status()?;
    let stopping = Instant::now();
    let ended = service.wait()?;
    report(&format!(
        "{what}: first answer after {took:?}, {worked} ms of processor ({}); memory {} MB, {} bytes a statistic; \
         stopped in {:?}, {ended}",
        answer?,
        memory >> 20,
        memory / u64::from(statistics),
        stopping.elapsed()
    ));
    Ok(())
}

/// Asks until the value is answered.
fn first_answer(
    service: &mut Child,
    address: SocketAddr,
    form: &str,
    began: Instant,
) -> io::Result<String> {
    let mut last = String::new();
    while began.elapsed() < PATIENCE && service.try_wait()?.is_none() {
        if let Ok(answer) = ask(address, form) {
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
            if head.starts_with("HTTP/1.1 200") {
                return Ok(body.to_owned());
            }
            last = answer;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    Err(io::Error::other(format!("no answer; the last was {last}")))
}

fn ask(address: SocketAddr, form: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        connection,
        "POST /genesys/1/internal_statistic HTTP/1.1\r\nHost: {address}\r\n\
         Cache-Control: max-age=1, max-stale\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn failed(error: io::Error) -> Error {
    Error::Engine(error.to_string())
}
