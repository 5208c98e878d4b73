//! One statistic's place in memory: its last value, how it is held open, what refused it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::small::{SmallRevision, Validated};
use super::told::{Applied, Known, News, Restored, Seen};
use crate::model::{
    Age, Clock, Moment, NotificationMode, PasswordProof, Quality, Revision, Rules, Sample,
    ServerId, Statistic, StatisticId, Value,
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

#[derive(Debug, Default)]
struct State {
    last: Option<Last>,
    /// How it is, or is to be, held open on a Stat Server.
    held: Option<NotificationMode>,
    /// Whether a value came since it was opened: silence before that says nothing.
    valued: bool,
    /// The tenant password it was last opened with, where that is known.
    proof: PasswordProof,
    /// Whether that is known: no longer after a restart without the password.
    proof_known: bool,
    /// Whether a Stat Server ever accepted it, so that the store knows it.
    registered: bool,
    /// When anything to be seen of it last changed, in the order of all changes.
    revision: SmallRevision,
    /// What most statistics have nothing of.
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Default)]
struct Rare {
    /// Other passwords that a Stat Server gave a value for, as it does where a tenant needs none.
    vouched: Vec<PasswordProof>,
    /// The latest refusals, one a password.
    refusals: Vec<Refusal>,
    /// When a more telling mode was last asked for.
    more_asked: Option<Moment>,
    /// The value as JSON, once somebody asked for it, where that takes work to write.
    json: Option<Box<str>>,
}

/// A more telling mode is asked for at most this often.
const MORE_ASKED_MEMORY: Duration = Duration::from_secs(30);

/// Passwords remembered of one statistic, of each kind; the oldest gives way.
const PASSWORDS_MAX: usize = 4;

#[derive(Debug)]
struct Last {
    sample: Sample,
    validated: Validated,
    revision: SmallRevision,
}

#[derive(Debug)]
struct Refusal {
    proof: PasswordProof,
    text: Arc<str>,
    at: Moment,
}

impl Slot {
    pub(super) fn new(
        id: StatisticId,
        statistic: Arc<Statistic>,
        rules: &Rules,
        clock: &Clock,
    ) -> Self {
        let policy = rules.policy(&statistic);
        Self {
            id,
            statistic,
            asked: AtomicI64::new(clock.now().0),
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
        clock: &Clock,
        start: Revision,
    ) -> Self {
        let slot = Self::new(restored.id, restored.statistic, rules, clock);
        {
            let mut state = slot.state();
            state.registered = true;
            state.held = restored.held;
            state.proof_known = restored.proof.is_some();
            state.proof = restored.proof.unwrap_or(PasswordProof::NONE);
            state.last = restored.last.map(|(mut sample, revision)| {
                // Nobody vouches for it until a Stat Server does again.
                sample.quality = Quality::Uncertain;
                let validated = clock.restore(sample.validated_at);
                Last {
                    sample,
                    validated: validated.into(),
                    revision: revision.into(),
                }
            });
            // Doubts, refusals and modes have no stored revision: all of it counts as changed.
            state.revision = start.into();
            // About when somebody last asked; what is held open starts over.
            let validated = state.last.as_ref().and_then(|last| last.validated.get());
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
        let (value, validated) = self.proven(&state, proof, heard)?;
        // What was refused when it was last asked for is not kept true by anything.
        let refused = state.is_refused(proof);
        let notifies = state.held.is_some_and(NotificationMode::notifies);
        Some(Known {
            value: value.clone(),
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
        let (_, validated) = self.proven(&state, proof, heard)?;
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

    /// The value and when it was last validated, for somebody who can prove the password.
    fn proven<'a>(
        &self,
        state: &'a State,
        proof: &PasswordProof,
        heard: impl Fn(ServerId) -> Option<Moment>,
    ) -> Option<(&'a Value, Option<Moment>)> {
        let last = state.last.as_ref()?;
        if !state.is_proven(proof) {
            return None;
        }
        let notifies = state.held.is_some_and(NotificationMode::notifies);
        let vouched_for = last.sample.quality == Quality::Good && notifies && state.valued;
        let heard = if vouched_for && self.silence_is_unchanged() {
            heard(last.sample.server)
        } else {
            None
        };
        Some((&last.sample.value, last.validated.get().max(heard)))
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
        state.rare().more_asked = Some(now);
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
        let mut state = self.state();
        let rare = state.rare();
        rare.vouched.retain(|known| *known != proof);
        rare.refusals.retain(|known| known.proof != proof);
        rare.refusals.push(Refusal {
            proof,
            text,
            at: clock.now(),
        });
        drop_oldest(&mut rare.refusals);
    }

    /// Notes that a Stat Server gave a value for this password, so that its owner may see what is
    /// known: one caller's needless password must not keep the value from all others.
    /// Returns whether a refusal is forgotten for that.
    pub fn vouch(&self, proof: &PasswordProof) -> bool {
        let mut state = self.state();
        let was_refused = state.forget_refusal(proof);
        if !state.is_proven(proof) {
            let rare = state.rare();
            rare.vouched.push(proof.clone());
            drop_oldest(&mut rare.vouched);
        }
        was_refused
    }

    /// Notes that a Stat Server answers for the statistic, and how it holds it open.
    pub fn opened(&self, mode: Option<NotificationMode>, proof: PasswordProof) -> News {
        let mut state = self.state();
        let was_refused = state.forget_refusal(&proof);
        let newly_registered = !std::mem::replace(&mut state.registered, true);
        let protected = proof.is_some();
        let known = state.proof();
        let is_other = known.is_some_and(|known| *known != proof);
        let changed = state.held != mode || known.is_some_and(|known| known.is_some() != protected);
        if is_other && let Some(rare) = &mut state.rare {
            // Perhaps the tenant's password was changed.
            rare.vouched.clear();
        }
        state.held = mode;
        state.valued = false;
        state.proof = proof;
        state.proof_known = true;
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
        let state = &mut *state;
        let last = state.last.as_ref();
        state.valued |= last.is_none_or(|last| sample.epoch >= last.sample.epoch);
        match &mut state.last {
            Some(last) if sample.epoch < last.sample.epoch => Applied::Outdated,
            Some(last)
                if sample.epoch == last.sample.epoch
                    && sample.value == last.sample.value
                    && sample.quality == last.sample.quality =>
            {
                last.validated = Some(now).into();
                last.sample.validated_at = sample.validated_at;
                last.sample.source_time = sample.source_time;
                Applied::Confirmed(sample.validated_at)
            }
            last => {
                let revision = next_revision();
                state.revision = revision.into();
                *last = Some(Last {
                    sample: sample.clone(),
                    validated: Some(now).into(),
                    revision: revision.into(),
                });
                if let Some(rare) = &mut state.rare {
                    rare.json = None;
                }
                Applied::Changed(sample, revision)
            }
        }
    }

    pub(super) fn set_quality(
        &self,
        quality: Quality,
        next_revision: impl FnOnce() -> Revision,
    ) -> bool {
        let mut state = self.state();
        match &mut state.last {
            Some(last) if last.sample.quality != quality => {
                last.sample.quality = quality;
                state.revision = next_revision().into();
                true
            }
            _ => false,
        }
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
        let notifies = state.held.is_some_and(NotificationMode::notifies) && state.valued;
        let last = state.last.as_ref().map(|last| {
            let vouched_for = last.sample.quality == Quality::Good && notifies;
            let silent = vouched_for && self.silence_is_unchanged();
            let heard = silent.then(|| heard(last.sample.server)).flatten();
            let age = clock.age(last.validated.get().max(heard));
            (last.sample.clone(), age)
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
        let notifies = state.held.is_some_and(NotificationMode::notifies) && state.valued;
        if let Some(last) = &mut state.last
            && last.sample.server == server
        {
            let vouched_for = last.sample.quality == Quality::Good && notifies;
            if vouched_for && self.silence_is_unchanged() {
                last.validated = last.validated.get().max(heard).into();
            }
            if last.sample.quality == Quality::Good {
                last.sample.quality = Quality::Uncertain;
                state.revision = next_revision().into();
            }
        }
    }

    /// The last sample and its revision, for those who may see everything.
    #[must_use]
    pub fn last(&self) -> Option<(Sample, Revision)> {
        self.state()
            .last
            .as_ref()
            .map(|last| (last.sample.clone(), last.revision.get()))
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

impl State {
    /// How it is held open under this password, if it is.
    fn held_under(&self, proof: &PasswordProof) -> Option<NotificationMode> {
        self.held.filter(|_| self.proof() == Some(proof))
    }

    /// Whether a more telling mode was asked for of late.
    fn has_asked_for_more(&self, now: Moment) -> bool {
        let asked = self.rare.as_ref().and_then(|rare| rare.more_asked);
        asked.is_some_and(|asked| Age::at(now, Some(asked)).within(MORE_ASKED_MEMORY))
    }

    fn is_protected(&self) -> bool {
        // With which password it was opened before a restart may be unknown.
        self.registered && self.proof().is_none_or(PasswordProof::is_some)
    }

    /// The proof of the password it was last opened with, where that is known.
    fn proof(&self) -> Option<&PasswordProof> {
        self.proof_known.then_some(&self.proof)
    }

    /// Whether somebody who can prove this password may see the value.
    fn is_proven(&self, proof: &PasswordProof) -> bool {
        let vouched = || {
            let rare = self.rare.as_ref();
            rare.is_some_and(|rare| rare.vouched.contains(proof))
        };
        self.proof() == Some(proof) || vouched()
    }

    fn is_refused(&self, proof: &PasswordProof) -> bool {
        let mut refusals = self.refusals().iter();
        refusals.any(|refusal| refusal.proof == *proof)
    }

    fn refusals(&self) -> &[Refusal] {
        self.rare.as_ref().map_or(&[], |rare| &rare.refusals)
    }

    /// Forgets the refusal of this password; returns whether there was one.
    fn forget_refusal(&mut self, proof: &PasswordProof) -> bool {
        let was_refused = self.is_refused(proof);
        if was_refused && let Some(rare) = &mut self.rare {
            rare.refusals.retain(|known| known.proof != *proof);
        }
        was_refused
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Appends the value as JSON, if there is one. A state's is made once and kept until the next
    /// value.
    fn write_json(&mut self, out: &mut String) -> Option<()> {
        let value = &self.last.as_ref()?.sample.value;
        if matches!(value, Value::State(_)) {
            let rare = self.rare.get_or_insert_default();
            out.push_str(rare.json.get_or_insert_with(|| value.to_json().into()));
        } else {
            value.write_json(out);
        }
        Some(())
    }
}

fn drop_oldest<T>(list: &mut Vec<T>) {
    if list.len() > PASSWORDS_MAX {
        list.remove(0);
    }
}

/// A site has 1.2 million of them, so growth is to be a decision.
#[cfg(test)]
mod tests {
    /// Bytes, at most. With the counts of its `Arc` it is to fit the allocator's 160.
    const SLOT_SIZE: usize = 144;

    #[test]
    fn what_a_statistic_in_memory_costs_is_known() {
        assert!(size_of::<super::Slot>() <= SLOT_SIZE);
    }
}
