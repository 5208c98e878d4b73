//! Draws a statistic's past in a terminal: one column a step, filled to the value; gaps stay empty.

use std::io::Write;
use std::time::Duration;

use super::selection::Selected;
use crate::model::{Clock, StatisticId, Timestamp};
use crate::store::{Range, Step};

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
        let step = (range.to.0 - range.from.0).div_ceil(COLUMNS).max(1);
        let step = Duration::from_millis(step);
        let steps = selected.looked.history.resample(*id, range, step)?;
        draw(name, range, &steps, out)?;
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

fn draw(name: &str, range: Range, steps: &[Step], out: &mut impl Write) -> anyhow::Result<()> {
    let means = || steps.iter().filter_map(|step| step.weighted_mean);
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
            .map(|step| block(step.weighted_mean, lowest, highest, row))
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

    fn step(mean: Option<f64>) -> Step {
        Step {
            from: Timestamp(0),
            last: None,
            mean,
            min: mean,
            max: mean,
            weighted_mean: mean,
            count: 0,
            known: Duration::ZERO,
        }
    }

    #[test]
    fn columns_are_as_high_as_their_values_and_gaps_stay_empty() {
        let steps = [
            step(Some(0.0)),
            step(None),
            step(Some(5.0)),
            step(Some(10.0)),
        ];
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
