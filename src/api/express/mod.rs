//! The express lane: peeks that memory alone can answer, from the bytes of the request to the bytes
//! of the answer, without a request or a response being made of them on the way. Where live values
//! are demanded of what is known, it waits for them, too.
//!
//! It knows successes only. Whatever is not asked in the usual form, not proven, not known, not
//! fresh enough or simply wrong is left as it came to hyper and the routes, so that there is one
//! place for every error. What it does answer, they would answer byte for byte alike.

mod answer;
mod direct;
mod escapes;
mod lane;
mod live;
mod login;
mod marks;
mod request;
mod several;
mod single;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use self::answer::Drafts;
pub use self::direct::Direct;
pub(super) use self::lane::Lane;
use self::live::Live;
use self::login::Login;
use super::limits::Seen;

/// Read at a time.
const READ_BYTES: usize = 8 * 1024;
/// Longer requests are hyper's business.
const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// Answers to requests that came at once are sent at the latest when they are this long.
const PENDING_BYTES_MAX: usize = 64 * 1024;

/// Answers requests out of memory, or says who has to.
pub(super) trait Express: Send + Sync {
    /// Appends the answer to the request that `input` begins with to what is to be sent.
    fn answer(&self, memory: &mut Memory, input: &[u8], now: Instant, client: SocketAddr) -> Step;

    /// Appends the answer whose values have come; false if the routes have to give it.
    fn finish(&self, memory: &mut Memory, live: &Live, client: SocketAddr) -> bool;
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is answered; so many bytes long it was.
    Answered(usize),
    /// Its values are being fetched, as [`Memory::live`] tells; so many bytes long it is.
    Waiting(usize),
    /// Its head is not there yet.
    Incomplete,
    /// Its body lacks so many bytes.
    Short(usize),
    /// It is one of ours, but memory alone does not answer it.
    Other,
    /// It is none of ours.
    Foreign,
}

/// Why the lane is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// For one request.
    Other,
    /// For good.
    Foreign,
    /// The client went.
    Closed,
    /// No whole head came in time.
    Idle,
    /// The service stops.
    Stopped,
}

/// What a connection keeps from one request to the next.
#[derive(Default)]
pub(super) struct Memory {
    /// To be sent.
    out: Vec<u8>,
    drafts: Drafts,
    login: Option<Login>,
    /// A `Host` that was found readable.
    host: Vec<u8>,
    limits: Seen,
    /// The request that waits for its values.
    live: Option<Box<Live>>,
    /// Since when the request has been waiting that is left to the routes, if it has.
    since: Option<Instant>,
}

impl Memory {
    /// Since when the request has been waiting that is left to hyper and the routes; `None` if it has
    /// only just come.
    pub(super) fn take_since(&mut self) -> Option<Instant> {
        self.since.take()
    }
}

/// When to stop waiting for a client.
pub(super) struct Waiting<'a, F> {
    /// Soon after the stop.
    pub(super) stopped: Pin<&'a mut F>,
    pub(super) cut: &'a CancellationToken,
    /// Runs while a head is awaited.
    pub(super) idle: Pin<&'a mut Sleep>,
    pub(super) patience: Duration,
    /// The longest head.
    pub(super) head_max: usize,
    /// Whether answers are their connections' last from now on.
    pub(super) is_over: &'a (dyn Fn(Instant) -> bool + Send + Sync),
    pub(super) client: SocketAddr,
}

/// Answers what comes in on `stream` for as long as the lane can. What is left unanswered stands in
/// `input`.
///
/// # Errors
/// The connection broke, or was cut.
pub(super) async fn drive<S, F>(
    lane: &dyn Express,
    memory: &mut Memory,
    (stream, input): (&mut S, &mut BytesMut),
    mut waiting: Waiting<'_, F>,
) -> io::Result<Exit>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = ()>,
{
    loop {
        let exit = answer_all((lane, waiting.client), memory, input, waiting.is_over);
        if !memory.out.is_empty() {
            tokio::select! {
                biased;
                written = send(stream, &memory.out) => written?,
                () = waiting.cut.cancelled() => return Err(io::ErrorKind::TimedOut.into()),
            }
            memory.out.clear();
            memory.out.shrink_to(PENDING_BYTES_MAX);
            waiting
                .idle
                .as_mut()
                .reset(Instant::now() + waiting.patience);
        }
        match exit {
            // There may be more in `input`.
            None => continue,
            Some(Step::Other) => return Ok(Exit::Other),
            Some(Step::Waiting(length)) => {
                if let Some(exit) =
                    wait(lane, memory, (&mut *stream, &mut *input), &waiting).await?
                {
                    return Ok(exit);
                }
                input.advance(length);
                continue;
            }
            Some(Step::Foreign) => return Ok(Exit::Foreign),
            // Whatever has to be waited for has hyper's and the routes' time limits.
            Some(Step::Short(missing)) => {
                if input.len() + missing > REQUEST_BYTES_MAX
                    || !read_what_is_there(stream, input, missing).await?
                {
                    return Ok(Exit::Other);
                }
                continue;
            }
            Some(_) if input.len() >= waiting.head_max => return Ok(Exit::Foreign),
            Some(_) => {}
        }
        input.reserve(READ_BYTES);
        let read = tokio::select! {
            biased;
            read = stream.read_buf(input) => read?,
            () = waiting.idle.as_mut() => return Ok(Exit::Idle),
            () = waiting.stopped.as_mut() => return Ok(Exit::Stopped),
        };
        if read == 0 {
            let exit = if input.is_empty() {
                Exit::Closed
            } else {
                Exit::Foreign
            };
            return Ok(exit);
        }
    }
}

/// Waits for the values of the request that was read last, and appends its answer. Tells why the lane
/// is left if there is none: the routes have to give it where anything is not as it should be.
async fn wait<S: AsyncRead + Unpin, F>(
    lane: &dyn Express,
    memory: &mut Memory,
    (stream, input): (&mut S, &mut BytesMut),
    waiting: &Waiting<'_, F>,
) -> io::Result<Option<Exit>> {
    let Some(live) = memory.live.take() else {
        return Ok(Some(Exit::Other));
    };
    let input_max = input.len() + READ_BYTES;
    let mut values = pin!(live.fetching.succeeded());
    let succeeded = loop {
        tokio::select! {
            biased;
            succeeded = values.as_mut() => break succeeded,
            () = waiting.cut.cancelled() => return Err(io::ErrorKind::TimedOut.into()),
            // Whoever goes needs no answer; the next request may come early.
            read = stream.read_buf(input), if input.len() < input_max => if read? == 0 {
                return Ok(Some(Exit::Closed));
            },
        }
    };
    let is_over = (waiting.is_over)(Instant::now());
    if succeeded && !is_over && lane.finish(memory, &live, waiting.client) {
        return Ok(None);
    }
    memory.since = Some(live.since);
    Ok(Some(Exit::Other))
}

/// Under TLS what was written may still wait for room on the way, and nothing but the next answer
/// would push it.
async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// Reads what has arrived already, with room for `missing` bytes; tells whether there was anything.
async fn read_what_is_there<S: AsyncRead + Unpin>(
    stream: &mut S,
    input: &mut BytesMut,
    missing: usize,
) -> io::Result<bool> {
    input.reserve(missing);
    let mut reading = pin!(stream.read_buf(input));
    let read = poll_fn(|cx| match reading.as_mut().poll(cx) {
        Poll::Ready(read) => Poll::Ready(read.map(|length| length > 0)),
        Poll::Pending => Poll::Ready(Ok(false)),
    });
    read.await
}

/// Answers the requests in `input`, and tells why it stopped; `None` when there is enough to send.
fn answer_all(
    (lane, client): (&dyn Express, SocketAddr),
    memory: &mut Memory,
    input: &mut BytesMut,
    is_over: &(dyn Fn(Instant) -> bool + Send + Sync),
) -> Option<Step> {
    while memory.out.len() < PENDING_BYTES_MAX {
        if input.is_empty() {
            return Some(Step::Incomplete);
        }
        let now = Instant::now();
        if is_over(now) {
            return Some(Step::Foreign);
        }
        match lane.answer(memory, input, now, client) {
            Step::Answered(length) => input.advance(length),
            other => return Some(other),
        }
    }
    None
}
