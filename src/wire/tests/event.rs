//! What an event's fields mean together.

use super::body_of;
use crate::wire::{Charset, Event, EventKind, EventValue, Message, ServerMode};

fn event(kind: EventKind, int_value: i64) -> Event<'static> {
    Event {
        int_value,
        ..Event::new(kind, 7, 0)
    }
}

#[test]
fn a_text_outranks_a_state_and_a_state_needs_a_zero() {
    let check = |text: Option<&'static str>, void, int_value, expected| {
        let text = text.map(Into::into);
        let event = Event {
            text,
            void,
            ..event(EventKind::Info, int_value)
        };
        assert_eq!(event.value(), expected);
    };
    check(Some("42.5"), None, 42, EventValue::Text("42.5"));
    check(Some(""), None, 0, EventValue::Text(""));
    check(Some("42.5"), Some(b"ab"), 0, EventValue::Text("42.5"));
    check(None, Some(b"ab"), 0, EventValue::State(b"ab"));
    check(None, Some(b"ab"), 1, EventValue::Int(1));
    check(None, Some(b"ab"), -1, EventValue::Int(-1));
    check(None, None, 0, EventValue::Int(0));
}

#[test]
fn the_closed_statistic_is_the_integer_or_else_the_reference() {
    for (int_value, statistic) in [(5, 5), (-5, -5), (0, 7), (1 << 40, 7)] {
        assert_eq!(
            event(EventKind::StatisticClosed, int_value).closed_statistic(),
            statistic
        );
    }
}

#[test]
fn integers_wider_than_the_wire_end_at_its_edge() {
    for (sent, received) in [
        (i64::MAX, i32::MAX),
        (1 << 31, i32::MAX),
        (-1, -1),
        (-(1 << 31), i32::MIN),
        (i64::MIN, i32::MIN),
    ] {
        let body = body_of(|out| event(EventKind::Info, sent).write(Charset::UTF_8, out));
        let Message::Event(event) = Message::decode(&body, Charset::UTF_8).unwrap() else {
            panic!("not an event");
        };
        assert_eq!(event.int_value, i64::from(received));
    }
}

#[test]
fn server_modes_by_number() {
    use ServerMode::{Backup, Exiting, Primary, Unknown};
    for (code, mode) in [
        (0, Primary),
        (1, Backup),
        (2, Exiting),
        (3, Backup),
        (4, Backup),
        (5, Unknown(5)),
        (-1, Unknown(-1)),
    ] {
        assert_eq!(ServerMode::from_code(code), mode);
    }
    for mode in [Primary, Backup, Exiting, Unknown(9)] {
        assert_eq!(ServerMode::from_code(mode.code()), mode);
    }
}
