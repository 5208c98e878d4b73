//! Pinned statistics with their trails, and the list with what is selected.

use ratatui::style::{Color, Modifier, Style};

use super::super::list::Pin;
use super::super::rate::SECONDS;
use super::super::told::Quality;
use super::super::words;
use super::Screen;
use super::pen::Pen;

/// Below so many characters every column is a narrow one.
const NARROW: usize = 60;
/// The mark of what is pinned and what is selected.
const MARK: usize = 2;

/// Where the columns are.
#[derive(Clone, Copy)]
struct Columns {
    text: usize,
    value: usize,
    age: usize,
    quality: usize,
}

impl Columns {
    fn within(width: usize) -> Self {
        let (value, age, quality) = if width < NARROW {
            (7, 6, 9)
        } else {
            ((width / 5).clamp(8, 24), 7, 11)
        };
        let rest = MARK + value + age + quality + 3;
        let text = width.saturating_sub(rest).max(8);
        Self {
            text,
            value,
            age,
            quality,
        }
    }

    fn value_at(self) -> usize {
        MARK + self.text + 1
    }

    fn age_at(self) -> usize {
        self.value_at() + self.value + 1
    }

    fn quality_at(self) -> usize {
        self.age_at() + self.age + 1
    }
}

/// Draws pins on `pin_lines` at most, then the list; how many of its rows are seen, 1 at least.
pub(super) fn draw(
    screen: &Screen<'_>,
    pen: &mut Pen<'_>,
    pin_lines: usize,
    has_heading: bool,
) -> usize {
    let list = screen.list;
    // The newest pins, if there is no room for all.
    let unseen = list.pins.len().saturating_sub(pin_lines);
    for pin in list.pins.iter().skip(unseen) {
        pinned(screen, pin, pen);
    }
    let columns = Columns::within(pen.width());
    if has_heading {
        let style = Style::new().add_modifier(Modifier::UNDERLINED);
        pen.style_line(style);
        pen.put(MARK, "statistic", columns.text, style);
        pen.put_right(columns.value_at(), "value", columns.value, style);
        pen.put_right(columns.age_at(), "age", columns.age, style);
        pen.put(columns.quality_at(), "quality", columns.quality, style);
        pen.next();
    }
    let seen = pen.left();
    let page = seen.max(1);
    // Whole pages, so that rows stand still while the selection walks over them.
    let first = list.selected() / page * page;
    for (at, text) in list.rows.iter().enumerate().skip(first).take(seen) {
        let is_selected = at == list.selected();
        let mark = match (is_selected, list.is_pinned(text)) {
            (true, true) => ">*",
            (true, false) => "> ",
            (false, true) => " *",
            (false, false) => "  ",
        };
        row(screen, text, mark, columns, pen);
        if is_selected {
            pen.style_line(Modifier::REVERSED.into());
        }
        pen.next();
    }
    if list.rows.is_empty() {
        let words = if screen.model.statistics.is_empty() {
            "nothing is known yet"
        } else {
            "nothing matches the filter"
        };
        pen.line(&[("  ", Style::new()), (words, Modifier::DIM.into())]);
    }
    page
}

fn pinned(screen: &Screen<'_>, pin: &Pin, pen: &mut Pen<'_>) {
    let trail = match pen.width() {
        width if width < NARROW => 0,
        width => (width / 3).min(SECONDS),
    };
    let gap = usize::from(trail > 0);
    let columns = Columns::within(pen.width().saturating_sub(trail + gap));
    row(screen, &pin.text, "* ", columns, pen);
    let line = pin.trail.line(trail);
    let at = pen.width().saturating_sub(trail);
    pen.put(at, &line, trail, pen.colour(Color::Cyan));
    pen.next();
}

fn row(screen: &Screen<'_>, text: &str, mark: &str, columns: Columns, pen: &mut Pen<'_>) {
    let name = words::fitted(text, columns.text);
    let Some(known) = screen.model.statistics.get(text) else {
        let style = Modifier::DIM.into();
        pen.put(0, mark, MARK, style);
        pen.put(MARK, &name, columns.text, style);
        pen.put(columns.quality_at(), "not known", columns.quality, style);
        return;
    };
    let is_fresh = screen.model.is_fresh(known);
    let style = if is_fresh {
        Style::new()
    } else {
        Modifier::DIM.into()
    };
    let reading = &known.reading;
    let quality = words::quality(reading.quality, is_fresh);
    let age = match reading.quality {
        Quality::Waiting | Quality::Bad if reading.age.is_none() => String::new(),
        _ => words::age(known.age(screen.now)),
    };
    let colour = match reading.quality {
        Quality::Good if is_fresh => Style::new(),
        Quality::Bad => pen.colour(Color::Red),
        _ => pen.colour(Color::Yellow),
    };
    pen.put(0, mark, MARK, style);
    pen.put(MARK, &name, columns.text, style);
    pen.put_right(
        columns.value_at(),
        words::value(&reading.value),
        columns.value,
        style,
    );
    pen.put_right(columns.age_at(), &age, columns.age, style);
    pen.put(
        columns.quality_at(),
        quality,
        columns.quality,
        style.patch(colour),
    );
}
