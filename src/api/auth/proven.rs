//! The memory of proven credentials: a keyed hash of the header and who it stands for, so that a
//! peek costs no Argon2.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Identity;

/// A keyed hash of what a client sent. Compared as a whole by a hash map: without the key, which
/// never leaves the process, timing tells nothing about the header.
pub(super) type Fingerprint = [u8; 32];

/// How long a proof is good for.
const GOOD_FOR: Duration = Duration::from_mins(1);
/// How many are remembered; the oldest gives way.
const REMEMBERED_MAX: usize = 4096;

/// Whose credentials were proven, and when.
#[derive(Default)]
pub(super) struct Proven {
    entries: HashMap<Fingerprint, Proof>,
}

struct Proof {
    identity: Arc<Identity>,
    at: Instant,
}

/// What is known of some credentials.
pub(super) enum Known {
    /// They are right.
    Proven(Arc<Identity>),
    /// They were right, but must be checked again.
    Earlier,
    /// Nothing.
    Not,
}

impl Proven {
    pub(super) fn find(&self, fingerprint: &Fingerprint, now: Instant) -> Known {
        match self.good(fingerprint, now) {
            Some((identity, _)) => Known::Proven(identity),
            None if self.entries.contains_key(fingerprint) => Known::Earlier,
            None => Known::Not,
        }
    }

    /// Whom these credentials stand for, if they are right, and until when that is good.
    pub(super) fn good(
        &self,
        fingerprint: &Fingerprint,
        now: Instant,
    ) -> Option<(Arc<Identity>, Instant)> {
        let proof = self.entries.get(fingerprint)?;
        let until = proof.at + GOOD_FOR;
        (now < until).then(|| (Arc::clone(&proof.identity), until))
    }

    pub(super) fn remember(
        &mut self,
        fingerprint: Fingerprint,
        identity: Arc<Identity>,
        now: Instant,
    ) {
        if self.entries.len() >= REMEMBERED_MAX && !self.entries.contains_key(&fingerprint) {
            let oldest = self.entries.iter().min_by_key(|(_, proof)| proof.at);
            if let Some(oldest) = oldest.map(|(&fingerprint, _)| fingerprint) {
                self.entries.remove(&oldest);
            }
        }
        self.entries
            .insert(fingerprint, Proof { identity, at: now });
    }

    pub(super) fn forget(&mut self, fingerprint: &Fingerprint) {
        self.entries.remove(fingerprint);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
