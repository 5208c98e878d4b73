//! Connections over the limit get a short 503 and no more: saying so costs little, and a client
//! that only sees its connection closed cannot tell why.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// So many at a time; beyond that connections are closed without a word.
const AT_A_TIME: usize = 64;
/// How long, and for how many bytes, the client's request is awaited: closing with unread bytes
/// would make the system throw the answer away.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: u64 = 64 * 1024;

const ANSWER: &str = "HTTP/1.1 503 Service Unavailable\r\n\
    Retry-After: 1\r\n\
    Connection: close\r\n\
    Content-Type: application/json\r\n\
    Content-Length: 115\r\n\
    \r\n\
    {\"message\":\"too many connections are open\",\
    \"exception\":\"com.genesyslab.gsg.services.statistic.StatServerException\"}";

/// Refuses connections beside the accept loop.
pub(super) struct Refusals {
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_A_TIME)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }
}

impl Refusals {
    pub(super) fn refuse(&self, stream: TcpStream) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return;
        };
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                // The client may be gone; there is nobody left to tell.
                _ = tokio::time::timeout(LINGER, say_no(stream)) => {}
                () = stop.cancelled() => {}
            }
            drop(place);
        });
    }

    /// Drops those under way.
    pub(super) fn close(&self) {
        self.tasks.close();
        self.stop.cancel();
    }
}

async fn say_no(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(ANSWER.as_bytes()).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(LINGER_BYTES_MAX);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_length_it_names() {
        let (head, body) = ANSWER.split_once("\r\n\r\n").unwrap();
        assert!(
            head.ends_with(&format!("Content-Length: {}", body.len())),
            "{}",
            body.len()
        );
    }
}
