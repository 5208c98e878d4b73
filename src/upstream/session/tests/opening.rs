//! Opens: the window, the urgent, refusals, and numbers.

use super::super::super::subscription::Link;
use super::*;

impl Bench {
    fn want_many(&mut self, count: u64) {
        let specs = (1..=count).map(|number| self.spec(&format!("q{number}"), ""));
        let specs = specs.collect();
        self.session.want(specs, self.now).unwrap();
    }

    /// The numbers of the opens that are not answered.
    fn in_flight(&self) -> Vec<i32> {
        let links = self.session.subscriptions.values().map(|found| &found.link);
        let opening = links.filter_map(|link| match link {
            Link::Opening { reference_id, .. } => Some(*reference_id),
            _ => None,
        });
        opening.collect()
    }
}

#[test]
fn the_window_starts_at_fifty_doubles_and_stops_at_its_limit() {
    let mut bench = Bench::registered(150);
    bench.want_many(600);
    for width in [50, 100, 150, 150, 150] {
        let in_flight = bench.in_flight();
        assert_eq!(in_flight.len(), width);
        for number in in_flight {
            bench.act(&format!("opened {number}"));
        }
    }
    assert!(bench.in_flight().is_empty());
    assert_eq!(bench.session.open_count(), 600);
}

#[test]
fn answers_that_waited_behind_what_we_read_late_do_not_keep_the_window_narrow() {
    for (is_servers_fault, width) in [(false, 100), (true, 50)] {
        let mut bench = Bench::registered(1000);
        bench.session.caught_up(bench.now);
        bench.want_many(600);
        let in_flight = bench.in_flight();
        bench.act("wait 3s");
        if is_servers_fault {
            bench.session.caught_up(bench.now);
        }
        for number in in_flight {
            bench.act(&format!("opened {number}"));
        }
        assert_eq!(bench.in_flight().len(), width, "{is_servers_fault}");
    }
}

#[test]
fn who_waits_passes_a_full_window_but_not_without_limit() {
    let mut bench = Bench::registered(50);
    bench.want_many(200);
    assert_eq!(bench.said().len(), 50);
    for number in 1..=60 {
        bench.act(&format!("fetch q{} t", 1000 + number));
    }
    assert_eq!(bench.session.open_count(), 100, "another whole window");
    bench.follow(&[
        ("error 5 no", "open#105 q1051; refused q1"),
        ("error 6 no", "open#106 q1052; refused q2"),
    ]);
}

#[test]
fn an_unanswered_open_does_not_hold_its_place_for_ever() {
    let mut bench = Bench::registered(1);
    bench.follow(&[
        ("want q1 q2", "open#5 q1"),
        ("fetch q1 t1", ""),
        ("wait 9999ms", ""),
        ("wait 1ms", "open#6 q2; t1 lost"),
        ("fetch q1 t2", "t2 lost"),
        ("value 5 7", "opened q1; q1=7 in 10"),
        ("value 6 8", "opened q2; q2=8 in 10"),
        ("fetch q3 t3", "open#7 q3"),
    ]);
    assert_eq!(bench.session.open_count(), 3);
}

#[test]
fn a_value_before_its_acknowledgement_acknowledges() {
    check(&[
        ("fetch q1 t1", "open#5 q1"),
        ("value 5 42", "opened q1; q1=42 in 10; t1=42"),
        ("opened 5", ""),
        ("wait 1s", ""),
    ]);
}

#[test]
fn a_first_value_that_does_not_come_is_peeked_for() {
    check(&[
        ("fetch q1 t1", "open#5 q1"),
        ("opened 5", "opened q1"),
        ("wait 99ms", ""),
        ("wait 1ms", "peek#6 of 5"),
        ("value 5 42", "q1=42 in 10; t1=42"),
        ("wait 1s", ""),
    ]);
    check(&[
        ("want q1", "open#5 q1"),
        ("opened 5", "opened q1"),
        ("wait 100ms", "peek#6 of 5"),
        ("fetch q1 t1", "peek#7 of 5"),
        ("error 6 cannot", ""),
        ("error 7 cannot", "refused q1; t1 refused cannot"),
    ]);
}

#[test]
fn who_waits_for_a_first_value_hears_that_its_peek_was_refused() {
    check(&[
        ("fetch q1 t1", "open#5 q1"),
        ("opened 5", "opened q1"),
        ("wait 100ms", "peek#6 of 5"),
        ("error 6 cannot", "refused q1; t1 refused cannot"),
    ]);
}

#[test]
fn without_notifications_it_is_peeked_for_at_once_where_somebody_waits() {
    check(&[
        ("fetch n1 t1", "open#5 n1"),
        ("opened 5", "peek#6 of 5; opened n1"),
        ("value 5 1", "n1=1 in 10; t1=1"),
        ("want n2", "open#7 n2"),
        ("opened 7", "opened n2"),
        ("wait 10s", ""),
    ]);
}

#[test]
fn a_refused_new_statistic_is_forgotten_and_an_accepted_one_retried() {
    let mut bench = Bench::registered(1000);
    bench.follow(&[
        ("fetch q1 t1", "open#5 q1"),
        ("fetch q1 t2", ""),
        (
            "error 5 unknown",
            "refused q1; t1 refused unknown; t2 refused unknown",
        ),
        ("wait 1h", ""),
        ("want q2", "open#6 q2"),
        ("error 6 unknown", "refused q2"),
        ("wait 29s", ""),
        ("wait 1s", "open#7 q2"),
    ]);
    assert_eq!(bench.session.take_forgotten(), [id_of("q1")]);
    assert_eq!(bench.references(), 5);
}

#[test]
fn refusals_of_one_statistic_do_not_multiply_its_retries() {
    check(&[
        ("want q1", "open#5 q1"),
        ("error 5 no", "refused q1"),
        ("wait 10s", ""),
        ("fetch q1 t1", "open#6 q1"),
        ("error 6 no", "refused q1; t1 refused no"),
        ("wait 20s", "open#7 q1"),
        ("error 7 no", "refused q1"),
        ("wait 10s", ""),
        ("wait 20s", "open#8 q1"),
    ]);
}

#[test]
fn validity_is_told_of_what_is_open() {
    check(&[
        ("want q1", "open#5 q1"),
        ("value 5 1", "opened q1; q1=1 in 10"),
        ("invalid 5", "invalid q1"),
        ("valid 5", "valid q1"),
    ]);
}

#[test]
fn numbers_wrap_to_one_and_skip_those_in_use() {
    let mut bench = Bench::registered(1000);
    bench.session.connection.as_mut().unwrap().last_reference = i32::MAX - 1;
    bench.follow(&[
        ("want q1", &format!("open#{} q1", i32::MAX)),
        ("profile 2 X", ""),
        ("want q2", "open#2 q2"),
        ("want q3", "open#5 q3"),
    ]);
}

#[test]
fn wanting_again_queues_nothing_twice() {
    let mut bench = Bench::new(1000);
    for _ in 0..3 {
        bench.follow(&[("want q1 q2", "")]);
    }
    assert_eq!(bench.session.backlog.len(), 2);
    assert!(bench.session.wants(id_of("q1")) && !bench.session.wants(id_of("q3")));
    assert_eq!(bench.session.wanted_count(), 2);
}
