//! `peekd serve`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::progress::Progress;
use super::signals::stop_on_signal;
use super::try_store;
use crate::model::Clock;
use crate::service::{self, LogFormat, Service, Settings};
use crate::store::Migrating;
use crate::upstream::TcpConnector;

/// Options of `serve`.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Check the configuration and end.
    #[arg(long)]
    check_config: bool,
}

impl Serve {
    pub(super) fn run(self, log_format: LogFormat, out: &mut impl Write) -> anyhow::Result<()> {
        let mut settings = Settings::load(&self.config)?;
        settings.trial = try_store::trial();
        if self.check_config {
            writeln!(out, "{} is good", self.config.display())?;
            return Ok(());
        }
        service::start_logging(log_format, "info")?;
        raise_file_limit();
        super::block_on(serve(settings, &self.config))
    }
}

async fn serve(settings: Settings, file: &Path) -> anyhow::Result<()> {
    let tasks = TaskTracker::new();
    let stop = stop_on_signal(&tasks)?;
    let listen = settings.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen} (setting http.listen)"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let connector = Arc::new(TcpConnector);
    let mut hangup = signal(SignalKind::hangup())?;
    let mut service = Service::launch(settings, listener, connector, Clock::system(), stop);
    tasks.spawn(show_migration(service.migrating()));
    let ended = loop {
        tokio::select! {
            ended = service.join() => break ended,
            _ = hangup.recv() => reload(&service, file).await,
        }
    };
    // The process ends, and its memory goes back as a whole: taken apart by this one thread, what
    // is known of 1.2 million statistics took half a minute.
    std::mem::forget(service);
    Ok(ended?)
}

/// A bar on a terminal for a migration that lasts; the log has lines.
async fn show_migration(mut migrating: watch::Receiver<Option<Migrating>>) {
    let mut progress = Progress::new("entries brought to the new schema");
    while migrating.changed().await.is_ok() {
        if let Some(now) = *migrating.borrow_and_update() {
            progress.show(now.done, now.total);
        }
    }
    progress.end();
}

/// SIGHUP: the file is read again, and what can change while the service runs is taken over. A file
/// with faults changes nothing.
async fn reload(service: &Service, file: &Path) {
    match Settings::load(file) {
        Ok(settings) => service.reload(settings).await,
        Err(faults) => tracing::error!("nothing was changed: {faults}"),
    }
}

/// Each connection takes a file descriptor; the usual limit of 1,024 would be the first to bite.
pub(super) fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::info!(limit, "file descriptors"),
        Err(error) => tracing::warn!(%error, "the limit on file descriptors cannot be raised"),
    }
}
