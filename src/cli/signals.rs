//! SIGINT and SIGTERM ask for an orderly end; a second one insists.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A token that is cancelled at the first signal. At the second the process ends at once.
pub(super) fn stop_on_signal(tasks: &TaskTracker) -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = stop.clone();
    tasks.spawn(async move {
        let mut asked = 0;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            asked += 1;
            if asked > 1 {
                tracing::warn!("asked to stop a second time: leaving without an orderly end");
                std::process::exit(1);
            }
            tracing::info!("asked to stop");
            token.cancel();
        }
    });
    Ok(stop)
}
