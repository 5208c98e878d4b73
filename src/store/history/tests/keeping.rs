//! What goes when: by age, by size, by statistic; and the journal's part in it.

use super::*;

fn day(number: u64) -> u64 {
    number * 24 * 3600
}

#[test]
fn whole_volumes_go_when_they_are_too_old() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(NOW);
    let mut config = config(dir.path());
    config.history.retention = Duration::from_hours(3 * 24);
    let opened = open(&config, &clock).unwrap();
    record(&opened, [registered(0)]);
    for number in 0..8 {
        clock.set_wall(at(day(number)));
        record(&opened, [sampled(0, day(number), number.cast_signed())]);
        taken_in(&opened);
    }
    let kept = numbers(&opened.history, 0);
    assert_eq!(kept.first().unwrap().1, 4, "shown to the day");
    assert!(kept.len() == 4, "{kept:?}");
    let directories = || {
        std::fs::read_dir(dir.path().join("history"))
            .unwrap()
            .count()
    };
    assert!(directories() <= 6, "{} volumes", directories());
    let past = opened.history.past(StatisticId(0), Range::ALL).unwrap();
    assert_eq!(past.gaps[0].reason, Reason::NotRecorded);
}

#[test]
fn a_statistic_may_be_kept_for_longer_or_shorter_than_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(NOW);
    let mut config = config(dir.path());
    config.history.retention = Duration::from_hours(3 * 24);
    config.history.retention_of = RetentionOf(Arc::new(|statistic| match statistic.object_id() {
        "agent-1" => Some(Duration::from_hours(24 * 24)),
        "agent-2" => Some(Duration::from_hours(24)),
        _ => None,
    }));
    let opened = open(&config, &clock).unwrap();
    record(&opened, (0..3).map(registered));
    for number in 0..10 {
        clock.set_wall(at(day(number)));
        record(
            &opened,
            (0..3).map(|id| sampled(id, day(number), number.cast_signed())),
        );
        taken_in(&opened);
    }
    let firsts = [0, 1, 2].map(|id| numbers(&opened.history, id)[0].1);
    assert_eq!(firsts, [6, 0, 8]);
    opened.writer.close().unwrap();
    drop(opened);
    // What is not shown any more is also gone, as soon as its volume was rewritten.
    let looked = look(dir.path(), &clock).unwrap();
    assert!(numbers(&looked.history, 2).len() < 8);
    assert_eq!(numbers(&looked.history, 1).len(), 10);
}

#[test]
fn the_oldest_goes_when_history_is_too_big() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(NOW);
    let mut config = config(dir.path());
    config.history.size_max = 8 << 20;
    let opened = open(&config, &clock).unwrap();
    record(&opened, (0..100).map(registered));
    let mut random = fastrand::Rng::with_seed(1);
    let mut size_max = 0;
    for minute in 0..60 {
        clock.set_wall(at(minute * 60));
        let changes: Vec<Change> = (0..5_000)
            .map(|n| {
                let text: String = (0..40).map(|_| random.alphanumeric()).collect();
                valued(n % 100, at(minute * 60), Value::Text(text.into()))
            })
            .collect();
        record(&opened, changes);
        taken_in(&opened);
        size_max = size_max.max(opened.history.status().borrow().size);
    }
    // Beside what is kept there is one volume that is being rewritten or removed.
    assert!(size_max <= 10 << 20, "{size_max}");
    let kept = all(&opened.history).len();
    assert!((20_000..300_000).contains(&kept), "{kept}");
}

#[test]
fn the_journal_lets_go_of_what_is_folded_and_of_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(NOW);
    let opened = open_at(dir.path(), &clock);
    record(&opened, [registered(0)]);
    for second in 0..50 {
        record(&opened, [sampled(0, second, 1)]);
    }
    taken_in(&opened);
    record(&opened, [sampled(0, 100, 2)]);
    opened.writer.close().unwrap();
    drop(opened);
    // The checkpoint of the orderly end covers everything; the next run trims between flushes, once
    // history is open. When within that run is not promised, so there may be several.
    let mut runs = 0;
    loop {
        let opened = open_at(dir.path(), &clock);
        let mut status = opened.history.status();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let is_open = |status: &HistoryStatus| status.folded > Sequence(0);
        runtime.unwrap().block_on(status.wait_for(is_open)).unwrap();
        record(&opened, [sampled(0, 101 + runs, 3)]);
        opened.writer.close().unwrap();
        drop(opened);
        runs += 1;
        let verified = crate::store::verify(dir.path(), &clock, &mut |_, _| {}).unwrap();
        assert_eq!(verified.damaged, Vec::<String>::new());
        assert!(verified.journal_entries > runs, "{verified:?}");
        if verified.journal_entries < 50 {
            break;
        }
        assert!(runs < 20, "{verified:?}");
    }
    let history = look(dir.path(), &clock).unwrap().history;
    assert_eq!(numbers(&history, 0).len() as u64, 51 + runs);
}
