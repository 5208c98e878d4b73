//! A progress bar on a terminal for what takes longer than a second.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

/// Shows how far something has come.
pub(super) struct Progress {
    what: &'static str,
    began: Instant,
    bar: Option<ProgressBar>,
}

/// Nobody wants a bar for what is over before it is seen.
const PATIENCE: Duration = Duration::from_secs(1);

impl Progress {
    /// `what` is being counted.
    pub(super) fn new(what: &'static str) -> Self {
        Self {
            what,
            began: Instant::now(),
            bar: None,
        }
    }

    pub(super) fn show(&mut self, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.began.elapsed() >= PATIENCE && io::stderr().is_terminal() {
            let template = format!("{{bar:40}} {{pos}}/{{len}} {}, {{eta}} left", self.what);
            let style = ProgressStyle::with_template(&template);
            let bar = ProgressBar::new(total);
            self.bar = Some(match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            });
        }
    }

    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
