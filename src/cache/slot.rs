//! One statistic's place in memory: its last value, how it is held open, what refused it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::{
    Age, Clock, Moment, NotificationMode, PasswordProof, Quality, Revision, Sample, ServerId,
    Statistic, StatisticId, Timestamp, Value,
};

/// One statistic in memory.
#[derive(Debug)]
pub struct Slot {
    /// Its number.
    pub id: StatisticId,
    /// What it is.
    pub statistic: Arc<Statistic>,
    /// When somebody last asked for it, for the idle clock.
    asked: AtomicI64,
    /// Listed in the configuration: never idle.
    pinned: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Last>,
    /// How it is, or is to be, held open on a Stat Server.
    held: Option<NotificationMode>,
    /// The tenant password it was last opened with; `None` when that is not known (any more).
    proof: Option<PasswordProof>,
    /// Other passwords that a Stat Server gave a value for, as it does where a tenant needs none.
    vouched: Vec<PasswordProof>,
    /// Whether a Stat Server ever accepted it, so that the store knows it.
    registered: bool,
    /// The latest refusals, one a password.
    refusals: Vec<Refusal>,
}

/// Passwords remembered of one statistic, of each kind; the oldest gives way.
const PASSWORDS_MAX: usize = 4;

#[derive(Debug)]
struct Last {
    sample: Sample,
    /// When it was last validated; `None` when the wall clock contradicts the store.
    validated: Option<Moment>,
    revision: Revision,
}

#[derive(Debug)]
struct Refusal {
    proof: PasswordProof,
    text: Arc<str>,
    at: Moment,
}

/// What an earlier run knew of a statistic.
#[derive(Debug)]
pub struct Restored {
    /// Its number.
    pub id: StatisticId,
    /// What it is.
    pub statistic: Arc<Statistic>,
    /// Its last value.
    pub last: Option<(Sample, Revision)>,
    /// How it was held open.
    pub held: Option<NotificationMode>,
    /// The proof of the tenant password it is opened with, where that is known.
    pub proof: Option<PasswordProof>,
}

/// A known value, as an answer needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The value.
    pub value: Value,
    /// How long ago it was last validated.
    pub age: Age,
    /// Whether notifications keep it true, or will once the connection is back: then the latest
    /// value will do for whoever demands nothing.
    pub kept_open: bool,
}

/// What became of a sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// It is the last value now, and differs from the one before.
    Changed(Box<Sample>, Revision),
    /// It confirmed the last value.
    Confirmed(Timestamp),
    /// It belongs to an earlier opening than the last value: discarded.
    Outdated,
}

impl Slot {
    pub(super) fn new(id: StatisticId, statistic: Arc<Statistic>, clock: &Clock) -> Self {
        Self {
            id,
            statistic,
            asked: AtomicI64::new(clock.now().0),
            pinned: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    pub(super) fn restore(restored: Restored, clock: &Clock) -> Self {
        let slot = Self::new(restored.id, restored.statistic, clock);
        {
            let mut state = slot.state();
            state.registered = true;
            state.held = restored.held;
            state.proof = restored.proof;
            state.last = restored.last.map(|(mut sample, revision)| {
                // Nobody vouches for it until a Stat Server does again.
                sample.quality = Quality::Uncertain;
                let validated = clock.restore(sample.validated_at);
                Last {
                    sample,
                    validated,
                    revision,
                }
            });
        }
        slot
    }

    /// The value known to somebody who can prove the tenant's password.
    #[must_use]
    pub fn known(&self, proof: &PasswordProof, clock: &Clock) -> Option<Known> {
        let state = self.state();
        let last = state.last.as_ref()?;
        let proven = state.proof.as_ref() == Some(proof) || state.vouched.contains(proof);
        // What was refused when it was last asked for is not kept true by anything.
        let refused = state.refusals.iter().any(|refusal| refusal.proof == *proof);
        proven.then(|| Known {
            value: last.sample.value.clone(),
            age: clock.age(last.validated),
            kept_open: !refused && state.held.is_some_and(NotificationMode::notifies),
        })
    }

    /// The refusal remembered for this password, if it is not older than `memory`.
    #[must_use]
    pub fn refusal(
        &self,
        proof: &PasswordProof,
        clock: &Clock,
        memory: Duration,
    ) -> Option<Arc<str>> {
        let state = self.state();
        let refusal = state.refusals.iter().find(|known| known.proof == *proof)?;
        let fresh = clock.age(Some(refusal.at)).within(memory);
        fresh.then(|| refusal.text.clone())
    }

    /// Remembers that the Stat Server refused the statistic with this password.
    pub fn refuse(&self, proof: PasswordProof, text: Arc<str>, clock: &Clock) {
        let mut state = self.state();
        state.vouched.retain(|known| *known != proof);
        state.refusals.retain(|known| known.proof != proof);
        state.refusals.push(Refusal {
            proof,
            text,
            at: clock.now(),
        });
        drop_oldest(&mut state.refusals);
    }

    /// Notes that a Stat Server gave a value for this password, so that its owner may see what is
    /// known: one caller's needless password must not keep the value from all others.
    pub fn vouch(&self, proof: &PasswordProof) {
        let mut state = self.state();
        state.refusals.retain(|known| known.proof != *proof);
        if state.proof.as_ref() != Some(proof) && !state.vouched.contains(proof) {
            state.vouched.push(proof.clone());
            drop_oldest(&mut state.vouched);
        }
    }

    /// Notes that a Stat Server holds the statistic open. Returns whether that is news for the
    /// store: whether it was unknown to it, and whether the way it is held has changed.
    pub fn opened(&self, mode: NotificationMode, proof: PasswordProof) -> (bool, bool) {
        let mut state = self.state();
        let newly_registered = !std::mem::replace(&mut state.registered, true);
        let protected = proof.is_some();
        let was_protected = state.proof.as_ref().is_some_and(PasswordProof::is_some);
        let changed =
            state.held != Some(mode) || (state.proof.is_some() && protected != was_protected);
        if state.proof.as_ref().is_some_and(|known| *known != proof) {
            // Perhaps the tenant's password was changed.
            state.vouched.clear();
        }
        state.held = Some(mode);
        state.refusals.retain(|known| known.proof != proof);
        state.proof = Some(proof);
        (newly_registered, newly_registered || changed)
    }

    /// Notes that the statistic is no longer held open. Its last value stays.
    pub fn released(&self) {
        self.state().held = None;
    }

    /// Whether it is, or is to be, held open.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.state().held.is_some()
    }

    /// Whether a Stat Server ever accepted it.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.state().registered
    }

    /// Takes in a sample. Order is the epoch, then arrival, never a clock.
    pub(super) fn apply(
        &self,
        sample: Sample,
        now: Moment,
        next_revision: impl FnOnce() -> Revision,
    ) -> Applied {
        let mut state = self.state();
        match &mut state.last {
            Some(last) if sample.epoch < last.sample.epoch => Applied::Outdated,
            Some(last)
                if sample.epoch == last.sample.epoch
                    && sample.value == last.sample.value
                    && sample.quality == last.sample.quality =>
            {
                last.validated = Some(now);
                last.sample.validated_at = sample.validated_at;
                last.sample.source_time = sample.source_time;
                Applied::Confirmed(sample.validated_at)
            }
            last => {
                let revision = next_revision();
                *last = Some(Last {
                    sample: sample.clone(),
                    validated: Some(now),
                    revision,
                });
                Applied::Changed(Box::new(sample), revision)
            }
        }
    }

    /// Sets the last value's quality; returns whether that changed anything.
    pub fn set_quality(&self, quality: Quality) -> bool {
        match &mut self.state().last {
            Some(last) if last.sample.quality != quality => {
                last.sample.quality = quality;
                true
            }
            _ => false,
        }
    }

    pub(super) fn distrust(&self, server: ServerId) {
        if let Some(last) = &mut self.state().last
            && last.sample.server == server
        {
            last.sample.quality = Quality::Uncertain;
        }
    }

    /// The last sample and its revision, for those who may see everything.
    #[must_use]
    pub fn last(&self) -> Option<(Sample, Revision)> {
        self.state()
            .last
            .as_ref()
            .map(|last| (last.sample.clone(), last.revision))
    }

    /// Somebody asked: the idle clock starts over.
    pub fn touch(&self, now: Moment) {
        self.asked.store(now.0, Ordering::Relaxed);
    }

    /// When somebody last asked.
    #[must_use]
    pub fn asked(&self) -> Moment {
        Moment(self.asked.load(Ordering::Relaxed))
    }

    /// Never idle from now on.
    pub(super) fn pin(&self) {
        self.pinned.store(true, Ordering::Relaxed);
    }

    /// Whether it is never idle.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.pinned.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drop_oldest<T>(list: &mut Vec<T>) {
    if list.len() > PASSWORDS_MAX {
        list.remove(0);
    }
}
