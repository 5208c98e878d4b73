//! Server-sent events out of bytes as they come: lines that end in CR, LF or both, comments, data of
//! several lines, anything cut anywhere. No I/O.

/// One event of more bytes is none of a peekd service.
const EVENT_LEN_MAX: usize = 64 << 20;

/// What was sent between two empty lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Empty where none was said.
    pub(super) name: String,
    /// This event's own; to be remembered for resuming.
    pub(super) id: Option<String>,
    /// Lines, with `\n` between them.
    pub(super) data: String,
}

/// An event that is longer than what is ever sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {} MiB; is this a peekd service?", EVENT_LEN_MAX >> 20)]
pub(super) struct Overlong;

/// Where in a stream of events its reader is.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// A LF now would belong to the line end before it.
    after_cr: bool,
    /// Whether the first line is over: before it a byte order mark may stand.
    begun: bool,
    event: Event,
    has_data: bool,
}

impl Parser {
    /// Takes the next bytes; the events that they complete.
    ///
    /// # Errors
    ///
    /// An event outgrows its bound; the stream is of no use then.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<Event>, Overlong> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            if self.after_cr {
                self.after_cr = false;
                if let Some(rest) = bytes.strip_prefix(b"\n") {
                    bytes = rest;
                    continue;
                }
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if self.line.len() + part.len() + self.event.data.len() > EVENT_LEN_MAX {
                return Err(Overlong);
            }
            self.line.extend_from_slice(part);
            if let Some((line_end, rest)) = rest.split_first() {
                self.after_cr = *line_end == b'\r';
                bytes = rest;
                events.extend(self.end_of_line());
            } else {
                bytes = rest;
            }
        }
        Ok(events)
    }

    fn end_of_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !self.begun {
            self.begun = true;
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            return self.end_of_event();
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let value = String::from_utf8_lossy(value);
        match field {
            b"event" => self.event.name = value.into_owned(),
            b"data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(&value);
                self.has_data = true;
            }
            b"id" if !value.contains('\0') => self.event.id = Some(value.into_owned()),
            // Comments, `retry`, and what later versions may say.
            _ => {}
        }
        None
    }

    /// An event without data is none.
    fn end_of_event(&mut self) -> Option<Event> {
        let event = std::mem::take(&mut self.event);
        std::mem::take(&mut self.has_data).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, id: Option<&str>, data: &str) -> Event {
        Event {
            name: name.to_owned(),
            id: id.map(str::to_owned),
            data: data.to_owned(),
        }
    }

    /// Reads the text in one piece, byte by byte, and in threes: all must tell the same.
    fn check(text: &str, wanted: &[Event]) {
        for size in [text.len().max(1), 1, 3] {
            let mut parser = Parser::default();
            let pieces = text.as_bytes().chunks(size);
            let events: Vec<Event> = pieces
                .flat_map(|piece| parser.push(piece).unwrap())
                .collect();
            assert_eq!(events, wanted, "{text:?} in pieces of {size}");
        }
    }

    #[test]
    fn lines_end_in_cr_lf_or_both() {
        for end in ["\n", "\r", "\r\n"] {
            let text = ["event: update", "id: 3-9", "data: {}", "", ""].join(end);
            check(&text, &[event("update", Some("3-9"), "{}")]);
        }
        // A lone CR, then a LF that ends an empty line.
        check(
            "data: a\r\n\r\ndata: b\r\r",
            &[event("", None, "a"), event("", None, "b")],
        );
    }

    #[test]
    fn data_of_several_lines_is_joined() {
        check(
            "data: a\ndata:\ndata:  b\n\n",
            &[event("", None, "a\n\n b")],
        );
        check("data\n\n", &[event("", None, "")]);
    }

    #[test]
    fn comments_retry_and_unknown_fields_mean_nothing() {
        check(": hello\nretry: 1000\ncolour: blue\n\n", &[]);
        check(":\ndata: a\n:\ndata: b\n\n", &[event("", None, "a\nb")]);
    }

    #[test]
    fn a_name_or_an_id_stays_with_its_event() {
        let text = "event: a\nid: 1\n\ndata: x\n\nid: 2\ndata: y\n\nid: 3\0\ndata: z\n\n";
        check(
            text,
            &[
                event("", None, "x"),
                event("", Some("2"), "y"),
                event("", None, "z"),
            ],
        );
    }

    #[test]
    fn a_mark_before_the_first_line_and_characters_cut_in_two_are_read() {
        check(
            "\u{feff}data: Wartezeit für Ärger €\n\n",
            &[event("", None, "Wartezeit für Ärger €")],
        );
    }

    #[test]
    fn an_unfinished_event_is_not_told() {
        check("data: a\n", &[]);
        check("data: a", &[]);
    }

    #[test]
    fn an_event_that_never_ends_is_given_up() {
        let mut parser = Parser::default();
        let piece = vec![b'x'; 1 << 20];
        let refused = (0..=64).find_map(|_| parser.push(&piece).err());
        assert_eq!(refused, Some(Overlong));
    }
}
