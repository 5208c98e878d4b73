//! One client's connection: bytes in, bytes out, heartbeats, and every way it can end.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::super::pair::ServerId;
use super::super::{Simulator, lock};
use super::Condition;
use super::conversation::{Conversation, Tick, View};
use super::delay::DelayLine;
use super::faults::Spoiling;
use super::heartbeat::{Due, Heartbeat};
use super::outbox::Speech;
use crate::simulator::world::Target;
use crate::wire::{Charset, Deframer, Message, Packet, ServerMode};

/// No request is anywhere near as long.
const BODY_LEN_MAX: usize = 1 << 20;
/// Read at once, and so answered under one hold of the world.
const READ_LEN: usize = 64 << 10;
/// Requests that are delayed for so many bytes let no more be read.
const DELAYED_MAX: usize = 16 << 20;
/// A client that takes nothing for so long, while something is there to be taken, is dropped.
const STALL_MAX: Duration = Duration::from_secs(30);

/// The part of a connection that others may touch.
#[derive(Debug)]
pub(in crate::simulator) struct Connection {
    pub(in crate::simulator) number: u64,
    pub(in crate::simulator) server: ServerId,
    /// Ends this connection.
    pub(super) end: CancellationToken,
    pub(super) conversation: Mutex<Conversation>,
    /// There is something to be sent.
    wake: Notify,
}

impl Connection {
    pub(super) fn new(
        number: u64,
        server: ServerId,
        end: CancellationToken,
        conversation: Conversation,
    ) -> Self {
        Self {
            number,
            server,
            end,
            conversation: Mutex::new(conversation),
            wake: Notify::new(),
        }
    }

    pub(in crate::simulator) fn tick(&self, view: View<'_>, tick: &Tick<'_>) {
        self.with_client(|client| client.tick(view, tick));
    }

    /// See [`Conversation::push`].
    pub(in crate::simulator) fn push(&self, view: View<'_>, values: usize) {
        self.with_client(|client| client.push(view, values));
    }

    pub(in crate::simulator) fn scripted(&self, view: View<'_>, target: Target) {
        self.with_client(|client| client.scripted(view, target));
    }

    pub(in crate::simulator) fn spoil(&self, spoiling: Spoiling) {
        self.with_client(|client| client.spoil(spoiling));
    }

    pub(in crate::simulator) fn set_validity(&self, view: View<'_>, is_valid: bool) {
        self.with_client(|client| client.set_validity(view, is_valid));
    }

    /// Closes what nobody asked to close, see [`Conversation::close_unasked`].
    pub(in crate::simulator) fn close_unasked(
        &self,
        view: View<'_>,
        target: Option<Target>,
    ) -> usize {
        let mut closed = 0;
        self.with_client(|client| closed = client.close_unasked(view.time, target));
        closed
    }

    pub(super) fn end_if_spoilt(&self) {
        let mut client = lock(&self.conversation);
        if client.is_spoilt() {
            client.end = Some("spoilt by a fault");
            self.end.cancel();
        }
    }

    pub(super) fn send_mode(&self, mode: ServerMode, time: u32) {
        self.with_client(|client| client.send_mode(mode, time));
    }

    /// Lets `act` add to what is to be sent, then sees that it goes, or that the client does.
    pub(super) fn with_client(&self, act: impl FnOnce(&mut Conversation)) {
        let mut client = lock(&self.conversation);
        act(&mut client);
        if client.outbox.is_over() {
            client.end = Some("the client does not read");
            self.end.cancel();
        } else if !client.outbox.is_empty() {
            self.wake.notify_one();
        }
    }
}

/// Serves one client until either side has enough; says why it ended.
async fn converse<S>(
    simulator: &Simulator,
    connection: &Connection,
    stream: S,
) -> Result<Infallible, String>
where
    S: AsyncRead + AsyncWrite,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let side = simulator.side(connection.server);
    let mut condition = side.watch();
    let mut deframer = Deframer::new(BODY_LEN_MAX);
    let mut heartbeat = Heartbeat::new(Instant::now());
    let mut input = BytesMut::new();
    let mut output = BytesMut::new();
    let (mut arriving, mut leaving) = (DelayLine::default(), DelayLine::default());
    let mut progress = Instant::now();
    let mut buffer = BytesMut::new();
    loop {
        if *condition.borrow_and_update() == Condition::Frozen {
            return Err(swallow(reader, connection).await);
        }
        let now = Instant::now();
        while let Some(bytes) = arriving.take(now) {
            heartbeat.received(now);
            input.unsplit(bytes);
        }
        // A server that was frozen or killed a moment ago must not answer any more.
        if !input.is_empty() && side.condition() == Condition::Up {
            take_in(
                simulator,
                connection,
                &mut deframer,
                &mut input,
                &mut heartbeat,
            )?;
        }
        let (unsent, speech, is_choked) = {
            let outbox = &mut lock(&connection.conversation).outbox;
            (outbox.take(), outbox.speech(), outbox.is_choked())
        };
        leaving.put(unsent, now, side.delay());
        if output.is_empty() {
            output = leaving.take(now).unwrap_or_default();
            progress = now;
        }
        let is_sending = !output.is_empty();
        let is_reading = !is_choked && arriving.len() < DELAYED_MAX;
        let next_bytes = arriving.due().into_iter();
        let next_bytes = next_bytes
            .chain(leaving.due().filter(|_| !is_sending))
            .min();
        // Who says nothing more does not notice that nobody answers either.
        let is_watching = !is_choked && speech != Speech::Silent;
        buffer.reserve(READ_LEN);
        tokio::select! {
            () = connection.end.cancelled() => {
                let why = lock(&connection.conversation).end;
                return Err(why.unwrap_or("dropped by the server").to_owned());
            }
            changed = condition.changed() => {
                if changed.is_err() {
                    return Err("the simulator is gone".to_owned());
                }
            }
            written = writer.write_buf(&mut output), if is_sending => match written {
                Ok(0) => return Err("the client closed".to_owned()),
                Ok(written) => {
                    lock(&connection.conversation).outbox.sent(written);
                    progress = Instant::now();
                }
                Err(error) => return Err(error.to_string()),
            },
            () = connection.wake.notified() => {}
            () = until(next_bytes) => {}
            read = read_some(&mut reader, &mut buffer), if is_reading => {
                match read {
                    Ok(0) => return Err("the client closed".to_owned()),
                    Ok(_) => {
                        // A copy, so that a few delayed bytes do not hold a whole buffer.
                        let copy = BytesMut::from(buffer.as_ref());
                        arriving.put(copy, Instant::now(), side.delay());
                        buffer.clear();
                    }
                    Err(error) => return Err(error.to_string()),
                }
            }
            () = until(heartbeat.deadline()), if is_watching => match heartbeat.due() {
                _ if side.condition() != Condition::Up => {}
                Due::Poll(poll) => connection.with_client(|client| {
                    client.outbox.heartbeats().put_slice(&poll.encode());
                    client.tally.addp_polls_sent += 1;
                }),
                Due::GiveUp => return Err("the client does not answer heartbeats".to_owned()),
            },
            () = sleep_until(progress + STALL_MAX), if is_sending => {
                return Err("the client does not read".to_owned());
            }
        }
    }
}

/// Answers everything that is complete in `input`.
fn take_in(
    simulator: &Simulator,
    connection: &Connection,
    deframer: &mut Deframer,
    input: &mut BytesMut,
    heartbeat: &mut Heartbeat,
) -> Result<(), String> {
    let mut bodies = Vec::new();
    while let Some(packet) = deframer.next(input).map_err(|error| error.to_string())? {
        match packet {
            Packet::Addp(packet) => {
                let answer = heartbeat.answer(packet);
                connection.with_client(|client| {
                    if let Some(answer) = answer {
                        client.outbox.heartbeats().put_slice(&answer.encode());
                    }
                    if packet.command == crate::wire::AddpCommand::Poll {
                        client.tally.addp_polls_answered += 1;
                    }
                });
            }
            Packet::Body(body) => bodies.push(body),
        }
    }
    let mut requests = Vec::with_capacity(bodies.len());
    for body in &bodies {
        requests.push(match Message::decode(body, Charset::UTF_8) {
            Ok(Message::Request(request)) => Ok(request),
            // Nobody but a server sends events.
            Ok(Message::Event(event)) => Err(event.kind.id()),
            Ok(Message::Unknown(id)) => Err(id),
            Err(error) => return Err(error.to_string()),
        });
    }
    if !requests.is_empty() && !lock(&connection.conversation).is_spoilt() {
        simulator.answer(connection, requests);
    }
    Ok(())
}

/// A hung process: its sockets take bytes, and nothing else happens.
async fn swallow<S: AsyncRead>(mut reader: ReadHalf<S>, connection: &Connection) -> String {
    let mut rubbish = BytesMut::new();
    loop {
        rubbish.clear();
        rubbish.reserve(READ_LEN);
        tokio::select! {
            () = connection.end.cancelled() => return "dropped by the server".to_owned(),
            read = read_some(&mut reader, &mut rubbish) => match read {
                Ok(0) => return "the client closed".to_owned(),
                Ok(_) => {}
                Err(error) => return error.to_string(),
            },
        }
    }
}

async fn read_some<S: AsyncRead>(
    reader: &mut ReadHalf<S>,
    input: &mut BytesMut,
) -> io::Result<usize> {
    reader.read_buf(input).await
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Serves a connection to its end and takes it off the books.
pub(super) async fn serve<S>(simulator: Arc<Simulator>, connection: Arc<Connection>, stream: S)
where
    S: AsyncRead + AsyncWrite,
{
    let Err(why) = converse(&simulator, &connection, stream).await;
    simulator.left(&connection, why);
}
