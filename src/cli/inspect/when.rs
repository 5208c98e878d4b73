//! Instants as people type them: RFC 3339, or so long ago.

use crate::model::{Clock, Timestamp};

/// Reads `2026-11-22T08:00:00Z`, `1h ago` or `now`.
pub(super) fn read(text: &str) -> Result<Timestamp, String> {
    let now = Clock::system().wall();
    Timestamp::read(text.trim(), now).ok_or_else(|| {
        "an instant is written as RFC 3339 (2026-11-22T08:00:00Z), '1h ago' or 'now'".to_owned()
    })
}
