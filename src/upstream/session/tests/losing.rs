//! The end of a connection: who is told, what is kept, and in which epoch it comes back.

use super::*;

#[test]
fn everybody_is_told_and_everything_accepted_is_opened_again_in_a_new_epoch() {
    let mut bench = Bench::registered(1000);
    bench.follow(&[
        ("want q1", "open#5 q1"),
        ("value 5 1", "opened q1; q1=1 in 10"),
        ("fetch q1 peeks", "peek#6 of 5"),
        ("fetch q1 gets other", "get#7 q1"),
        ("fetch q2 opens", "open#8 q2"),
    ]);
    let mut lost: Vec<String> = bench
        .act("disconnect")
        .split("; ")
        .map(str::to_owned)
        .collect();
    lost.sort();
    assert_eq!(lost, ["down", "gets lost", "opens lost", "peeks lost"]);
    assert_eq!(bench.session.take_forgotten(), [id_of("q2")]);
    bench.follow(&[
        ("fetch q1 t1", "t1 lost"),
        ("connect", "register"),
        (
            "registered 0",
            "profile#1; profile#2; profile#3; profile#4; open#5 q1; up",
        ),
        ("value 8 7", ""),
        ("value 5 2", "opened q1; q1=2 in 11"),
    ]);
}

#[test]
fn a_connection_that_was_never_registered_is_no_loss() {
    let mut bench = Bench::new(1000);
    bench.follow(&[
        ("disconnect", ""),
        ("want q1", ""),
        ("connect", "register"),
        ("disconnect", ""),
        ("connect", "register"),
        (
            "registered 0",
            "profile#1; profile#2; profile#3; profile#4; open#5 q1; up",
        ),
        ("value 5 1", "opened q1; q1=1 in 10"),
        ("disconnect", "down"),
        ("disconnect", ""),
    ]);
}

#[test]
fn a_close_on_its_way_counts_as_done_unless_it_was_wanted_again() {
    let open = [
        ("want q1", "open#5 q1"),
        ("value 5 1", "opened q1; q1=1 in 10"),
        ("close q1", "close#6 of 5"),
    ];
    let mut bench = Bench::registered(1000);
    bench.follow(&open);
    bench.follow(&[
        ("fetch q1 t1", ""),
        ("disconnect", "closed q1; down; t1 lost"),
    ]);
    assert_eq!(bench.session.wanted_count(), 0);

    let mut bench = Bench::registered(1000);
    bench.follow(&open);
    bench.follow(&[("want q1", ""), ("disconnect", "down")]);
    assert_eq!(bench.session.wanted_count(), 1);
}

#[test]
fn what_was_refused_comes_back_with_the_rest() {
    check(&[
        ("want q1", "open#5 q1"),
        ("error 5 no", "refused q1"),
        ("disconnect", "down"),
        ("connect", "register"),
        (
            "registered 0",
            "profile#1; profile#2; profile#3; profile#4; open#5 q1; up",
        ),
        ("error 5 no", "refused q1"),
        ("wait 30s", "open#6 q1"),
    ]);
}

#[test]
fn epochs_grow_with_every_reopening() {
    let mut bench = Bench::registered(1000);
    bench.follow(&[("want q1", "open#5 q1")]);
    for epoch in 10..20 {
        bench.follow(&[("value 5 1", &format!("opened q1; q1=1 in {epoch}"))]);
        bench.act("disconnect");
        bench.act("connect");
        assert!(bench.act("registered 0").contains("open#5 q1"));
    }
}

#[test]
fn a_window_lost_half_full_is_whole_on_the_next_connection() {
    let mut bench = Bench::registered(2);
    bench.follow(&[
        ("want q1 q2 q3", "open#5 q1; open#6 q2"),
        ("disconnect", "down"),
        ("connect", "register"),
    ]);
    let said = bench.act("registered 0");
    assert_eq!(said.matches("open#").count(), 2);
    assert_eq!(bench.session.open_count(), 2);
}
