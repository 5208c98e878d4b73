//! Follows a service: its stream of events and the state of its Stat Servers. Comes back by itself
//! and goes on where it was. What is heard waits in a short queue; when that is full, the stream is
//! not read, and the service tells newest values later.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use wildmatch::WildMatch;

use super::super::ask::{Service, query};
use super::sse::{Event, Parser};
use super::told::{self, Server, Servers, Told};

/// A service says something every ten seconds.
const SILENCE_MAX: Duration = Duration::from_secs(25);
/// How long a connection and the head of an answer are awaited.
const PATIENCE: Duration = Duration::from_secs(10);
/// A stream that was resumed and has nothing to tell is believed after so long.
const QUIET: Duration = Duration::from_secs(1);
const BACKOFF: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(10)];
/// How often the Stat Servers are asked after.
const SERVERS_EVERY: Duration = Duration::from_secs(2);
/// The answer about Stat Servers is a few hundred bytes a pair.
const SERVERS_LEN_MAX: usize = 4 << 20;
/// What was heard and not yet taken.
pub(super) const NEWS_WAITING: usize = 8;

/// What was heard.
#[derive(Debug)]
pub(super) enum News {
    /// All that is known follows; what it lacks is no longer known.
    Begin,
    /// Statistics of a snapshot.
    Known(Vec<Told>),
    /// The snapshot is complete.
    End,
    /// Statistics that changed.
    Changed(Vec<Told>),
    /// How far the service's changes were told.
    At(String),
    /// What was told is all there is.
    Up,
    /// The connection is gone, in words; it is being sought.
    Down(String),
    /// The Stat Servers.
    Servers(Vec<Server>),
}

/// Nobody listens any more.
struct Over;

/// Follows the stream for ever.
pub(super) async fn follow(service: Arc<Service>, filter: Option<WildMatch>, news: Sender<News>) {
    let mut stream = Stream {
        service,
        filter,
        news,
        last: None,
        attempt: 0,
    };
    loop {
        let ended = stream.once().await;
        let words = match ended {
            Ok(()) => "the service ended the stream".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        if stream.say(News::Down(words)).await.is_err() {
            return;
        }
        let [first, most] = BACKOFF;
        let usual = first.saturating_mul(1 << stream.attempt.min(8)).min(most);
        stream.attempt += 1;
        // Many that lost one service do not come back as one.
        sleep(usual.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
    }
}

/// Asks after the Stat Servers for ever. While they cannot be asked after nothing is said: what was
/// told last grows old.
pub(super) async fn watch(service: Arc<Service>, news: Sender<News>) {
    while !news.is_closed() {
        if let Ok(servers) = servers(&service).await
            && news.send(News::Servers(servers)).await.is_err()
        {
            return;
        }
        sleep(SERVERS_EVERY).await;
    }
}

/// The Stat Servers now.
pub(super) async fn servers(service: &Service) -> anyhow::Result<Vec<Server>> {
    let asking = async {
        let response = service.follow("/v1/servers", None).await?;
        let body = http_body_util::Limited::new(response.into_body(), SERVERS_LEN_MAX);
        let body = body.collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer breaks off: {error}"))?;
        let answer: Servers = serde_json::from_slice(&body.to_bytes())
            .context("the answer is not that of a peekd service")?;
        Ok(answer.servers)
    };
    let asked = timeout(PATIENCE, asking).await;
    asked.context("the service does not answer")?
}

struct Stream {
    service: Arc<Service>,
    /// What of the stream is kept.
    filter: Option<WildMatch>,
    news: Sender<News>,
    /// The newest event's id, to go on from.
    last: Option<String>,
    /// Connections tried in vain since the last one that was of use.
    attempt: u32,
}

/// How far one connection's stream has come.
struct Progress {
    /// Whether all that is known was told.
    is_up: bool,
    /// Whether a snapshot is being told.
    is_begun: bool,
}

impl Stream {
    /// One connection, from beginning to end.
    async fn once(&mut self) -> anyhow::Result<()> {
        let filter = self.filter.as_ref().map(ToString::to_string);
        let target = format!("/v1/stream{}", query([("filter", filter)]));
        let opening = self.service.follow(&target, self.last.as_deref());
        let opened = timeout(PATIENCE, opening).await;
        let mut body = opened.context("the service does not answer")??.into_body();
        let mut parser = Parser::default();
        let mut progress = Progress {
            is_up: false,
            is_begun: self.last.is_none(),
        };
        if progress.is_begun && self.say(News::Begin).await.is_err() {
            return Ok(());
        }
        let mut heard = Instant::now();
        loop {
            let quiet = sleep_until(heard + QUIET);
            let bytes = tokio::select! {
                bytes = next(&mut body, heard + SILENCE_MAX) => bytes?,
                () = quiet, if !progress.is_up && !progress.is_begun => {
                    if self.up(&mut progress).await.is_err() {
                        return Ok(());
                    }
                    continue;
                }
            };
            let Some(bytes) = bytes else {
                return Ok(());
            };
            heard = Instant::now();
            for event in parser.push(&bytes)? {
                if self.hear(event, &mut progress).await?.is_err() {
                    return Ok(());
                }
            }
        }
    }

    async fn hear(
        &mut self,
        event: Event,
        progress: &mut Progress,
    ) -> anyhow::Result<Result<(), Over>> {
        let news = match event.name.as_str() {
            "snapshot" => Some(News::Known(self.kept(&event.data)?)),
            "update" => Some(News::Changed(self.kept(&event.data)?)),
            "snapshot-end" => {
                progress.is_begun = false;
                Some(News::End)
            }
            "reset" => {
                progress.is_begun = true;
                progress.is_up = false;
                Some(News::Begin)
            }
            _ => None,
        };
        let telling = async {
            if let Some(news) = news {
                self.say(news).await?;
            }
            // The last event of a series names its revision: until then more is to come.
            if let Some(id) = event.id {
                self.last = Some(id.clone());
                self.say(News::At(id)).await?;
                self.up(progress).await?;
            }
            Ok(())
        };
        Ok(telling.await)
    }

    async fn up(&mut self, progress: &mut Progress) -> Result<(), Over> {
        self.attempt = 0;
        if std::mem::replace(&mut progress.is_up, true) {
            return Ok(());
        }
        self.say(News::Up).await
    }

    fn kept(&self, data: &str) -> anyhow::Result<Vec<Told>> {
        let mut told = told::several(data).context("an event is not that of a peekd service")?;
        if let Some(filter) = &self.filter {
            told.retain(|one| filter.matches(&one.statistic));
        }
        Ok(told)
    }

    async fn say(&self, news: News) -> Result<(), Over> {
        self.news.send(news).await.map_err(|_| Over)
    }
}

/// The next bytes of a body; `None` at its end.
async fn next(body: &mut Incoming, until: Instant) -> anyhow::Result<Option<bytes::Bytes>> {
    loop {
        let frame = timeout_at(until, body.frame()).await;
        let Some(frame) = frame.context("the service has fallen silent")? else {
            return Ok(None);
        };
        if let Ok(data) = frame.context("the stream broke off")?.into_data() {
            return Ok(Some(data));
        }
    }
}
