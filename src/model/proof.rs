//! Proofs of tenant passwords: enough to tell whether two are equal, useless to learn either.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

/// The key of all proofs of one process. Random, never stored: a proof means nothing elsewhere.
#[derive(Clone)]
pub struct ProofKey([u8; 32]);

impl ProofKey {
    /// A key from the operating system's randomness.
    ///
    /// # Errors
    /// The operating system has none to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self(key))
    }

    /// The proof of `password`.
    #[must_use]
    pub fn prove(&self, password: &SecretString) -> PasswordProof {
        self.prove_text(password.expose_secret())
    }

    /// The proof of a password that still stands in the request.
    #[must_use]
    pub fn prove_text(&self, password: &str) -> PasswordProof {
        if password.is_empty() {
            return PasswordProof::NONE;
        }
        PasswordProof(Some(Box::new(blake3::keyed_hash(
            &self.0,
            password.as_bytes(),
        ))))
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey([redacted])")
    }
}

/// A keyed hash of a tenant's password; comparison takes the same time whatever differs. That of the
/// empty password by default.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct PasswordProof(Option<Box<blake3::Hash>>);

impl PasswordProof {
    /// The proof of the empty password, which equals an absent one.
    pub const NONE: Self = Self(None);

    /// Whether a password was given.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for PasswordProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_some() {
            "PasswordProof([redacted])"
        } else {
            "PasswordProof(none)"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_passwords_have_equal_proofs_and_nothing_shows_them() {
        let key = ProofKey::random().unwrap();
        let prove = |text: &str| key.prove(&text.to_owned().into());
        assert_eq!(prove("canary"), prove("canary"));
        assert_ne!(prove("canary"), prove("Canary"));
        assert_eq!(prove(""), PasswordProof::NONE);
        let other = ProofKey::random().unwrap();
        assert_ne!(prove("canary"), other.prove(&"canary".to_owned().into()));
        assert_eq!(
            format!("{key:?}{:?}", prove("canary")),
            "ProofKey([redacted])PasswordProof([redacted])"
        );
    }
}
