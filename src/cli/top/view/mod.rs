//! The screen, drawn from what is known. Pure: whatever the size, something sensible is drawn, and
//! only what is seen is put into words.

mod head;
mod pen;
mod rows;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use tokio::time::Instant;

use self::pen::Pen;
use super::keys::{HELP, Mode};
use super::list::List;
use super::state::Model;

/// All that is drawn.
#[derive(Clone, Copy)]
pub(super) struct Screen<'a> {
    pub(super) url: &'a str,
    pub(super) model: &'a Model,
    pub(super) list: &'a List,
    pub(super) mode: &'a Mode,
    pub(super) has_colour: bool,
    pub(super) now: Instant,
}

/// Draws everything; how many rows of the list are seen, 1 at least.
pub(super) fn draw(screen: &Screen<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    // Below five lines the list is all there is room for.
    let height = usize::from(area.height);
    let is_tiny = height < 5;
    let mut pen = Pen::new(buffer, area, screen.has_colour);
    if !is_tiny {
        head::draw(screen, &mut pen, height * 2 / 5);
        pen.end_at_last_line();
    }
    let page = if *screen.mode == Mode::Help {
        help(&mut pen);
        1
    } else {
        rows::draw(screen, &mut pen, height / 3, !is_tiny)
    };
    if !is_tiny {
        let mut pen = Pen::new(buffer, area, screen.has_colour);
        pen.go_to_last_line();
        foot(screen, &mut pen);
    }
    page
}

fn help(pen: &mut Pen<'_>) {
    pen.line(&[("Keys", Modifier::BOLD.into())]);
    for (keys, what) in HELP {
        pen.line(&[(&format!("{keys:<27}"), Style::new()), (what, Style::new())]);
    }
    let words =
        "An unconfirmed, uncertain or refused value is dim and says so: nobody vouches for it now.";
    pen.line(&[(words, Style::new())]);
}

fn foot(screen: &Screen<'_>, pen: &mut Pen<'_>) {
    let list = screen.list;
    let count = format!("{} of {}", list.rows.len(), screen.model.statistics.len());
    if matches!(screen.mode, Mode::Filter(_)) {
        let prompt = format!("/{}", list.filter);
        let words = format!("  {count}, Enter keeps it, Esc does not");
        let cursor = Modifier::REVERSED.into();
        pen.line(&[
            (&prompt, Modifier::BOLD.into()),
            (" ", cursor),
            (&words, Modifier::DIM.into()),
        ]);
        return;
    }
    let filter = match list.filter.as_str() {
        "" => String::new(),
        filter => format!(" with {filter}"),
    };
    let words = format!("? help  q quit   {count}{filter}, by {}", list.order.name());
    pen.line(&[(&words, Modifier::DIM.into())]);
}

#[cfg(test)]
mod tests;
