//! Frames: where one message ends and the next begins, heartbeats between them, and the packets
//! of a big frame.

use bytes::{Buf as _, Bytes, BytesMut};

use super::addp::{self, Addp};
use super::error::{Error, Fault};

/// The longest frame, its four length bytes included, that travels in one piece.
pub const FRAME_LEN_PLAIN_MAX: usize = 16_384;
/// The longest packet of a big frame, its four length bytes not counted.
pub const PACKET_LEN_MAX: usize = FRAME_LEN_PLAIN_MAX - LEN_LEN;

/// The length before a frame and before each packet of a big one.
pub(super) const LEN_LEN: usize = 4;
const ANNOUNCEMENT: &[u8; 24] = b"$PACKET EXTENSION V1.00$";
const ANNOUNCEMENT_LEN: usize = ANNOUNCEMENT.len() + LEN_LEN;
/// A count and a message id.
const BODY_LEN_MIN: usize = 5;

/// What the stream consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// One message's body, without its length; decode it with [`super::Message::decode`].
    Body(Bytes),
    /// A heartbeat packet.
    Addp(Addp),
}

/// Cuts a byte stream into [`Packet`]s. Holds the part of a big frame that has arrived and nothing
/// else; never reserves memory for bytes that have not.
#[derive(Debug)]
pub struct Deframer {
    body_len_max: usize,
    big: Option<BigFrame>,
}

#[derive(Debug)]
struct BigFrame {
    total: usize,
    body: BytesMut,
}

impl Deframer {
    /// A deframer that refuses bodies longer than `body_len_max` bytes.
    #[must_use]
    pub fn new(body_len_max: usize) -> Self {
        Self {
            body_len_max,
            big: None,
        }
    }

    /// Whether the last bytes taken belong to a frame that is not complete yet; with leftover
    /// bytes in the buffer this is what a frame time-out watches.
    #[must_use]
    pub fn is_inside_frame(&self) -> bool {
        self.big.is_some()
    }

    /// How many bytes of a big frame are held here, outside the caller's buffer.
    #[cfg(test)]
    pub(super) fn held_len(&self) -> usize {
        self.big.as_ref().map_or(0, |big| big.body.len())
    }

    /// Takes the next packet off the front of `buffer`; `None` when more bytes are needed.
    ///
    /// # Errors
    /// Bytes that are no packet. The stream cannot be used any further.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Packet>, Error> {
        loop {
            match buffer.first() {
                None => return Ok(None),
                Some(&first) if first == addp::MAGIC[0] => return take_addp(buffer),
                // No text starts with 0x80 or more: it is a length, and the error tells which.
                Some(0 | 0x80..) => {}
                Some(&other) => return Err(Error::at(0, Fault::NotAFrame(other))),
            }
            let Some(&len) = buffer.first_chunk::<LEN_LEN>() else {
                return Ok(None);
            };
            let len = u32::from_be_bytes(len);
            if let Some(body) = match &self.big {
                Some(_) => self.take_packet(len, buffer)?,
                None => self.take_body(len, buffer)?,
            } {
                match body {
                    Taken::Body(body) => return Ok(Some(Packet::Body(body))),
                    Taken::Piece => {}
                }
            } else {
                return Ok(None);
            }
        }
    }

    /// A plain frame or the announcement of a big one. A plain frame longer than this program would
    /// send is taken too; the cap is what bounds it.
    fn take_body(&mut self, len: u32, buffer: &mut BytesMut) -> Result<Option<Taken>, Error> {
        let body_len = self.checked_len(len)?;
        if body_len < BODY_LEN_MIN {
            return Err(Error::at(0, Fault::FrameTooShort(len)));
        }
        if buffer.len() < LEN_LEN + body_len {
            return Ok(None);
        }
        buffer.advance(LEN_LEN);
        let body = buffer.split_to(body_len).freeze();
        let Some(total) = announced_total(&body) else {
            return Ok(Some(Taken::Body(body)));
        };
        let total = self.checked_len(total)?;
        if total < BODY_LEN_MIN {
            let total = u32::try_from(total).unwrap_or(0);
            return Err(Error::at(0, Fault::FrameTooShort(total)));
        }
        self.big = Some(BigFrame {
            total,
            body: BytesMut::new(),
        });
        Ok(Some(Taken::Piece))
    }

    /// One packet of the big frame under way.
    fn take_packet(&mut self, len: u32, buffer: &mut BytesMut) -> Result<Option<Taken>, Error> {
        let Some(big) = &mut self.big else {
            return Ok(None);
        };
        let missing = big.total - big.body.len();
        let packet_len = usize::try_from(len).unwrap_or(usize::MAX);
        // An empty packet would let a peer keep us busy for ever without getting anywhere. A packet
        // above PACKET_LEN_MAX is let pass, as a plain frame is: what is missing bounds it.
        if packet_len == 0 || packet_len > missing {
            return Err(Error::at(
                big.body.len(),
                Fault::PacketLength {
                    length: len,
                    missing,
                },
            ));
        }
        if buffer.len() < LEN_LEN + packet_len {
            return Ok(None);
        }
        buffer.advance(LEN_LEN);
        big.body.extend_from_slice(&buffer.split_to(packet_len));
        debug_assert!(
            big.body.len() <= big.total,
            "packets were checked against what is missing"
        );
        if big.body.len() < big.total {
            return Ok(Some(Taken::Piece));
        }
        Ok(self.big.take().map(|big| Taken::Body(big.body.freeze())))
    }

    fn checked_len(&self, len: u32) -> Result<usize, Error> {
        match usize::try_from(len) {
            Ok(len) if len <= self.body_len_max => Ok(len),
            _ => {
                let fault = Fault::FrameTooLong {
                    length: len.into(),
                    cap: self.body_len_max,
                };
                Err(Error::at(0, fault))
            }
        }
    }
}

enum Taken {
    Body(Bytes),
    Piece,
}

fn announced_total(body: &[u8]) -> Option<u32> {
    let total = body.strip_prefix(ANNOUNCEMENT)?;
    Some(u32::from_be_bytes(total.try_into().ok()?))
}

fn take_addp(buffer: &mut BytesMut) -> Result<Option<Packet>, Error> {
    match buffer.get(1) {
        Some(&second) if second != addp::MAGIC[1] => {
            return Err(Error::at(0, Fault::NotAFrame(addp::MAGIC[0])));
        }
        _ => {}
    }
    let Some(&packet) = buffer.first_chunk::<{ addp::PACKET_LEN }>() else {
        return Ok(None);
    };
    buffer.advance(addp::PACKET_LEN);
    Ok(Some(Packet::Addp(Addp::decode(packet))))
}

/// Appends a message's body to `out` as it travels: in one piece, or announced and in packets.
pub fn frame(body: &[u8], out: &mut BytesMut) {
    let put_len = |out: &mut BytesMut, len: usize| {
        out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    };
    if body.len() + LEN_LEN <= FRAME_LEN_PLAIN_MAX {
        put_len(out, body.len());
        out.extend_from_slice(body);
        return;
    }
    put_len(out, ANNOUNCEMENT_LEN);
    out.extend_from_slice(ANNOUNCEMENT);
    put_len(out, body.len());
    for packet in body.chunks(PACKET_LEN_MAX) {
        put_len(out, packet.len());
        out.extend_from_slice(packet);
    }
}

/// Frames the body that begins after the four bytes at `start`, which are left for its length, and
/// ends with `out`.
pub(super) fn frame_in_place(start: usize, out: &mut BytesMut) {
    let begin = (start + LEN_LEN).min(out.len());
    let len = out.len() - begin;
    if len + LEN_LEN > FRAME_LEN_PLAIN_MAX {
        let body = out.split_off(begin);
        out.truncate(start);
        frame(&body, out);
        return;
    }
    let len = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(place) = out.get_mut(start..begin) {
        place.copy_from_slice(&len);
    }
}
