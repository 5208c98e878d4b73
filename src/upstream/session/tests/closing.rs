//! Closes, asked for and not, and the orderly end.

use super::*;

const OPEN: [(&str, &str); 2] = [
    ("fetch q1 t0", "open#5 q1"),
    ("value 5 1", "opened q1; q1=1 in 10; t0=1"),
];

fn check_open(rows: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::registered(1000);
    bench.follow(&OPEN);
    bench.follow(rows);
    bench
}

fn check_new(rows: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::registered(1000);
    bench.follow(rows);
    bench
}

#[test]
fn a_close_is_confirmed_in_either_published_form_or_by_an_error_or_not_at_all() {
    for answer in [
        "closed 6 5",
        "closed 5 0",
        "closed 6 0",
        "error 6 unknown",
        "error 5 unknown",
        "wait 10s",
    ] {
        let mut bench = check_open(&[
            ("close q1", "close#6 of 5"),
            ("value 5 2", ""),
            ("close q1", ""),
            (answer, "closed q1"),
            ("value 5 3", ""),
        ]);
        assert_eq!(bench.references(), 4);
        assert_eq!(bench.session.open_count(), 0);
        assert_eq!(bench.session.take_forgotten(), [id_of("q1")]);
    }
}

#[test]
fn what_is_opened_after_a_close_is_in_a_new_epoch() {
    check_open(&[
        ("close q1", "close#6 of 5"),
        ("closed 6 5", "closed q1"),
        ("fetch q1 t1", "open#7 q1"),
        ("value 7 2", "opened q1; q1=2 in 11; t1=2"),
    ]);
    check_open(&[
        ("closed 5 5", "invalid q1"),
        ("fetch q1 t1", "open#6 q1"),
        ("value 6 2", "opened q1; q1=2 in 11; t1=2"),
    ]);
}

#[test]
fn a_statistic_closed_unasked_is_reopened_after_a_while() {
    check_open(&[
        ("closed 0 5", "invalid q1"),
        ("value 5 9", ""),
        ("wait 29s", ""),
        ("wait 1s", "open#6 q1"),
        ("value 6 2", "opened q1; q1=2 in 11"),
    ]);
}

#[test]
fn peeks_in_flight_are_told_of_a_close() {
    check_open(&[
        ("fetch q1 t1", "peek#6 of 5"),
        ("close q1", "close#7 of 5; t1 lost"),
        ("error 6 closed", ""),
        ("value 6 4", ""),
        ("closed 7 5", "closed q1"),
    ]);
    // Closed unasked, it is opened again for who waits.
    check_open(&[
        ("fetch q1 t1", "peek#6 of 5"),
        ("closed 5 5", "open#7 q1"),
        ("value 7 2", "opened q1; q1=2 in 11; t1=2"),
    ]);
}

#[test]
fn what_is_wanted_while_it_closes_is_opened_again() {
    check_open(&[
        ("close q1", "close#6 of 5"),
        ("fetch q1 t1", ""),
        ("closed 6 5", "open#7 q1"),
        ("value 7 2", "opened q1; q1=2 in 11; t1=2"),
    ]);
    check_open(&[
        ("close q1", "close#6 of 5"),
        ("want q1", ""),
        ("closed 6 5", "open#7 q1"),
    ]);
}

#[test]
fn a_server_that_only_closes_is_not_asked_in_a_loop() {
    let mut bench = Bench::registered(1);
    bench.follow(&[
        ("want q1 q2", "open#5 q1"),
        ("fetch q1 t1", ""),
        (
            "closed 5 5",
            "open#6 q2; refused q1; t1 refused the Stat Server closed the statistic instead of \
             opening it",
        ),
        ("opened 6", "opened q2"),
        ("fetch q2 t2", "peek#7 of 6"),
        ("closed 6 6", "invalid q2; t2 lost"),
        ("wait 30s", "open#8 q1"),
    ]);
}

#[test]
fn closing_what_is_not_open_forgets_it() {
    let mut bench = Bench::new(1000);
    bench.follow(&[
        ("want q1", ""),
        ("close q1 q9", "closed q1"),
        ("connect", "register"),
    ]);
    assert_eq!(bench.session.wanted_count(), 0);
    check(&[
        ("want q1", "open#5 q1"),
        ("close q1", ""),
        ("value 5 1", "close#6 of 5; opened q1"),
    ]);
}

#[test]
fn the_orderly_end_closes_all_opens_nothing_and_keeps_what_is_wanted() {
    let mut bench = check_open(&[
        ("want q2", "open#6 q2"),
        ("fetch q1 t1", "peek#7 of 5"),
        ("end", "close#8 of 5; t1 lost"),
        ("want q3", ""),
        ("value 6 2", "close#9 of 6; opened q2"),
        ("closed 8 5", ""),
    ]);
    assert_eq!(bench.session.open_count(), 1);
    bench.follow(&[
        ("closed 9 6", ""),
        ("wait 1h", ""),
        ("disconnect", "down"),
        ("connect", "register"),
    ]);
    assert_eq!(bench.session.wanted_count(), 3);
    assert!(bench.act("registered 0").contains("; open#5 q"));
}

#[test]
fn a_large_end_is_written_as_the_socket_takes_it() {
    let mut bench = Bench::registered(1_000_000);
    let specs = (1..=50_000).map(|number| bench.spec(&format!("q{number}"), ""));
    let specs = specs.collect();
    bench.session.want(specs, bench.now).unwrap();
    for number in 5..50_005 {
        bench.session.output().clear();
        bench.act(&format!("opened {number}"));
    }
    bench.session.close_all(bench.now).unwrap();
    assert!(bench.session.is_choked());
    let mut closes = 0;
    while !bench.session.output().is_empty() {
        closes += bench.said().len();
        bench.session.wrote(bench.now).unwrap();
    }
    assert_eq!(closes, 50_000);
    for number in 50_005..100_005 {
        bench.act(&format!("closed {number} {}", number - 50_000));
    }
    assert_eq!(bench.session.open_count(), 0);
}

#[test]
fn what_is_closed_while_its_open_is_on_its_way_does_not_stay_open() {
    let opening = ("fetch q1 t1", "open#5 q1");
    let bench = check_new(&[
        opening,
        ("wait 10s", "t1 lost"),
        ("close q1", ""),
        ("opened 5", "close#6 of 5; opened q1"),
        ("closed 6 5", "closed q1"),
    ]);
    assert_eq!(bench.session.wanted_count(), 0);
    let bench = check_new(&[
        opening,
        ("close q1", "t1 lost"),
        ("error 5 no", "closed q1"),
    ]);
    assert_eq!(bench.session.wanted_count(), 0);
    let mut bench = check_new(&[opening, ("close q1", "t1 lost")]);
    bench.session.disconnected();
    assert_eq!(bench.session.wanted_count(), 0);
    // Wanted again in time, it stays.
    check_new(&[
        opening,
        ("close q1", "t1 lost"),
        ("fetch q1 t2", ""),
        ("value 5 1", "opened q1; q1=1 in 10; t2=1"),
    ]);
}
