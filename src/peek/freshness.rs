//! What a request demands of a value's age.

use std::time::Duration;

use crate::model::Age;

/// How old a value may be for this request. The default demands nothing: the latest known value
/// will do.
///
/// The HTTP edge reads it from `Cache-Control`; the rules are those of RFC 9111 section 5.2.1 for
/// values that have no lifetime of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freshness {
    /// `max-age`: the oldest acceptable value. An unreadable `max-age` is [`Duration::ZERO`].
    pub max_age: Option<Duration>,
    /// `no-cache`: only a live value will do.
    pub no_cache: bool,
    /// `max-stale`: how far `max_age` may be exceeded; [`Duration::MAX`] for "however far".
    pub max_stale: Option<Duration>,
    /// `min-fresh`: how far inside `max_age` the value must be.
    pub min_fresh: Option<Duration>,
    /// `only-if-cached`: never ask the Stat Server.
    pub only_if_cached: bool,
    /// `stale-if-error`: how old a known value may be when the live fetch fails.
    pub stale_if_error: Option<Duration>,
}

/// What a demand says about a known value, apart from its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: whatever is known will do.
    Anything,
    /// At most this old.
    AtMost(Duration),
    /// Only a live one.
    Live,
}

impl Freshness {
    /// The directives put together.
    #[must_use]
    pub fn demand(&self) -> Demand {
        if self.no_cache {
            return Demand::Live;
        }
        match (self.max_age, self.min_fresh) {
            (None, None) => Demand::Anything,
            // A value has no lifetime of its own that it could be fresh within.
            (None, Some(_)) => Demand::Live,
            (Some(Duration::ZERO), _) if self.max_stale.is_none() => Demand::Live,
            (Some(max_age), min_fresh) => {
                let limit = max_age.saturating_add(self.max_stale.unwrap_or_default());
                match limit.checked_sub(min_fresh.unwrap_or_default()) {
                    Some(limit) => Demand::AtMost(limit),
                    None => Demand::Live,
                }
            }
        }
    }
}

impl Demand {
    /// Whether a known value of this age will do.
    #[must_use]
    pub fn accepts(self, age: Age) -> bool {
        match self {
            // `max-stale` without a number accepts any age, the unknown one too.
            Self::Anything | Self::AtMost(Duration::MAX) => true,
            Self::AtMost(limit) => age.within(limit),
            Self::Live => false,
        }
    }
}
