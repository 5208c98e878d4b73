//! Accepts on every core, or on as many threads as the configuration says: each has a runtime of its
//! own, so that a connection stays with the thread that took it and its requests need no other
//! thread's help. They share one listening socket, from which whoever is idle takes the next
//! connection.

use std::io;
use std::sync::Arc;
use std::thread;

use futures_util::future::try_join_all;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::sync::oneshot;

use super::Door;
use crate::peek::AnswerPeeks;

/// Takes connections through `door` until the stop.
///
/// On a runtime of one thread everything stays there: its clock may be a test's.
///
/// # Errors
/// A thread could not be started, or ended before the stop.
pub(super) async fn accept<A: AnswerPeeks>(
    listener: TcpListener,
    door: &Arc<Door<A>>,
) -> io::Result<()> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        door.accept(listener).await;
        return Ok(());
    }
    let listener = listener.into_std()?;
    let mut accepting = Vec::new();
    for number in 0..door.edge.config.threads {
        accepting.push(start(number, listener.try_clone()?, Arc::clone(door))?);
    }
    drop(listener);
    let ended = try_join_all(accepting).await;
    ended.map_err(|_| io::Error::other("a thread that accepts connections ended"))?;
    Ok(())
}

/// Starts a thread that accepts connections and serves them to their end. What it returns is told
/// when it accepts no more.
fn start<A: AnswerPeeks>(
    number: usize,
    listener: std::net::TcpListener,
    door: Arc<Door<A>>,
) -> io::Result<oneshot::Receiver<()>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (told, accepted_all) = oneshot::channel();
    let serve = async move {
        match TcpListener::from_std(listener) {
            Ok(listener) => door.accept(listener).await,
            Err(error) => {
                tracing::error!(%error, "the listening socket cannot be used");
                return;
            }
        }
        // Nobody may be left who waits for it.
        told.send(()).unwrap_or_default();
        door.tasks.wait().await;
    };
    let thread = thread::Builder::new().name(format!("http-{number}"));
    thread.spawn(move || runtime.block_on(serve))?;
    Ok(accepted_all)
}
