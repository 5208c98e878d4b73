//! One client's connection: bytes in, bytes out, heartbeats, and every way it can end.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::super::command::Role;
use super::super::{Simulator, lock};
use super::Condition;
use super::conversation::{Conversation, Tick, View};
use super::heartbeat::{Due, Heartbeat};
use crate::simulator::world::Target;
use crate::wire::{Charset, Deframer, Message, Packet, ServerMode};

/// No request is anywhere near as long.
const BODY_LEN_MAX: usize = 1 << 20;
/// Read at once, and so answered under one hold of the world.
const READ_LEN: usize = 64 << 10;
/// A client that takes nothing for so long, while something is there to be taken, is dropped.
const STALL_MAX: Duration = Duration::from_secs(30);

/// The part of a connection that others may touch.
#[derive(Debug)]
pub(in crate::simulator) struct Connection {
    pub(in crate::simulator) number: u64,
    pub(in crate::simulator) role: Role,
    /// Ends this connection.
    pub(super) end: CancellationToken,
    pub(super) conversation: Mutex<Conversation>,
    /// There is something to be sent.
    wake: Notify,
}

impl Connection {
    pub(super) fn new(number: u64, role: Role, end: CancellationToken, unsent_max: usize) -> Self {
        Self {
            number,
            role,
            end,
            conversation: Mutex::new(Conversation::new(unsent_max)),
            wake: Notify::new(),
        }
    }

    pub(in crate::simulator) fn tick(&self, view: View<'_>, tick: &Tick<'_>) {
        self.with_client(|client| client.tick(view, tick));
    }

    pub(in crate::simulator) fn scripted(&self, view: View<'_>, target: Target) {
        self.with_client(|client| client.scripted(view, target));
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
pub(super) async fn converse<S>(simulator: &Simulator, connection: &Connection, stream: S) -> String
where
    S: AsyncRead + AsyncWrite,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let side = simulator.side(connection.role);
    let mut condition = side.watch();
    let mut deframer = Deframer::new(BODY_LEN_MAX);
    let mut heartbeat = Heartbeat::new(Instant::now());
    let mut input = BytesMut::new();
    let mut output = BytesMut::new();
    let mut progress = Instant::now();
    loop {
        if *condition.borrow_and_update() == Condition::Frozen {
            return swallow(reader, connection).await;
        }
        if output.is_empty() {
            output = lock(&connection.conversation).outbox.take();
            progress = Instant::now();
        }
        let is_sending = !output.is_empty();
        let is_choked = lock(&connection.conversation).outbox.is_choked();
        input.reserve(READ_LEN);
        tokio::select! {
            () = connection.end.cancelled() => {
                let why = lock(&connection.conversation).end;
                return why.unwrap_or("dropped by the server").to_owned();
            }
            changed = condition.changed() => {
                if changed.is_err() {
                    return "the simulator is gone".to_owned();
                }
            }
            written = writer.write_buf(&mut output), if is_sending => match written {
                Ok(0) => return "the client closed".to_owned(),
                Ok(written) => {
                    lock(&connection.conversation).outbox.sent(written);
                    progress = Instant::now();
                }
                Err(error) => return error.to_string(),
            },
            () = connection.wake.notified(), if !is_sending => {}
            read = read_some(&mut reader, &mut input), if !is_choked => {
                match read {
                    Ok(0) => return "the client closed".to_owned(),
                    Ok(_) => heartbeat.received(Instant::now()),
                    Err(error) => return error.to_string(),
                }
                // A server that was frozen or killed a moment ago must not answer any more.
                if side.condition() != Condition::Up {
                    continue;
                }
                let taken =
                    take_in(simulator, connection, &mut deframer, &mut input, &mut heartbeat);
                if let Err(why) = taken {
                    return why;
                }
            }
            () = until(heartbeat.deadline()), if !is_choked => match heartbeat.due() {
                _ if side.condition() != Condition::Up => {}
                Due::Poll(poll) => connection.with_client(|client| {
                    client.outbox.bytes().put_slice(&poll.encode());
                    client.tally.addp_polls_sent += 1;
                }),
                Due::GiveUp => return "the client does not answer heartbeats".to_owned(),
            },
            () = sleep_until(progress + STALL_MAX), if is_sending => {
                return "the client does not read".to_owned();
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
    let mut requests = Vec::new();
    while let Some(packet) = deframer.next(input).map_err(|error| error.to_string())? {
        match packet {
            Packet::Addp(packet) => {
                let answer = heartbeat.answer(packet);
                connection.with_client(|client| {
                    if let Some(answer) = answer {
                        client.outbox.bytes().put_slice(&answer.encode());
                    }
                    if packet.command == crate::wire::AddpCommand::Poll {
                        client.tally.addp_polls_answered += 1;
                    }
                });
            }
            Packet::Body(body) => match Message::decode(&body, Charset::UTF_8) {
                Ok(Message::Request(request)) => requests.push(Ok(request)),
                // Nobody but a server sends events.
                Ok(Message::Event(event)) => requests.push(Err(event.kind.id())),
                Ok(Message::Unknown(id)) => requests.push(Err(id)),
                Err(error) => return Err(error.to_string()),
            },
        }
    }
    if !requests.is_empty() {
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
    let why = converse(&simulator, &connection, stream).await;
    simulator.left(&connection, why);
}
