//! A slow way: bytes come out in the order and at the distance in time they went in, later.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

/// Bytes under way in one direction.
#[derive(Debug, Default)]
pub(super) struct DelayLine {
    chunks: VecDeque<(Instant, BytesMut)>,
    len: usize,
}

impl DelayLine {
    pub(super) fn put(&mut self, bytes: BytesMut, now: Instant, delay: Duration) {
        if bytes.is_empty() {
            return;
        }
        // A delay that was made shorter must not let bytes overtake others.
        let last = self.chunks.back().map_or(now, |(due, _)| *due);
        self.len += bytes.len();
        self.chunks.push_back(((now + delay).max(last), bytes));
    }

    /// When [`DelayLine::take`] has something to give next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.chunks.front().map(|(due, _)| *due)
    }

    /// The first of the bytes that have arrived by `now`.
    pub(super) fn take(&mut self, now: Instant) -> Option<BytesMut> {
        self.due().filter(|due| *due <= now)?;
        let (_, bytes) = self.chunks.pop_front()?;
        self.len -= bytes.len();
        Some(bytes)
    }

    /// Bytes under way.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_keep_their_order_and_their_distance() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut line = DelayLine::default();
        line.put(BytesMut::from("a"), at(0), Duration::from_millis(75));
        line.put(BytesMut::from("b"), at(10), Duration::from_millis(75));
        line.put(BytesMut::from("c"), at(20), Duration::ZERO);
        line.put(BytesMut::new(), at(20), Duration::ZERO);
        assert_eq!((line.take(at(74)), line.len()), (None, 3));
        assert_eq!(line.take(at(75)).unwrap(), "a");
        assert_eq!(line.due(), Some(at(85)));
        assert_eq!(line.take(at(85)).unwrap(), "b");
        assert_eq!(line.take(at(85)).unwrap(), "c");
        assert_eq!((line.take(at(85)), line.len()), (None, 0));
    }
}
