//! Tests of the codec: golden frames, malformed inputs, limits, and properties over random input.

mod charset;
mod event;
mod golden;
mod kv;
mod malformed;
mod properties;
mod recipe;
mod state;
mod strategies;

use bytes::BytesMut;

use super::{Deframer, Error, Packet};

const CAP: usize = 64 << 20;

/// Bytes from hexadecimal text with free white space and `#` comment lines.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::chars)
        .filter(|char| !char.is_whitespace())
        .map(|char| char.to_digit(16).expect("a hexadecimal digit"))
        .collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in {text}");
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits");
    digits.chunks(2).map(byte).collect()
}

/// The body of what is written, whole whatever its length.
fn body_of(write: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    let mut written = BytesMut::new();
    write(&mut written);
    let packets = packets([&written[..]]).unwrap();
    let [Packet::Body(body)] = &packets[..] else {
        panic!("{packets:?}");
    };
    body.to_vec()
}

/// Feeds the pieces one after the other and takes what can be taken after each.
fn packets<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Packet>, Error> {
    let mut deframer = Deframer::new(CAP);
    let mut buffer = BytesMut::new();
    let mut packets = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(packet) = deframer.next(&mut buffer)? {
            packets.push(packet);
        }
    }
    Ok(packets)
}
