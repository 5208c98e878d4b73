//! Fetches of what is open: peeks, who is told by which answer, and differing passwords.

use super::*;

const OPEN: [(&str, &str); 2] = [
    ("want q1", "open#5 q1"),
    ("value 5 1", "opened q1; q1=1 in 10"),
];

fn check_open(rows: &[(&str, &str)]) {
    let mut bench = Bench::registered(1000);
    bench.follow(&OPEN);
    bench.follow(rows);
    assert_eq!(bench.references(), 5, "a request number leaked");
}

#[test]
fn a_peek_is_answered_under_the_opens_number_or_its_own() {
    for number in [5, 6] {
        check_open(&[
            ("fetch q1 t1", "peek#6 of 5"),
            (&format!("value {number} 2"), "q1=2 in 10; t1=2"),
        ]);
    }
}

#[test]
fn several_peeks_are_answered_in_order() {
    check_open(&[
        ("fetch q1 t1", "peek#6 of 5"),
        ("fetch q1 t2", "peek#7 of 5"),
        ("value 5 2", "q1=2 in 10; t1=2"),
        ("value 5 3", "q1=3 in 10; t2=3"),
        ("value 5 4", "q1=4 in 10"),
    ]);
}

#[test]
fn an_answer_under_a_peeks_own_number_ends_the_earlier_ones_and_no_later_one() {
    check_open(&[
        ("fetch q1 t1", "peek#6 of 5"),
        ("fetch q1 t2", "peek#7 of 5"),
        ("fetch q1 t3", "peek#8 of 5"),
        ("value 7 2", "q1=2 in 10; t1=2; t2=2"),
        ("value 6 9", ""),
        ("value 8 3", "q1=3 in 10; t3=3"),
    ]);
}

#[test]
fn a_lost_answer_does_not_shift_the_later_ones_for_ever() {
    check_open(&[
        ("fetch q1 t1", "peek#6 of 5"),
        ("wait 6s", ""),
        ("fetch q1 t2", "peek#7 of 5"),
        ("wait 4s", "t1 lost"),
        ("value 5 2", "q1=2 in 10; t2=2"),
        ("fetch q1 t3", "peek#8 of 5"),
        ("value 5 3", "q1=3 in 10; t3=3"),
    ]);
}

#[test]
fn a_refused_peek_tells_its_asker_alone() {
    check_open(&[
        ("fetch q1 t1", "peek#6 of 5"),
        ("fetch q1 t2", "peek#7 of 5"),
        ("error 7 busy", "refused q1; t2 refused busy"),
        ("error 5 busy", "refused q1; t1 refused busy"),
        ("error 5 busy", ""),
        ("value 5 2", "q1=2 in 10"),
    ]);
    check_open(&[
        ("fetch q1 t1", "peek#6 of 5"),
        (
            "error 6",
            "refused q1; t1 refused the Stat Server answered with error code 0",
        ),
    ]);
}

#[test]
fn another_password_asks_once_and_leaves_the_open_one_alone() {
    check_open(&[
        ("fetch q1 t1 guess", "get#6 q1"),
        ("value 6 9", "t1=9"),
        ("fetch q1 t2 guess", "get#7 q1"),
        ("error 7 password", "refused q1; t2 refused password"),
        ("fetch q1 t3", "peek#8 of 5"),
        ("value 5 2", "q1=2 in 10; t3=2"),
        ("fetch q1 t4 guess", "get#9 q1"),
        ("wait 10s", "t4 lost"),
        ("value 9 1", ""),
    ]);
}

#[test]
fn what_is_on_its_way_is_waited_for() {
    check(&[
        ("fetch q1 t1", "open#5 q1"),
        ("fetch q1 t2", ""),
        ("fetch q1 t3 guess", "get#6 q1"),
        ("value 5 2", "opened q1; q1=2 in 10; t1=2; t2=2"),
        ("value 6 3", "t3=3"),
    ]);
}

#[test]
fn a_refused_statistic_is_asked_for_again_when_somebody_wants_it() {
    check(&[
        ("want q1", "open#5 q1"),
        ("error 5 no", "refused q1"),
        ("fetch q1 t1", "open#6 q1"),
        ("value 6 1", "opened q1; q1=1 in 10; t1=1"),
        ("wait 30s", ""),
    ]);
}
