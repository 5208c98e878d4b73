//! Where key-value lists and attributes change to their long forms, byte for byte.

use super::{body_of, hex};
use crate::wire::attribute::{Attribute, AttributeId, Body};
use crate::wire::reader::Reader;
use crate::wire::{Charset, Event, EventKind, Kv, KvValue, Message};

fn one(value: KvValue) -> Kv {
    Kv(vec![(String::new(), value)])
}

/// A list whose body is `len` bytes long: one pair with an empty key and bytes.
fn list_of(len: usize) -> Kv {
    let head_len = if len > 65_535 { 9 } else { 7 };
    let list = one(KvValue::Binary(vec![0x55; len - head_len]));
    assert_eq!(list.encode(Charset::UTF_8).len(), len);
    list
}

/// The list's body starts with `start`, is `len` bytes long, and reads back.
fn check(list: &Kv, start: &str, len: usize) {
    let body = list.encode(Charset::UTF_8);
    let start = hex(start);
    assert_eq!(body[..start.len()], start);
    assert_eq!(body.len(), len);
    let decoded = Kv::decode(Reader::at(0, &body), Charset::UTF_8).unwrap();
    assert!(decoded == *list, "{start:02x?} reads back as another list");
}

#[test]
fn the_count_is_u16_up_to_a_body_of_65535_bytes() {
    check(&Kv::default(), "00 00", 2);
    check(&list_of(65_535), "0001 02 0000 fff8", 65_535);
    let binary = |len| one(KvValue::Binary(vec![0x55; len]));
    check(&binary(65_529), "00000001 02 0000 fff9", 65_538);
}

#[test]
fn a_value_above_65535_bytes_has_a_u32_length() {
    let text = |len| one(KvValue::Text("x".repeat(len)));
    check(&text(65_535), "00000001 00 0000 ffff 78", 65_544);
    check(&text(65_536), "00000001 80 0000 00010000 78", 65_547);
    let binary = |len| one(KvValue::Binary(vec![0x55; len]));
    check(&binary(65_535), "00000001 02 0000 ffff 55", 65_544);
    check(&binary(65_536), "00000001 82 0000 00010000 55", 65_547);
    let unicode = |len| one(KvValue::Unicode("x".repeat(len)));
    check(&unicode(32_767), "00000001 04 0000 fffe 0078", 65_543);
    check(&unicode(32_768), "00000001 84 0000 00010000 0078", 65_547);
}

#[test]
fn a_short_list_repeats_its_length_and_a_long_one_does_not() {
    let nested = |len| one(KvValue::List(list_of(len)));
    check(
        &one(KvValue::List(Kv::default())),
        "0001 03 0000 0004 0004 0000",
        11,
    );
    check(
        &nested(65_533),
        "00000001 03 0000 ffff ffff 0001 02",
        65_544,
    );
    check(&nested(65_534), "00000001 83 0000 0000fffe 0001 02", 65_545);
    check(&nested(65_535), "00000001 83 0000 0000ffff 0001 02", 65_546);
    // The nested count changes with the nested body's own length.
    check(
        &nested(65_538),
        "00000001 83 0000 00010002 00000001 02",
        65_549,
    );
}

#[test]
fn a_list_travels_as_b_up_to_65533_bytes_and_as_long_b_beyond() {
    let attribute = |list: &Kv, start: &str| {
        let body = body_of(|out| {
            Body::write(0, Charset::UTF_8, out, |body| {
                body.kv(AttributeId::PROFILE, list);
            });
        });
        let start = hex(start);
        assert_eq!(body[5..5 + start.len()], start);
        let attribute = Attribute::read(&mut Reader::at(5, &body[5..])).unwrap();
        assert!(attribute.kv(Charset::UTF_8).unwrap() == *list);
    };
    attribute(&Kv::default(), "00000025 62 0004 0000");
    attribute(&list_of(65_533), "00000025 62 ffff 0001");
    attribute(&list_of(65_534), "00000025 42 0000fffe 0001");
    attribute(&list_of(65_535), "00000025 42 0000ffff 0001");
}

#[test]
fn a_text_above_65535_bytes_is_still_one_text() {
    for (len, start) in [
        (65_535, "0000001a 73 ffff"),
        (65_536, "0000001a 53 00010000"),
    ] {
        let mut event = Event::new(EventKind::Info, 1, 0);
        event.text = Some("x".repeat(len).into());
        let body = body_of(|out| event.write(Charset::UTF_8, out));
        let start = hex(start);
        assert_eq!(body[50..50 + start.len()], start);
        let Message::Event(decoded) = Message::decode(&body, Charset::UTF_8).unwrap() else {
            panic!("not an event");
        };
        assert!(decoded == event);
    }
}

#[test]
fn unicode_texts_ignore_the_connections_character_set() {
    let latin = Charset::for_label("windows-1252").unwrap();
    let list = Kv(vec![
        ("é".to_owned(), KvValue::Unicode("é".to_owned())),
        ("é".to_owned(), KvValue::Text("é".to_owned())),
    ]);
    let body = list.encode(latin);
    assert_eq!(body, hex("0002 04 0001e9 0002 00e9 00 0001e9 0001e9"));
    assert_eq!(Kv::decode(Reader::at(0, &body), latin).unwrap(), list);
}

#[test]
fn finds_the_first_value_of_the_wanted_type() {
    let list = Kv(vec![
        ("a".to_owned(), KvValue::Int(5)),
        ("a".to_owned(), KvValue::Int(6)),
        ("b".to_owned(), KvValue::Unicode("x".to_owned())),
    ]);
    assert_eq!((list.int("a"), list.text("a")), (Some(5), None));
    assert_eq!((list.int("b"), list.text("b")), (None, Some("x")));
    assert_eq!((list.int("c"), list.text("c")), (None, None));
}
