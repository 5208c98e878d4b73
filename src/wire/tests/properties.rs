//! What holds for any message, any stream, and any bytes at all.

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::golden::Golden;
use super::strategies::{addp, event, kv, plausible, request};
use super::{body_of, hex, packets};
use crate::wire::reader::Reader;
use crate::wire::{Addp, Charset, Deframer, Kv, Message, PACKET_LEN_MAX, Packet};
use crate::wire::{decode_state, frame};

/// One body and how it is to travel: in packets of `packet_len` bytes with a heartbeat before each,
/// or as `frame` would have it.
#[derive(Debug)]
struct Sent {
    body_len: usize,
    fill: u8,
    packets: Option<(usize, Addp)>,
}

impl Sent {
    fn strategy() -> impl Strategy<Value = Self> {
        let body_len = prop_oneof![4 => 5..200_usize, 1 => 16_000..50_000_usize];
        let packets = proptest::option::of((1_000..=PACKET_LEN_MAX, addp()));
        (body_len, any::<u8>(), packets).prop_map(|(body_len, fill, packets)| Self {
            body_len,
            fill,
            packets,
        })
    }

    fn write(&self, stream: &mut BytesMut, expected: &mut Vec<Packet>) {
        let body = vec![self.fill; self.body_len];
        if let Some((packet_len, addp)) = self.packets {
            let len = |len: usize| u32::try_from(len).unwrap().to_be_bytes();
            stream.extend_from_slice(b"\0\0\0\x1c$PACKET EXTENSION V1.00$");
            stream.extend_from_slice(&len(body.len()));
            for packet in body.chunks(packet_len) {
                stream.extend_from_slice(&addp.encode());
                expected.push(Packet::Addp(addp));
                stream.extend_from_slice(&len(packet.len()));
                stream.extend_from_slice(packet);
            }
        } else {
            frame(&body, stream);
        }
        expected.push(Packet::Body(body.into()));
    }
}

fn cut<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.extend([0, bytes.len()]);
    ends.sort_unstable();
    ends.windows(2)
        .map(|ends| &bytes[ends[0]..ends[1]])
        .collect()
}

/// Reads whatever is there the way the program does, to see that nothing panics.
fn read_all(bytes: &[u8]) {
    let mut deframer = Deframer::new(1_000);
    let mut buffer = BytesMut::from(bytes);
    while let Ok(Some(packet)) = deframer.next(&mut buffer) {
        if let Packet::Body(body) = packet {
            read_body(&body);
        }
    }
    read_body(bytes);
}

fn read_body(body: &[u8]) {
    for charset in [Charset::UTF_8, Charset::for_label("shift_jis").unwrap()] {
        if let Ok(Message::Event(event)) = Message::decode(body, charset) {
            let _value = event.value();
            for compat in [0, 61] {
                let _state = decode_state(event.void.unwrap_or_default(), compat, charset);
            }
        }
        let _state = decode_state(body, 1, charset);
        let _list = Kv::decode(Reader::at(0, body), charset);
    }
}

proptest! {
    #[test]
    fn requests_read_back(request in request()) {
        let body = body_of(|out| request.write(Charset::UTF_8, out));
        let decoded = Message::decode(&body, Charset::UTF_8).unwrap();
        let Message::Request(decoded) = decoded else {
            panic!("{decoded:?}");
        };
        prop_assert_eq!(format!("{decoded:?}"), format!("{request:?}"));
        // The debug form hides the tenant's password, the bytes do not.
        prop_assert_eq!(body_of(|out| decoded.write(Charset::UTF_8, out)), body);
    }

    #[test]
    fn events_read_back((mut event, void) in event()) {
        event.void = void.as_deref();
        let body = body_of(|out| event.write(Charset::UTF_8, out));
        let decoded = Message::decode(&body, Charset::UTF_8).unwrap();
        let Message::Event(decoded) = decoded else {
            panic!("{decoded:?}");
        };
        prop_assert_eq!(decoded, event);
    }

    #[test]
    fn lists_read_back(kv in kv()) {
        let body = kv.encode(Charset::UTF_8);
        prop_assert_eq!(Kv::decode(Reader::at(0, &body), Charset::UTF_8).unwrap(), kv);
    }

    #[test]
    fn heartbeats_read_back(addp in addp()) {
        prop_assert_eq!(packets([&addp.encode()[..]]).unwrap(), [Packet::Addp(addp)]);
    }

    #[test]
    fn a_stream_gives_the_same_packets_wherever_it_is_cut(
        items in vec(prop_oneof![
            addp().prop_map(Err),
            Sent::strategy().prop_map(Ok),
        ], 0..12),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let (mut stream, mut expected) = (BytesMut::new(), Vec::new());
        for item in items {
            match item {
                Ok(sent) => sent.write(&mut stream, &mut expected),
                Err(addp) => {
                    stream.extend_from_slice(&addp.encode());
                    expected.push(Packet::Addp(addp));
                }
            }
        }
        prop_assert!(packets(cut(&stream, &cuts)).unwrap() == expected);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..300), start in 0..4_usize) {
        let starts = ["", "000a0000", "0a 0000040a", "06 00000002 0000001b 62"];
        read_all(&[hex(starts[start]), bytes].concat());
    }

    #[test]
    fn golden_frames_with_flipped_bytes_are_read_without_panic(
        flips in vec((any::<Index>(), any::<u8>()), 1..6),
    ) {
        for golden in Golden::all() {
            let mut bytes = golden.bytes;
            for (at, byte) in &flips {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            read_all(&bytes);
            read_body(bytes.get(4..).unwrap_or_default());
        }
    }

    #[test]
    fn what_is_held_stays_below_the_cap(
        bytes in plausible(),
        cuts in vec(any::<Index>(), 0..10),
    ) {
        const SMALL_CAP: usize = 512;
        let mut deframer = Deframer::new(SMALL_CAP);
        let mut buffer = BytesMut::new();
        for piece in cut(&bytes, &cuts) {
            buffer.extend_from_slice(piece);
            loop {
                match deframer.next(&mut buffer) {
                    Ok(Some(Packet::Body(body))) => prop_assert!(body.len() <= SMALL_CAP),
                    Ok(Some(Packet::Addp(_))) => {}
                    Ok(None) => break,
                    // The connection ends here.
                    Err(_) => return Ok(()),
                }
            }
            // What waits for more is shorter than one length and what it may announce.
            prop_assert!(buffer.len() + deframer.held_len() < SMALL_CAP + 4);
        }
    }
}
