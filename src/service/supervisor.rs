//! Every task has a name and is waited for. A task that must not end ends the service.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one stage of the service. Clones share the tasks.
#[derive(Debug, Clone)]
pub struct Supervisor {
    tasks: TaskTracker,
    /// Cancelled when the whole service is to stop.
    stop: CancellationToken,
    failed: Arc<AtomicBool>,
}

impl Supervisor {
    /// A supervisor that stops the service through `stop` when a task fails.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            tasks: TaskTracker::new(),
            stop,
            failed: Arc::default(),
        }
    }

    /// Runs a task that may end only once the service is stopping.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_until(name, self.stop.clone(), task);
    }

    /// Runs a task that may end only once it was told to by `told`.
    pub fn spawn_until(
        &self,
        name: &'static str,
        told: CancellationToken,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let this = self.clone();
        self.tasks.spawn(async move {
            let panicked = AssertUnwindSafe(task).catch_unwind().await.is_err();
            if panicked || !(told.is_cancelled() || this.stop.is_cancelled()) {
                let how = if panicked { "panicked" } else { "ended" };
                tracing::error!(task = name, "a task {how}; the service stops");
                this.failed.store(true, Ordering::Relaxed);
                this.stop.cancel();
            }
        });
    }

    /// Waits for all tasks, at most `patience`. Returns whether all ended.
    pub async fn wait(&self, patience: Duration) -> bool {
        self.tasks.close();
        timeout(patience, self.tasks.wait()).await.is_ok()
    }

    /// Whether any task failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_stops_the_service_and_is_told() {
        let stop = CancellationToken::new();
        let supervisor = Supervisor::new(stop.clone());
        let waits = stop.clone();
        supervisor.spawn("steady", async move { waits.cancelled().await });
        supervisor.spawn("broken", async { panic!("on purpose") });
        stop.cancelled().await;
        assert!(supervisor.wait(Duration::from_secs(10)).await);
        assert!(supervisor.has_failed());
    }

    #[tokio::test]
    async fn tasks_that_end_when_told_are_no_failure() {
        let stop = CancellationToken::new();
        let supervisor = Supervisor::new(stop.clone());
        let waits = stop.clone();
        supervisor.spawn("steady", async move { waits.cancelled().await });
        stop.cancel();
        assert!(supervisor.wait(Duration::from_secs(10)).await);
        assert!(!supervisor.has_failed());
    }
}
