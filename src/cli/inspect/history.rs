//! `peekd inspect history`: every change that is kept, or a drawing of it.

use std::io::Write;
use std::ops::ControlFlow;

use clap::Args;

use super::super::progress::Progress;
use super::output::{Cell, Format, Output};
use super::selection::{Selected, Selection};
use super::{plot, remote};
use crate::model::StatisticId;
use crate::store::{ContentRef, PastSample};

/// Options of `inspect history`.
#[derive(Debug, Args)]
pub(in crate::cli) struct History {
    #[command(flatten)]
    selection: Selection,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Draw each statistic instead of listing its changes.
    #[arg(long)]
    plot: bool,
}

const HEADINGS: &[&str] = &["statistic", "time", "value", "quality", "server", "epoch"];

/// Changes between two looks at the clock.
const PROGRESS_ROWS: u64 = 4096;

impl History {
    pub(super) fn run(self, out: &mut impl Write, err: &mut impl Write) -> anyhow::Result<()> {
        if let Some(service) = self.selection.source.service()? {
            if self.plot {
                return remote::plot(&service, &self.selection, out);
            }
            let mut output = Output::new(self.format, HEADINGS, out)?;
            remote::history(&service, &self.selection, &mut |change| {
                output.row(change.cells())
            })?;
            return output.finish();
        }
        let selected = self.selection.open(err)?;
        if self.plot {
            return plot::draw_all(&selected, out);
        }
        let mut output = Output::new(self.format, HEADINGS, out)?;
        let mut result = Ok(());
        let contents = selected.looked.history.contents()?;
        let total = selected
            .is_all()
            .then_some(contents.rows + contents.tail_rows);
        let (mut progress, mut done) = (Progress::new("changes"), 0);
        let damaged = selected.looked.history.scan(
            selected.range,
            &|id| selected.names.contains_key(&id),
            &mut |id, sample| {
                done += 1;
                if done % PROGRESS_ROWS == 0 {
                    match total {
                        Some(total) => progress.show(done, total),
                        None => progress.count(done),
                    }
                }
                result = row(&selected, id, sample).and_then(|row| output.row(row));
                match result {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            },
        )?;
        progress.end();
        result?;
        output.finish()?;
        for damage in damaged {
            writeln!(err, "damaged, skipped: {damage}")?;
        }
        Ok(())
    }
}

fn row(
    selected: &Selected,
    id: StatisticId,
    sample: &PastSample<ContentRef<'_>>,
) -> anyhow::Result<Vec<Cell>> {
    let name = selected.names.get(&id).cloned().unwrap_or_default();
    Ok(vec![
        Cell::Text(name),
        Cell::Text(sample.at.to_rfc3339()),
        Cell::Value(sample.value.value()?),
        Cell::Text(sample.quality.name().to_owned()),
        Cell::Text(selected.server(sample.server)),
        Cell::Number(sample.epoch.0),
    ])
}
