//! What happened on a pair, on its way to ingest.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::super::event::{Batch, Event};
use super::super::profile::StatTypes;
use super::Pair;

/// How long an orderly end waits for the last events to be taken.
const EVENTS_PATIENCE: Duration = Duration::from_secs(2);

impl Pair {
    /// Hands the events on; while there is no room for them, nothing is read. Once the service is
    /// stopping they wait for its end, and there only for a while. Returns whether it had to wait.
    pub(super) async fn forward_events(&mut self, stop: &CancellationToken) -> bool {
        if !self.session.has_events() {
            return false;
        }
        let sender = self.events.clone();
        let had_to_wait = sender.capacity() == 0;
        let room = if stop.is_cancelled() {
            let Ok(room) = timeout(EVENTS_PATIENCE, sender.reserve()).await else {
                tracing::warn!(server = %self.config.name, "the last events were not taken");
                return had_to_wait;
            };
            room
        } else {
            tokio::select! {
                room = sender.reserve() => room,
                () = stop.cancelled() => return had_to_wait,
            }
        };
        let mut events = self.session.take_events();
        for event in &mut events {
            self.notice(event);
        }
        let server = self.config.id;
        let name = self.name.clone();
        if let Ok(room) = room {
            room.send(Batch {
                server,
                name,
                events,
            });
        } else {
            tracing::debug!("nobody listens to events any more");
        }
        had_to_wait
    }

    /// What the pair itself has to do with an event before it is handed on.
    fn notice(&mut self, event: &mut Event) {
        match event {
            Event::StatTypes { names } => {
                let stat_types = StatTypes::of(names.iter().cloned());
                let news = self.status.send_if_modified(|status| {
                    let news = status.stat_types != stat_types;
                    status.stat_types = stat_types;
                    news
                });
                if news {
                    self.roster.definitions_changed();
                }
            }
            Event::LinkDown { heard } => *heard = self.pulse.take(),
            Event::Opened { id, .. } => {
                if let Some(standby) = &mut self.standby
                    && let Some(spec) = self.session.spec(*id)
                {
                    let wanted = standby.session.want(vec![spec], Instant::now());
                    wanted.unwrap_or_default();
                }
            }
            _ => {}
        }
    }
}
