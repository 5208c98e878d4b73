//! Which character sets there are, and what becomes of text they lack.

use crate::wire::Charset;

#[test]
fn knows_the_character_sets_a_server_may_speak() {
    let known = |label| Charset::for_label(label).is_some();
    for label in [
        "utf-8",
        "UTF-8",
        "windows-1252",
        "iso-8859-1",
        "shift_jis",
        "gb18030",
    ] {
        assert!(known(label), "{label}");
    }
    for label in [
        "utf-16le",
        "utf-16be",
        "utf-16",
        "replacement",
        "klingon",
        "",
    ] {
        assert!(!known(label), "{label}");
    }
}

fn check(label: &str, bytes: &[u8], text: &str) {
    let charset = Charset::for_label(label).unwrap();
    assert_eq!(charset.decode(bytes), text, "{label}");
    assert_eq!(charset.encode(text), bytes, "{label}");
}

#[test]
fn text_travels_in_the_character_set() {
    check("utf-8", "Zürich ✓".as_bytes(), "Zürich ✓");
    check("windows-1252", b"Z\xfcrich \x80", "Zürich €");
    check("shift_jis", b"\x93\xfa\x96\x7b", "日本");
    // A byte-order mark is a character like any other.
    check("utf-8", b"\xef\xbb\xbfa", "\u{feff}a");
}

#[test]
fn what_is_no_text_or_has_no_bytes_is_replaced() {
    assert_eq!(Charset::UTF_8.decode(b"a\xffb"), "a\u{fffd}b");
    let latin = Charset::for_label("windows-1252").unwrap();
    assert_eq!(latin.encode("a\u{2192}b"), &b"a&#8594;b"[..]);
}
