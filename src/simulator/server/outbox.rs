//! What one connection has still to send, whether that is too much, and whether it is still to be
//! sent at all.

use bytes::BytesMut;

/// A connection whose unsent bytes pass this is dropped.
pub(in crate::simulator) const UNSENT_MAX: usize = 64 << 20;

/// Taken at once whenever what was written before is being sent: growing to it would copy it several
/// times.
const ROOM_LEN: usize = 64 << 10;

/// What a connection is still able to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    Whole,
    /// In the middle of a big frame only its packets and heartbeats can be told apart.
    HeartbeatsOnly,
    Silent,
}

#[derive(Debug)]
pub(super) struct Outbox {
    bytes: BytesMut,
    /// Where a spoilt connection's messages go.
    sink: BytesMut,
    speech: Speech,
    /// Bytes that were taken for sending and are not sent yet.
    in_flight: usize,
    max: usize,
}

impl Outbox {
    pub(super) fn new(max: usize) -> Self {
        Self {
            bytes: BytesMut::with_capacity(ROOM_LEN),
            sink: BytesMut::new(),
            speech: Speech::Whole,
            in_flight: 0,
            max,
        }
    }

    /// Where messages are to be written.
    pub(super) fn bytes(&mut self) -> &mut BytesMut {
        self.bytes_while(|speech| speech == Speech::Whole)
    }

    /// Where heartbeats are to be written.
    pub(super) fn heartbeats(&mut self) -> &mut BytesMut {
        self.bytes_while(|speech| speech != Speech::Silent)
    }

    /// Where the packets of a big frame are to be written that was announced by a fault.
    pub(super) fn packets(&mut self) -> Option<&mut BytesMut> {
        (self.speech == Speech::HeartbeatsOnly).then_some(&mut self.bytes)
    }

    fn bytes_while(&mut self, may_speak: impl Fn(Speech) -> bool) -> &mut BytesMut {
        if may_speak(self.speech) {
            return &mut self.bytes;
        }
        self.sink.clear();
        &mut self.sink
    }

    /// Sends these last bytes and then no more than `speech` allows.
    pub(super) fn spoil(&mut self, bytes: &[u8], speech: Speech) {
        self.bytes().extend_from_slice(bytes);
        if self.speech == Speech::Whole {
            self.speech = speech;
        }
    }

    pub(super) fn speech(&self) -> Speech {
        self.speech
    }

    /// Everything to be sent; [`Outbox::sent`] is to be told as it goes.
    pub(super) fn take(&mut self) -> BytesMut {
        let taken = self.bytes.split();
        self.in_flight += taken.len();
        taken
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// No more values are pushed until the client has read some: they would only make the answers to
    /// its requests late.
    pub(super) fn is_behind(&self) -> bool {
        self.unsent() > self.max / 64
    }

    /// No more requests are read until the client has read some answers.
    pub(super) fn is_choked(&self) -> bool {
        self.unsent() > self.max / 4
    }

    pub(super) fn is_over(&self) -> bool {
        self.unsent() > self.max
    }

    fn unsent(&self) -> usize {
        self.bytes.len() + self.in_flight
    }
}
