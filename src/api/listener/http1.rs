//! HTTP/1.1: in the express lane as far as that goes, and by hyper where it does not.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::BytesMut;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::Instant;

use super::connection::{Connections, Ended};
use super::exchange::{AGE_MAX, Exchanges};
use super::excursion::{Lent, Progress};
use crate::api::config::Limits;
use crate::api::express::{self, Exit, Memory, Waiting};
use crate::api::metrics::Limit;

/// A connection that hyper has for one request.
type Http1<S> = http1::Connection<TokioIo<Lent<S>>, Exchanges>;

impl Connections {
    /// Serves a connection to its end.
    pub(super) async fn http1<S>(
        &self,
        mut stream: S,
        mut exchanges: Exchanges,
        limits: &Limits,
    ) -> Result<(), Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let http1 = self.http1_under(limits);
        let lane = self.lane.as_deref().filter(|_| !exchanges.is_reserve);
        let Some(lane) = lane else {
            let connection = http1.serve_connection(TokioIo::new(stream), exchanges);
            return self.run(connection).await;
        };
        let (desk, opened) = (Arc::clone(&self.desk), exchanges.opened);
        let is_over =
            move |now: Instant| desk.draining.load(Ordering::Relaxed) || now - opened >= AGE_MAX;
        let patience = limits.header_timeout;
        let mut idle = pin!(tokio::time::sleep(patience));
        let mut stopped = pin!(self.stopped());
        let (mut memory, mut input) = (Memory::default(), BytesMut::new());
        loop {
            let waiting = Waiting {
                stopped: stopped.as_mut(),
                cut: &self.ends.cut,
                idle: idle.as_mut(),
                patience,
                head_max: limits.head_max(),
                is_over: &is_over,
                client: exchanges.peer.0,
            };
            let driven = express::drive(lane, &mut memory, (&mut stream, &mut input), waiting);
            let is_for_good = match driven.await? {
                Exit::Other => false,
                Exit::Foreign => true,
                Exit::Stopped if !input.is_empty() => true,
                Exit::Closed | Exit::Stopped => return Ok(stream.shutdown().await?),
                Exit::Idle => {
                    self.desk.metrics.limits.refused(Limit::HeaderTimeout);
                    return Err(Ended::Idle);
                }
            };
            let progress = Arc::new(Progress::since(memory.take_since()));
            exchanges.progress = (!is_for_good).then(|| Arc::clone(&progress));
            let lent = Lent::new(stream, std::mem::take(&mut input), Arc::clone(&progress));
            let connection = http1.serve_connection(TokioIo::new(lent), exchanges.clone());
            if is_for_good {
                return self.run(connection).await;
            }
            match self.lend(connection, &progress, stopped.as_mut()).await? {
                Some(back) => (stream, input) = back,
                None => return Ok(()),
            }
            idle.as_mut().reset(Instant::now() + patience);
        }
    }

    /// Lets hyper answer until it has nothing left to do; `None` when the connection ended.
    async fn lend<S>(
        &self,
        mut connection: Http1<S>,
        progress: &Progress,
        stopped: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Option<(S, BytesMut)>, Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let answered = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if progress.is_done() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let answered = tokio::select! {
            biased;
            answered = answered => answered,
            () = stopped => {
                let connection = pin!(connection);
                self.take_leave(connection, std::future::pending()).await?;
                return Ok(None);
            }
        };
        if let Some(ended) = answered {
            self.ended(ended)?;
            return Ok(None);
        }
        let parts = connection.into_parts();
        Ok(Some(parts.io.into_inner().take_back(&parts.read_buf)))
    }
}
