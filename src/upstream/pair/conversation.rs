//! One connection: its bytes both ways, and every way it can end.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
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
            read = self.reader.read_buf(&mut self.inbox) => {
                if read.map_err(Ended::Broken)? == 0 {
                    return Err(Ended::ClosedByPeer);
                }
                self.digest(session)
            }
            wrote = self.writer.write_buf(session.output()), if wants_to_write => {
                if wrote.map_err(Ended::Broken)? == 0 {
                    return Err(Ended::Broken(io::ErrorKind::WriteZero.into()));
                }
                self.unread_since = None;
                Ok(session.wrote(Instant::now())?)
            }
            () = sleep_until(deadline) => {
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

    /// Feeds the session every packet that is complete.
    fn digest(&mut self, session: &mut Session) -> Result<(), Ended> {
        let now = Instant::now();
        session.heard(now);
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

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
