//! Every message in every state of a statistic: what comes of it. What a state does not list says
//! and tells nothing.

use super::*;

/// Under the open's number 5, the number 6 of whatever was asked after it, and of no statistic.
const MESSAGES: [&str; 17] = [
    "registered 0",
    "error 5 no",
    "error 6 no",
    "value 5 7",
    "value 6 7",
    "opened 5",
    "opened 6",
    "closed 5 5",
    "closed 6 5",
    "closed 6 0",
    "valid 5",
    "invalid 5",
    "profile 1 Calls",
    "mode 0 0",
    "mode 0 1",
    "target 5",
    "error 77 no",
];

const UP: &str = "profile#1; profile#2; profile#3; profile#4; up";
const ASKED: (&str, &str) = ("want q1", "open#5 q1");
const VALUED: (&str, &str) = ("value 5 1", "opened q1; q1=1 in 10");
const CLOSING: (&str, &str) = ("close q1", "close#6 of 5");
const INVALID: (&str, &str) = ("invalid 5", "invalid q1");
const VALID: (&str, &str) = ("valid 5", "valid q1");

/// Follows the rows to a state of a registered session, and then each message from there.
fn check(rows: &[(&str, &str)], expected: &[(&str, &str)]) {
    let script = [&[("registered 0", UP)], rows].concat();
    let types = ("profile 1 Calls", "types Calls");
    check_each(&script, &[expected, &[types]].concat());
}

fn check_each(script: &[(&str, &str)], expected: &[(&str, &str)]) {
    let arrived = || {
        let mut bench = Bench::new(1000);
        bench.follow(&[("connect", "register")]);
        bench.follow(script);
        bench
    };
    for (listed, _) in expected {
        assert!(MESSAGES.contains(listed), "{listed} is not in the table");
    }
    for message in MESSAGES {
        let listed = expected.iter().find(|(listed, _)| *listed == message);
        let outcome = listed.map_or("", |(_, outcome)| *outcome);
        let came = arrived().act(message);
        assert_eq!(came, outcome, "{message} after {script:?}");
    }
    for stranger in [Stranger::Unknown, Stranger::Request] {
        let mut bench = arrived();
        let skipped = bench.session.skipped_count();
        assert_eq!(bench.hear_bytes(&mut stranger.bytes()), Ok(()));
        assert!(bench.said().is_empty() && bench.events().is_empty());
        assert_eq!(bench.session.skipped_count(), skipped + 1);
    }
}

/// What no Stat Server is known to send.
enum Stranger {
    Unknown,
    Request,
}

impl Stranger {
    fn bytes(&self) -> BytesMut {
        let mut bytes = BytesMut::new();
        match self {
            Self::Unknown => wire::frame(&[1, 0, 0, 0, 99, 0xff], &mut bytes),
            Self::Request => Request::Peek {
                reference_id: 6,
                statistic: 5,
            }
            .write(Charset::UTF_8, &mut bytes),
        }
        bytes
    }
}

#[test]
fn before_the_registration_is_answered() {
    let refused = "failed: the Stat Server refused the registration: no (code 0)";
    check_each(
        &[("want q1", "")],
        &[
            (
                "registered 0",
                "profile#1; profile#2; profile#3; profile#4; open#5 q1; up",
            ),
            ("error 5 no", refused),
            ("error 6 no", refused),
            ("error 77 no", refused),
        ],
    );
}

#[test]
fn with_nothing_asked_for() {
    check(&[], &[]);
}

#[test]
fn with_an_open_on_its_way_in_time_or_overdue() {
    let asked = [ASKED];
    let overdue = [ASKED, ("fetch q1 t", ""), ("wait 10s", "t lost")];
    for rows in [&asked[..], &overdue] {
        check(
            rows,
            &[
                ("error 5 no", "refused q1"),
                ("value 5 7", "opened q1; q1=7 in 10"),
                ("opened 5", "opened q1"),
                ("closed 5 5", "refused q1"),
                ("closed 6 5", "refused q1"),
                INVALID,
            ],
        );
    }
}

#[test]
fn with_an_open_on_its_way_that_somebody_waits_for() {
    let closed = "refused q1; t refused the Stat Server closed the statistic instead of opening it";
    check(
        &[ASKED, ("fetch q1 t", "")],
        &[
            ("error 5 no", "refused q1; t refused no"),
            ("value 5 7", "opened q1; q1=7 in 10; t=7"),
            ("opened 5", "opened q1"),
            ("closed 5 5", closed),
            ("closed 6 5", closed),
            INVALID,
        ],
    );
}

#[test]
fn with_an_open_on_its_way_that_nobody_wants_any_more() {
    let opened = "close#6 of 5; opened q1";
    check(
        &[ASKED, ("close q1", "")],
        &[
            ("error 5 no", "closed q1"),
            ("value 5 7", opened),
            ("opened 5", opened),
            ("closed 5 5", "closed q1"),
            ("closed 6 5", "closed q1"),
            INVALID,
        ],
    );
}

#[test]
fn open_without_a_value() {
    check(
        &[ASKED, ("opened 5", "opened q1")],
        &[
            ("value 5 7", "q1=7 in 10"),
            ("closed 5 5", "invalid q1"),
            ("closed 6 5", "invalid q1"),
            INVALID,
        ],
    );
}

#[test]
fn open_with_a_value() {
    check(
        &[ASKED, VALUED],
        &[
            ("value 5 7", "q1=7 in 10"),
            ("closed 5 5", "invalid q1"),
            ("closed 6 5", "invalid q1"),
            VALID,
            INVALID,
            ("mode 0 1", "invalid q1"),
        ],
    );
}

#[test]
fn open_and_not_to_be_tracked() {
    check(
        &[ASKED, VALUED, INVALID],
        &[
            ("value 5 7", "q1=7? in 10"),
            ("closed 5 5", "invalid q1"),
            ("closed 6 5", "invalid q1"),
            VALID,
            INVALID,
        ],
    );
}

#[test]
fn open_on_a_server_that_stands_by() {
    check(
        &[
            ("mode 0 1", ""),
            ASKED,
            ("value 5 1", "opened q1; q1=1? in 10"),
        ],
        &[
            ("value 5 7", "q1=7? in 10"),
            ("closed 5 5", "invalid q1"),
            ("closed 6 5", "invalid q1"),
            ("valid 5", "invalid q1"),
            INVALID,
            ("mode 0 0", "valid q1"),
        ],
    );
}

#[test]
fn with_a_peek_on_its_way() {
    check(
        &[ASKED, VALUED, ("fetch q1 t", "peek#6 of 5")],
        &[
            ("error 5 no", "refused q1; t refused no"),
            ("error 6 no", "refused q1; t refused no"),
            ("value 5 7", "q1=7 in 10; t=7"),
            ("value 6 7", "q1=7 in 10; t=7"),
            ("closed 5 5", "open#7 q1"),
            ("closed 6 5", "open#7 q1"),
            VALID,
            INVALID,
            ("mode 0 1", "invalid q1"),
        ],
    );
}

#[test]
fn with_a_get_on_its_way() {
    check(
        &[ASKED, VALUED, ("fetch q1 t other", "get#6 q1")],
        &[
            ("error 6 no", "refused q1; t refused no"),
            ("value 5 7", "q1=7 in 10"),
            ("value 6 7", "t=7"),
            ("closed 5 5", "invalid q1"),
            ("closed 6 5", "invalid q1"),
            VALID,
            INVALID,
            ("mode 0 1", "invalid q1"),
        ],
    );
}

#[test]
fn with_a_close_on_its_way_that_stands_or_was_taken_back() {
    let stands = [ASKED, VALUED, CLOSING];
    let taken_back = [ASKED, VALUED, CLOSING, ("want q1", "")];
    for (rows, closed) in [(&stands[..], "closed q1"), (&taken_back, "open#7 q1")] {
        check(
            rows,
            &[
                ("error 5 no", closed),
                ("error 6 no", closed),
                ("closed 5 5", closed),
                ("closed 6 5", closed),
                ("closed 6 0", closed),
                INVALID,
            ],
        );
    }
}

#[test]
fn refused_and_to_be_asked_for_again() {
    check(&[ASKED, ("error 5 no", "refused q1")], &[]);
}

#[test]
fn at_the_orderly_end() {
    check(&[ASKED, VALUED, ("end", "close#6 of 5")], &[INVALID]);
}
