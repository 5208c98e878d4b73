//! Statistics that go to another pair, and come from one.

use super::*;

#[test]
fn what_is_refused_is_handed_over_and_kept_when_nobody_takes_it() {
    let mut bench = Bench::generous();
    bench.follow(&[
        ("fetch q1 a", "open#5 q1"),
        ("error 5 unknown", "handed over q1"),
        ("keep", "refused q1; a refused unknown"),
        ("fetch g1 b", "get#6 g1"),
        ("error 6 unknown", "handed over g1"),
        ("keep", "refused g1; b refused unknown"),
        ("fetch x1 c", "open-ex#7 x1"),
        ("error 7 never", "refused x1; c refused never"),
    ]);
    assert!(!bench.session.wants(id_of("q1")));
}

#[test]
fn what_was_accepted_once_is_kept_and_tried_again() {
    let mut bench = Bench::generous();
    bench.follow(&[
        ("want q1", "open#5 q1"),
        ("error 5 unknown", "handed over q1"),
        ("keep", "refused q1"),
        ("wait 31s", "open#6 q1"),
        ("opened 6", "opened q1"),
    ]);
}

#[test]
fn what_comes_from_another_pair_is_opened_at_once_if_somebody_waits() {
    check(&[
        ("take q1", "open#5 q1"),
        ("take q2 a", "open#6 q2"),
        ("opened 6", "opened q2"),
        ("value 6 2", "q2=2 in 10; a=2"),
        ("take q2 b", "peek#7 of 6"),
        ("value 6 3", "q2=3 in 10; b=3"),
        ("take g1 c", "get#8 g1"),
        ("value 8 4", "accepted g1; g1=4 in 10; c=4"),
        ("disconnect", "down"),
        ("take q3 d", "d lost"),
    ]);
}

#[test]
fn what_moves_is_let_go_of_in_every_state() {
    let mut bench = Bench::registered(1000);
    bench.follow(&[
        ("want q1 q2 q3", "open#5 q1; open#6 q2; open#7 q3"),
        ("opened 5", "opened q1"),
        ("opened 7", "opened q3"),
        ("value 5 1", "q1=1 in 10"),
        ("close q3", "close#8 of 7"),
    ]);
    let moved = bench.act("move");
    for part in [
        "close#9 of 5",
        "handed over q1",
        "handed over q2",
        "invalid q1",
        // Nobody wants it any more: it is not opened elsewhere.
        "closed q3",
    ] {
        assert!(moved.contains(part), "{part} in {moved}");
    }
    assert!(!moved.contains("handed over q3"), "{moved}");
    bench.follow(&[
        ("value 5 2", ""),
        ("opened 6", "close#10 of 6"),
        ("closed 5 5", ""),
        ("closed 6 6", ""),
        ("closed 7 7", ""),
    ]);
    assert_eq!((bench.session.open_count(), bench.references()), (0, 4));
    assert_eq!(bench.session.wanted_count(), 0);
}

#[test]
fn what_is_being_closed_and_comes_from_another_pair_is_opened_again() {
    check(&[
        ("want q1 q2", "open#5 q1; open#6 q2"),
        ("opened 5", "opened q1"),
        ("close q1 q2", "close#7 of 5"),
        ("take q1", ""),
        ("take q2", ""),
        ("closed 5 5", "open#8 q1"),
        ("opened 6", "opened q2"),
    ]);
}
