//! `peekd inspect gaps`: when nothing was known of a statistic, and why.

use std::io::Write;

use clap::Args;

use super::super::progress::Progress;
use super::output::{Cell, Format, Output};
use super::remote;
use super::selection::Selection;

/// Options of `inspect gaps`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Gaps {
    #[command(flatten)]
    selection: Selection,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const HEADINGS: &[&str] = &["statistic", "from", "to", "reason"];

impl Gaps {
    pub(super) fn run(self, out: &mut impl Write, err: &mut impl Write) -> anyhow::Result<()> {
        if let Some(service) = self.selection.source.service()? {
            let mut output = Output::new(self.format, HEADINGS, out)?;
            remote::gaps(&service, &self.selection, &mut |gap| {
                output.row(gap.cells())
            })?;
            return output.finish();
        }
        let selected = self.selection.open(err)?;
        let mut output = Output::new(self.format, HEADINGS, out)?;
        let mut progress = Progress::new("statistics");
        let total = selected.names.len() as u64;
        for (done, (id, name)) in (0..).zip(&selected.names) {
            progress.show(done, total);
            let past = selected.looked.history.past(*id, selected.range)?;
            for gap in past.gaps {
                let to = gap.to.map(|to| Cell::Text(to.to_rfc3339()));
                output.row(vec![
                    Cell::Text(name.clone()),
                    Cell::Text(gap.from.to_rfc3339()),
                    to.unwrap_or(Cell::None),
                    Cell::Text(gap.reason.name().to_owned()),
                ])?;
            }
            for damage in past.damaged {
                writeln!(err, "damaged, skipped: {damage}")?;
            }
        }
        progress.end();
        output.finish()
    }
}
