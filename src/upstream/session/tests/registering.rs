//! From the connection to the answered registration, and what concerns no statistic.

use super::*;

#[test]
fn anything_may_come_before_the_answer_and_nothing_is_opened_until_then() {
    Bench::new(1000).follow(&[
        ("want q1 q2", ""),
        ("connect", "register"),
        ("fetch q3 t1", "t1 lost"),
        ("opened 5", ""),
        ("value 5 1", ""),
        ("closed 5 5", ""),
        ("invalid 5", ""),
        ("profile 1 A", ""),
        ("target 5", ""),
        ("mode 0 1", ""),
        (
            "registered 0",
            "profile#1; profile#2; profile#3; profile#4; open#5 q1; open#6 q2; up",
        ),
        ("registered 0", ""),
    ]);
}

#[test]
fn an_error_instead_of_the_answer_is_a_refusal() {
    Bench::new(1000).follow(&[
        ("connect", "register"),
        (
            "error 0 no-licence",
            "failed: the Stat Server refused the registration: no-licence (code 0)",
        ),
        ("disconnect", ""),
        ("connect", "register"),
    ]);
}

#[test]
fn no_answer_in_time_is_a_failure_whatever_else_came() {
    Bench::new(1000).follow(&[
        ("connect", "register"),
        ("wait 2999ms", ""),
        ("mode 0 0", ""),
        (
            "wait 1ms",
            "failed: the Stat Server did not answer the registration within 3s",
        ),
    ]);
}

#[test]
fn the_heartbeat_comes_before_the_registration_and_goes_on_without_one() {
    let mut bench = Bench::new(1000);
    let local_timeout = Duration::from_secs(1);
    bench.session.config.addp = Some(AddpConfig {
        local_timeout,
        remote_timeout: local_timeout,
        local_trace: false,
        remote_trace: false,
    });
    bench.follow(&[
        ("connect", "addp I; register"),
        ("wait 1s", "addp P"),
        ("wait 999ms", ""),
        (
            "wait 1ms",
            "failed: nothing arrived for twice the ADDP local time-out of 1s",
        ),
    ]);
}

#[test]
fn a_late_tick_polls_before_it_judges() {
    let mut bench = Bench::new(1000);
    let local_timeout = Duration::from_millis(100);
    bench.session.config.addp = Some(AddpConfig {
        local_timeout,
        remote_timeout: local_timeout,
        local_trace: false,
        remote_trace: false,
    });
    bench.follow(&[
        ("connect", "addp I; register"),
        ("wait 2s", "addp P"),
        ("wait 99ms", ""),
        ("mode 0 0", ""),
        ("wait 99ms", ""),
        ("wait 1ms", "addp P"),
    ]);
}

#[test]
fn profiles_are_told_once_and_an_empty_one_tells_nothing() {
    check(&[
        ("profile 1 Calls,Logins", "types Calls,Logins"),
        ("profile 1 Again", ""),
        ("profile 2 Default", ""),
        ("error 3 not-here", ""),
        ("profile 3 Filter", ""),
        ("profile 77 X", ""),
    ]);
    check(&[("profile 1", "")]);
    check(&[("error 1 no", ""), ("profile 1 Calls", "")]);
}

#[test]
fn the_stat_types_are_read_again_from_time_to_time() {
    let mut bench = Bench::new(1000);
    bench.session.config.profile_refresh = Duration::from_mins(10);
    bench.follow(&[
        ("connect", "register"),
        ("wait 2s", ""),
        (
            "registered 0",
            "profile#1; profile#2; profile#3; profile#4; up",
        ),
        ("profile 1 Calls", "types Calls"),
        ("wait 599999ms", ""),
        ("wait 1ms", "profile#5"),
        ("profile 5 Calls,Logins", "types Calls,Logins"),
        ("wait 10m", "profile#6"),
    ]);
    // One that is not answered is given up for the next.
    let references = bench.references();
    bench.follow(&[("wait 10m", "profile#7"), ("profile 6 Late", "")]);
    assert_eq!(bench.references(), references);
    bench.follow(&[
        ("error 7 no", ""),
        ("wait 10m", "profile#8"),
        ("disconnect", "down"),
        ("wait 1h", ""),
        ("connect", "register"),
        (
            "wait 1h",
            "failed: the Stat Server did not answer the registration within 3s",
        ),
    ]);
}

#[test]
fn an_orderly_end_reads_no_stat_types() {
    let mut bench = Bench::registered(1000);
    bench.follow(&[("end", ""), ("wait 25h", "")]);
}

#[test]
fn what_names_nothing_known_is_skipped() {
    check(&[
        ("value 77 1", ""),
        ("opened 77", ""),
        ("closed 77 77", ""),
        ("closed 1 0", ""),
        ("valid 77", ""),
        ("invalid 1", ""),
        ("error 77 what", ""),
        ("target 5", ""),
        ("fetch q1 t1", "open#5 q1"),
        ("profile 5 X", ""),
        ("target 5", ""),
        ("value 5 1", "opened q1; q1=1 in 10; t1=1"),
    ]);
}

#[test]
fn the_mode_is_kept_as_long_as_the_connection() {
    let mut bench = Bench::registered(1000);
    assert_eq!(bench.session.mode(), None);
    bench.follow(&[("mode 0 1", "")]);
    assert_eq!(bench.session.mode(), Some(ServerMode::Backup));
    bench.follow(&[("disconnect", "down"), ("connect", "register")]);
    assert_eq!(bench.session.mode(), None);
}

#[test]
fn a_list_that_cannot_be_read_does_not_cost_the_connection() {
    let mut bench = Bench::registered(1000);
    // The answer to the first list: a pair of a type that nobody has seen.
    let body = [
        &[2, 0, 0, 0, 4, 0, 0, 0, 2, b'i', 0, 0, 0, 1][..],
        &[0, 0, 0, 37, b'b', 0, 9, 0, 1, 5, 0, 0, 0, 0],
    ]
    .concat();
    let mut bytes = BytesMut::new();
    wire::frame(&body, &mut bytes);
    assert_eq!(bench.hear_bytes(&mut bytes), Ok(()));
    bench.follow(&[
        ("want q1", "open#5 q1"),
        ("value 5 1", "opened q1; q1=1 in 10"),
    ]);
}
