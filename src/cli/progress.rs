//! A progress bar on a terminal for what takes longer than a second.

use std::io::{self, IsTerminal as _, Read};
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

    /// So much of so much is done.
    pub(super) fn show(&mut self, done: u64, total: u64) {
        let template = format!("{{bar:40}} {{pos}}/{{len}} {}, {{eta}} left", self.what);
        self.show_as(&template, done, || ProgressBar::new(total));
    }

    /// So much is done, of nobody knows how much.
    pub(super) fn count(&mut self, done: u64) {
        let template = format!("{{spinner}} {{pos}} {}, {{elapsed}}", self.what);
        self.show_as(&template, done, ProgressBar::no_length);
    }

    fn show_as(&mut self, template: &str, done: u64, bar: impl FnOnce() -> ProgressBar) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.began.elapsed() >= PATIENCE && io::stderr().is_terminal() {
            let bar = bar();
            self.bar = Some(match ProgressStyle::with_template(template) {
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

/// Shows how much of a file has been read.
pub(super) struct Watched<R> {
    inner: R,
    done: u64,
    total: u64,
    progress: Progress,
}

impl<R: Read> Watched<R> {
    /// `total` bytes are to be read.
    pub(super) fn new(inner: R, total: u64) -> Self {
        Self {
            inner,
            done: 0,
            total,
            progress: Progress::new("bytes"),
        }
    }

    pub(super) fn end(&mut self) {
        self.progress.end();
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.done += read as u64;
        self.progress.show(self.done, self.total);
        Ok(read)
    }
}
