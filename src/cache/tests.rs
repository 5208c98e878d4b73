//! The cache by its promises: numbers, order, who may see a value, ages over a restart.

use std::time::Duration;

use super::*;
use crate::model::{
    Age, Epoch, NotificationMode, ObjectType, PasswordProof, Policy, ProofKey, Quality,
    StatisticPattern, Timestamp, Value,
};

fn statistic(name: &str) -> Statistic {
    Statistic::new(name, ObjectType::Queue, "9001@SIP_Switch", "Environment")
}

fn sample(value: i64, epoch: u64) -> Sample {
    Sample {
        value: Value::Integer(value),
        quality: Quality::Good,
        source_time: 0,
        received_at: Timestamp(1_000_000),
        validated_at: Timestamp(1_000_000),
        server: ServerId(1),
        epoch: Epoch(epoch),
    }
}

fn cache(clock: &Clock) -> Cache {
    Cache::new(
        clock.clone(),
        7,
        Revision {
            generation: 6,
            counter: 40,
        },
        StatisticId(3),
        2,
    )
}

#[tokio::test(start_paused = true)]
async fn a_statistic_keeps_its_number_and_numbers_go_on_after_those_of_earlier_runs() {
    let cache = cache(&Clock::system());
    let first = cache.intern(&statistic("A")).unwrap();
    assert_eq!(first.id, StatisticId(3));
    assert_eq!(cache.intern(&statistic("A")).unwrap().id, first.id);
    let second = cache.intern(&statistic("B")).unwrap();
    assert_eq!(second.id, StatisticId(4));
    assert_eq!(cache.intern(&statistic("C")).unwrap_err(), Full);
    assert!(cache.remove(&second, second.asked()));
    assert!(cache.find(&statistic("B")).is_none());
    assert_eq!(cache.intern(&statistic("C")).unwrap().id, StatisticId(5));
    first.opened(Some(NotificationMode::Immediate), PasswordProof::NONE);
    assert!(!cache.remove(&first, first.asked()));
    assert!(cache.find(&statistic("A")).is_some());
}

#[tokio::test(start_paused = true)]
async fn what_came_in_the_place_of_what_was_forgotten_stays_when_that_is_taken_out_again() {
    let cache = cache(&Clock::system());
    let first = cache.intern(&statistic("A")).unwrap();
    assert!(cache.forget(&first));
    let second = cache.intern(&statistic("A")).unwrap();
    // Whoever looked for what is idle may have found the first one before.
    assert!(!cache.remove(&first, first.asked()) && !cache.forget(&first));
    assert_eq!(cache.find(&statistic("A")).unwrap().id, second.id);
    assert!(cache.remove(&second, second.asked()));
    assert!(cache.find(&statistic("A")).is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_configured_or_asked_for_again_is_not_taken_out() {
    let cache = cache(&Clock::system());
    let configured = cache.intern(&statistic("A")).unwrap();
    configured.pin();
    assert!(!cache.remove(&configured, configured.asked()));
    let slot = cache.intern(&statistic("B")).unwrap();
    let asked = slot.asked();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(cache.ask(&statistic("B")).unwrap().id, slot.id);
    assert!(!cache.remove(&slot, asked));
    assert!(cache.remove(&slot, slot.asked()));
}

#[tokio::test(start_paused = true)]
async fn order_is_the_epoch_and_then_arrival() {
    let cache = cache(&Clock::system());
    let slot = cache.intern(&statistic("A")).unwrap();
    slot.opened(Some(NotificationMode::Immediate), PasswordProof::NONE);
    let revision = |counter| Revision {
        generation: 7,
        counter,
    };
    let changed =
        |value, epoch, counter| Some(Applied::Changed(sample(value, epoch), revision(counter)));
    assert_eq!(cache.apply(slot.id, sample(10, 5)), changed(10, 5, 41));
    let confirmed = Some(Applied::Confirmed(Timestamp(1_000_000)));
    assert_eq!(cache.apply(slot.id, sample(10, 5)), confirmed);
    assert_eq!(cache.apply(slot.id, sample(99, 4)), Some(Applied::Outdated));
    assert_eq!(cache.apply(slot.id, sample(10, 6)), changed(10, 6, 42));
    assert_eq!(cache.apply(slot.id, sample(3, 6)), changed(3, 6, 43));
    assert_eq!(slot.last().unwrap(), sample(3, 6));
}

#[tokio::test(start_paused = true)]
async fn a_value_is_known_only_to_the_password_it_was_opened_with() {
    let clock = Clock::system();
    let cache = cache(&clock);
    let key = ProofKey::random().unwrap();
    let (right, wrong) = (key.prove(&"right".into()), key.prove(&"wrong".into()));
    let slot = cache.intern(&statistic("A")).unwrap();
    slot.opened(Some(NotificationMode::Immediate), right.clone());
    cache.apply(slot.id, sample(1, 1));
    assert!(slot.known(&right, &clock, |_| None).is_some());
    assert!(slot.known(&wrong, &clock, |_| None).is_none());
    assert!(slot.known(&PasswordProof::NONE, &clock, |_| None).is_none());

    slot.refuse(wrong.clone(), "wrong password".into(), &clock);
    let memory = Duration::from_secs(30);
    assert!(slot.refusal(&wrong, &clock, memory).is_some());
    assert!(slot.refusal(&right, &clock, memory).is_none());
    tokio::time::advance(Duration::from_millis(30_001)).await;
    assert!(slot.refusal(&wrong, &clock, memory).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_password_that_a_value_came_for_sees_the_value_until_it_is_refused() {
    let clock = Clock::system();
    let cache = cache(&clock);
    let key = ProofKey::random().unwrap();
    let needless = key.prove(&"needless".into());
    let slot = cache.intern(&statistic("A")).unwrap();
    slot.opened(Some(NotificationMode::Immediate), needless.clone());
    cache.apply(slot.id, sample(1, 1));
    assert!(slot.known(&PasswordProof::NONE, &clock, |_| None).is_none());
    slot.vouch(&PasswordProof::NONE);
    assert!(slot.known(&PasswordProof::NONE, &clock, |_| None).is_some());
    slot.refuse(PasswordProof::NONE, "wrong password".into(), &clock);
    assert!(slot.known(&PasswordProof::NONE, &clock, |_| None).is_none());
    assert!(slot.known(&needless, &clock, |_| None).is_some());
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_not_taken_to_be_kept_open_until_it_is_opened_again() {
    let clock = Clock::system();
    let cache = cache(&clock);
    let memory = Duration::from_secs(30);
    let slot = cache.intern(&statistic("A")).unwrap();
    slot.opened(Some(NotificationMode::Immediate), PasswordProof::NONE);
    cache.apply(slot.id, sample(1, 1));
    let kept_open = || {
        slot.known(&PasswordProof::NONE, &clock, |_| None)
            .unwrap()
            .kept_open
    };
    assert!(kept_open());
    slot.refuse(PasswordProof::NONE, "no such agent".into(), &clock);
    let wrong = ProofKey::random().unwrap().prove(&"wrong".into());
    slot.refuse(wrong, "wrong password".into(), &clock);
    assert!(
        slot.refusal(&PasswordProof::NONE, &clock, memory).is_some(),
        "another caller's refusal does not push it out"
    );
    tokio::time::advance(memory * 2).await;
    assert!(slot.refusal(&PasswordProof::NONE, &clock, memory).is_none());
    assert!(!kept_open());
    slot.opened(Some(NotificationMode::Immediate), PasswordProof::NONE);
    assert!(kept_open());
}

#[tokio::test(start_paused = true)]
async fn a_restored_value_ages_over_the_restart_and_is_uncertain_until_confirmed() {
    let clock = Clock::set_at(Timestamp(1_060_000));
    let cache = cache(&clock);
    cache.restore(&mut vec![Restored {
        id: StatisticId(0),
        statistic: Arc::new(statistic("A")),
        last: Some(sample(5, 9)),
        held: Some(NotificationMode::Immediate),
        proof: Some(PasswordProof::NONE),
    }]);
    let slot = cache.find(&statistic("A")).unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    let known = slot.known(&PasswordProof::NONE, &clock, |_| None).unwrap();
    assert_eq!(known.age, Age::Known(65_000));
    assert!(known.kept_open);
    assert_eq!(slot.last().unwrap().quality, Quality::Uncertain);
    // The same value from a live server is news: it is vouched for again.
    assert!(matches!(
        cache.apply(slot.id, sample(5, 10)),
        Some(Applied::Changed(..))
    ));
    assert_eq!(
        slot.known(&PasswordProof::NONE, &clock, |_| None)
            .unwrap()
            .age,
        Age::Known(0)
    );
    cache.distrust(ServerId(1), None);
    assert_eq!(slot.last().unwrap().quality, Quality::Uncertain);
}

#[tokio::test(start_paused = true)]
async fn made_up_statistics_are_bounded_and_configured_ones_are_not_counted() {
    let clock = Clock::system();
    let many = Revision {
        generation: 0,
        counter: 0,
    };
    let cache = Cache::new(clock, 1, many, StatisticId(0), usize::MAX);
    for number in 0..UNACCEPTED_MAX {
        cache.intern(&statistic(&number.to_string())).unwrap();
    }
    assert_eq!(cache.intern(&statistic("one more")).unwrap_err(), Full);
    assert!(cache.pin(&statistic("configured")).is_ok());
    let accepted = cache.intern(&statistic("0")).unwrap();
    accepted.opened(Some(NotificationMode::Immediate), PasswordProof::NONE);
    cache.accepted(&accepted);
    assert!(cache.intern(&statistic("one more")).is_ok());
    let refused = cache.intern(&statistic("1")).unwrap();
    assert!(cache.remove(&refused, refused.asked()));
    assert!(cache.intern(&statistic("another")).is_ok());
    assert_eq!(cache.intern(&statistic("too many")).unwrap_err(), Full);
}

#[tokio::test(start_paused = true)]
async fn silence_says_nothing_of_a_value_from_before_the_opening() {
    let clock = Clock::system();
    let cache = cache(&clock);
    let pattern = StatisticPattern::new("*").unwrap();
    let silence_is_unchanged = true;
    cache.replace_rules(Rules::new(vec![(
        pattern,
        Policy {
            silence_is_unchanged,
            ..Policy::default()
        },
    )]));
    let slot = cache.intern(&statistic("A")).unwrap();
    let age = || {
        let heard = |_| Some(clock.now());
        slot.known(&PasswordProof::NONE, &clock, heard).unwrap().age
    };
    let open = || slot.opened(Some(NotificationMode::Immediate), PasswordProof::NONE);
    open();
    cache.apply(slot.id, sample(1, 5)).unwrap();
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(age(), Age::Known(0));
    // Closed as idle, and opened again on the same living link.
    slot.released();
    assert_eq!(age(), Age::Known(60_000));
    open();
    assert_eq!(age(), Age::Known(60_000));
    cache.distrust(ServerId(1), Some(clock.now()));
    assert_eq!(age(), Age::Known(60_000));
    cache.apply(slot.id, sample(1, 6)).unwrap();
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(age(), Age::Known(0));
}

#[tokio::test(start_paused = true)]
async fn what_is_listed_and_struck_off_is_counted_as_it_came() {
    let cache = cache(&Clock::system());
    let unaccepted = || cache.index.read().unwrap().unaccepted;
    let asked_for = cache.intern(&statistic("A")).unwrap();
    assert_eq!(unaccepted(), 1);
    cache.pin(&statistic("A")).unwrap();
    let listed = cache.pin(&statistic("B")).unwrap();
    cache.unpin(&listed);
    assert!(cache.remove(&listed, listed.asked()));
    assert_eq!(unaccepted(), 1, "it was never counted");
    asked_for.opened(Some(NotificationMode::Immediate), PasswordProof::NONE);
    cache.accepted(&asked_for);
    assert_eq!(unaccepted(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_followers_are_told_all_that_they_may_have_missed() {
    let cache = cache(&Clock::system());
    let seen = Revision {
        generation: 6,
        counter: 30,
    };
    // Its value is of before what the follower saw; that it is in doubt may be of after that.
    let mut doubted = sample(5, 9);
    doubted.quality = Quality::Uncertain;
    for (id, name, last) in [(0, "A", Some(doubted)), (1, "B", None)] {
        cache.restore(&mut vec![Restored {
            id: StatisticId(id),
            statistic: Arc::new(statistic(name)),
            last,
            held: Some(NotificationMode::Immediate),
            proof: Some(PasswordProof::NONE),
        }]);
    }
    let (slots, _, _) = cache.since(seen, |_| true).unwrap();
    assert_eq!(slots.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_are_the_same_the_later_number_is_found_in_whatever_order_they_come() {
    for numbers in [[3, 7], [7, 3]] {
        let cache = cache(&Clock::system());
        let restored = numbers.map(|number| Restored {
            id: StatisticId(number),
            statistic: Arc::new(statistic("A")),
            last: None,
            held: None,
            proof: Some(PasswordProof::NONE),
        });
        cache.restore(&mut restored.into());
        let found = cache.find(&statistic("A")).unwrap();
        assert_eq!(found.id, StatisticId(7), "{numbers:?}");
        let made = cache.intern(&statistic("B")).unwrap();
        assert_eq!(made.id, StatisticId(8));
    }
}
