//! What one connection has still to send, and whether that is too much.

use bytes::BytesMut;

/// A connection whose unsent bytes pass this is dropped.
pub(in crate::simulator) const UNSENT_MAX: usize = 64 << 20;

#[derive(Debug)]
pub(super) struct Outbox {
    bytes: BytesMut,
    /// Bytes that were taken for sending and are not sent yet.
    in_flight: usize,
    max: usize,
}

impl Outbox {
    pub(super) fn new(max: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            in_flight: 0,
            max,
        }
    }

    pub(super) fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Everything to be sent; [`Outbox::sent`] is to be told as it goes.
    pub(super) fn take(&mut self) -> BytesMut {
        let taken = self.bytes.split();
        self.in_flight = taken.len();
        taken
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
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
