//! SIGINT and SIGTERM ask for an orderly end; a second one insists.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Signals so close together count as one.
const ONE_REQUEST: Duration = Duration::from_millis(500);

/// A token that is cancelled at the first signal. At the second the process ends at once.
pub(super) fn stop_on_signal(tasks: &TaskTracker) -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = stop.clone();
    tasks.spawn(async move {
        let mut asked: Option<Instant> = None;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            // Some programs signal a process and then its whole group: that is one request.
            if asked.is_some_and(|first| first.elapsed() < ONE_REQUEST) {
                continue;
            }
            if asked.replace(Instant::now()).is_some() {
                tracing::warn!("asked to stop a second time: leaving without an orderly end");
                std::process::exit(1);
            }
            tracing::info!("asked to stop");
            token.cancel();
        }
    });
    Ok(stop)
}
