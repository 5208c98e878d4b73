//! Lends a connection to hyper for one request, and takes it back once that is answered and all of
//! the answer is on its way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// How far the requests on a lent connection have got.
#[derive(Default)]
pub(super) struct Progress {
    /// Since when the first of them has been waiting, if it has.
    since: Option<Instant>,
    begun: AtomicUsize,
    /// Answers of which hyper has taken over the last byte.
    ended: AtomicUsize,
    /// How many answers had ended when all that there was to write had been written.
    flushed: AtomicUsize,
    /// The connection ends with hyper.
    is_last: AtomicBool,
}

impl Progress {
    pub(super) fn since(since: Option<Instant>) -> Self {
        Self {
            since,
            ..Self::default()
        }
    }

    /// Tells since when the request that begins has been waiting, if it has.
    pub(super) fn begin(&self) -> Option<Instant> {
        let is_first = self.begun.fetch_add(1, Ordering::Relaxed) == 0;
        self.since.filter(|_| is_first)
    }

    /// The connection ends with the present answer.
    pub(super) fn close(&self) {
        self.is_last.store(true, Ordering::Relaxed);
    }

    fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    fn flush(&self) {
        let ended = self.ended.load(Ordering::Relaxed);
        self.flushed.store(ended, Ordering::Relaxed);
    }

    /// Whether hyper has nothing left to do.
    pub(super) fn is_done(&self) -> bool {
        let begun = self.begun.load(Ordering::Relaxed);
        begun > 0
            && self.flushed.load(Ordering::Relaxed) == begun
            && !self.is_last.load(Ordering::Relaxed)
    }
}

/// A body that tells when it is over.
pub(in crate::api) struct Tracked<B> {
    body: B,
    progress: Option<Arc<Progress>>,
}

impl<B> Tracked<B> {
    pub(super) fn new(body: B, progress: Option<Arc<Progress>>) -> Self {
        Self { body, progress }
    }
}

impl<B> Drop for Tracked<B> {
    fn drop(&mut self) {
        if let Some(progress) = &self.progress {
            progress.end();
        }
    }
}

impl<B: Body + Unpin> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that gives back first what was already read from it.
pub(super) struct Lent<S> {
    stream: S,
    read: BytesMut,
    progress: Arc<Progress>,
}

impl<S> Lent<S> {
    pub(super) fn new(stream: S, read: BytesMut, progress: Arc<Progress>) -> Self {
        Self {
            stream,
            read,
            progress,
        }
    }

    /// The stream, and what has been read from it beyond what hyper took and left in `untouched`.
    pub(super) fn take_back(self, untouched: &[u8]) -> (S, BytesMut) {
        let mut read = BytesMut::from(untouched);
        read.extend_from_slice(&self.read);
        (self.stream, read)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let length = self.read.len().min(buffer.remaining());
        let (given, _) = self.read.split_at_checked(length).unwrap_or_default();
        buffer.put_slice(given);
        self.read.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper asks for this when nothing is left in its own buffer.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.progress.flush();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
