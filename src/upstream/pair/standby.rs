//! The other side of a pair that is opened on both: connected, everything opened there too, and
//! nothing read but its first values, until the active side is lost and this one takes its place.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::super::backoff::Backoff;
use super::super::connection::{BoxStream, Connector};
use super::super::session::Session;
use super::conversation::{Conversation, Ended};
use super::probe::is_demoted;
use super::{Config, STEADY_AFTER};

type Dial = Pin<Box<dyn Future<Output = Result<BoxStream, Ended>> + Send>>;

/// The passive side: its session, and how far its connection has got.
pub(super) struct Standby {
    pub(super) session: Session,
    line: Line,
    backoff: Backoff,
    /// Why it is not connected, as last told.
    reason: Option<String>,
}

enum Line {
    /// Not connected; tried again at this instant.
    Waiting(Instant),
    Dialling(Dial),
    Talking(Box<Conversation>, Instant),
}

impl Standby {
    /// A side that is dialled at once.
    pub(super) fn new(mut session: Session) -> Self {
        session.set_passive(true);
        Self {
            session,
            line: Line::Waiting(Instant::now()),
            backoff: Backoff::new(),
            reason: None,
        }
    }

    /// Moves it on a little. May be dropped half-way: nothing is lost.
    pub(super) async fn step(
        &mut self,
        config: &Config,
        connector: &Arc<dyn Connector>,
        on_backup: bool,
    ) {
        let ended = match &mut self.line {
            Line::Waiting(until) => {
                tokio::time::sleep_until(*until).await;
                let address = config.endpoints.address(on_backup).to_owned();
                self.line =
                    Line::Dialling(dial(connector.clone(), address, config.connect_timeout));
                return;
            }
            Line::Dialling(dial) => match dial.await {
                Ok(stream) => {
                    let now = Instant::now();
                    self.session.connected(None, now);
                    let conversation = Box::new(Conversation::new(stream, config));
                    self.line = Line::Talking(conversation, now);
                    return;
                }
                Err(ended) => ended,
            },
            Line::Talking(conversation, _) => match conversation.step(&mut self.session).await {
                Ok(()) => {
                    self.settle();
                    return;
                }
                Err(ended) => ended,
            },
        };
        self.lost(&ended, config, on_backup);
    }

    /// Whether it could take over now: registered, and no backup by its own words.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.line, Line::Talking(..))
            && self.session.is_registered()
            && !is_demoted(self.session.mode())
    }

    /// Changes places with the active side, whose connection is gone: answers the connection of the
    /// new one, if it stands.
    pub(super) fn change_places(&mut self, active: &mut Session) -> Option<Conversation> {
        self.settle();
        std::mem::swap(active, &mut self.session);
        self.session.set_passive(true);
        active.set_passive(false);
        // What came while there was no connection, and what was refused on this side and perhaps
        // tried on another pair, is known to the other session alone.
        let wanted = self.session.wanted();
        let missing = wanted.filter(|spec| !active.wants(spec.id));
        let missing = missing.cloned().collect();
        active.want(missing, Instant::now()).unwrap_or_default();
        self.backoff.reset();
        self.reason = None;
        let until = Instant::now() + self.backoff.next_wait();
        match std::mem::replace(&mut self.line, Line::Waiting(until)) {
            Line::Talking(conversation, _) => Some(*conversation),
            // It would be dialled by nobody else.
            Line::Dialling(_) | Line::Waiting(_) => None,
        }
    }

    /// Ends its connection in order.
    pub(super) async fn close_orderly(&mut self) {
        if let Line::Talking(conversation, _) = &mut self.line {
            if conversation.close_all(&mut self.session).await.is_ok() {
                conversation.shutdown().await;
            }
            self.session.disconnected();
            self.settle();
        }
    }

    /// What the passive side tells is not read, and what it gives up is wanted by the active one.
    fn settle(&mut self) {
        drop(self.session.take_events());
        drop(self.session.take_forgotten());
        drop(self.session.take_handed_over());
    }

    fn lost(&mut self, ended: &Ended, config: &Config, on_backup: bool) {
        if let Line::Talking(_, since) = self.line
            && since.elapsed() >= STEADY_AFTER
        {
            self.backoff.reset();
        }
        self.session.disconnected();
        self.settle();
        self.line = Line::Waiting(Instant::now() + self.backoff.next_wait());
        let reason = ended.to_string();
        if self.reason.as_ref() != Some(&reason) {
            let address = config.endpoints.address(on_backup);
            tracing::warn!(server = %config.name, address, reason, "the standby side is not there");
            self.reason = Some(reason);
        }
    }
}

fn dial(connector: Arc<dyn Connector>, address: String, patience: Duration) -> Dial {
    Box::pin(async move {
        match timeout(patience, connector.connect(&address)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(Ended::NotConnected(error)),
            Err(_) => Err(Ended::ConnectTimeout(patience)),
        }
    })
}

/// Moves a standby on, if there is one; waits for ever if not.
pub(super) async fn attend(
    standby: &mut Option<Standby>,
    config: &Config,
    connector: &Arc<dyn Connector>,
    on_backup: bool,
) {
    match standby {
        Some(standby) => standby.step(config, connector, on_backup).await,
        None => std::future::pending().await,
    }
}
