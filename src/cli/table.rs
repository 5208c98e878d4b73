//! Tables for people, plain columns where the output is no terminal.

use std::io::{self, IsTerminal as _, Write};

use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};

/// Rows under headings.
pub(super) struct Table(comfy_table::Table);

impl Table {
    pub(super) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self::with_headings(&headings)
    }

    pub(super) fn with_headings(headings: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        let style = if io::stdout().is_terminal() {
            UTF8_HORIZONTAL_ONLY
        } else {
            NOTHING
        };
        table.load_style(style).set_header(headings.iter());
        Self(table)
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.add_row(cells.map(|cell| printable(&cell)));
    }

    pub(super) fn cells(&mut self, cells: Vec<String>) {
        self.0
            .add_row(cells.into_iter().map(|cell| printable(&cell)));
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for line in self.0.lines() {
            // Without a frame the padding before the first column is only in the way.
            writeln!(
                out,
                "{}",
                line.strip_prefix(' ').unwrap_or(&line).trim_end()
            )?;
        }
        Ok(())
    }
}

/// Control characters of a value must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
