//! Lines of output as columns for people, CSV or JSON; written as they come.

use std::io::Write;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::super::table::Table;
use crate::model::Value;

/// The form of the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Columns for people; long values are cut.
    #[default]
    Table,
    /// Comma-separated, with a heading.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// One field of a line.
pub(super) enum Cell {
    Text(String),
    Number(u64),
    Value(Value),
    /// A value in the form of JSON.
    Json(Box<RawValue>),
    /// Nothing is known: empty, or `null`.
    None,
}

/// Characters of a value shown in a table.
const VALUE_LEN_MAX: usize = 60;
/// Lines of a table whose columns are laid out together, so that the first need not wait for the
/// last.
const PAGE_LEN: usize = 1000;

/// Lines are held back no longer, as long as more are coming.
const HELD_BACK_MAX: Duration = Duration::from_millis(500);

/// Writes lines under headings, which are promised to scripts.
pub(super) struct Output<W: Write> {
    headings: &'static [&'static str],
    form: Form<W>,
    flushed: Instant,
}

enum Form<W: Write> {
    Table { out: W, page: Vec<Vec<String>> },
    Csv(Box<csv::Writer<W>>),
    Jsonl(W),
}

impl<W: Write> Output<W> {
    pub(super) fn new(
        format: Format,
        headings: &'static [&'static str],
        out: W,
    ) -> anyhow::Result<Self> {
        let form = match format {
            Format::Table => Form::Table {
                out,
                page: Vec::new(),
            },
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(headings)?;
                Form::Csv(Box::new(writer))
            }
            Format::Jsonl => Form::Jsonl(out),
        };
        Ok(Self {
            headings,
            form,
            flushed: Instant::now(),
        })
    }

    /// Writes a line: as many cells as there are headings.
    pub(super) fn row(&mut self, cells: Vec<Cell>) -> anyhow::Result<()> {
        match &mut self.form {
            Form::Table { page, .. } => {
                page.push(cells.into_iter().map(|cell| cut(cell.text())).collect());
                if page.len() >= PAGE_LEN {
                    self.write_page()?;
                }
            }
            Form::Csv(writer) => writer.write_record(cells.into_iter().map(Cell::text))?,
            Form::Jsonl(out) => {
                let mut opening = '{';
                for (heading, cell) in self.headings.iter().zip(cells) {
                    let value = cell.json();
                    write!(
                        out,
                        "{opening}{}:{value}",
                        serde_json::Value::from(*heading)
                    )?;
                    opening = ',';
                }
                writeln!(out, "}}")?;
            }
        }
        if self.flushed.elapsed() >= HELD_BACK_MAX {
            self.finish()?;
            self.flushed = Instant::now();
        }
        Ok(())
    }

    /// Writes what is still held back.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        self.write_page()?;
        match &mut self.form {
            Form::Table { out, .. } | Form::Jsonl(out) => out.flush()?,
            Form::Csv(writer) => writer.flush()?,
        }
        Ok(())
    }

    fn write_page(&mut self) -> anyhow::Result<()> {
        if let Form::Table { out, page } = &mut self.form
            && !page.is_empty()
        {
            let mut table = Table::with_headings(self.headings);
            for row in page.drain(..) {
                table.cells(row);
            }
            table.write(out)?;
        }
        Ok(())
    }
}

impl Cell {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Value(value) => text(&value),
            Self::Json(json) => serde_json::from_str(json.get()).unwrap_or(json.get().to_owned()),
            Self::None => String::new(),
        }
    }

    fn json(self) -> String {
        match self {
            Self::Text(text) => serde_json::Value::from(text).to_string(),
            Self::Number(number) => number.to_string(),
            Self::Value(value) => value.to_json(),
            Self::Json(json) => json.get().to_owned(),
            Self::None => "null".to_owned(),
        }
    }
}

/// A text as it is, anything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => other.to_json(),
    }
}

/// The start of a value too long for a column; a state would make every line hundreds wide.
fn cut(text: String) -> String {
    match text.char_indices().nth(VALUE_LEN_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(cut("42.50".to_owned()), "42.50");
        let full = "ä".repeat(VALUE_LEN_MAX);
        assert_eq!(cut(full.clone()), full);
        assert_eq!(cut(format!("{full}ä")), format!("{full}…"));
    }

    #[test]
    fn each_form_has_the_same_columns() {
        for (format, expected) in [
            (Format::Csv, "a,b,c\n\"x,y\",7,\n"),
            (Format::Jsonl, "{\"a\":\"x,y\",\"b\":7,\"c\":null}\n"),
            (Format::Table, "a    b  c\nx,y  7\n"),
        ] {
            let mut out = Vec::new();
            let mut output = Output::new(format, &["a", "b", "c"], &mut out).unwrap();
            let cells = vec![Cell::Text("x,y".into()), Cell::Number(7), Cell::None];
            output.row(cells).unwrap();
            output.finish().unwrap();
            drop(output);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
