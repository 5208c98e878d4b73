//! One statistic asked for in two modes.

use super::*;

#[test]
fn the_first_open_is_closed_after_the_second_ones_first_value() {
    check(&[
        ("fetch n1 a", "open#5 n1"),
        ("opened 5", "peek#6 of 5; opened n1"),
        ("value 5 1", "n1=1 in 10; a=1"),
        ("upgrade n1", "open#7 n1"),
        ("upgrade n1", ""),
        ("opened 7", ""),
        ("fetch n1 b", "peek#8 of 5"),
        ("value 5 2", "n1=2 in 10; b=2"),
        ("fetch n1 c", "peek#9 of 5"),
        ("value 7 3", "close#10 of 5; opened n1; n1=3 in 11; c=3"),
        // Late values of the first are of no use to anybody.
        ("value 5 2", ""),
        ("closed 5 5", ""),
        ("value 7 4", "n1=4 in 11"),
        ("upgrade n1", ""),
        ("close n1", "close#11 of 7"),
        ("closed 7 7", "closed n1"),
    ]);
}

#[test]
fn a_second_open_without_a_value_is_peeked_for() {
    let mut bench = Bench::registered(1000);
    bench.follow(&[
        ("want n1", "open#5 n1"),
        ("opened 5", "opened n1"),
        ("upgrade n1", "open#6 n1"),
        ("opened 6", ""),
        ("wait 200ms", "peek#7 of 6"),
        ("value 7 3", "close#8 of 5; opened n1; n1=3 in 11"),
        // Closed under the close's own number, as some servers answer.
        ("closed 8 0", ""),
    ]);
    assert_eq!(bench.session.open_count(), 1);
    // The four profile requests, which were not answered, and the open one.
    assert_eq!(bench.references(), 5);
}

#[test]
fn a_refused_second_open_leaves_the_first_as_it_is() {
    check(&[
        ("want n1", "open#5 n1"),
        ("upgrade n1", ""),
        ("opened 5", "open#6 n1; opened n1"),
        ("error 6 no", ""),
        ("fetch n1 a", "peek#7 of 5"),
        ("value 5 1", "n1=1 in 10; a=1"),
    ]);
}

#[test]
fn a_second_open_that_is_not_answered_is_given_up_and_closed_should_it_come() {
    let mut bench = Bench::registered(1000);
    bench.follow(&[
        ("want n1", "open#5 n1"),
        ("opened 5", "opened n1"),
        ("upgrade n1", "open#6 n1"),
        ("wait 11s", ""),
        ("opened 6", "close#7 of 6"),
        ("closed 6 6", ""),
        ("fetch n1 a", "peek#8 of 5"),
        ("value 5 1", "n1=1 in 10; a=1"),
    ]);
    assert_eq!(bench.session.open_count(), 1);
}

#[test]
fn after_a_lost_connection_the_more_telling_mode_is_opened() {
    let mut bench = Bench::registered(1000);
    bench.follow(&[
        ("want n1", "open#5 n1"),
        ("opened 5", "opened n1"),
        ("upgrade n1", "open#6 n1"),
        ("disconnect", "down"),
    ]);
    let spec = bench.session.spec(id_of("n1")).unwrap();
    assert_eq!(spec.mode, NotificationMode::Immediate);
}

#[test]
fn closing_a_statistic_closes_its_second_open_too() {
    let mut bench = Bench::registered(1000);
    bench.follow(&[
        ("want n1 n2", "open#5 n1; open#6 n2"),
        ("opened 5", "opened n1"),
        ("opened 6", "opened n2"),
        ("upgrade n1", "open#7 n1"),
        ("upgrade n2", "open#8 n2"),
        ("opened 8", ""),
        ("close n1 n2", "close#9 of 5; close#10 of 8; close#11 of 6"),
        ("opened 7", "close#12 of 7"),
        ("closed 5 5", "closed n1"),
        ("closed 6 6", "closed n2"),
        ("closed 7 7", ""),
        ("closed 8 8", ""),
    ]);
    assert_eq!((bench.session.open_count(), bench.references()), (0, 4));
}

#[test]
fn what_the_server_closes_unasked_is_opened_again_in_the_more_telling_mode() {
    check(&[
        ("want n1", "open#5 n1"),
        ("opened 5", "opened n1"),
        ("upgrade n1", "open#6 n1"),
        ("closed 5 5", "invalid n1"),
        ("opened 6", "close#7 of 6"),
        ("closed 6 6", ""),
        ("wait 31s", "open#8 n1"),
        ("opened 8", "opened n1"),
    ]);
}

#[test]
fn what_the_first_open_was_told_of_validity_does_not_bind_the_second() {
    check(&[
        ("want n1 n2", "open#5 n1; open#6 n2"),
        ("opened 5", "opened n1"),
        ("invalid 5", "invalid n1"),
        ("upgrade n1", "open#7 n1"),
        ("opened 7", ""),
        ("value 7 3", "close#8 of 5; opened n1; n1=3 in 11"),
        // The second open's own is heard before it takes the first one's place.
        ("opened 6", "opened n2"),
        ("upgrade n2", "open#9 n2"),
        ("opened 9", ""),
        ("invalid 9", ""),
        ("value 9 4", "close#10 of 6; opened n2; n2=4? in 12"),
        ("valid 9", "valid n2"),
    ]);
}

#[test]
fn a_statistic_stays_one_that_is_kept_open() {
    let mut bench = Bench::registered(1000);
    bench.follow(&[("want n1", "open#5 n1"), ("opened 5", "opened n1")]);
    let mut spec = bench.spec("n1", "");
    spec.mode = NotificationMode::Immediate;
    let terms = Arc::make_mut(&mut spec.terms);
    Arc::make_mut(&mut terms.manner).keep_open = false;
    let ticket = bench.ticket("a");
    bench.session.fetch(spec, ticket, bench.now).unwrap();
    bench.act("");
    bench.follow(&[("disconnect", "down; a lost")]);
    assert!(
        bench
            .session
            .spec(id_of("n1"))
            .unwrap()
            .terms
            .manner
            .keep_open
    );
}
