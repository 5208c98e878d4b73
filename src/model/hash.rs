//! The hash for keys that clients choose.

use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

/// Hashes keys that clients choose, who must not be able to choose ones that collide.
///
/// foldhash is no cryptographic hash, but its seeds are drawn from the system's randomness, and
/// neither they nor any hash is ever shown. Where it is used, the number of keys has a bound. `SipHash`,
/// the standard library's, takes several times as long for a key.
#[must_use]
pub fn seeded_hasher() -> SeedableRandomState {
    static SHARED: OnceLock<SharedSeed> = OnceLock::new();
    let draw = || getrandom::u64().unwrap_or_else(|_| fastrand::u64(..));
    let shared = SHARED.get_or_init(|| SharedSeed::from_u64(draw()));
    SeedableRandomState::with_seed(draw(), shared)
}
