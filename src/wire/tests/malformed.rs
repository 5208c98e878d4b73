//! Malformed bytes and the exact words they are refused with.

use bytes::BytesMut;

use super::hex;
use crate::wire::{Charset, Deframer, Message};

/// The stream is refused with `expected`, cut before any byte or not at all.
fn check_stream(bytes: &[u8], expected: &str) {
    let refusal = |chunk: usize| {
        let mut deframer = Deframer::new(1_000);
        let mut buffer = BytesMut::new();
        for piece in bytes.chunks(chunk) {
            buffer.extend_from_slice(piece);
            let packet = deframer
                .next(&mut buffer)
                .map_err(|error| error.to_string())?;
            assert_eq!(packet, None, "{expected}");
        }
        Ok::<_, String>(())
    };
    assert_eq!(refusal(bytes.len()), Err(expected.to_owned()));
    assert_eq!(refusal(1), Err(expected.to_owned()));
}

#[test]
fn streams_that_are_no_frames() {
    let at_0 = |fault: &str| format!("malformed bytes at offset 0: {fault}");
    let cases: [(&str, &str); 8] = [
        (
            "fffffffe",
            "a frame of 4294967294 bytes, more than the 1000 allowed (setting max_frame)",
        ),
        (
            "000003e9",
            "a frame of 1001 bytes, more than the 1000 allowed (setting max_frame)",
        ),
        (
            "01000000",
            "neither a frame nor an ADDP packet starts with 0x01",
        ),
        (
            "00000004 00000000",
            "a frame of 4 bytes, too short for a message",
        ),
        ("00000000", "a frame of 0 bytes, too short for a message"),
        (
            "7031 49000000",
            "neither a frame nor an ADDP packet starts with 0x70",
        ),
        (
            "0000001c 245041434b455420455854454e53494f4e2056312e303024 00000004",
            "a frame of 4 bytes, too short for a message",
        ),
        (
            "0000001c 245041434b455420455854454e53494f4e2056312e303024 000003e9",
            "a frame of 1001 bytes, more than the 1000 allowed (setting max_frame)",
        ),
    ];
    for (bytes, fault) in cases {
        check_stream(&hex(bytes), &at_0(fault));
    }
    let not_a_frame = "neither a frame nor an ADDP packet starts with 0x47";
    check_stream(b"GET / HTTP/1.1\r\n", &at_0(not_a_frame));
}

#[test]
fn packets_that_do_not_make_a_big_frame() {
    let announced = "0000001c 245041434b455420455854454e53494f4e2056312e303024 00000010";
    for (packets, offset, length, missing) in [
        ("00000000", 0, 0, 16),
        ("00000011", 0, 17, 16),
        ("00000003 aabbcc 00000000", 3, 0, 13),
        ("00000003 aabbcc 0000000e", 3, 14, 13),
        ("fffffffe", 0, 4_294_967_294_u32, 16),
    ] {
        let expected = format!(
            "malformed bytes at offset {offset}: \
             a packet of {length} bytes inside a big frame that lacks {missing}"
        );
        check_stream(&hex(&format!("{announced}{packets}")), &expected);
    }
}

fn check_message(body: &str, expected: &str) {
    let refused = Message::decode(&hex(body), Charset::UTF_8).map(|message| format!("{message:?}"));
    assert_eq!(
        refused.map_err(|error| error.to_string()),
        Err(format!("malformed bytes at offset {expected}")),
        "{body}"
    );
}

#[test]
fn messages_that_are_cut_off_or_too_long() {
    for (body, expected) in [
        ("", "0: the number of attributes is cut off"),
        ("00000000", "1: the message's number is cut off"),
        ("00 00000002 aabb", "5: 2 bytes after the last attribute"),
        ("01 00000002", "5: an attribute's number is cut off"),
        (
            "01 00000002 0000001a",
            "9 in attribute 26 (StringValue): an attribute's type is cut off",
        ),
        (
            "01 00000002 0000001a 73 0005 61626364",
            "12 in attribute 26 (StringValue): a text is cut off",
        ),
        (
            "01 00000002 0000001a 53 fffffffe 61",
            "14 in attribute 26 (StringValue): a long text is cut off",
        ),
        (
            "01 00000002 00000019 69 0000",
            "10 in attribute 25 (IntValue): an integer is cut off",
        ),
        (
            "01 00000002 00000019 6c 00000000",
            "10 in attribute 25 (IntValue): a long integer is cut off",
        ),
        (
            "01 00000002 0000001b 62 0005 aa",
            "12 in attribute 27 (Extensions): a byte block is cut off",
        ),
        (
            "01 00000002 0000001b 42 00000002 aa",
            "14 in attribute 27 (Extensions): a long byte block is cut off",
        ),
    ] {
        check_message(body, expected);
    }
}

#[test]
fn attributes_of_the_wrong_kind() {
    for (body, expected) in [
        (
            "01 00000002 0000001a 3f 00",
            "9 in attribute 26 (StringValue): unknown type letter 0x3f",
        ),
        (
            "01 00000002 000003e7 3f 00",
            "9 in attribute 999: unknown type letter 0x3f",
        ),
        (
            "01 00000002 0000001b 62 0001",
            "10 in attribute 27 (Extensions): a byte block states a length of 1, \
             less than the length itself takes",
        ),
        (
            "01 00000002 0000001a 69 00000001",
            "9 in attribute 26 (StringValue): a text is missing",
        ),
        (
            "01 00000002 00000002 73 0000",
            "9 in attribute 2 (ReferenceId): an integer is missing",
        ),
        (
            "01 00000002 0000001b 69 00000000",
            "9 in attribute 27 (Extensions): a byte block is missing",
        ),
        (
            "01 00000002 00000002 6c 0000000100000000",
            "9 in attribute 2 (ReferenceId): the reference id is 4294967296, outside its range",
        ),
        (
            "00 00000403",
            "0 in attribute 2 (ReferenceId): the reference id is missing",
        ),
        (
            "02 00000405 00000002 69 00000001 00000019 69 00000004",
            "18 in attribute 25 (IntValue): the profile kind is 4, outside its range",
        ),
    ] {
        check_message(body, expected);
    }
}

/// Why the profile of a sound event cannot be read.
fn profile_fault(body: &[u8]) -> String {
    match Message::decode(body, Charset::UTF_8) {
        Ok(Message::Event(event)) => event.profile_fault.expect("a fault").to_string(),
        other => panic!("no event: {other:?}"),
    }
}

fn check_profile(body: &str, expected: &str) {
    let expected = format!("malformed bytes at offset {expected}");
    assert_eq!(profile_fault(&hex(body)), expected);
}

#[test]
fn lists_that_make_no_sense() {
    // A profile event whose one attribute is this list, behind type letter and length. The event
    // itself is sound: a definition that cannot be read must not cost the connection.
    let check = |list: &str, expected: &str| {
        let counted = hex(list).len() + 2;
        let body = format!("01 00000004 00000025 62 {counted:04x} {list}");
        let (offset, fault) = expected.split_once(": ").unwrap();
        check_profile(
            &body,
            &format!("{offset} in attribute 37 (Profile): {fault}"),
        );
    };
    check("", "12: a list's count is cut off");
    check("0001", "14: a pair's type is cut off");
    check("0001 00 0002 61", "17: a pair's key is cut off");
    check("0001 00 0001 61 0002 62", "20: a pair's value is cut off");
    check(
        "0001 80 0001 61 fffffffe 62",
        "22: a pair's long value is cut off",
    );
    check("0000 aa", "14: 1 bytes after the last attribute");
    check("0001 05 0000 0000", "14: unknown key-value type 0x05");
    check("0001 01 0000 0003 000001", "19: an integer is cut off");
    check(
        "0001 01 0000 0005 0000000100",
        "23: 1 bytes after the last attribute",
    );
    check("0001 03 0000 0000", "19: a nested list is cut off");
    check(
        "0001 03 0000 0002 0001",
        "19: a byte block states a length of 1, \
         less than the length itself takes",
    );
    check(
        "0001 03 0000 0005 0004 0000 aa",
        "23: 1 bytes after the last attribute",
    );
    // The same fault in a long block stands two bytes further.
    check_profile(
        "01 00000004 00000025 42 00000002 0001",
        "16 in attribute 37 (Profile): a pair's type is cut off",
    );
}

#[test]
fn lists_may_nest_sixteen_deep() {
    let nested = |depth: usize| {
        let mut list = hex("0000");
        for _ in 0..depth {
            let counted = u16::try_from(list.len() + 2).unwrap().to_be_bytes();
            list = [&hex("0001 03 0000")[..], &counted, &counted, &list].concat();
        }
        let counted = u16::try_from(list.len() + 2).unwrap().to_be_bytes();
        [&hex("01 00000004 00000025 62")[..], &counted, &list].concat()
    };
    assert!(Message::decode(&nested(16), Charset::UTF_8).is_ok());
    assert_eq!(
        profile_fault(&nested(17)),
        "malformed bytes at offset 165 in attribute 37 (Profile): a list nested deeper than 16"
    );
}
