//! What a server's process does wrong while it lives: lasting faults of the server, and ways to
//! spoil the byte stream of one connection.

use std::time::Duration;

use bytes::BufMut as _;

use super::super::world::Target;
use super::conversation::{Conversation, Occasion, View};
use super::outbox::Speech;
use crate::wire::{Event, EventKind, frame};

/// Faults that last until they are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::simulator) struct Faults {
    /// Registrations are answered with an error.
    pub(in crate::simulator) refuses: bool,
    /// Registrations are not answered.
    pub(in crate::simulator) is_half_open: bool,
    /// No statistic can be tracked.
    pub(in crate::simulator) is_invalid: bool,
    /// What every byte takes longer, each way.
    pub(in crate::simulator) delay: Duration,
}

/// A way to spoil a connection's stream of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Spoiling {
    /// Half a frame and then nothing, heartbeats included.
    CutFrame,
    /// Bytes that are no frame.
    Garbage,
    /// A big frame that is announced and trickles in without an end; heartbeats go on.
    EndlessFrame,
    /// A length that no frame has, and then nothing.
    HugeLength,
}

/// What a web server would say: clients that connect to a wrong port hear this.
const GARBAGE: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
const HUGE_LENGTH: [u8; 12] = [0xff, 0xff, 0xff, 0xfe, 5, 0, 0, 0, 2, 0, 0, 0];
/// Below the largest frame that clients are likely to accept.
const ENDLESS_LEN: u32 = 32 << 20;
/// At ten packets a second the frame would take two days.
const TRICKLE: [u8; 16] = [0; 16];

impl Conversation {
    pub(super) fn spoil(&mut self, spoiling: Spoiling) {
        match spoiling {
            Spoiling::CutFrame => {
                let mut whole = bytes::BytesMut::new();
                frame(&[0; 60], &mut whole);
                let half = whole.split_to(whole.len() / 2);
                self.outbox.spoil(&half, Speech::Silent);
            }
            Spoiling::Garbage => self.outbox.spoil(GARBAGE, Speech::Whole),
            Spoiling::EndlessFrame => {
                let mut announcement = Vec::from([0, 0, 0, 0x1c]);
                announcement.extend_from_slice(b"$PACKET EXTENSION V1.00$");
                announcement.put_u32(ENDLESS_LEN);
                self.outbox.spoil(&announcement, Speech::HeartbeatsOnly);
            }
            Spoiling::HugeLength => self.outbox.spoil(&HUGE_LENGTH, Speech::Silent),
        }
    }

    /// Sends the next packet of an endless frame, if one was announced.
    pub(super) fn trickle(&mut self) {
        if let Some(bytes) = self.outbox.packets() {
            bytes.put_u32(u32::try_from(TRICKLE.len()).unwrap_or(1));
            bytes.put_slice(&TRICKLE);
        }
    }

    /// Whether the fault of one command has made this connection useless.
    pub(super) fn is_spoilt(&self) -> bool {
        self.outbox.speech() != Speech::Whole
    }

    /// Tells of every open statistic that it can, or cannot, be tracked. Those that can are told
    /// what they read now.
    pub(super) fn set_validity(&mut self, view: View<'_>, is_valid: bool) {
        if self.is_invalid != is_valid {
            return;
        }
        self.is_invalid = !is_valid;
        for id in self.subscriptions.ids() {
            self.send_validity(view.time, id);
            if is_valid {
                self.look_at(view, id, Occasion::Changed);
            }
        }
    }

    pub(super) fn send_validity(&mut self, time: u32, id: i32) {
        let kind = if self.is_invalid {
            EventKind::StatisticInvalid
        } else {
            EventKind::StatisticValid
        };
        let Some(subscription) = self.subscriptions.find(id) else {
            return;
        };
        let mut event = Event::new(kind, id, time);
        event.tag = subscription.tag;
        self.send(&event);
    }

    /// Closes a statistic that nobody asked to close; says how many were closed. With none
    /// named, it is the open one with the lowest id.
    pub(super) fn close_unasked(&mut self, time: u32, target: Option<Target>) -> usize {
        let ids = match target {
            None => self.subscriptions.ids().into_iter().take(1).collect(),
            Some(target) => self.subscriptions.of_target(target),
        };
        for id in &ids {
            let closed = self.subscriptions.remove(*id);
            let mut event = Event::new(EventKind::StatisticClosed, *id, time);
            event.tag = closed.map_or(-1, |it| it.tag);
            event.int_value = (*id).into();
            self.send(&event);
        }
        ids.len()
    }
}
