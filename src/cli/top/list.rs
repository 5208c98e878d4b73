//! Which statistics are listed, in which order, which one is selected and which are pinned. Sorting a
//! hundred thousand takes a while, so that it is done once a second at most, and after a key.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::filter::Filter;
use super::rate::Trail;
use super::state::Model;
use super::told::Shown;

/// Between two sortings that nobody asked for.
const SORT_EVERY: Duration = Duration::from_secs(1);
/// Statistics with a trail.
const PINS_MAX: usize = 20;

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Name,
    /// The oldest first.
    Age,
    /// What changed last first.
    Changed,
}

impl Order {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Age => "age",
            Self::Changed => "recently changed",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Name => Self::Age,
            Self::Age => Self::Changed,
            Self::Changed => Self::Name,
        }
    }
}

/// A statistic that is kept at the top.
#[derive(Debug)]
pub(super) struct Pin {
    pub(super) text: Arc<str>,
    pub(super) trail: Trail,
}

/// The list.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) rows: Vec<Arc<str>>,
    pub(super) pins: Vec<Pin>,
    pub(super) order: Order,
    pub(super) filter: String,
    /// The oldest ages of values, in seconds.
    pub(super) oldest: Vec<(f64, Arc<str>)>,
    selected: usize,
    /// The text of the selected row: it stays selected where it goes.
    selected_text: Option<Arc<str>>,
    sorted: Option<(Instant, u64)>,
    is_stale: bool,
}

impl List {
    /// Sorts and filters anew if it is time.
    pub(super) fn refresh(&mut self, model: &Model, now: Instant) {
        let is_due = self.sorted.is_none_or(|(at, members)| {
            let is_moved = members != model.members || self.order != Order::Name;
            is_moved && now.saturating_duration_since(at) >= SORT_EVERY
        });
        if !is_due && !self.is_stale {
            return;
        }
        self.sorted = Some((now, model.members));
        self.is_stale = false;
        let filter = Filter::new(&self.filter);
        self.rows.clear();
        let texts = model.statistics.keys().filter(|text| filter.matches(text));
        self.rows.extend(texts.cloned());
        match self.order {
            Order::Name => self.rows.sort_unstable(),
            Order::Age => self.rows.sort_by_cached_key(|text| {
                let age = model.statistics.get(text).and_then(|known| {
                    let has_value = known.reading.value != Shown::Nothing;
                    has_value.then(|| millis(known.age(now)))
                });
                (Reverse(age), Arc::clone(text))
            }),
            Order::Changed => self.rows.sort_by_cached_key(|text| {
                let changed = model.statistics.get(text).and_then(|known| known.changed);
                (Reverse(changed), Arc::clone(text))
            }),
        }
        let found = self.selected_text.as_ref().and_then(|text| {
            let mut rows = self.rows.iter();
            rows.position(|row| row == text)
        });
        self.select(found.unwrap_or(self.selected));
    }

    /// A second is over: each pin's trail grows by what the value is, if somebody vouches for it.
    pub(super) fn tick(&mut self, model: &Model, now: Instant) {
        for pin in &mut self.pins {
            let known = model.statistics.get(&pin.text);
            let number = known.and_then(|known| match known.reading.value {
                Shown::Number(number, _) if model.is_fresh(known) => Some(number),
                _ => None,
            });
            pin.trail.push(number);
        }
        self.oldest = oldest(model, now);
    }

    pub(super) fn selected(&self) -> usize {
        self.selected
    }

    /// Selects a row, the nearest that there is.
    pub(super) fn select(&mut self, row: usize) {
        self.selected = row.min(self.rows.len().saturating_sub(1));
        self.selected_text = self.rows.get(self.selected).cloned();
    }

    pub(super) fn sort_by_next(&mut self) {
        self.order = self.order.next();
        self.is_stale = true;
    }

    pub(super) fn filter_by(&mut self, filter: String) {
        self.filter = filter;
        self.is_stale = true;
    }

    /// The next refresh is to be a whole one.
    pub(super) fn sort_soon(&mut self) {
        self.is_stale = true;
    }

    pub(super) fn is_pinned(&self, text: &str) -> bool {
        self.pins.iter().any(|pin| &*pin.text == text)
    }

    /// Pins the selected statistic, or takes its pin away. With too many pins the oldest goes.
    pub(super) fn toggle_pin(&mut self) {
        let Some(text) = self.selected_text.clone() else {
            return;
        };
        if self.is_pinned(&text) {
            self.pins.retain(|pin| pin.text != text);
            return;
        }
        if self.pins.len() == PINS_MAX {
            self.pins.remove(0);
        }
        self.pins.push(Pin {
            text,
            trail: Trail::default(),
        });
    }
}

/// Whole milliseconds, which unlike seconds have an order; an unknown age is the oldest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ages are neither negative nor of millions of years, and saturate"
)]
fn millis(age: Option<f64>) -> u64 {
    age.map_or(u64::MAX, |seconds| (seconds * 1000.0) as u64)
}

/// The oldest values of which the age is known.
fn oldest(model: &Model, now: Instant) -> Vec<(f64, Arc<str>)> {
    const SHOWN: usize = 3;
    let mut found: Vec<(f64, &Arc<str>)> = Vec::new();
    for (text, known) in &model.statistics {
        let Some(age) = known.age(now) else {
            continue;
        };
        let is_before =
            |other: &(f64, &Arc<str>)| other.0 > age || (other.0 >= age && other.1 < text);
        let place = found.partition_point(is_before);
        if place < SHOWN {
            found.insert(place, (age, text));
            found.truncate(SHOWN);
        }
    }
    let found = found.into_iter();
    found.map(|(age, text)| (age, Arc::clone(text))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::feed::News;
    use super::super::state::tests::told;
    use super::super::told::{Quality, Told};
    use super::*;
    use crate::model::Timestamp;

    fn with_age(text: &str, value: f64, age: Option<f64>) -> Told {
        let mut told = told(text, value, Quality::Good);
        if let Some(reading) = &mut told.reading {
            reading.age = age;
        }
        told
    }

    fn world() -> (Model, List, Instant) {
        let (mut model, now) = (Model::new(), Instant::now());
        let told = vec![
            with_age("Wait;Queue;b;E", 1.0, Some(5.0)),
            with_age("Wait;Queue;a;E", 2.0, None),
            with_age("Login;Agent;c;E", 3.0, Some(9.0)),
        ];
        model.hear(News::Known(told), now, Timestamp(0));
        model.hear(News::Up, now, Timestamp(0));
        (model, List::default(), now)
    }

    fn shown(list: &mut List, model: &Model, now: Instant) -> Vec<String> {
        list.refresh(model, now);
        list.rows.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_filter_leaves_out_what_does_not_match() {
        let (model, mut list, now) = world();
        for (filter, count) in [("", 3), ("queue", 2), ("*;agent;*", 1), ("????", 0)] {
            list.filter_by(filter.to_owned());
            assert_eq!(shown(&mut list, &model, now).len(), count, "{filter}");
        }
    }

    #[test]
    fn orders_follow_each_other_and_the_selected_row_stays() {
        let (mut model, mut list, now) = world();
        let [a, b, c] = ["Wait;Queue;a;E", "Wait;Queue;b;E", "Login;Agent;c;E"];
        assert_eq!(shown(&mut list, &model, now), [c, a, b]);
        list.select(2);
        list.sort_by_next();
        assert_eq!(shown(&mut list, &model, now), [a, c, b]);
        list.sort_by_next();
        let changed = vec![with_age(b, 7.0, Some(0.0))];
        model.hear(News::Changed(changed), now, Timestamp(0));
        assert_eq!(shown(&mut list, &model, now), [b, c, a]);
        assert_eq!(list.selected(), 0, "it went along");
        list.sort_by_next();
        assert_eq!(shown(&mut list, &model, now), [c, a, b]);
    }

    #[test]
    fn without_a_key_it_is_sorted_once_a_second() {
        let (mut model, mut list, now) = world();
        assert_eq!(shown(&mut list, &model, now).len(), 3);
        let one_more = vec![with_age("New;Queue;d;E", 1.0, None)];
        model.hear(News::Changed(one_more), now, Timestamp(0));
        assert_eq!(shown(&mut list, &model, now).len(), 3);
        assert_eq!(shown(&mut list, &model, now + SORT_EVERY).len(), 4);
    }

    #[test]
    fn trails_grow_only_by_what_is_vouched_for() {
        let (mut model, mut list, now) = world();
        list.refresh(&model, now);
        list.select(0);
        list.toggle_pin();
        list.tick(&model, now);
        model.hear(News::Down("away".to_owned()), now, Timestamp(0));
        list.tick(&model, now);
        assert_eq!(list.pins[0].trail.line(3), " ▁ ");
        list.toggle_pin();
        assert!(list.pins.is_empty());
    }

    #[test]
    fn pins_are_few() {
        let (mut model, mut list, now) = world();
        let many = (0..50).map(|i| with_age(&format!("x{i:02}"), 1.0, None));
        model.hear(News::Known(many.collect()), now, Timestamp(0));
        list.refresh(&model, now);
        for row in 0..50 {
            list.select(row);
            list.toggle_pin();
        }
        assert_eq!(list.pins.len(), PINS_MAX);
    }

    #[test]
    fn the_oldest_ages_are_found() {
        let (model, mut list, now) = world();
        list.tick(&model, now + Duration::from_secs(1));
        let ages: Vec<String> = list.oldest.iter().map(|(age, _)| age.to_string()).collect();
        assert_eq!(ages, ["10", "6"]);
    }
}
