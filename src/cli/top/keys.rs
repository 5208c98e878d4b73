//! What each key does.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::list::List;

/// Characters of a filter.
const FILTER_LEN_MAX: usize = 200;

/// What keys mean at the moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    List,
    /// A filter is being typed; this was the one before.
    Filter(String),
    Help,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    Quit,
}

/// What the help says, key by key.
pub(super) const HELP: [(&str, &str); 7] = [
    ("arrows PgUp PgDn Home End", "select"),
    ("Space Enter", "pin to the top, with the last minute"),
    ("/", "filter: a part of the text, or a glob"),
    ("s", "sort by name, age, recently changed"),
    ("?", "this help"),
    ("Esc", "leave filter or help, else quit"),
    ("q Ctrl-C", "quit"),
];

/// Does what a key asks for. `page` is how many rows are seen at once.
pub(super) fn press(list: &mut List, mode: &mut Mode, key: KeyEvent, page: usize) -> Flow {
    if key.kind == KeyEventKind::Release {
        return Flow::Go;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c' | 'C') => Flow::Quit,
            _ => Flow::Go,
        };
    }
    match mode {
        Mode::Help => match key.code {
            KeyCode::Char('q') => return Flow::Quit,
            _ => *mode = Mode::List,
        },
        Mode::Filter(before) => match key.code {
            KeyCode::Esc => {
                list.filter_by(std::mem::take(before));
                *mode = Mode::List;
            }
            KeyCode::Enter => *mode = Mode::List,
            KeyCode::Backspace => {
                let mut filter = list.filter.clone();
                filter.pop();
                list.filter_by(filter);
            }
            KeyCode::Char(c) if list.filter.chars().count() < FILTER_LEN_MAX => {
                list.filter_by(format!("{}{c}", list.filter));
            }
            code => walk(list, code, page),
        },
        Mode::List => match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Flow::Quit,
            KeyCode::Char('?') => *mode = Mode::Help,
            KeyCode::Char('/') => *mode = Mode::Filter(list.filter.clone()),
            KeyCode::Char('s') => list.sort_by_next(),
            KeyCode::Char(' ') | KeyCode::Enter => list.toggle_pin(),
            code => walk(list, code, page),
        },
    }
    Flow::Go
}

fn walk(list: &mut List, code: KeyCode, page: usize) {
    let at = list.selected();
    list.select(match code {
        KeyCode::Up => at.saturating_sub(1),
        KeyCode::Down => at.saturating_add(1),
        KeyCode::PageUp => at.saturating_sub(page),
        KeyCode::PageDown => at.saturating_add(page),
        KeyCode::Home => 0,
        KeyCode::End => usize::MAX,
        _ => return,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> List {
        let mut list = List::default();
        list.rows = ('a'..='z').map(|c| c.to_string().into()).collect();
        list
    }

    fn type_all(list: &mut List, mode: &mut Mode, codes: &[KeyCode]) -> Flow {
        let press = |code: &KeyCode| press(list, mode, KeyEvent::from(*code), 10);
        codes.iter().map(press).last().unwrap_or(Flow::Go)
    }

    #[test]
    fn selection_stays_on_the_list() {
        let (mut list, mut mode) = (list(), Mode::List);
        for (code, selected) in [
            (KeyCode::Up, 0),
            (KeyCode::Down, 1),
            (KeyCode::PageDown, 11),
            (KeyCode::End, 25),
            (KeyCode::PageDown, 25),
            (KeyCode::PageUp, 15),
            (KeyCode::Left, 15),
            (KeyCode::Home, 0),
        ] {
            type_all(&mut list, &mut mode, &[code]);
            assert_eq!(list.selected(), selected, "{code}");
        }
        list.rows.clear();
        for code in [KeyCode::End, KeyCode::PageDown, KeyCode::Enter] {
            type_all(&mut list, &mut mode, &[code]);
        }
        assert_eq!((list.selected(), list.pins.len()), (0, 0));
    }

    #[test]
    fn letters_that_command_can_be_typed_into_a_filter() {
        let (mut list, mut mode) = (list(), Mode::List);
        let typed = "/qs?/x ".chars().map(KeyCode::Char).collect::<Vec<_>>();
        assert_eq!(type_all(&mut list, &mut mode, &typed), Flow::Go);
        type_all(&mut list, &mut mode, &[KeyCode::Backspace, KeyCode::Enter]);
        assert_eq!((list.filter.as_str(), &mode), ("qs?/x", &Mode::List));
        // Esc goes back to the filter before.
        let typed = [KeyCode::Char('/'), KeyCode::Char('y'), KeyCode::Esc];
        assert_eq!(type_all(&mut list, &mut mode, &typed), Flow::Go);
        assert_eq!((list.filter.as_str(), &mode), ("qs?/x", &Mode::List));
    }

    #[test]
    fn ways_out() {
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for mut mode in [Mode::List, Mode::Help, Mode::Filter(String::new())] {
            assert_eq!(press(&mut list(), &mut mode, ctrl_c, 10), Flow::Quit);
        }
        for code in [KeyCode::Char('q'), KeyCode::Esc] {
            assert_eq!(type_all(&mut list(), &mut Mode::List, &[code]), Flow::Quit);
        }
        let mut mode = Mode::List;
        let codes = [KeyCode::Char('?'), KeyCode::Esc];
        assert_eq!(type_all(&mut list(), &mut mode, &codes), Flow::Go);
        assert_eq!(mode, Mode::List);
    }
}
