//! Accepting clients at an address for as long as the server's process lives, and again when it
//! lives again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::super::Simulator;
use super::super::pair::ServerId;
use super::Condition;

/// Between attempts where the system refuses to listen or to accept.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// So many bytes may wait in the system for the client: answers stand behind all of them.
const UNSENT_LEN: usize = 256 << 10;

/// Accepts until the simulator stops. While the server is dead the address is not listened at, so
/// that connects are refused.
pub(in crate::simulator) async fn accept(
    simulator: Arc<Simulator>,
    server: ServerId,
    addr: SocketAddr,
    first: TcpListener,
) {
    let mut condition = simulator.side(server).watch();
    let mut listener = Some(first);
    let stop = simulator.stopped();
    loop {
        let is_dead = *condition.borrow_and_update() == Condition::Dead;
        if is_dead {
            listener = None;
        } else if listener.is_none() {
            listener = listen_again(server, addr).await;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = condition.changed() => if changed.is_err() {
                return;
            },
            () = admit(&simulator, server, listener.as_ref()), if listener.is_some() => {}
            () = sleep(RETRY_AFTER), if listener.is_none() && !is_dead => {}
        }
    }
}

async fn listen_again(server: ServerId, addr: SocketAddr) -> Option<TcpListener> {
    match TcpListener::bind(addr).await {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::warn!(%server, %addr, %error, "simulated server cannot listen again yet");
            None
        }
    }
}

async fn admit(simulator: &Arc<Simulator>, server: ServerId, listener: Option<&TcpListener>) {
    let Some(listener) = listener else {
        return;
    };
    match listener.accept().await {
        Ok((stream, _)) => {
            // Without it small answers wait for the client's acknowledgement; merely slower.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%server, %error, "simulated server cannot switch Nagle's algorithm off");
            }
            if let Err(error) = SockRef::from(&stream).set_send_buffer_size(UNSENT_LEN) {
                tracing::debug!(%server, %error, "simulated server cannot keep its buffer small");
            }
            simulator.admit(server, stream);
        }
        Err(error) => {
            tracing::warn!(%server, %error, "simulated server cannot accept");
            sleep(RETRY_AFTER).await;
        }
    }
}
