//! A session that nobody reads, until it takes the active one's place.

use super::*;

#[test]
fn what_is_open_is_suspended_after_its_first_value_and_resumed_when_activated() {
    let mut bench = Bench::new(1000);
    bench.follow(&[("passive", "")]);
    bench.register();
    bench.follow(&[
        ("want q1 n1 q2", "open#5 q1; open#6 n1; open#7 q2"),
        ("opened 5", "opened q1"),
        ("value 5 1", "suspend 5; q1=1 in 10"),
        ("value 5 2", "q1=2 in 10"),
        ("opened 6", "opened n1"),
    ]);
    let told = bench.act("activate");
    for part in ["resume 5; peek#10 of 5", "up", "opened q1", "opened n1"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    bench.follow(&[
        // Later than anything the other side told meanwhile.
        ("value 5 3", "q1=3 in 11"),
        ("opened 7", "opened q2"),
        ("value 7 4", "q2=4 in 11"),
        ("wait 200ms", ""),
        ("fetch n1 a", "peek#11 of 6"),
        ("value 6 5", "n1=5 in 11; a=5"),
    ]);
}

#[test]
fn a_session_that_is_not_registered_yet_has_nothing_to_tell() {
    let mut bench = Bench::new(1000);
    bench.follow(&[
        ("passive", ""),
        ("want q1", ""),
        ("connect", "register"),
        ("activate", ""),
        (
            "registered 0",
            "profile#1; profile#2; profile#3; profile#4; open#5 q1; up",
        ),
        ("opened 5", "opened q1"),
        ("value 5 1", "q1=1 in 10"),
    ]);
}

#[test]
fn a_second_open_under_way_is_told_of_in_a_later_epoch_too() {
    let mut bench = Bench::new(1000);
    bench.follow(&[("passive", "")]);
    bench.register();
    bench.follow(&[
        ("want n1 q2", "open#5 n1; open#6 q2"),
        ("opened 5", "opened n1"),
        ("upgrade n1", "open#7 n1"),
        ("activate", "up; opened n1"),
        ("value 7 3", "close#8 of 5; opened n1; n1=3 in 13"),
        ("opened 6", "opened q2"),
        ("value 6 4", "q2=4 in 12"),
    ]);
}

#[test]
fn a_second_open_is_suspended_too_and_resumed_when_activated() {
    let mut bench = Bench::new(1000);
    bench.follow(&[("passive", "")]);
    bench.register();
    bench.follow(&[
        ("want n1", "open#5 n1"),
        ("opened 5", "opened n1"),
        ("upgrade n1", "open#6 n1"),
        ("opened 6", ""),
        (
            "value 6 3",
            "close#7 of 5; suspend 6; opened n1; n1=3 in 11",
        ),
        ("activate", "resume 6; peek#10 of 6; up; opened n1"),
    ]);
}
