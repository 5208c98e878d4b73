//! However the service ends, it leaves no connection and no open statistic behind on the Stat
//! Servers.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use peekd::model::Clock;
use peekd::service::{Service, Settings};
use peekd::simulator::{Command, LogKind, Role};
use peekd::upstream::{BoxStream, Connector, Stream, TcpConnector};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::harness::{PATIENCE, Pair, World, login_time, peek};

/// Waits until neither side has a connection, and finds nothing open then.
async fn nothing_is_left(pair: &Pair) {
    let left = || Role::ALL.map(|role| pair.simulator.counts(role).connections_now);
    let gone = async {
        while left() != [0, 0] {
            tokio::task::yield_now().await;
        }
    };
    let gone = tokio::time::timeout(PATIENCE, gone).await;
    assert!(gone.is_ok(), "left over: {:?}", left());
    for role in Role::ALL {
        assert_eq!(pair.simulator.counts(role).opens_now, 0, "{role}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_closes_every_statistic_and_then_the_connection() {
    let mut world = World::start().await;
    let mut opened = 0;
    for statistic in world.pair.open_to_all() {
        assert_eq!(world.peek(&statistic, "").await.status, 200);
        opened += 1;
    }
    world.stop().await;
    nothing_is_left(&world.pair).await;
    let closes = world.pair.simulator.counts(Role::Primary).closes_total;
    assert_eq!(closes, opened);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_registrations_leave_no_connection() {
    let mut world = World::start().await;
    assert_eq!(world.peek(&login_time(), "").await.status, 200);
    let simulator = world.pair.simulator.clone();
    simulator.command(Command::Refuse(Role::Backup));
    simulator.command(Command::Kill(Role::Primary));
    let refused = |entry: &peekd::simulator::LogEntry| {
        entry.role == Role::Backup && entry.kind == LogKind::Refused
    };
    let asking = async {
        while simulator.log_count(refused) < 3 {
            tokio::task::yield_now().await;
        }
    };
    let asked = tokio::time::timeout(PATIENCE, asking).await;
    asked.expect("it is asked again and again");
    let alive = simulator.counts(Role::Backup).connections_now;
    assert!(alive <= 1, "{alive} at once");
    world.stop().await;
    nothing_is_left(&world.pair).await;
}

/// A connection whose reader panics once it is told to.
struct Trapped {
    inner: BoxStream,
    is_armed: Arc<AtomicBool>,
}

impl AsyncRead for Trapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        assert!(!self.is_armed.load(Ordering::Relaxed), "on purpose");
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Trapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl Stream for Trapped {}

/// Dials TCP; connections to `address` are trapped.
struct Trapper {
    address: String,
    is_armed: Arc<AtomicBool>,
}

impl Connector for Trapper {
    fn connect<'a>(
        &'a self,
        address: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + 'a>> {
        Box::pin(async move {
            let inner = TcpConnector.connect(address).await?;
            if address != self.address {
                return Ok(inner);
            }
            let is_armed = self.is_armed.clone();
            Ok(Box::new(Trapped { inner, is_armed }) as BoxStream)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_one_pairs_task_ends_the_service_and_every_connection() {
    let (broken, sound) = (Pair::start().await, Pair::start().await);
    let more = format!(
        "[[stat_server]]\nname = \"Second\"\nprimary = \"{}\"\n",
        sound.primary
    );
    let store = TempDir::new().unwrap();
    let settings = Settings::from_text(&broken.configuration(store.path(), &more)).unwrap();
    let listener = TcpListener::bind(settings.listen).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let is_armed = Arc::<AtomicBool>::default();
    let connector = Arc::new(Trapper {
        address: broken.primary.clone(),
        is_armed: is_armed.clone(),
    });
    let stop = CancellationToken::new();
    let mut service = Service::launch(settings, listener, connector, Clock::system(), stop.clone());
    assert!(service.ready().await);
    assert_eq!(peek(&address, &login_time(), "").await.status, 200);
    let both_connected = async {
        while sound.simulator.counts(Role::Primary).connections_now < 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, both_connected)
        .await
        .expect("the second pair is connected too");

    // The next bytes of the first pair are its task's end.
    is_armed.store(true, Ordering::Relaxed);
    let ended = tokio::time::timeout(PATIENCE, service.join()).await;
    let failure = ended.expect("the service ends by itself").unwrap_err();
    assert!(failure.to_string().contains("a part of the service failed"));
    assert!(stop.is_cancelled());
    nothing_is_left(&broken).await;
    nothing_is_left(&sound).await;
}
