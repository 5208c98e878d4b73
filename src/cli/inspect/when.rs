//! Instants as people type them: RFC 3339, or so long ago.

use std::time::UNIX_EPOCH;

use crate::model::{Clock, Timestamp};

/// Reads `2026-11-22T08:00:00Z`, `1h ago` or `now`.
pub(super) fn read(text: &str) -> Result<Timestamp, String> {
    let now = Clock::system().wall();
    read_at(text.trim(), now).ok_or_else(|| {
        "an instant is written as RFC 3339 (2026-11-22T08:00:00Z), '1h ago' or 'now'".to_owned()
    })
}

fn read_at(text: &str, now: Timestamp) -> Option<Timestamp> {
    if text == "now" {
        return Some(now);
    }
    if let Some(age) = text.strip_suffix("ago") {
        let age = humantime::parse_duration(age.trim()).ok()?;
        let age = u64::try_from(age.as_millis()).ok()?;
        return Some(Timestamp(now.0.saturating_sub(age)));
    }
    let at = humantime::parse_rfc3339_weak(text).ok()?;
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp(u64::try_from(since.as_millis()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_people_write_them() {
        let now = Timestamp(1_700_000_000_000);
        for (text, expected) in [
            ("now", Some(now)),
            ("1h ago", Some(Timestamp(1_699_996_400_000))),
            ("2h 30m ago", Some(Timestamp(1_699_991_000_000))),
            ("2023-11-14T22:13:20Z", Some(now)),
            ("2023-11-14 22:13:20", Some(now)),
            ("yesterday", None),
            ("1x ago", None),
        ] {
            assert_eq!(read_at(text, now), expected, "{text}");
        }
    }
}
