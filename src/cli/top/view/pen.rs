//! Writes lines and columns from the top of an area down, and never beyond it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::Span;

pub(super) struct Pen<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    /// The next line.
    y: u16,
    has_colour: bool,
}

impl<'a> Pen<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, area: Rect, has_colour: bool) -> Self {
        let area = area.intersection(buffer.area);
        let y = area.y;
        Self {
            buffer,
            area,
            y,
            has_colour,
        }
    }

    /// Leaves the last line to somebody else.
    pub(super) fn end_at_last_line(&mut self) {
        self.area.height = self.area.height.saturating_sub(1);
    }

    pub(super) fn go_to_last_line(&mut self) {
        self.y = self.area.bottom().saturating_sub(1).max(self.area.y);
    }

    pub(super) fn width(&self) -> usize {
        self.area.width.into()
    }

    /// Lines that are left.
    pub(super) fn left(&self) -> usize {
        self.area.bottom().saturating_sub(self.y).into()
    }

    /// A colour, for those who want any. It never says what words do not.
    pub(super) fn colour(&self, colour: Color) -> Style {
        if self.has_colour {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    /// Writes texts one behind the other and goes to the next line.
    pub(super) fn line(&mut self, parts: &[(&str, Style)]) {
        let mut x = 0;
        for (text, style) in parts {
            let width = self.width().saturating_sub(x);
            x += self.put(x, text, width, *style);
        }
        self.next();
    }

    pub(super) fn next(&mut self) {
        self.y = self.y.saturating_add(1).min(self.area.bottom());
    }

    /// Writes a text into a column of this line, cut if it is too long; how wide it has become.
    pub(super) fn put(&mut self, x: usize, text: &str, width: usize, style: Style) -> usize {
        let width = width.min(self.width().saturating_sub(x));
        if self.left() == 0 || width == 0 {
            return 0;
        }
        // Control characters of a value must not reach a terminal.
        let text: String = text
            .chars()
            .take(width.saturating_mul(4))
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect();
        let x = usize::from(self.area.x) + x;
        // Within the area, whose sides are 16 bits long.
        let at = u16::try_from(x).unwrap_or(u16::MAX);
        let is_cut = Span::raw(text.as_str()).width() > width;
        let kept = width - usize::from(is_cut);
        let (end, y) = self.buffer.set_stringn(at, self.y, &text, kept, style);
        if !is_cut {
            return usize::from(end) - x;
        }
        let (end, _) = self.buffer.set_stringn(end, y, "…", 1, style);
        usize::from(end) - x
    }

    /// Writes a text at the right end of a column.
    pub(super) fn put_right(&mut self, x: usize, text: &str, width: usize, style: Style) {
        let blank = width.saturating_sub(Span::raw(text).width());
        self.put(x + blank, text, width - blank, style);
    }

    /// Gives the whole line a style.
    pub(super) fn style_line(&mut self, style: Style) {
        if self.left() > 0 {
            let line = Rect::new(self.area.x, self.y, self.area.width, 1);
            self.buffer.set_style(line, style);
        }
    }
}
