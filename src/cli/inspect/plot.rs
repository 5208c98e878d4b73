//! Draws a statistic's past in a terminal: one column a step, filled to the value; gaps stay empty.

use std::io::Write;
use std::time::Duration;

use super::selection::Selected;
use crate::model::{Clock, StatisticId, Timestamp};
use crate::store::Range;

const COLUMNS: u64 = 72;
const ROWS: u32 = 8;
/// Eighths of a character's height.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws all selected statistics that have numbers.
pub(super) fn draw_all(selected: &Selected, out: &mut impl Write) -> anyhow::Result<()> {
    for (id, name) in &selected.names {
        let Some(range) = extent(selected, *id)? else {
            continue;
        };
        let step = step_of(range);
        let steps = selected.looked.history.resample(*id, range, step)?;
        let means: Vec<_> = steps.iter().map(|step| step.weighted_mean).collect();
        draw(name, range, &means, out)?;
    }
    Ok(())
}

/// What of the range the statistic has changes in.
fn extent(selected: &Selected, id: StatisticId) -> anyhow::Result<Option<Range>> {
    let past = selected.looked.history.past(id, selected.range)?;
    let (Some(first), Some(last)) = (past.samples.first(), past.samples.last()) else {
        return Ok(None);
    };
    let latest = last.at.max(first.at).0.saturating_add(1);
    let to = selected.range.to.min(Clock::system().wall());
    let to = to.max(Timestamp(latest));
    let from = selected.range.from.max(first.at);
    Ok(Some(Range { from, to }))
}

/// One column's share of a range.
pub(super) fn step_of(range: Range) -> Duration {
    let span = range.to.0.saturating_sub(range.from.0);
    Duration::from_millis(span.div_ceil(COLUMNS).max(1))
}

/// Draws one statistic: a column for each of `steps`, empty where nothing is known.
pub(super) fn draw(
    name: &str,
    range: Range,
    steps: &[Option<f64>],
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let means = || steps.iter().copied().flatten();
    let lowest = means().fold(f64::INFINITY, f64::min);
    let highest = means().fold(f64::NEG_INFINITY, f64::max);
    writeln!(out, "{name}")?;
    if lowest > highest {
        writeln!(out, "  no numbers to draw\n")?;
        return Ok(());
    }
    for row in (0..ROWS).rev() {
        let label = match row {
            0 => format!("{lowest:.6}"),
            row if row == ROWS - 1 => format!("{highest:.6}"),
            _ => String::new(),
        };
        let label = label.trim_end_matches('0').trim_end_matches('.');
        let line: String = steps
            .iter()
            .map(|mean| block(*mean, lowest, highest, row))
            .collect();
        writeln!(out, "{label:>16} │{}", line.trim_end())?;
    }
    writeln!(out, "{:>16} └ {} to {}\n", "", range.from, range.to)?;
    Ok(())
}

/// What of a column is seen in a row, the lowest row being 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of the height between 0 and 64"
)]
fn block(value: Option<f64>, lowest: f64, highest: f64, row: u32) -> char {
    let Some(value) = value else {
        return ' ';
    };
    let spread = highest - lowest;
    let share = if spread > 0.0 {
        (value - lowest) / spread
    } else {
        0.5
    };
    // The least value is still seen.
    let eighths = (share * f64::from(ROWS * 8 - 1)).round().clamp(0.0, 63.0) as u32 + 1;
    let here = eighths.saturating_sub(row * 8).min(8);
    BLOCKS.get(here as usize).copied().unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_high_as_their_values_and_gaps_stay_empty() {
        let steps = [Some(0.0), None, Some(5.0), Some(10.0)];
        let range = Range {
            from: Timestamp(0),
            to: Timestamp(4000),
        };
        let mut out = Vec::new();
        draw("a", range, &steps, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "              10 │   █");
        assert_eq!(lines[8], "               0 │▁ ██");
    }
}
