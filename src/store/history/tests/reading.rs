//! What is read: the same before and after folding, merging and a restart.

use super::*;

#[test]
fn a_past_reads_the_same_from_the_tail_a_bucket_a_merged_volume_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(NOW);
    let opened = open_at(dir.path(), &clock);
    let mut expected: Vec<Vec<(u64, i64)>> = vec![Vec::new(); 50];
    let mut random = fastrand::Rng::with_seed(3);
    record(&opened, (0..50).map(registered));
    for second in 0..600_u32 {
        let number = |id: u32| i64::from(second * 7 + id);
        let second = u64::from(second);
        clock.set_wall(at(second));
        let ids: Vec<u32> = (0..50).filter(|_| random.u8(..) < 60).collect();
        for id in &ids {
            expected[*id as usize].push((second, number(*id)));
        }
        record(
            &opened,
            ids.iter().map(|id| sampled(*id, second, number(*id))),
        );
    }
    let check = |history: &History, what: &str| {
        for (id, expected) in (0..).zip(&expected) {
            assert_eq!(numbers(history, id), *expected, "{what}: {id}");
        }
        let count: usize = expected.iter().map(Vec::len).sum();
        assert_eq!(all(history).len(), count, "{what}");
    };
    // Some of it is folded by now; the newest may still be on its way to the thread.
    taken_in(&opened);
    check(&opened.history, "settled");
    opened.writer.close().unwrap();
    drop(opened);
    check(&look(dir.path(), &clock).unwrap().history, "offline");
    let opened = open_at(dir.path(), &clock);
    record(&opened, [sampled(0, 700, 1)]);
    taken_in(&opened);
    expected[0].push((700, 1));
    assert_eq!(numbers(&opened.history, 0), expected[0]);
}

#[test]
fn the_journal_is_read_where_nothing_is_folded_yet() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(NOW);
    let opened = open_at(dir.path(), &clock);
    record(&opened, [registered(0), sampled(0, 1, 5), sampled(0, 2, 6)]);
    opened.writer.close().unwrap();
    let looked = look(dir.path(), &clock).unwrap();
    assert_eq!(numbers(&looked.history, 0), [(1, 5), (2, 6)]);
}

#[test]
fn a_range_knows_what_was_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(NOW);
    let opened = open_at(dir.path(), &clock);
    record(&opened, [registered(0), sampled(0, 1, 5)]);
    taken_in(&opened);
    clock.set_wall(at(4000));
    record(&opened, [sampled(0, 4000, 6), sampled(0, 4001, 7)]);
    taken_in(&opened);
    let range = Range {
        from: at(4000),
        to: at(4001),
    };
    let past = opened.history.past(StatisticId(0), range).unwrap();
    assert_eq!(past.before.unwrap().value, Value::Integer(5));
    assert_eq!(past.samples.len(), 1);
    assert_eq!(past.gaps, []);
}

#[test]
fn holes_are_told_with_their_reasons() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(at(0));
    let opened = open_at(dir.path(), &clock);
    record(&opened, [registered(0), registered(1), sampled(0, 10, 1)]);
    let down = |server, second| Change::LinkDown {
        server: ServerId(server),
        at: at(second),
    };
    record(&opened, [down(9, 15), down(1, 20), sampled(0, 30, 2)]);
    let id = StatisticId(0);
    let quality = |quality| Change::Quality { id, quality };
    clock.set_wall(at(40));
    record(&opened, [quality(Quality::Uncertain)]);
    clock.set_wall(at(50));
    record(&opened, [quality(Quality::Good)]);
    clock.set_wall(at(60));
    record(&opened, [Change::Unsubscribed { id }]);
    record(&opened, [sampled(0, 70, 3), sampled(1, 75, 3)]);
    opened.writer.close().unwrap();
    drop(opened);
    clock.set_wall(at(80));
    let opened = open_at(dir.path(), &clock);
    record(&opened, [sampled(0, 90, 4)]);
    let expected = [
        (0, Some(10), Reason::NotRecorded),
        (20, Some(30), Reason::LinkDown),
        (40, Some(50), Reason::Invalid),
        (60, Some(70), Reason::Closed),
        (75, Some(90), Reason::Restart),
    ];
    let range = Range {
        from: at(0),
        to: at(100),
    };
    taken_in(&opened);
    let past = opened.history.past(id, range).unwrap();
    let gaps = past.gaps.iter().map(|gap| {
        let second = |at: Timestamp| (at.0 - NOW.0) / 1000;
        (second(gap.from), gap.to.map(second), gap.reason)
    });
    assert_eq!(gaps.collect::<Vec<_>>(), expected);
    let samples: Vec<_> = past.samples.iter().map(|sample| sample.quality).collect();
    assert_eq!(samples.len(), 6, "a change of trust is a change");
    assert_eq!(samples[2], Quality::Uncertain);
    let other = opened.history.past(StatisticId(1), range).unwrap();
    assert_eq!(other.gaps.last().unwrap().to, None, "not heard of since");
}

#[test]
fn steps_tell_last_means_and_what_is_not_known() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(NOW);
    let opened = open_at(dir.path(), &clock);
    record(
        &opened,
        [registered(0), sampled(0, 0, 10), sampled(0, 15, 20)],
    );
    let down = Change::LinkDown {
        server: ServerId(1),
        at: at(20),
    };
    record(&opened, [down]);
    taken_in(&opened);
    let range = Range {
        from: at(0),
        to: at(40),
    };
    let step = Duration::from_secs(10);
    let steps = opened
        .history
        .resample(StatisticId(0), range, step)
        .unwrap();
    let known: Vec<u64> = steps.iter().map(|step| step.known.as_secs()).collect();
    assert_eq!(known, [10, 10, 0, 0]);
    let counts: Vec<u64> = steps.iter().map(|step| step.count).collect();
    assert_eq!(counts, [1, 1, 0, 0]);
    assert_eq!(steps[1].last, Some(Value::Integer(20)));
    assert_eq!(steps[1].min, Some(10.0));
    assert_eq!(steps[1].max, Some(20.0));
    assert_eq!(steps[1].mean, Some(15.0));
    assert_eq!(steps[1].weighted_mean, Some(15.0));
    assert_eq!(steps[2].last, None);
    assert_eq!(steps[2].weighted_mean, None);
}

#[test]
fn a_scan_shows_what_is_wanted_over_the_borders_of_chunks_and_of_the_tail() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(NOW);
    let opened = open_at(dir.path(), &clock);
    record(&opened, (0..4).map(registered));
    let last = |id| Change::Quality {
        id: StatisticId(id),
        quality: Quality::Uncertain,
    };
    // The row without a value begins a chunk, and repeats what the one before ends with.
    let text = |second: u64| Value::Text(format!("{second}").into());
    let seconds = 0..4096;
    let values = seconds.flat_map(|s| [sampled(0, s, 1), valued(1, at(s), text(s))]);
    opened.writer.record(values.collect::<Vec<_>>());
    record(&opened, [last(1), sampled(2, 5000, 2), sampled(3, 5000, 3)]);
    taken_in(&opened);
    record(&opened, [last(1), last(2)]);
    let expected = |id| {
        let past = opened.history.past(StatisticId(id), Range::ALL).unwrap();
        past.samples.into_iter().map(move |sample| (id, sample))
    };
    let found = |wanted: &[u32]| {
        let mut found = Vec::new();
        let wanted = |id: StatisticId| wanted.contains(&id.0);
        let damaged = opened.history.scan(Range::ALL, &wanted, &mut |id, sample| {
            found.push((id.0, owned(sample)));
            ControlFlow::Continue(())
        });
        assert_eq!(damaged.unwrap(), Vec::<String>::new());
        found
    };
    for wanted in [&[0, 1, 2, 3][..], &[1], &[2], &[3], &[0, 3], &[7]] {
        let ids = wanted.iter().filter(|id| **id < 4);
        let expected: Vec<_> = ids.flat_map(|id| expected(*id)).collect();
        assert_eq!(found(wanted), expected, "{wanted:?}");
    }
    assert_eq!(found(&[1]).len(), 4098);
}

/// Chunks between two that are wanted are passed over; what is found is the same.
#[test]
fn a_scan_of_some_among_very_many_finds_each_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::set_at(NOW);
    let opened = open_at(dir.path(), &clock);
    let many = 60_000_u32;
    record(&opened, (0..many).map(|id| sampled(id, 0, i64::from(id))));
    // One fills chunks of its own, and shares one with its neighbours at either end.
    let long = 30_000;
    record(&opened, (1..20_000).map(|n| sampled(long, n, 7)));
    taken_in(&opened);
    let contents = opened.history.contents().unwrap();
    assert_eq!((contents.buckets, contents.tail_rows), (1, 0));
    let of_any = |id: u32| if id == long { 20_000 } else { 1 };
    for wanted in [
        &[0][..],
        &[59_999],
        &[long],
        &[29_999, long, 30_001],
        &[0, 8191, 8192, 16_384, 24_575, 30_001, 59_999],
        &[8190, 40_000, 59_998, 70_000],
        &[70_000],
    ] {
        let mut found = std::collections::BTreeMap::<u32, u32>::new();
        let asked = |id: StatisticId| wanted.contains(&id.0);
        let damaged = opened.history.scan(Range::ALL, &asked, &mut |id, sample| {
            if id.0 != long {
                assert_eq!(owned(sample).value, Value::Integer(i64::from(id.0)));
            }
            *found.entry(id.0).or_default() += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(damaged.unwrap(), Vec::<String>::new(), "{wanted:?}");
        let there = wanted.iter().filter(|id| **id < many);
        let expected = there.map(|id| (*id, of_any(*id))).collect();
        assert_eq!(found, expected, "{wanted:?}");
    }
}
