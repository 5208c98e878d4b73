//! What is wrong with a configuration file, and the first reading that finds all faults of shape.

use std::fmt;
use std::path::PathBuf;

use super::super::file::File;

/// What is wrong with a configuration file: everything, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    pub(super) path: PathBuf,
    pub(super) faults: Vec<Fault>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// From 1; 0 where no line is to blame.
    pub(super) line: usize,
    pub(super) text: String,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.faults.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            let path = self.path.display();
            match fault.line {
                0 => write!(f, "{separator}{path}: {}", fault.text)?,
                line => write!(f, "{separator}{path}:{line}: {}", fault.text)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// Reads the file's shape. What is at fault is blanked and the rest read again, so that one run
/// tells all faults.
pub(super) fn read(text: &str) -> (Option<File>, Vec<Fault>) {
    const FAULTS_MAX: usize = 100;
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let mut blanked: Vec<usize> = Vec::new();
    let mut faults: Vec<Fault> = Vec::new();
    while faults.len() < FAULTS_MAX {
        let error = match toml::from_str::<File>(&lines.join("\n")) {
            Ok(file) => return (Some(file), faults),
            Err(error) => error,
        };
        let span = error.span().filter(|span| span.end <= text.len());
        let line = span.map_or(0, |span| line_at(text, span.start));
        let message = error.message();
        let shown = lines.get(line.wrapping_sub(1)).map_or("", String::as_str);
        let missing = message.starts_with("missing field");
        let secret = shown.contains("password") && message.starts_with("invalid type");
        let table = table_at(&lines, line);
        // What is missing may have been on a line that was blanked.
        let was_blanked = |&at: &usize| {
            let key = text
                .split('\n')
                .nth(at.wrapping_sub(1))
                .map(str::trim_start);
            let field = message.split('`').nth(1).unwrap_or_default();
            table.contains(&at) && key.is_some_and(|key| key.starts_with(field))
        };
        if !missing || !blanked.iter().any(was_blanked) {
            faults.push(Fault {
                line,
                text: if secret {
                    "invalid type, expected a string".to_owned()
                } else {
                    message.to_owned()
                },
            });
        }
        if table.is_empty() {
            blanked.push(line);
        }
        let mut progress = false;
        for at in if table.is_empty() {
            line..line + 1
        } else {
            table
        } {
            if let Some(line) = at.checked_sub(1).and_then(|at| lines.get_mut(at)) {
                progress |= !line.trim().is_empty();
                *line = " ".repeat(line.len());
            }
        }
        if !progress {
            break;
        }
    }
    (None, faults)
}

/// The lines of the table whose heading is on `line`, with those of the tables inside it; none
/// when there is no heading.
fn table_at(lines: &[String], line: usize) -> std::ops::Range<usize> {
    fn heading(line: &str) -> Option<&str> {
        let heading = line.trim_start().strip_prefix('[')?;
        let name = heading.trim_start_matches('[');
        Some(name.split([']', '#']).next().unwrap_or_default().trim())
    }
    let found = line.checked_sub(1).and_then(|at| lines.get(at));
    let Some(name) = found.and_then(|line| heading(line)) else {
        return 0..0;
    };
    let is_inside = |other: &str| {
        let rest = other.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    let after = lines.iter().skip(line);
    let length = after
        .take_while(|line| heading(line).is_none_or(is_inside))
        .count();
    line..line + 1 + length
}

pub(super) fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or_default().matches('\n').count() + 1
}
