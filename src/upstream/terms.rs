//! On what terms a statistic is asked for. A site has few of them and very many statistics, so equal
//! ones are kept once.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use secrecy::SecretString;

use super::plan::Manner;
use crate::model::PasswordProof;

/// With which password a statistic is opened, and what the configuration says of asking for it.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The tenant's password; empty for none.
    pub password: SecretString,
    /// The proof of that password.
    pub proof: PasswordProof,
    /// What the configuration says of asking for it.
    pub manner: Arc<Manner>,
}

/// The terms used of late. What nobody uses any more is not kept alive, its password neither.
#[derive(Debug, Default)]
pub(super) struct KnownTerms(Mutex<Vec<Weak<Terms>>>);

/// Looked through one by one, so few; terms beyond them are merely not shared.
const KNOWN_MAX: usize = 16;

impl KnownTerms {
    /// These terms, shared with whoever has equal ones of late.
    pub(super) fn share(&self, terms: Terms) -> Arc<Terms> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = known.iter().enumerate().filter_map(|(at, one)| {
            let one = one.upgrade()?;
            one.is_same(&terms).then_some((at, one))
        });
        if let Some((at, shared)) = found.next() {
            drop(found);
            // The latest first.
            if let Some(upto) = known.get_mut(..=at) {
                upto.rotate_right(1);
            }
            return shared;
        }
        drop(found);
        let shared = Arc::new(terms);
        known.retain(|one| one.strong_count() > 0);
        known.truncate(KNOWN_MAX - 1);
        known.insert(0, Arc::downgrade(&shared));
        shared
    }
}

impl Terms {
    /// Equal proofs are of equal passwords.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.proof == other.proof && self.manner == other.manner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProofKey;

    fn terms(key: &ProofKey, password: &str, frequency: Option<i32>) -> Terms {
        let password = SecretString::from(password);
        let manner = Manner {
            frequency,
            ..Manner::default()
        };
        Terms {
            proof: key.prove(&password),
            password,
            manner: Arc::new(manner),
        }
    }

    #[test]
    fn equal_terms_are_kept_once_and_only_while_they_are_used() {
        let key = ProofKey::random().unwrap();
        let known = KnownTerms::default();
        let first = known.share(terms(&key, "", None));
        let others = [("a", None), ("b", None), ("", Some(3))];
        let others = others.map(|(password, every)| known.share(terms(&key, password, every)));
        assert!(Arc::ptr_eq(&first, &known.share(terms(&key, "", None))));
        let again = known.share(terms(&key, "b", None));
        assert!(others.iter().filter(|one| Arc::ptr_eq(one, &again)).count() == 1);

        let weak = Arc::downgrade(&first);
        drop(first);
        assert!(weak.upgrade().is_none());
        // More of them than are remembered.
        for every in 0..100 {
            let _: Arc<Terms> = known.share(terms(&key, "", Some(every)));
        }
        let kept: Vec<_> = (0..100)
            .map(|every| known.share(terms(&key, "", Some(every))))
            .collect();
        assert_eq!(kept.len(), 100);
        assert!(known.0.lock().unwrap().len() <= KNOWN_MAX);
    }
}
