//! Where the log goes and in what form.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Starts logging to standard error. `PEEKD_LOG` sets the filter; without it, `default_filter`.
///
/// # Errors
/// `PEEKD_LOG` cannot be read as a filter, or logging was started before.
pub fn start_logging(format: LogFormat, default_filter: &str) -> anyhow::Result<()> {
    let filter = match std::env::var("PEEKD_LOG") {
        Ok(filter) => EnvFilter::try_new(filter)
            .map_err(|error| anyhow::anyhow!("PEEKD_LOG is no log filter: {error}"))?,
        Err(_) => EnvFilter::new(default_filter),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let started = match format {
        LogFormat::Text => builder.with_target(false).with_ansi(colours).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))
}
