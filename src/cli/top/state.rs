//! What is known of a service: its statistics, Stat Servers, and how fast it changes. Pure: it is
//! told what was heard and what time it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::feed::News;
use super::rate::Rate;
use super::told::{Quality, Reading, Server, Told};
use crate::model::Timestamp;

/// One statistic.
#[derive(Debug)]
pub(super) struct Known {
    id: Box<str>,
    pub(super) reading: Reading,
    told: Instant,
    /// When another value came than the one before.
    pub(super) changed: Option<Instant>,
    round: u32,
}

/// Whether the service is there.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Link {
    /// Not everything was told yet.
    Starting,
    Up,
    Down {
        since: Timestamp,
        at: Instant,
        words: String,
    },
}

/// How many statistics there are of each quality.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) good: usize,
    pub(super) uncertain: usize,
    pub(super) waiting: usize,
    pub(super) bad: usize,
}

/// Everything that is known.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) statistics: HashMap<Arc<str>, Known>,
    pub(super) counts: Counts,
    pub(super) link: Link,
    /// The newest revision, and when it was told.
    pub(super) revision: Option<(String, Instant)>,
    /// The Stat Servers, and when they were told of.
    pub(super) servers: Option<(Vec<Server>, Instant)>,
    pub(super) rate: Rate,
    /// Grows whenever a statistic comes or goes.
    pub(super) members: u64,
    /// When the stream last told anything.
    heard: Option<(Timestamp, Instant)>,
    round: u32,
}

impl Known {
    /// Seconds since the value was last validated; `None` where that is not known.
    pub(super) fn age(&self, now: Instant) -> Option<f64> {
        let since = now.saturating_duration_since(self.told);
        self.reading.age.map(|age| age + since.as_secs_f64())
    }
}

impl Counts {
    fn of(&mut self, quality: Quality) -> &mut usize {
        match quality {
            Quality::Good => &mut self.good,
            Quality::Uncertain => &mut self.uncertain,
            Quality::Waiting => &mut self.waiting,
            Quality::Bad => &mut self.bad,
        }
    }
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            statistics: HashMap::new(),
            counts: Counts::default(),
            link: Link::Starting,
            revision: None,
            servers: None,
            rate: Rate::default(),
            members: 0,
            heard: None,
            round: 0,
        }
    }

    /// Takes what was heard.
    pub(super) fn hear(&mut self, news: News, now: Instant, wall: Timestamp) {
        if !matches!(news, News::Down(_) | News::Servers(_)) {
            self.heard = Some((wall, now));
        }
        match news {
            News::Begin => {
                self.round = self.round.wrapping_add(1);
                // What was told before is of before whatever made the service begin anew.
                if self.link == Link::Up {
                    self.link = Link::Starting;
                }
            }
            News::Known(told) => self.take(told, now),
            News::Changed(told) => {
                self.rate.add(told.len());
                self.take(told, now);
            }
            News::End => self.drop_unseen(),
            News::At(revision) => self.revision = Some((revision, now)),
            News::Up => self.link = Link::Up,
            News::Down(words) => {
                // A silent line is found late, and attempts in vain come later still.
                let (since, at) = match self.link {
                    Link::Down { since, at, .. } => (since, at),
                    _ => self.heard.unwrap_or((wall, now)),
                };
                self.link = Link::Down { since, at, words };
            }
            News::Servers(servers) => self.servers = Some((servers, now)),
        }
    }

    /// Whether anybody vouches for this value now.
    pub(super) fn is_fresh(&self, known: &Known) -> bool {
        known.reading.quality == Quality::Good && self.link == Link::Up
    }

    /// The Stat Servers, and for how long nothing was heard of them if that is too long.
    pub(super) fn servers(&self, now: Instant) -> (&[Server], Option<Duration>) {
        const LATE: Duration = Duration::from_secs(5);
        let Some((servers, at)) = &self.servers else {
            return (&[], None);
        };
        let ago = now.saturating_duration_since(*at);
        (servers, (ago > LATE).then_some(ago))
    }

    fn take(&mut self, told: Vec<Told>, now: Instant) {
        for one in told {
            let Some(reading) = one.reading else {
                // Asked for anew it is there already, under another id.
                let is_same = |known: &Known| known.id == one.id;
                if self.statistics.get(&*one.statistic).is_some_and(is_same) {
                    self.forget(&one.statistic);
                }
                continue;
            };
            *self.counts.of(reading.quality) += 1;
            if let Some(known) = self.statistics.get_mut(&*one.statistic) {
                *self.counts.of(known.reading.quality) -= 1;
                if known.reading.value != reading.value {
                    known.changed = Some(now);
                }
                known.id = one.id;
                known.reading = reading;
                known.told = now;
                known.round = self.round;
            } else {
                let known = Known {
                    id: one.id,
                    reading,
                    told: now,
                    changed: None,
                    round: self.round,
                };
                self.statistics.insert(one.statistic.into(), known);
                self.members += 1;
            }
        }
    }

    fn forget(&mut self, text: &str) {
        if let Some(known) = self.statistics.remove(text) {
            *self.counts.of(known.reading.quality) -= 1;
            self.members += 1;
        }
    }

    /// A crash may have cost the service what it came to know last: a snapshot lacks it then.
    fn drop_unseen(&mut self) {
        let (round, counts) = (self.round, &mut self.counts);
        let before = self.statistics.len();
        self.statistics.retain(|_, known| {
            let is_seen = known.round == round;
            if !is_seen {
                *counts.of(known.reading.quality) -= 1;
            }
            is_seen
        });
        if self.statistics.len() != before {
            self.members += 1;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::told::Shown;
    use super::*;

    pub(in super::super) fn told(text: &str, value: f64, quality: Quality) -> Told {
        Told {
            id: format!("id of {text}").into(),
            statistic: text.into(),
            reading: Some(Reading {
                value: Shown::Number(value, value.to_string().into()),
                quality,
                age: Some(1.0),
            }),
        }
    }

    fn gone(text: &str, id: &str) -> Told {
        Told {
            id: id.into(),
            statistic: text.into(),
            reading: None,
        }
    }

    fn heard(news: impl IntoIterator<Item = News>) -> (Model, Instant) {
        let (mut model, now) = (Model::new(), Instant::now());
        for one in news {
            model.hear(one, now, Timestamp(0));
        }
        (model, now)
    }

    #[test]
    fn qualities_are_counted_through_changes_and_departures() {
        let (mut model, now) = heard([
            News::Begin,
            News::Known(vec![
                told("a", 1.0, Quality::Good),
                told("b", 1.0, Quality::Bad),
                told("c", 1.0, Quality::Waiting),
            ]),
            News::End,
            News::Up,
        ]);
        model.hear(
            News::Changed(vec![
                told("a", 1.0, Quality::Uncertain),
                told("c", 2.0, Quality::Good),
                gone("b", "id of b"),
            ]),
            now,
            Timestamp(0),
        );
        let wanted = Counts {
            good: 1,
            uncertain: 1,
            ..Counts::default()
        };
        assert_eq!((model.counts, model.statistics.len()), (wanted, 2));
        assert_eq!(model.statistics["a"].changed, None);
        assert_eq!(model.statistics["c"].changed, Some(now));
    }

    #[test]
    fn what_a_second_snapshot_lacks_is_gone() {
        let known = |texts: &[&str]| {
            let told = texts.iter().map(|text| told(text, 1.0, Quality::Good));
            News::Known(told.collect())
        };
        let (model, _) = heard([
            News::Begin,
            known(&["a", "b"]),
            News::End,
            News::Up,
            News::Begin,
            known(&["b"]),
            known(&["c"]),
            News::End,
        ]);
        assert_eq!(model.link, Link::Starting);
        let mut texts: Vec<&str> = model.statistics.keys().map(|text| &**text).collect();
        texts.sort_unstable();
        assert_eq!((texts, model.counts.good), (vec!["b", "c"], 2));
    }

    #[test]
    fn a_tombstone_of_an_earlier_id_takes_nothing_away() {
        let (model, _) = heard([News::Changed(vec![
            told("a", 1.0, Quality::Good),
            gone("a", "earlier"),
        ])]);
        assert_eq!(model.statistics.len(), 1);
    }

    #[test]
    fn nothing_is_fresh_while_the_service_is_away_and_ages_grow_on() {
        let (mut model, start) =
            heard([News::Known(vec![told("a", 1.0, Quality::Good)]), News::Up]);
        let later = start + Duration::from_secs(9);
        assert!(model.is_fresh(&model.statistics["a"]));
        model.hear(News::Down("away".to_owned()), start, Timestamp(5));
        model.hear(News::Down("refused".to_owned()), later, Timestamp(9));
        assert!(!model.is_fresh(&model.statistics["a"]));
        assert_eq!(model.statistics["a"].age(later), Some(10.0));
        let wanted = Link::Down {
            since: Timestamp(0),
            at: start,
            words: "refused".to_owned(),
        };
        assert_eq!(model.link, wanted);
        // Back, and told that nobody vouches for it: of before a restart.
        model.hear(
            News::Changed(vec![told("a", 1.0, Quality::Uncertain)]),
            later,
            Timestamp(9),
        );
        model.hear(News::Up, later, Timestamp(9));
        assert!(!model.is_fresh(&model.statistics["a"]));
    }
}
