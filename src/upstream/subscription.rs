//! What is wanted open on a pair, and how far each has got on the present connection.

use std::sync::Arc;

use tokio::time::Instant;

use super::event::Ticket;
use super::few::Few;
use super::terms::Terms;
use crate::model::{Epoch, NotificationMode, ServerId, Statistic, StatisticId};

/// Everything needed to open a statistic, on any connection.
#[derive(Debug, Clone)]
pub struct OpenSpec {
    /// The statistic's number here.
    pub id: StatisticId,
    /// How it is to notify.
    pub mode: NotificationMode,
    /// What to open.
    pub statistic: Arc<Statistic>,
    /// On what terms; most statistics share theirs.
    pub terms: Arc<Terms>,
}

/// A statistic on its way from one pair to another, with everybody who waits for it.
#[derive(Debug)]
pub(super) struct HandedOver {
    pub(super) spec: OpenSpec,
    pub(super) tickets: Vec<Ticket>,
    /// Whether it is to be kept open whatever is answered, because it once was or is configured.
    pub(super) accepted: bool,
    /// Who refused it so far; `None` when it was not refused but moved.
    pub(super) round: Option<Box<Round>>,
}

/// The pairs that refused a statistic, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Round {
    /// What the first of them said: the one the statistic belongs to.
    pub(super) refusal: Arc<str>,
    pub(super) tried: Vec<ServerId>,
}

/// One statistic that is wanted open.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) spec: OpenSpec,
    /// Whether a Stat Server ever accepted it. One that was never accepted is forgotten when it is
    /// refused; one that was is tried again.
    pub(super) accepted: bool,
    pub(super) link: Link,
    /// Who waits for the next value.
    pub(super) waiting: Few<Ticket>,
    pub(super) queue: Queue,
    /// It was to be closed while its open was on its way: closed as soon as that is answered,
    /// unless somebody wants it again before.
    pub(super) unwanted: bool,
    /// A more telling open that is to take the place of the present one.
    pub(super) upgrade: Option<Box<Upgrade>>,
    /// Who refused it before it came here.
    pub(super) round: Option<Box<Round>>,
    pub(super) doubt: Doubt,
}

/// A second open of a statistic, in a more telling mode.
#[derive(Debug)]
pub(super) struct Upgrade {
    pub(super) spec: OpenSpec,
    pub(super) stage: UpgradeStage,
    /// The Stat Server said of the second open that it cannot track it.
    pub(super) invalid: bool,
}

impl Upgrade {
    /// Puts a second open that is under way into a later epoch.
    pub(super) fn renew(&mut self, later: impl FnOnce() -> Epoch) {
        match &mut self.stage {
            UpgradeStage::Wanted => {}
            UpgradeStage::Opening { epoch, .. } | UpgradeStage::Opened { epoch, .. } => {
                *epoch = later();
            }
        }
    }
}

/// How far an upgrade has got.
#[derive(Debug, Clone, Copy)]
pub(super) enum UpgradeStage {
    /// Sent as soon as the first open is answered.
    Wanted,
    /// The second open is on its way.
    Opening {
        reference_id: i32,
        epoch: Epoch,
        sent: Instant,
    },
    /// The Stat Server holds both; the first is closed at the second's first value.
    Opened { reference_id: i32, epoch: Epoch },
}

/// Why a statistic's value cannot be vouched for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Doubt {
    /// The Stat Server said that it cannot track it.
    pub(super) invalid: bool,
    /// The last value could not be read.
    pub(super) unreadable: bool,
}

/// Which of the session's queues names a statistic: one at most, so that none outgrows what is
/// wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    None,
    Backlog,
    Retries,
}

/// How far a statistic has got on the present connection.
#[derive(Debug)]
pub(super) enum Link {
    /// Not asked for on this connection, or not yet.
    Idle,
    /// The open is on its way.
    Opening {
        reference_id: i32,
        epoch: Epoch,
        /// Few are on their way at once, and very many in the other stages.
        sent: Box<Instant>,
        /// The answer is so late that nobody waits for it and nothing is held up for it.
        overdue: bool,
    },
    /// The Stat Server holds it open.
    Open {
        reference_id: i32,
        epoch: Epoch,
        /// Whether a value came since the acknowledgement.
        valued: bool,
        /// Whether the Stat Server was asked to send nothing by itself.
        suspended: bool,
        /// Peeks under way, oldest first.
        peeks: Few<PeekInFlight>,
    },
    /// A close is on its way.
    Closing {
        reference_id: i32,
        own: i32,
        /// It was wanted again meanwhile.
        reopen: bool,
    },
}

/// A peek of an open statistic that has not been answered.
#[derive(Debug)]
pub(super) struct PeekInFlight {
    pub(super) reference_id: i32,
    pub(super) ticket: Option<Ticket>,
}

impl OpenSpec {
    /// Kept open from now on, whatever the rules say.
    pub fn keep_open(&mut self) {
        if !self.terms.manner.keep_open {
            let terms = Arc::make_mut(&mut self.terms);
            Arc::make_mut(&mut terms.manner).keep_open = true;
        }
    }
}

impl Subscription {
    pub(super) fn new(spec: OpenSpec, accepted: bool) -> Self {
        Self {
            spec,
            accepted,
            link: Link::Idle,
            waiting: Few::default(),
            queue: Queue::None,
            unwanted: false,
            upgrade: None,
            round: None,
            doubt: Doubt::default(),
        }
    }

    /// It is wanted, whether or not it was to be closed.
    pub(super) fn want(&mut self) {
        self.unwanted = false;
        if let Link::Closing { reopen, .. } = &mut self.link {
            *reopen = true;
        }
    }

    /// Whether it is to be closed, and nobody has asked for it since.
    pub(super) fn is_being_closed(&self) -> bool {
        let is_closing = matches!(self.link, Link::Closing { reopen: false, .. });
        self.unwanted || (is_closing && self.waiting.is_empty())
    }

    /// Everybody who waits for a value of this statistic, taken out.
    pub(super) fn take_waiting(&mut self) -> Vec<Ticket> {
        let mut tickets = self.waiting.take();
        if let Link::Open { peeks, .. } = &mut self.link {
            tickets.extend(peeks.iter_mut().filter_map(|peek| peek.ticket.take()));
        }
        tickets
    }

    /// The reference ids that stand for something of this statistic on the present connection.
    pub(super) fn references(&self) -> Vec<i32> {
        match &self.link {
            Link::Idle => Vec::new(),
            Link::Opening { reference_id, .. } => vec![*reference_id],
            Link::Open {
                reference_id,
                peeks,
                ..
            } => {
                let peeks = peeks.iter().map(|peek| peek.reference_id);
                peeks.chain([*reference_id]).collect()
            }
            Link::Closing {
                reference_id, own, ..
            } => vec![*reference_id, *own],
        }
    }
}

/// What is wanted open must fit the memory of a site with 1.2 million statistics, so growth is to be
/// a decision.
#[cfg(test)]
#[test]
fn what_a_wanted_statistic_costs_is_known() {
    assert_eq!(size_of::<OpenSpec>(), 24);
    assert!(size_of::<Subscription>() <= SUBSCRIPTION_SIZE);
}

/// Bytes, at most.
#[cfg(test)]
const SUBSCRIPTION_SIZE: usize = 80;
