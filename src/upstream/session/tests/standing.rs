//! A server that only stands by, or cannot track a statistic: values go on, doubtful.

use super::*;

const TWO_OPEN: [(&str, &str); 5] = [
    ("want q1 q2", "open#5 q1; open#6 q2"),
    ("opened 5", "opened q1"),
    ("opened 6", "opened q2"),
    ("value 5 1", "q1=1 in 10"),
    ("value 6 2", "q2=2 in 10"),
];

/// Runs these rows after two statistics have been opened and valued.
fn check_open(rows: &[(&str, &str)]) {
    let mut bench = Bench::registered(1000);
    bench.follow(&TWO_OPEN);
    bench.follow(rows);
}

#[test]
fn values_of_a_backup_are_doubtful_until_it_is_the_primary() {
    let mut bench = Bench::registered(1000);
    bench.follow(&TWO_OPEN[..4]);
    bench.follow(&[
        // What has no value yet has nothing to be doubted.
        ("mode 0 1", "invalid q1"),
        ("mode 0 4", ""),
        ("value 6 2", "q2=2? in 10"),
        ("value 5 3", "q1=3? in 10"),
    ]);
    bench.follow(&[
        ("mode 0 0", "valid q1; valid q2"),
        ("mode 0 0", ""),
        ("value 5 4", "q1=4 in 10"),
    ]);
}

#[test]
fn what_cannot_be_tracked_is_doubtful_until_it_can() {
    check_open(&[
        ("invalid 5", "invalid q1"),
        ("value 5 3", "q1=3? in 10"),
        ("value 6 4", "q2=4 in 10"),
        ("valid 5", "valid q1"),
        ("value 5 5", "q1=5 in 10"),
        // Only the other one is the mode's to doubt and to trust again.
        ("invalid 5", "invalid q1"),
        ("mode 0 1", "invalid q2"),
        ("mode 0 0", "valid q2"),
        ("mode 0 1", "invalid q2"),
        ("valid 5", "invalid q1"),
        ("value 5 6", "q1=6? in 10"),
    ]);
}

#[test]
fn a_reopened_statistic_is_not_doubted_for_what_it_was() {
    check(&[
        ("want q1", "open#5 q1"),
        ("value 5 1", "opened q1; q1=1 in 10"),
        ("invalid 5", "invalid q1"),
        ("mode 0 1", ""),
        ("disconnect", "down"),
        ("connect", "register"),
        (
            "registered 0",
            "profile#1; profile#2; profile#3; profile#4; open#5 q1; up",
        ),
        ("value 5 2", "opened q1; q1=2 in 11"),
        ("invalid 5", "invalid q1"),
        ("closed 5 5", "invalid q1"),
        ("wait 30s", "open#6 q1"),
        ("value 6 3", "opened q1; q1=3 in 12"),
    ]);
}

#[test]
fn what_is_told_before_the_acknowledgement_counts() {
    check(&[
        ("want q1", "open#5 q1"),
        // A value of an earlier connection must not be vouched for.
        ("valid 5", ""),
        ("invalid 5", "invalid q1"),
        ("opened 5", "opened q1"),
        ("value 5 1", "q1=1? in 10"),
        ("valid 5", "valid q1"),
        ("value 5 2", "q1=2 in 10"),
    ]);
}

#[test]
fn a_server_that_is_about_to_stop_still_vouches() {
    check_open(&[("mode 0 2", ""), ("value 5 3", "q1=3 in 10")]);
}

#[test]
fn a_state_that_cannot_be_read_is_never_vouched_for() {
    let mut bench = Bench::registered(1000);
    bench.follow(&[("want q1", "open#5 q1")]);
    let mut event = wire::Event::new(EventKind::Info, 5, 1_700_000_000);
    event.void = Some(&[0, 99, 0]);
    bench.hear(&event).unwrap();
    let told = bench.events().join("; ");
    assert!(
        told.starts_with("opened q1; q1=") && told.ends_with("? in 10"),
        "{told}"
    );
    bench.follow(&[
        ("invalid 5", "invalid q1"),
        ("valid 5", ""),
        ("mode 0 1", ""),
        ("mode 0 0", ""),
        ("value 5 1", "q1=1 in 10"),
        ("valid 5", "valid q1"),
    ]);
}
