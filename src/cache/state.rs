//! What changes of a statistic in memory, laid out by hand: there are as many as there are statistics.

use std::sync::Arc;
use std::time::Duration;

use super::kept::Kept;
use super::small::{SmallRevision, SmallTimestamp, Validated};
use crate::model::{
    Age, Epoch, Moment, NotificationMode, PasswordProof, Quality, Sample, ServerId,
};

/// What is known of a statistic, and how it is held open.
#[derive(Debug)]
pub(super) struct State {
    /// The last value. Without one, what follows up to `server` means nothing.
    pub(super) value: Kept,
    pub(super) validated: Validated,
    pub(super) validated_at: SmallTimestamp,
    received_at: SmallTimestamp,
    pub(super) source_time: u32,
    pub(super) epoch: Epoch,
    pub(super) quality: Quality,
    pub(super) server: ServerId,
    /// How it is, or is to be, held open on a Stat Server.
    pub(super) held: Option<NotificationMode>,
    /// The [`Flag`]s that are set.
    flags: u8,
    /// The tenant password it was last opened with, where that is known.
    pub(super) proof: PasswordProof,
    /// When anything to be seen of it last changed, in the order of all changes.
    pub(super) revision: SmallRevision,
    /// What most statistics have nothing of.
    rare: Option<Box<Rare>>,
}

/// What is or is not.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Flag {
    /// A value came since it was opened: silence before that says nothing.
    Valued = 1,
    /// The proof is known: no longer after a restart without the password.
    ProofKnown = 2,
    /// A Stat Server once accepted it, so that the store knows it.
    Registered = 4,
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

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) proof: PasswordProof,
    pub(super) text: Arc<str>,
    pub(super) at: Moment,
}

/// A more telling mode is asked for at most this often.
const MORE_ASKED_MEMORY: Duration = Duration::from_secs(30);

/// Passwords remembered of one statistic, of each kind; the oldest gives way.
const PASSWORDS_MAX: usize = 4;

impl Default for State {
    fn default() -> Self {
        Self {
            value: Kept::None,
            validated: Validated::default(),
            validated_at: SmallTimestamp::default(),
            received_at: SmallTimestamp::default(),
            source_time: 0,
            epoch: Epoch(0),
            quality: Quality::Uncertain,
            server: ServerId(0),
            held: None,
            flags: 0,
            proof: PasswordProof::NONE,
            revision: SmallRevision::default(),
            rare: None,
        }
    }
}

impl State {
    pub(super) const fn is_set(&self, flag: Flag) -> bool {
        self.flags & flag as u8 != 0
    }

    /// Sets or clears a flag; returns whether it was set.
    pub(super) const fn set(&mut self, flag: Flag, to: bool) -> bool {
        let before = self.is_set(flag);
        if to {
            self.flags |= flag as u8;
        } else {
            self.flags &= !(flag as u8);
        }
        before
    }

    /// Takes a sample for the last one.
    pub(super) fn put(&mut self, sample: &Sample, validated: Option<Moment>) {
        self.value = Kept::of(&sample.value);
        self.validated = validated.into();
        self.validated_at = sample.validated_at.into();
        self.received_at = sample.received_at.into();
        self.source_time = sample.source_time;
        self.epoch = sample.epoch;
        self.quality = sample.quality;
        self.server = sample.server;
        if let Some(rare) = &mut self.rare {
            rare.json = None;
        }
    }

    /// The last sample, if there ever was one.
    pub(super) fn last(&self) -> Option<Sample> {
        Some(Sample {
            value: self.value.get()?,
            quality: self.quality,
            source_time: self.source_time,
            received_at: self.received_at.get(),
            validated_at: self.validated_at.get(),
            server: self.server,
            epoch: self.epoch,
        })
    }

    /// Appends the value as JSON, if there is one. A state's is made once and kept until the next
    /// value.
    pub(super) fn write_json(&mut self, out: &mut String) -> Option<()> {
        if self.value.write_json(out).is_some() {
            return Some(());
        }
        let rare = self.rare.get_or_insert_default();
        if rare.json.is_none() {
            rare.json = Some(self.value.get()?.to_json().into());
        }
        out.push_str(rare.json.as_deref()?);
        Some(())
    }

    /// How it is held open under this password, if it is.
    pub(super) fn held_under(&self, proof: &PasswordProof) -> Option<NotificationMode> {
        self.held.filter(|_| self.proof() == Some(proof))
    }

    /// Whether a more telling mode was asked for of late.
    pub(super) fn has_asked_for_more(&self, now: Moment) -> bool {
        let asked = self.rare.as_ref().and_then(|rare| rare.more_asked);
        asked.is_some_and(|asked| Age::at(now, Some(asked)).within(MORE_ASKED_MEMORY))
    }

    /// Notes that a more telling mode is asked for now.
    pub(super) fn ask_for_more(&mut self, now: Moment) {
        self.rare().more_asked = Some(now);
    }

    pub(super) fn is_protected(&self) -> bool {
        // With which password it was opened before a restart may be unknown.
        self.is_set(Flag::Registered) && self.proof().is_none_or(PasswordProof::is_some)
    }

    /// The proof of the password it was last opened with, where that is known.
    pub(super) fn proof(&self) -> Option<&PasswordProof> {
        self.is_set(Flag::ProofKnown).then_some(&self.proof)
    }

    /// Whether somebody who can prove this password may see the value.
    pub(super) fn is_proven(&self, proof: &PasswordProof) -> bool {
        let vouched = || {
            let rare = self.rare.as_ref();
            rare.is_some_and(|rare| rare.vouched.contains(proof))
        };
        self.proof() == Some(proof) || vouched()
    }

    /// Notes that a Stat Server gave a value for this password; returns whether a refusal is
    /// forgotten for that.
    pub(super) fn vouch(&mut self, proof: &PasswordProof) -> bool {
        let was_refused = self.forget_refusal(proof);
        if !self.is_proven(proof) {
            let rare = self.rare();
            rare.vouched.push(proof.clone());
            drop_oldest(&mut rare.vouched);
        }
        was_refused
    }

    /// Forgets which other passwords were good for a value.
    pub(super) fn doubt_vouched(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.vouched.clear();
        }
    }

    pub(super) fn refusals(&self) -> &[Refusal] {
        self.rare.as_ref().map_or(&[], |rare| &rare.refusals)
    }

    pub(super) fn is_refused(&self, proof: &PasswordProof) -> bool {
        let mut refusals = self.refusals().iter();
        refusals.any(|refusal| refusal.proof == *proof)
    }

    pub(super) fn refuse(&mut self, proof: PasswordProof, text: Arc<str>, at: Moment) {
        let rare = self.rare();
        rare.vouched.retain(|known| *known != proof);
        rare.refusals.retain(|known| known.proof != proof);
        rare.refusals.push(Refusal { proof, text, at });
        drop_oldest(&mut rare.refusals);
    }

    /// Forgets the refusal of this password; returns whether there was one.
    pub(super) fn forget_refusal(&mut self, proof: &PasswordProof) -> bool {
        let was_refused = self.is_refused(proof);
        if was_refused && let Some(rare) = &mut self.rare {
            rare.refusals.retain(|known| known.proof != *proof);
        }
        was_refused
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

fn drop_oldest<T>(list: &mut Vec<T>) {
    if list.len() > PASSWORDS_MAX {
        list.remove(0);
    }
}
