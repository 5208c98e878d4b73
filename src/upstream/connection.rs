//! How a connection is made. A seam: the program dials TCP, tests hand out in-memory pipes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpStream;

/// Without ADDP nothing else would find a peer whose machine is gone.
const KEEPALIVE_AFTER: Duration = Duration::from_mins(1);

/// So many bytes may lie unread in the system, which of its own accord lets twenty times as many: an
/// answer stands behind all of them, and what they tell grows old. Still more than the answers to a whole
/// window of opens. A line 100 ms long carries some 50,000 notifications a second through it, one of
/// 10 ms ten times as many.
const UNREAD_LEN: usize = 256 << 10;

/// Anything that bytes can be read from and written to.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Our port of the connection; 0 for what has no ports.
    fn local_port(&self) -> u16 {
        0
    }
}

impl Stream for DuplexStream {}

impl Stream for TcpStream {
    fn local_port(&self) -> u16 {
        self.local_addr().map_or(0, |address| address.port())
    }
}

/// A connection, whatever it runs over.
pub type BoxStream = Box<dyn Stream>;

/// Somebody who can dial an address.
pub trait Connector: Send + Sync + 'static {
    /// Dials `address` (`host:port`), without a time-out of its own.
    fn connect<'a>(
        &'a self,
        address: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + 'a>>;
}

impl<C: Connector + ?Sized> Connector for Arc<C> {
    fn connect<'a>(
        &'a self,
        address: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + 'a>> {
        (**self).connect(address)
    }
}

/// Dials TCP; host names are resolved anew each time, and each of their addresses is tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpConnector;

impl Connector for TcpConnector {
    fn connect<'a>(
        &'a self,
        address: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + 'a>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER);
            let socket = SockRef::from(&stream);
            socket.set_tcp_keepalive(&keepalive)?;
            socket.set_recv_buffer_size(UNREAD_LEN)?;
            Ok(Box::new(stream) as BoxStream)
        })
    }
}
