//! How many opens may be under way at once: few at first, more while the server keeps up.

use std::time::Duration;

const AT_FIRST: usize = 50;
/// Answers slower than this do not widen the window.
const PROMPT: Duration = Duration::from_secs(1);

/// A window of opens in flight; doubles whenever as many prompt answers came as it is wide.
#[derive(Debug)]
pub(super) struct Window {
    width: usize,
    width_max: usize,
    in_flight: usize,
    /// Not answered yet, those included that are not waited for any more.
    opening: usize,
    prompt_answers: usize,
}

impl Window {
    pub(super) fn new(width_max: usize) -> Self {
        let width_max = width_max.max(1);
        Self {
            width: AT_FIRST.min(width_max),
            width_max,
            in_flight: 0,
            opening: 0,
            prompt_answers: 0,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.in_flight < self.width
    }

    /// Those somebody waits for pass a full window, up to another whole one.
    pub(super) fn has_room_for_urgent(&self) -> bool {
        self.in_flight < self.width.saturating_add(self.width_max)
    }

    pub(super) fn sent(&mut self) {
        self.in_flight += 1;
        self.opening += 1;
    }

    /// How many opens were sent and not answered.
    pub(super) fn opening(&self) -> usize {
        self.opening
    }

    /// An answer came that the server took at least so long for; an overdue one tells nothing any
    /// more, its place was given up.
    pub(super) fn answered(&mut self, took: Duration, overdue: bool) {
        self.opening = self.opening.saturating_sub(1);
        if overdue {
            return;
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        if took > PROMPT {
            self.prompt_answers = 0;
            return;
        }
        self.prompt_answers += 1;
        if self.prompt_answers >= self.width {
            self.width = (self.width * 2).min(self.width_max);
            self.prompt_answers = 0;
        }
    }

    /// An answer is not expected any more: its place is free, and the server is gone easy on.
    pub(super) fn gave_up(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.width = AT_FIRST.min(self.width_max);
        self.prompt_answers = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widens_while_answers_are_prompt_up_to_its_limit() {
        let mut window = Window::new(150);
        for width in [50, 100, 150, 150] {
            for _ in 0..width {
                assert!(window.has_room());
                window.sent();
            }
            assert!(!window.has_room());
            for _ in 0..width {
                window.answered(Duration::ZERO, false);
            }
        }
    }

    #[test]
    fn slow_answers_do_not_widen_it() {
        let mut window = Window::new(1000);
        for _ in 0..200 {
            window.sent();
            window.answered(Duration::from_secs(2), false);
        }
        for _ in 0..50 {
            window.sent();
        }
        assert!(!window.has_room());
    }
}
