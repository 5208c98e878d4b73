//! What the upstream tells: values and what happened to statistics and links.

use std::sync::Arc;

use crate::model::{
    Epoch, Moment, NotificationMode, PasswordProof, Quality, ServerId, StatisticId, Value,
};

/// Events of one pair, in the order they happened.
#[derive(Debug)]
pub struct Batch {
    /// Which pair.
    pub server: ServerId,
    /// Its configured name.
    pub name: Arc<str>,
    /// What happened.
    pub events: Vec<Event>,
}

/// One thing that happened.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "fields are told at their types; variants say what there is to say"
)]
pub enum Event {
    /// The Stat Server holds the statistic open from now on.
    Opened {
        id: StatisticId,
        mode: NotificationMode,
        proof: PasswordProof,
    },
    /// The Stat Server answers for the statistic, though nothing stays open.
    Accepted {
        id: StatisticId,
        proof: PasswordProof,
    },
    /// A value arrived. A ticket is completed after the value has been stored.
    Value {
        id: StatisticId,
        epoch: Epoch,
        value: Value,
        quality: Quality,
        source_time: u32,
        tickets: Vec<Ticket>,
    },
    /// The Stat Server refused the statistic, in its own words.
    Refused {
        id: StatisticId,
        proof: PasswordProof,
        text: Arc<str>,
        tickets: Vec<Ticket>,
    },
    /// The Stat Server can, or cannot, track the statistic; the last value stands.
    Validity { id: StatisticId, valid: bool },
    /// The statistic was closed because we asked for it.
    Closed { id: StatisticId },
    /// A Stat Server of the pair answered our registration.
    LinkUp,
    /// The connection is gone; nothing that was open survives it. `heard` is when the Stat Server
    /// was last heard, if heartbeats proved the connection alive.
    LinkDown { heard: Option<Moment> },
    /// The names of the stat types that the pair defines.
    StatTypes { names: Vec<String> },
}

/// How a fetch ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With a value.
    Value(Value),
    /// With the Stat Server's refusal.
    Refused(Arc<str>),
    /// With the loss of the connection, or of the task that would have answered.
    Lost,
}

/// The right to be told how one fetch ended. Travels with the event that answers it, so that
/// whoever waits is woken after the value is in the cache. Dropped unanswered, it tells
/// [`Outcome::Lost`].
pub struct Ticket(Option<Box<dyn FnOnce(Outcome) + Send + Sync>>);

impl Ticket {
    /// A ticket that calls `tell` once.
    pub fn new(tell: impl FnOnce(Outcome) + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(tell)))
    }

    /// Tells how the fetch ended.
    pub fn complete(mut self, outcome: Outcome) {
        if let Some(tell) = self.0.take() {
            tell(outcome);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell(Outcome::Lost);
        }
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket")
    }
}
