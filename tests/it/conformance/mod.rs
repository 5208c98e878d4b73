//! The contract, row by row: raw bytes over a socket, whole answers compared, in a world whose
//! time stands still and moves only when a test says so.

mod directives;
mod endpoints;
mod errors;
mod failures;
mod parsing;
mod restarts;
mod slow;
mod suite;

use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;

use peekd::model::{Clock, ObjectType, Statistic, Timestamp};
use peekd::simulator::{Command, Role, ScriptedValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{CREDENTIALS, PATIENCE, World, form};

/// Where the wall clock stands.
const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A service and its Stat Servers. Needs a paused clock.
struct Still {
    world: World,
    clock: Clock,
    /// tokio moves a paused clock by itself when nothing else is to do, bytes on their way through
    /// a socket included, but never while a blocking call runs. This ends one.
    hold: Option<mpsc::Sender<()>>,
}

impl Still {
    async fn start() -> Self {
        Self::start_with("").await
    }

    async fn start_with(more: &str) -> Self {
        let hold = hold_time();
        let clock = Clock::set_at(NOW);
        Self {
            world: World::start_at(clock.clone(), more).await,
            clock,
            hold: Some(hold),
        }
    }

    /// Stops the service and starts it again with the wall clock at `wall`.
    async fn restart(&mut self, wall: Timestamp) {
        // Tasks are waited for with time-outs, and some end by them.
        self.hold = None;
        self.world.stop().await;
        self.hold = Some(hold_time());
        self.clock.set_wall(wall);
        self.world.launch().await;
    }

    /// A statistic that reads 1025 and that nobody has asked for.
    fn statistic(&self, name: &str) -> Statistic {
        let statistic = Statistic::new("TotalLoginTime", ObjectType::Agent, name, "Environment");
        self.script(&statistic, "1025");
        statistic
    }

    fn script(&self, statistic: &Statistic, number: &str) {
        let number = ScriptedValue::Number(number.to_owned());
        self.world.pair.simulator.set(statistic, number);
    }

    /// Fetches a value, so that it is known and new.
    async fn learn(&self, body: &str) {
        let live = self.post("statistic", "Cache-Control: no-cache\r\n", body);
        let answer = live.await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }

    /// The whole answer to a POST with credentials.
    async fn post(&self, endpoint: &str, headers: &str, body: &str) -> String {
        self.exchange(&posting(endpoint, headers, body)).await
    }

    async fn exchange(&self, request: &str) -> String {
        exchange(&self.world.address, request.as_bytes()).await
    }

    /// Both Stat Servers die, and the service notices.
    async fn disconnect(&self) {
        for role in Role::ALL {
            self.world.pair.simulator.command(Command::Kill(role));
        }
        let ready = "GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        while !self.exchange(ready).await.contains("is not connected") {}
    }

    /// Lets time pass until there is an answer. Between the steps another request is answered, so
    /// that none overtakes this one.
    async fn outwait(&self, request: &str) -> String {
        let live = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let mut answer = pin!(self.exchange(request));
        loop {
            let step = async {
                self.exchange(live).await;
                tokio::time::advance(Duration::from_millis(100)).await;
            };
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                () = step => {}
            }
        }
    }
}

fn hold_time() -> mpsc::Sender<()> {
    let (hold, until) = mpsc::channel::<()>();
    // A run that hangs ends: time-outs fire as soon as time moves again.
    tokio::task::spawn_blocking(move || until.recv_timeout(PATIENCE));
    hold
}

fn posting(endpoint: &str, headers: &str, body: &str) -> String {
    format!(
        "POST /genesys/1/{endpoint} HTTP/1.1\r\nHost: 127.0.0.1\r\n{CREDENTIALS}{headers}\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends these bytes on a connection of their own and reads all that comes back, with what differs
/// from run to run replaced.
async fn exchange(address: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let line = |line: &str| match line.split_once(": ") {
        Some(("Date", date)) if date.ends_with(" GMT\r\n") => "Date: (now)\r\n".to_owned(),
        Some(("X-Request-Id", id)) if id.len() == 18 => "X-Request-Id: (id)\r\n".to_owned(),
        _ => line.to_owned(),
    };
    answer.split_inclusive("\r\n").map(line).collect()
}

/// A 200 as the API document shows it.
fn answered(body: &str, age: &str, cache_status: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
         Cache-Control: no-store\r\nAge: {age}\r\nContent-Length: {}\r\n\
         Content-Type: application/json\r\nCache-Status: peekd; {cache_status}\r\n\
         Connection: close\r\nDate: (now)\r\n\r\n{body}",
        body.len()
    )
}

/// An error in the documented shape. `more` are further header lines.
fn refused(status: &str, more: &str, message: &str) -> String {
    let message = serde_json::Value::from(message);
    let body = format!(
        "{{\"message\":{message},\"exception\":\
         \"com.genesyslab.gsg.services.statistic.StatServerException\"}}"
    );
    let id = if status.starts_with('5') {
        "X-Request-Id: (id)\r\n"
    } else {
        ""
    };
    format!(
        "HTTP/1.1 {status}\r\nCache-Control: no-store\r\nContent-Type: application/json\r\n\
         {more}{id}Connection: close\r\nContent-Length: {}\r\nDate: (now)\r\n\r\n{body}",
        body.len()
    )
}
