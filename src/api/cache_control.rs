//! The request's `Cache-Control` directives (RFC 9111 section 5.2.1, RFC 5861), read so that a
//! wrong guess means a live fetch and never an old value taken for a fresh one.

use std::borrow::Cow;
use std::time::Duration;

use crate::peek::Freshness;

/// What the header lines demand, merged as if they were one list.
///
/// `stale-if-error` without a number accepts any age. A directive that cannot be read counts as
/// its most restrictive form.
pub(super) fn read<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Freshness {
    let mut freshness = Freshness::default();
    for line in lines {
        let line = String::from_utf8_lossy(line);
        for directive in split_list(&line) {
            apply(&mut freshness, directive.trim_matches([' ', '\t']));
        }
    }
    // No allowance is the same as none asked for, and keeps `max-age=0` a demand for a live value.
    freshness.max_stale = freshness.max_stale.filter(|allowed| !allowed.is_zero());
    freshness.stale_if_error = freshness.stale_if_error.filter(|age| !age.is_zero());
    freshness
}

fn apply(freshness: &mut Freshness, directive: &str) {
    let (name, argument) = match directive.split_once('=') {
        Some((name, argument)) => (name.trim_end_matches([' ', '\t']), Some(argument)),
        None => (directive, None),
    };
    // Of doubled directives the most restrictive holds.
    let lower = |known: &mut Option<Duration>, limit: Duration| {
        *known = Some(known.map_or(limit, |known| known.min(limit)));
    };
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    // `no-store` does not stop the answer being recorded for others; the rest is unknown.
    if is("max-age") {
        let limit = seconds(argument).unwrap_or_default();
        lower(&mut freshness.max_age, limit);
    } else if is("no-cache") {
        freshness.no_cache = true;
    } else if is("max-stale") {
        lower(&mut freshness.max_stale, allowance(argument));
    } else if is("min-fresh") {
        let needed = seconds(argument).unwrap_or(Duration::MAX);
        let known = freshness.min_fresh.unwrap_or_default();
        freshness.min_fresh = Some(known.max(needed));
    } else if is("only-if-cached") {
        freshness.only_if_cached = true;
    } else if is("stale-if-error") {
        lower(&mut freshness.stale_if_error, allowance(argument));
    }
}

/// The argument of a directive that allows more: without one it allows anything, with an
/// unreadable one nothing.
fn allowance(argument: Option<&str>) -> Duration {
    match argument {
        None => Duration::MAX,
        some => seconds(some).unwrap_or_default(),
    }
}

/// Delta seconds, as a token or in quotes; a number too large to matter is 2^31 (RFC 9111,
/// section 1.2.2).
fn seconds(argument: Option<&str>) -> Option<Duration> {
    const OVERFLOW: u64 = 2_147_483_648;
    let argument = argument?;
    let unquoted = match argument.strip_prefix('"') {
        Some(rest) => Cow::Owned(unescape(rest.strip_suffix('"')?)),
        None => Cow::Borrowed(argument),
    };
    if unquoted.is_empty() || !unquoted.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = unquoted.parse().unwrap_or(OVERFLOW);
    Some(Duration::from_secs(number.min(OVERFLOW)))
}

/// Takes the backslashes of quoted pairs out of a quoted string's inside.
fn unescape(inside: &str) -> String {
    let mut escaped = false;
    inside
        .chars()
        .filter(|&character| {
            escaped = character == '\\' && !escaped;
            !escaped
        })
        .collect()
}

/// Splits a list at its commas, those inside quoted strings excepted.
fn split_list(line: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    line.split(move |character| {
        if escaped {
            escaped = false;
            return false;
        }
        match character {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' => return !quoted,
            _ => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::peek::Demand;

    #[expect(clippy::unnecessary_wraps, reason = "every use needs the option")]
    const fn s(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    fn of(lines: &[&str]) -> Freshness {
        read(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn max_age_reads_as_delta_seconds_or_as_zero() {
        for (line, max_age) in [
            ("max-age=7", s(7)),
            ("MAX-AGE=7", s(7)),
            ("max-age=\"7\"", s(7)),
            ("max-age=\"\\7\"", s(7)),
            ("max-age=007", s(7)),
            (" , ,max-age=7,, ", s(7)),
            ("foo=\"max-age=1, no-cache\", max-age=7", s(7)),
            ("foo=\"a\\\", max-age=1\", max-age=7", s(7)),
            ("max-age=1, max-age=9", s(1)),
            ("max-age=9, max-age=1", s(1)),
            ("max-age=9, max-age=x", s(0)),
            ("max-age=0", s(0)),
            ("max-age=2147483647", s(2_147_483_647)),
            ("max-age=2147483649", s(2_147_483_648)),
            ("max-age=99999999999999999999", s(2_147_483_648)),
            ("max-age", s(0)),
            ("max-age=", s(0)),
            ("max-age=1.5", s(0)),
            ("max-age=-1", s(0)),
            ("max-age=+1", s(0)),
            ("max-age= 1", s(0)),
            ("max-age =1", s(1)),
            ("max-age='1'", s(0)),
            ("max-age=\"1", s(0)),
            ("max-age=1;", s(0)),
            ("max-age=1 2", s(0)),
            ("maxage=1", None),
            ("x-max-age=1", None),
            ("", None),
        ] {
            assert_eq!(of(&[line]).max_age, max_age, "{line}");
        }
    }

    #[test]
    fn the_other_directives_read_in_any_case_and_over_several_lines() {
        let all = of(&[
            "No-Cache, MAX-STALE=5",
            "min-fresh=3,Only-If-Cached",
            "stale-if-error=9",
        ]);
        assert_eq!(
            all,
            Freshness {
                max_age: None,
                no_cache: true,
                max_stale: s(5),
                min_fresh: s(3),
                only_if_cached: true,
                stale_if_error: s(9),
            }
        );
        assert!(of(&["no-cache=\"set-cookie\""]).no_cache);
        assert_eq!(of(&["no-store, unheard-of=7"]), Freshness::default());
        assert_eq!(of(&["max-age=5", "max-age=3"]).max_age, s(3));
        assert_eq!(read([&b"max-age=\xff5"[..]]).max_age, s(0));
    }

    #[test]
    fn allowances_without_a_number_allow_anything_and_unreadable_ones_nothing() {
        assert_eq!(of(&["max-stale"]).max_stale, Some(Duration::MAX));
        assert_eq!(of(&["max-stale, max-stale=4"]).max_stale, s(4));
        assert_eq!(of(&["max-stale=x"]).max_stale, None);
        assert_eq!(of(&["max-stale=9, max-stale=x"]).max_stale, None);
        assert_eq!(of(&["stale-if-error"]).stale_if_error, Some(Duration::MAX));
        assert_eq!(of(&["stale-if-error=x"]).stale_if_error, None);
        assert_eq!(of(&["min-fresh"]).min_fresh, Some(Duration::MAX));
        assert_eq!(of(&["min-fresh=1, min-fresh=4"]).min_fresh, s(4));
        assert_eq!(of(&["max-age=0, max-stale=0"]).demand(), Demand::Live);
    }

    proptest! {
        #[test]
        fn nothing_a_client_sends_makes_it_panic(
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
        ) {
            read(lines.iter().map(Vec::as_slice));
        }

        #[test]
        fn whatever_follows_max_age_never_means_no_limit(argument in "[ -~é]{0,12}") {
            let line = format!("max-age={argument}");
            prop_assert!(of(&[&line]).max_age.is_some());
        }
    }
}
