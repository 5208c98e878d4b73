//! The last sixty seconds: how many changes there were in each, or what a value was.

use std::collections::VecDeque;

/// Seconds that are remembered.
pub(super) const SECONDS: usize = 60;
/// Seconds of which the rate is the mean.
const MEAN_OF: u32 = 5;

/// Changes counted by the second.
#[derive(Debug, Default)]
pub(super) struct Rate {
    seconds: Trail,
    current: u32,
}

/// A number for each of the last seconds, `None` where there was none to be trusted.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail(VecDeque<Option<f64>>);

impl Rate {
    pub(super) fn add(&mut self, changes: usize) {
        let changes = u32::try_from(changes).unwrap_or(u32::MAX);
        self.current = self.current.saturating_add(changes);
    }

    /// A second is over.
    pub(super) fn tick(&mut self) {
        let counted = std::mem::take(&mut self.current);
        self.seconds.push(Some(counted.into()));
    }

    /// Changes a second, over the last whole seconds.
    pub(super) fn mean(&self) -> f64 {
        let last = self.seconds.last().take(MEAN_OF as usize);
        let (sum, count) = last.fold((0.0, 0.0), |(sum, count), changes| {
            (sum + changes.unwrap_or(0.0), count + 1.0)
        });
        if count > 0.0 { sum / count } else { 0.0 }
    }

    pub(super) fn trail(&self) -> &Trail {
        &self.seconds
    }
}

impl Trail {
    /// The number of the second that is over.
    pub(super) fn push(&mut self, number: Option<f64>) {
        if self.0.len() == SECONDS {
            self.0.pop_front();
        }
        self.0.push_back(number);
    }

    /// The newest first.
    fn last(&self) -> impl Iterator<Item = Option<f64>> {
        self.0.iter().rev().copied()
    }

    /// The newest seconds as characters, the newest at the right; seconds without a number are blank.
    pub(super) fn line(&self, width: usize) -> String {
        let known = || self.last().take(width).flatten();
        let lowest = known().fold(f64::INFINITY, f64::min);
        let highest = known().fold(f64::NEG_INFINITY, f64::max);
        let drawn: Vec<char> = self
            .last()
            .take(width)
            .map(|number| number.map_or(' ', |number| block(number, lowest, highest)))
            .collect();
        let blank = std::iter::repeat_n(' ', width.saturating_sub(drawn.len()));
        blank.chain(drawn.into_iter().rev()).collect()
    }
}

/// How high a number stands between the lowest and the highest. The lowest is still seen.
fn block(number: f64, lowest: f64, highest: f64) -> char {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let spread = highest - lowest;
    if spread <= 0.0 {
        return '▁';
    }
    let sevenths = (number - lowest) / spread * 7.0;
    // The nearest.
    let mut blocks = (0_u8..).zip(BLOCKS);
    let found = blocks.find(|(height, _)| sevenths < f64::from(*height) + 0.5);
    found.map_or('█', |(_, block)| block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_is_as_wide_as_it_may_be_and_gaps_are_blank() {
        let mut trail = Trail::default();
        assert_eq!(trail.line(3), "   ");
        for number in [Some(0.0), Some(3.5), None, Some(7.0)] {
            trail.push(number);
        }
        assert_eq!(trail.line(6), "  ▁▅ █");
        assert_eq!(trail.line(2), " ▁");
        assert_eq!(trail.line(0), "");
        for _ in 0..200 {
            trail.push(Some(1.0));
        }
        assert_eq!(trail.0.len(), SECONDS);
        assert_eq!(trail.line(3), "▁▁▁");
    }

    #[test]
    fn numbers_that_are_none_draw_something() {
        let mut trail = Trail::default();
        for number in [f64::NAN, f64::INFINITY, f64::MIN, f64::MAX] {
            trail.push(Some(number));
        }
        assert_eq!(trail.line(4).chars().count(), 4);
    }

    #[test]
    fn the_rate_is_the_mean_of_whole_seconds() {
        let mut rate = Rate::default();
        rate.add(1000);
        assert_eq!(rate.mean().to_string(), "0");
        rate.tick();
        rate.tick();
        assert_eq!(rate.mean().to_string(), "500");
        for _ in 0..5 {
            rate.add(20);
            rate.tick();
        }
        assert_eq!(rate.mean().to_string(), "20");
    }
}
