//! Statistics that are not kept open, and statistics that are spelled out.

use super::*;

#[test]
fn what_is_not_kept_open_is_fetched_and_its_value_is_everybodys() {
    check(&[
        ("fetch g1 a", "get#5 g1"),
        ("fetch g1 b", "get#6 g1"),
        ("value 5 7", "accepted g1; g1=7 in 10; a=7"),
        ("error 6 gone", "refused g1; b refused gone"),
        ("disconnect", "down"),
        ("fetch g1 c", "c lost"),
    ]);
    let mut bench = Bench::registered(1000);
    bench.follow(&[("fetch g1 a", "get#5 g1"), ("disconnect", "down; a lost")]);
    assert!(!bench.session.wants(id_of("g1")));
}

#[test]
fn a_fetched_value_comes_after_every_value_of_what_was_open_before() {
    check(&[
        ("want q1", "open#5 q1"),
        ("opened 5", "opened q1"),
        ("value 5 1", "q1=1 in 10"),
        ("close q1", "close#6 of 5"),
        ("closed 5 5", "closed q1"),
        ("fetch g1 a", "get#7 g1"),
        ("value 7 2", "accepted g1; g1=2 in 11; a=2"),
    ]);
}

#[test]
fn what_is_listed_as_open_is_peeked_though_the_rules_say_otherwise() {
    check(&[
        ("want g1", "open#5 g1"),
        ("opened 5", "opened g1"),
        ("fetch g1 a", "peek#6 of 5"),
        ("value 5 3", "g1=3 in 10; a=3"),
    ]);
}

#[test]
fn what_is_spelled_out_is_opened_by_its_definition() {
    check(&[
        ("want x1", "open-ex#5 x1"),
        ("opened 5", "opened x1"),
        ("value 5 3", "x1=3 in 10"),
        // A password of one's own is judged by a request of one's own.
        ("fetch x1 a other", "get-ex#6 x1"),
        ("value 6 4", "a=4"),
    ]);
}

#[test]
fn a_late_answer_does_not_outdate_what_is_open_by_then() {
    check(&[
        ("fetch g1 a", "get#5 g1"),
        ("want g1 q1", "open#6 g1; open#7 q1"),
        ("opened 6", "opened g1"),
        ("opened 7", "opened q1"),
        ("close q1", "close#8 of 7"),
        ("closed 7 7", "closed q1"),
        ("value 6 1", "g1=1 in 10"),
        // Nor is it told that nothing is open.
        ("value 5 2", "g1=2 in 10; a=2"),
    ]);
}
