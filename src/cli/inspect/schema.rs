//! `peekd inspect schema`: what the store holds, in numbers.

use std::io::Write;

use clap::Args;

use super::super::Usage;
use super::output::{Cell, Format, Output};
use super::selection::Selection;

/// Options of `inspect schema`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Schema {
    #[command(flatten)]
    selection: Selection,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Schema {
    pub(super) fn run(self, out: &mut impl Write, err: &mut impl Write) -> anyhow::Result<()> {
        if self.selection.source.url.is_some() {
            let text = "the schema is that of the files: --url has none to show. `peekd inspect verify \
                        --url URL` counts what a running service holds, `/metrics` its sizes";
            return Err(Usage(text.to_owned()).into());
        }
        let selected = self.selection.open(err)?;
        let (report, loaded) = (&selected.looked.report, &selected.looked.loaded);
        let contents = selected.looked.history.contents()?;
        let mut output = Output::new(self.format, &["name", "value"], out)?;
        for (name, value) in [
            ("schema", Cell::Number(u64::from(report.schema))),
            ("statistics", Cell::Number(loaded.statistics.len() as u64)),
            ("servers", Cell::Number(loaded.servers.len() as u64)),
            ("pages", Cell::Number(report.pages)),
            ("replayed_changes", Cell::Number(report.replayed_changes)),
            (
                "journal_sequence",
                Cell::Number(report.recovered_sequence.0),
            ),
            ("history_volumes", Cell::Number(contents.volumes)),
            ("history_buckets", Cell::Number(contents.buckets)),
            ("history_rows", Cell::Number(contents.rows)),
            ("history_tail_rows", Cell::Number(contents.tail_rows)),
            ("history_sequence", Cell::Number(contents.folded.0)),
            ("history_from", instant(contents.earliest)),
            ("history_to", instant(contents.latest)),
        ] {
            output.row(vec![Cell::Text(name.to_owned()), value])?;
        }
        output.finish()
    }
}

fn instant(at: Option<crate::model::Timestamp>) -> Cell {
    at.map_or(Cell::None, |at| Cell::Text(at.to_rfc3339()))
}
