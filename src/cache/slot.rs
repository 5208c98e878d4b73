//! One statistic's place in memory: its last value, how it is held open, what refused it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::state::{Flag, State};
use super::told::{Applied, Known, News, Restored, Seen};
use crate::model::{
    Age, Clock, Moment, NotificationMode, PasswordProof, Quality, Reading, Revision, Rules, Sample,
    ServerId, Statistic, StatisticId,
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
    /// Counted among those that no Stat Server has accepted yet.
    unaccepted: AtomicBool,
    /// Silence on a living link says that the value has not changed.
    silence_is_unchanged: AtomicBool,
    state: Mutex<State>,
}

impl Slot {
    pub(super) fn new(
        id: StatisticId,
        statistic: Arc<Statistic>,
        rules: &Rules,
        now: Moment,
    ) -> Self {
        let policy = rules.policy(&statistic);
        Self {
            id,
            statistic,
            asked: AtomicI64::new(now.0),
            pinned: AtomicBool::new(false),
            unaccepted: AtomicBool::new(false),
            silence_is_unchanged: AtomicBool::new(policy.silence_is_unchanged),
            state: Mutex::default(),
        }
    }

    /// `start` is the revision that everything changed at when the service started.
    pub(super) fn restore(
        restored: Restored,
        rules: &Rules,
        clock: Reading,
        start: Revision,
    ) -> Self {
        let slot = Self::new(restored.id, restored.statistic, rules, clock.now);
        {
            let mut state = slot.state();
            state.set(Flag::Registered, true);
            state.held = restored.held;
            state.set(Flag::ProofKnown, restored.proof.is_some());
            state.proof = restored.proof.unwrap_or(PasswordProof::NONE);
            let mut validated = None;
            if let Some(mut sample) = restored.last {
                // Nobody vouches for it until a Stat Server does again.
                sample.quality = Quality::Uncertain;
                validated = clock.restore(sample.validated_at);
                state.put(&sample, validated);
            }
            // Doubts, refusals and modes have no stored revision: all of it counts as changed.
            state.revision = start.into();
            // About when somebody last asked; what is held open starts over.
            if let (None, Some(validated)) = (state.held, validated) {
                slot.touch(validated);
            }
        }
        slot
    }

    /// The value known to somebody who can prove the tenant's password. `heard` tells when a server
    /// was last heard on a link that heartbeats prove alive.
    #[must_use]
    pub fn known(
        &self,
        proof: &PasswordProof,
        clock: &Clock,
        heard: impl Fn(ServerId) -> Option<Moment>,
    ) -> Option<Known> {
        let state = self.state();
        let validated = self.proven(&state, proof, heard)?;
        // What was refused when it was last asked for is not kept true by anything.
        let refused = state.is_refused(proof);
        let notifies = state.held.is_some_and(NotificationMode::notifies);
        Some(Known {
            value: state.value.get()?,
            age: clock.age(validated),
            kept_open: !refused && notifies,
            held: state.held_under(proof),
        })
    }

    /// Appends the value that [`Slot::known`] tells to `out` as JSON, if its age, and whether
    /// notifications keep it true, are accepted; tells the age. `None` also where somebody who wants
    /// `mode` makes more work than that: after a refusal, or when a more telling mode is to be asked
    /// for.
    pub fn glance(
        &self,
        (proof, mode): (&PasswordProof, NotificationMode),
        now: Moment,
        heard: impl Fn(ServerId) -> Option<Moment>,
        accept: impl FnOnce(Age, bool) -> bool,
        out: &mut String,
    ) -> Option<Age> {
        let mut state = self.state();
        let validated = self.proven(&state, proof, heard)?;
        let less = |held| mode.tells_more_than(held);
        if state.is_refused(proof)
            || (state.held_under(proof).is_some_and(less) && !state.has_asked_for_more(now))
        {
            return None;
        }
        let age = Age::at(now, validated);
        let notifies = state.held.is_some_and(NotificationMode::notifies);
        if !accept(age, notifies) {
            return None;
        }
        state.write_json(out)?;
        Some(age)
    }

    /// When the value was last validated, for somebody who can prove the password; `None` where there is
    /// nothing for him.
    #[expect(clippy::option_option, reason = "there may be a value of unknown age")]
    fn proven(
        &self,
        state: &State,
        proof: &PasswordProof,
        heard: impl Fn(ServerId) -> Option<Moment>,
    ) -> Option<Option<Moment>> {
        if state.value.is_none() || !state.is_proven(proof) {
            return None;
        }
        Some(state.validated.get().max(self.silence(state, heard)))
    }

    /// Until when its server vouched for the value by its silence.
    fn silence(&self, state: &State, heard: impl Fn(ServerId) -> Option<Moment>) -> Option<Moment> {
        let notifies = state.held.is_some_and(NotificationMode::notifies);
        let vouched_for = state.quality == Quality::Good && notifies && state.is_set(Flag::Valued);
        if vouched_for && self.silence_is_unchanged() {
            heard(state.server)
        } else {
            None
        }
    }

    /// Takes over what the rules say of it now.
    pub(super) fn follow(&self, rules: &Rules) {
        let silence = rules.policy(&self.statistic).silence_is_unchanged;
        self.silence_is_unchanged.store(silence, Ordering::Relaxed);
    }

    fn silence_is_unchanged(&self) -> bool {
        self.silence_is_unchanged.load(Ordering::Relaxed)
    }

    /// Whether a more telling mode than the present one is to be asked for now, on behalf of
    /// somebody who wants `mode`; not again for a while then.
    #[must_use]
    pub fn wants_more(&self, mode: NotificationMode, clock: &Clock) -> bool {
        let mut state = self.state();
        let less = state.held.is_some_and(|held| mode.tells_more_than(held));
        let now = clock.now();
        if !less || state.has_asked_for_more(now) {
            return false;
        }
        state.ask_for_more(now);
        true
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
        let refusal = state
            .refusals()
            .iter()
            .find(|known| known.proof == *proof)?;
        let fresh = clock.age(Some(refusal.at)).within(memory);
        fresh.then(|| refusal.text.clone())
    }

    /// Remembers that the Stat Server refused the statistic with this password.
    pub fn refuse(&self, proof: PasswordProof, text: Arc<str>, clock: &Clock) {
        self.state().refuse(proof, text, clock.now());
    }

    /// Notes that a Stat Server gave a value for this password, so that its owner may see what is
    /// known: one caller's needless password must not keep the value from all others.
    /// Returns whether a refusal is forgotten for that.
    pub fn vouch(&self, proof: &PasswordProof) -> bool {
        self.state().vouch(proof)
    }

    /// Notes that a Stat Server answers for the statistic, and how it holds it open.
    pub fn opened(&self, mode: Option<NotificationMode>, proof: PasswordProof) -> News {
        let mut state = self.state();
        let was_refused = state.forget_refusal(&proof);
        let newly_registered = !state.set(Flag::Registered, true);
        let protected = proof.is_some();
        let known = state.proof();
        let is_other = known.is_some_and(|known| *known != proof);
        let changed = state.held != mode || known.is_some_and(|known| known.is_some() != protected);
        if is_other {
            // Perhaps the tenant's password was changed.
            state.doubt_vouched();
        }
        state.held = mode;
        state.set(Flag::Valued, false);
        state.proof = proof;
        state.set(Flag::ProofKnown, true);
        News {
            registered: newly_registered,
            stored: newly_registered || changed,
            visible: newly_registered || changed || was_refused,
        }
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

    /// Whether it was last opened with a tenant password.
    pub(super) fn is_protected(&self) -> bool {
        self.state().is_protected()
    }

    /// Whether a Stat Server ever accepted it.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.state().is_set(Flag::Registered)
    }

    /// Takes in a sample. Order is the epoch, then arrival, never a clock.
    pub(super) fn apply(
        &self,
        sample: Sample,
        now: Moment,
        next_revision: impl FnOnce() -> Revision,
    ) -> Applied {
        let mut state = self.state();
        let state = &mut *state;
        let known = !state.value.is_none();
        if known && sample.epoch < state.epoch {
            return Applied::Outdated;
        }
        state.set(Flag::Valued, true);
        if known
            && sample.epoch == state.epoch
            && sample.quality == state.quality
            && state.value.is(&sample.value)
        {
            state.validated = Some(now).into();
            state.validated_at = sample.validated_at.into();
            state.source_time = sample.source_time;
            return Applied::Confirmed(sample.validated_at);
        }
        let revision = next_revision();
        state.revision = revision.into();
        state.put(&sample, Some(now));
        Applied::Changed(sample, revision)
    }

    pub(super) fn set_quality(
        &self,
        quality: Quality,
        next_revision: impl FnOnce() -> Revision,
    ) -> bool {
        let mut state = self.state();
        let changes = !state.value.is_none() && state.quality != quality;
        if changes {
            state.quality = quality;
            state.revision = next_revision().into();
        }
        changes
    }

    pub(super) fn changed(&self, next_revision: impl FnOnce() -> Revision) {
        let mut state = self.state();
        state.revision = next_revision().into();
    }

    pub(super) fn revision(&self) -> Revision {
        self.state().revision.get()
    }

    /// All there is to see. `heard` as for [`Slot::known`].
    #[must_use]
    pub fn seen(&self, clock: &Clock, heard: impl Fn(ServerId) -> Option<Moment>) -> Seen {
        let state = self.state();
        let last = state.last().map(|last| {
            let heard = self.silence(&state, heard);
            (last, clock.age(state.validated.get().max(heard)))
        });
        let proof = state.proof();
        let refused = state
            .refusals()
            .iter()
            .find(|refusal| proof.is_none_or(|proof| refusal.proof == *proof));
        Seen {
            last,
            held: state.held,
            is_protected: state.is_protected(),
            refusal: refused.map(|refusal| refusal.text.clone()),
            revision: state.revision.get(),
        }
    }

    /// `heard` is until when the server vouched for it by its silence.
    pub(super) fn distrust(
        &self,
        server: ServerId,
        heard: Option<Moment>,
        next_revision: impl FnOnce() -> Revision,
    ) {
        let mut state = self.state();
        if state.value.is_none() || state.server != server {
            return;
        }
        let silence = self.silence(&state, |_| heard);
        state.validated = state.validated.get().max(silence).into();
        if state.quality == Quality::Good {
            state.quality = Quality::Uncertain;
            state.revision = next_revision().into();
        }
    }

    /// The last sample.
    #[cfg(test)]
    pub(super) fn last(&self) -> Option<Sample> {
        self.state().last()
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

    /// Counted among those that no Stat Server has accepted yet.
    pub(super) fn count(&self) {
        self.unaccepted.store(true, Ordering::Relaxed);
    }

    /// Counted no longer; returns whether it was.
    pub(super) fn stop_counting(&self) -> bool {
        self.unaccepted.swap(false, Ordering::Relaxed)
    }

    /// Never idle from now on.
    pub(super) fn pin(&self) {
        self.pinned.store(true, Ordering::Relaxed);
    }

    /// Idle like any other from now on.
    pub(super) fn unpin(&self) {
        self.pinned.store(false, Ordering::Relaxed);
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

/// A site has 1.2 million of them, so growth is to be a decision.
#[cfg(test)]
mod tests {
    /// Bytes, at most. With the counts of its `Arc` it is to fit the allocator's 128.
    const SLOT_SIZE: usize = 112;

    #[test]
    fn what_a_statistic_in_memory_costs_is_known() {
        assert!(size_of::<super::Slot>() <= SLOT_SIZE);
    }
}
