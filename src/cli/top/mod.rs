//! `peekd top`: a live view of a running service in a terminal.

mod feed;
mod filter;
mod keys;
mod list;
mod rate;
mod sse;
mod state;
mod told;
mod view;
mod words;

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::StreamExt as _;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{Event, EventStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wildmatch::WildMatch;

use self::feed::{NEWS_WAITING, News};
use self::keys::{Flow, Mode};
use self::list::List;
use self::state::Model;
use self::view::Screen;
use super::Usage;
use super::ask::{Service, password_of};
use super::signals::stop_on_signal;
use crate::model::Clock;

/// Between two drawings.
const REDRAW: Duration = Duration::from_millis(100);

/// Options of `top`.
#[derive(Debug, Args)]
pub(super) struct Top {
    /// Where the service answers.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Who asks; the password comes from `PEEKD_PASSWORD` or is asked for.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only statistics whose text form matches; `*` and `?` stand for any text and any character.
    #[arg(long, value_name = "GLOB")]
    filter: Option<String>,
}

/// What is on the screen, and the terminal it is on.
struct View<'a> {
    url: &'a str,
    terminal: DefaultTerminal,
    model: Model,
    list: List,
    mode: Mode,
    has_colour: bool,
    /// Rows of the list that were seen last.
    page: usize,
    clock: Clock,
}

impl Top {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        if !io::stdout().is_terminal() {
            let text = "top draws on a terminal, and standard output is none: `peekd peek` asks a running \
                        service and `peekd inspect last` a store, for pipes and files";
            return Err(Usage(text.to_owned()).into());
        }
        let password = self.user.as_deref().map(password_of).transpose()?;
        let user = self.user.as_deref().zip(password.as_ref());
        let service = Arc::new(Service::new(&self.url, user)?);
        super::block_on(self.show(service))
    }

    async fn show(&self, service: Arc<Service>) -> anyhow::Result<()> {
        let tasks = TaskTracker::new();
        let stop = stop_on_signal(&tasks)?;
        // A wrong address or password is told before the terminal is taken.
        let servers = feed::servers(&service).await?;
        let (news, hearing) = mpsc::channel(NEWS_WAITING);
        let filter = self.filter.as_deref().map(WildMatch::new);
        tasks.spawn(feed::watch(Arc::clone(&service), news.clone()));
        let following = tasks.spawn(feed::follow(service, filter, news));

        // Puts the terminal back on a panic, too.
        let terminal = ratatui::try_init().context("the terminal cannot be drawn on")?;
        let clock = Clock::system();
        let mut view = View {
            url: &self.url,
            terminal,
            model: Model::new(),
            list: List::default(),
            mode: Mode::List,
            has_colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            page: 1,
            clock,
        };
        view.hear(News::Servers(servers));
        let outcome = view.run(&stop, hearing, following).await;
        ratatui::try_restore().context("the terminal cannot be put back; type `reset`")?;
        outcome
    }
}

impl View<'_> {
    /// Shows what is heard until a key or a signal ends it.
    async fn run(
        &mut self,
        stop: &CancellationToken,
        mut hearing: mpsc::Receiver<News>,
        mut following: JoinHandle<()>,
    ) -> anyhow::Result<()> {
        let mut keys = EventStream::new();
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_drawing = Instant::now();
        let mut is_drawn = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = sleep_until(next_drawing), if !is_drawn => {
                    self.draw()?;
                    is_drawn = true;
                    // From its end: a slow terminal is given time to read keys.
                    next_drawing = Instant::now() + REDRAW;
                    continue;
                }
                key = keys.next() => match key {
                    Some(Ok(Event::Key(key))) => {
                        if keys::press(&mut self.list, &mut self.mode, key, self.page) == Flow::Quit {
                            return Ok(());
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error).context("no keys can be read"),
                    None => return Ok(()),
                },
                _ = second.tick() => {
                    let now = Instant::now();
                    self.model.rate.tick();
                    self.list.tick(&self.model, now);
                }
                Some(news) = hearing.recv() => self.hear(news),
                // Not while it is heard: a defect, and a view that stands still would hide it.
                _ = &mut following => bail!("the service is not followed any more"),
            }
            is_drawn = false;
        }
    }

    fn hear(&mut self, news: News) {
        if matches!(news, News::Up | News::End) {
            self.list.sort_soon();
        }
        let (now, wall) = (Instant::now(), self.clock.wall());
        self.model.hear(news, now, wall);
    }

    fn draw(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        self.list.refresh(&self.model, now);
        let screen = Screen {
            url: self.url,
            model: &self.model,
            list: &self.list,
            mode: &self.mode,
            has_colour: self.has_colour,
            now,
        };
        let mut page = self.page;
        self.terminal.draw(|frame| {
            page = view::draw(&screen, frame.area(), frame.buffer_mut());
        })?;
        self.page = page;
        Ok(())
    }
}
