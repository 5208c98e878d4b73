//! `peekd serve`.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::signals::stop_on_signal;
use crate::model::Clock;
use crate::service::{self, LogFormat, Service, Settings};
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
        let settings = Settings::load(&self.config)?;
        if self.check_config {
            writeln!(out, "{} is good", self.config.display())?;
            return Ok(());
        }
        service::start_logging(log_format, "info")?;
        raise_file_limit();
        super::block_on(serve(settings))
    }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let tasks = TaskTracker::new();
    let stop = stop_on_signal(&tasks)?;
    let listen = settings.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen} (setting http.listen)"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let connector = Arc::new(TcpConnector);
    Ok(
        Service::launch(settings, listener, connector, Clock::system(), stop)
            .join()
            .await?,
    )
}

/// Each connection takes a file descriptor; the usual limit of 1,024 would be the first to bite.
pub(super) fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::info!(limit, "file descriptors"),
        Err(error) => tracing::warn!(%error, "the limit on file descriptors cannot be raised"),
    }
}
