//! Request bodies under their limit, whoever reads them, and the rest of a body that nobody read.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// After an early refusal the rest of the body is read and thrown away up to this size, and for
/// this long: a client that is still sending when the connection closes never sees the answer.
const DRAIN_BYTES_MAX: u64 = 16 * 1024 * 1024;
const DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

/// A body that ends in an error at its limit.
pub(super) struct LimitedBody {
    /// Back to the meter when this is dropped.
    inner: Option<Incoming>,
    left: u64,
    meter: BodyMeter,
}

/// Why a body cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is over its limit")]
    TooLarge,
    #[error("the body breaks off")]
    Broken(#[from] hyper::Error),
}

/// What became of a request's body: travels with the request as an extension.
#[derive(Clone)]
pub(in crate::api) struct BodyMeter(Arc<Meter>);

struct Meter {
    limit: u64,
    exceeded: AtomicBool,
    read: AtomicBool,
    complete: AtomicBool,
    rest: Mutex<Option<Incoming>>,
}

impl LimitedBody {
    pub(super) fn new(inner: Incoming, limit: u64) -> (Self, BodyMeter) {
        let meter = BodyMeter(Arc::new(Meter {
            limit,
            exceeded: AtomicBool::new(false),
            read: AtomicBool::new(false),
            complete: AtomicBool::new(inner.is_end_stream()),
            rest: Mutex::new(None),
        }));
        let body = Self {
            inner: Some(inner),
            left: limit,
            meter: meter.clone(),
        };
        (body, meter)
    }

    fn exceed(&self) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.meter.0.exceeded.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(BodyError::TooLarge)))
    }
}

impl Body for LimitedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let left = self.left;
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        // A length told in advance is believed before anything is read or stored.
        if inner.size_hint().lower() > left {
            return self.exceed();
        }
        let frame = ready!(Pin::new(&mut *inner).poll_frame(cx));
        self.meter.0.read.store(true, Ordering::Relaxed);
        let frame = match frame {
            None => {
                self.meter.tell_complete();
                return Poll::Ready(None);
            }
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            Some(Ok(frame)) => frame,
        };
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length as u64) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Some(Ok(frame)))
            }
            None => self.exceed(),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for LimitedBody {
    fn drop(&mut self) {
        let inner = self.inner.take();
        *self.meter.rest() = inner;
    }
}

impl BodyMeter {
    fn rest(&self) -> MutexGuard<'_, Option<Incoming>> {
        // Only ever assigned to as a whole.
        self.0.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limit, if the body was longer.
    pub(in crate::api) fn exceeded(&self) -> Option<u64> {
        let exceeded = self.0.exceeded.load(Ordering::Relaxed);
        exceeded.then_some(self.0.limit)
    }

    /// Whether any of the body was read.
    pub(super) fn was_read(&self) -> bool {
        self.0.read.load(Ordering::Relaxed)
    }

    /// Whether the whole request has arrived.
    pub(super) fn is_complete(&self) -> bool {
        self.0.complete.load(Ordering::Relaxed)
    }

    /// Says that nothing more is needed of the body. Multipart ends with its last boundary, so
    /// that its reader may never see the body's own end.
    pub(in crate::api) fn tell_complete(&self) {
        self.0.complete.store(true, Ordering::Relaxed);
    }

    /// Throws away what nobody read, within bounds; tells whether that was all of it.
    pub(super) async fn drain(&self) -> bool {
        let rest = self.rest().take();
        let Some(mut rest) = rest else {
            return true;
        };
        let drain = async {
            let mut left = DRAIN_BYTES_MAX;
            loop {
                match rest.frame().await {
                    None => return true,
                    Some(Err(_)) => return false,
                    Some(Ok(frame)) => {
                        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                        match left.checked_sub(length) {
                            Some(fewer) => left = fewer,
                            None => return false,
                        }
                    }
                }
            }
        };
        tokio::time::timeout(DRAIN_TIME_MAX, drain)
            .await
            .unwrap_or(false)
    }
}
