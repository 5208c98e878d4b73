//! One connection: its bytes both ways, and every way it can end.

use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::task::{coop, unconstrained};
use tokio::time::Instant;

use super::super::connection::BoxStream;
use super::super::session::{Failure, Session};
use super::Config;
use crate::wire::Deframer;

/// Read this much at once at most, so that a burst is digested in pieces.
const READ_LEN: usize = 256 * 1024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("cannot connect: {0}")]
    NotConnected(io::Error),
    #[error("no connection within {}", humantime::format_duration(*.0))]
    ConnectTimeout(Duration),
    #[error("the Stat Server closed the connection")]
    ClosedByPeer,
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("a frame was not complete within {}", humantime::format_duration(*.0))]
    FrameTimeout(Duration),
    #[error("the Stat Server read nothing for {}", humantime::format_duration(*.0))]
    NotRead(Duration),
    #[error("the Stat Server says that it is no longer the primary, and the other one serves")]
    Demoted,
    #[error("the primary serves again, and is preferred")]
    Returned,
    #[error(transparent)]
    Session(#[from] Failure),
    #[error("the service is stopping")]
    Stopped,
}

/// One connection's two halves and the bytes that have arrived on it.
pub(super) struct Conversation {
    reader: ReadHalf<BoxStream>,
    writer: WriteHalf<BoxStream>,
    inbox: BytesMut,
    deframer: Deframer,
    frame_timeout: Duration,
    /// When the first byte of the frame that is not complete yet arrived.
    frame_started: Option<Instant>,
    /// Since when bytes wait to be written without one being taken.
    unread_since: Option<Instant>,
    /// Whether a read found nothing since the last one that brought something.
    was_dry: bool,
}

impl Conversation {
    pub(super) fn new(stream: BoxStream, config: &Config) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader,
            writer,
            inbox: BytesMut::with_capacity(READ_LEN),
            deframer: Deframer::new(config.frame_len_max),
            frame_timeout: config.frame_timeout,
            frame_started: None,
            unread_since: None,
            was_dry: true,
        }
    }

    /// Moves bytes in either direction, or lets the session know that its time has come. May be
    /// dropped half-way: no byte is lost.
    pub(super) async fn step(&mut self, session: &mut Session) -> Result<(), Ended> {
        let wants_to_write = !session.output().is_empty();
        let now = Instant::now();
        self.unread_since = wants_to_write.then(|| self.unread_since.unwrap_or(now));
        let limits = [self.frame_started, self.unread_since];
        let limits = limits.map(|since| since.map(|since| since + self.frame_timeout));
        let deadline = limits
            .into_iter()
            .chain([session.deadline()])
            .flatten()
            .min();
        tokio::select! {
            read = read_some(&mut self.reader, &mut self.inbox, &mut self.was_dry) => {
                self.digest(read, session)
            }
            wrote = self.writer.write_buf(session.output()), if wants_to_write => {
                if wrote.map_err(Ended::Broken)? == 0 {
                    return Err(Ended::Broken(io::ErrorKind::WriteZero.into()));
                }
                self.unread_since = None;
                Ok(session.wrote(Instant::now())?)
            }
            () = sleep_until(deadline) => {
                // What lies in the socket was said in time: that we come late is not the peer's silence.
                let unread = unconstrained(self.reader.read_buf(&mut self.inbox)).now_or_never();
                if let Some(read) = unread {
                    self.digest(read, session)?;
                }
                let now = Instant::now();
                let passed = |since: Option<Instant>| {
                    since.is_some_and(|since| since + self.frame_timeout <= now)
                };
                if passed(self.frame_started) {
                    return Err(Ended::FrameTimeout(self.frame_timeout));
                }
                if passed(self.unread_since) {
                    return Err(Ended::NotRead(self.frame_timeout));
                }
                Ok(session.tick(now)?)
            }
        }
    }

    /// Feeds the session every packet that is complete after so many bytes were read.
    fn digest(&mut self, read: io::Result<usize>, session: &mut Session) -> Result<(), Ended> {
        if read.map_err(Ended::Broken)? == 0 {
            return Err(Ended::ClosedByPeer);
        }
        let now = Instant::now();
        session.heard(now);
        if std::mem::take(&mut self.was_dry) {
            session.caught_up(now);
        }
        while let Some(packet) = self.deframer.next(&mut self.inbox).map_err(Failure::from)? {
            // A heartbeat between the packets of a big frame does not make that frame any younger.
            if !self.deframer.is_inside_frame() {
                self.frame_started = None;
            }
            session.received(&packet, now)?;
        }
        let incomplete = !self.inbox.is_empty() || self.deframer.is_inside_frame();
        self.frame_started = incomplete.then(|| self.frame_started.unwrap_or(now));
        self.inbox
            .reserve(READ_LEN.saturating_sub(self.inbox.len()).max(READ_LEN / 4));
        Ok(())
    }

    /// Nothing was read or written for a while, and not for want of the peer: what it started counts
    /// from now.
    pub(super) fn excuse(&mut self) {
        self.frame_started = self.frame_started.map(|_| Instant::now());
        self.unread_since = None;
        self.was_dry = false;
    }

    /// Closes every open statistic; ends when the Stat Server has confirmed it.
    pub(super) async fn close_all(&mut self, session: &mut Session) -> Result<(), Ended> {
        session.close_all(Instant::now())?;
        while session.open_count() > 0 || !session.output().is_empty() {
            self.step(session).await?;
        }
        Ok(())
    }

    /// Ends the stream in order; that the peer is gone already is no matter.
    pub(super) async fn shutdown(&mut self) {
        self.writer.shutdown().await.unwrap_or_default();
    }
}

/// Reads what there is, and notes when there was nothing. May be dropped half-way: no byte is lost.
async fn read_some(
    reader: &mut ReadHalf<BoxStream>,
    inbox: &mut BytesMut,
    was_dry: &mut bool,
) -> io::Result<usize> {
    let mut read = pin!(reader.read_buf(inbox));
    std::future::poll_fn(|context| {
        let polled: Poll<_> = read.as_mut().poll(context);
        // A task that had its share of the thread is told to wait, whatever there is to be read.
        *was_dry |= polled.is_pending() && coop::has_budget_remaining();
        polled
    })
    .await
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::tests::{T, config};
    use super::*;
    use crate::model::{Epoch, EpochCounter};
    use crate::wire::{Addp, AddpCommand, Charset, Event, EventKind};

    #[tokio::test(start_paused = true)]
    async fn what_lies_unread_is_heard_before_a_verdict_of_silence() {
        // Which comes first of what is due together is drawn; neither may end the connection.
        for _ in 0..64 {
            let config = config(None);
            let epochs = Arc::new(EpochCounter::starting_at(Epoch(1)));
            let mut session = Session::new(config.session.clone(), epochs);
            session.connected(None, Instant::now());
            let (ours, mut theirs) = tokio::io::duplex(1 << 16);
            let mut conversation = Conversation::new(Box::new(ours), &config);
            let mut registered = BytesMut::new();
            Event::new(EventKind::Registered, 0, 0).write(Charset::UTF_8, &mut registered);
            theirs.write_all(&registered).await.unwrap();
            while !session.is_registered() || !session.output().is_empty() {
                conversation.step(&mut session).await.unwrap();
            }
            tokio::time::advance(T).await;
            while session.output().is_empty() {
                conversation.step(&mut session).await.unwrap();
            }
            while !session.output().is_empty() {
                conversation.step(&mut session).await.unwrap();
            }
            // The poll is answered in time, and we come to read it only when its time is over.
            let answer = Addp {
                command: AddpCommand::PollAnswer,
                data: 0,
            };
            theirs.write_all(&answer.encode()).await.unwrap();
            tokio::time::advance(T).await;
            conversation.step(&mut session).await.unwrap();
            assert!(session.round_trip().is_some());
        }
    }
}
