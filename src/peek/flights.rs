//! One live fetch per statistic at a time, shared by everybody who waits for it.
//!
//! A fetch belongs to nobody: it goes on when its first caller leaves, and ends by answer, refusal
//! or loss of the connection.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::model::{PasswordProof, StatisticId};
use crate::upstream::Outcome;

/// Callers with different tenant passwords never share a fetch.
pub(super) type Key = (StatisticId, PasswordProof);

/// One fetch. Its outcome is kept once, however many wait for it.
#[derive(Debug, Default)]
pub(super) struct Flight {
    outcome: OnceLock<Outcome>,
    /// The value as JSON, once somebody wants it so.
    json: OnceLock<Box<str>>,
    landed: Notify,
}

impl Flight {
    /// How the fetch ended; waits for it, for ever if need be.
    pub(super) async fn outcome(&self) -> &Outcome {
        loop {
            // Before looking: whoever lands after the look wakes this.
            let landed = self.landed.notified();
            if let Some(outcome) = self.outcome.get() {
                return outcome;
            }
            landed.await;
        }
    }

    /// The value that it brought, as JSON: written once for all who wait.
    pub(super) fn json(&self) -> Option<&str> {
        let Some(Outcome::Value(value)) = self.outcome.get() else {
            return None;
        };
        let written = self.json.get_or_init(|| {
            let mut text = String::new();
            value.write_json(&mut text);
            text.into_boxed_str()
        });
        Some(written)
    }

    fn land(&self, outcome: Outcome) {
        // A flight lands once: its ticket tells one outcome.
        self.outcome.set(outcome).unwrap_or_default();
        self.landed.notify_waiters();
    }
}

/// What a caller gets: somebody to wait for, and perhaps the duty to start the fetch.
pub(super) struct Boarding {
    pub(super) flight: Arc<Flight>,
    /// Whether another caller's fetch was joined.
    pub(super) collapsed: bool,
    /// Whether the caller must send it.
    pub(super) is_to_be_sent: bool,
}

/// The fetches under way.
#[derive(Debug)]
pub(super) struct Flights {
    under_way: Mutex<HashMap<Key, Pending>>,
    /// A demand for a live value joins only a fetch younger than this.
    coalesce_window: Duration,
    /// A fetch older than this is taken for lost and sent again.
    overdue: Duration,
}

#[derive(Debug)]
struct Pending {
    current: Arc<Flight>,
    sent: Instant,
    /// Sent as soon as the current one ends: for those who came too late to join it.
    follow_up: Option<Arc<Flight>>,
}

impl Flights {
    pub(super) fn new(coalesce_window: Duration, overdue: Duration) -> Self {
        Self {
            under_way: Mutex::default(),
            coalesce_window,
            overdue,
        }
    }

    /// Joins the statistic's fetch or makes a new one. With `only_recent`, a fetch sent longer than
    /// the coalescing window ago is not joined, but followed up.
    pub(super) fn board(&self, key: &Key, only_recent: bool) -> Boarding {
        self.board_one(&mut self.lock(), key, only_recent, Instant::now())
    }

    /// As [`Flights::board`], of many statistics at once.
    pub(super) fn board_all(&self, keys: &[Key], only_recent: bool) -> Vec<Boarding> {
        let (mut under_way, now) = (self.lock(), Instant::now());
        let board = |key| self.board_one(&mut under_way, key, only_recent, now);
        keys.iter().map(board).collect()
    }

    fn board_one(
        &self,
        under_way: &mut HashMap<Key, Pending>,
        key: &Key,
        only_recent: bool,
        now: Instant,
    ) -> Boarding {
        let Some(pending) = under_way.get_mut(key) else {
            let flight = Arc::<Flight>::default();
            let pending = Pending {
                current: flight.clone(),
                sent: now,
                follow_up: None,
            };
            under_way.insert(key.clone(), pending);
            return Boarding::sending(flight);
        };
        let age = now.saturating_duration_since(pending.sent);
        if age > self.overdue {
            // Whoever waits for the overdue fetch keeps waiting for its answer.
            let flight = pending.follow_up.take().unwrap_or_default();
            pending.current = flight.clone();
            pending.sent = now;
            return Boarding::sending(flight);
        }
        if !only_recent || age < self.coalesce_window {
            return Boarding::joining(pending.current.clone(), true);
        }
        let collapsed = pending.follow_up.is_some();
        let follow_up = pending.follow_up.get_or_insert_default();
        Boarding::joining(follow_up.clone(), collapsed)
    }

    /// Tells everybody who waits for `flight` how it ended. Returns the follow-up that is to be
    /// sent now. A late answer to a fetch that was given up ends that fetch, never a newer one.
    pub(super) fn landed(
        &self,
        key: &Key,
        flight: &Arc<Flight>,
        outcome: Outcome,
    ) -> Option<Arc<Flight>> {
        // Taken off first: whoever hears of the end and asks again at once must not join it.
        let follow_up = self.take_off(key, flight);
        flight.land(outcome);
        follow_up
    }

    fn take_off(&self, key: &Key, flight: &Arc<Flight>) -> Option<Arc<Flight>> {
        let mut under_way = self.lock();
        let pending = under_way.get_mut(key)?;
        if !Arc::ptr_eq(&pending.current, flight) {
            return None;
        }
        let Some(follow_up) = pending.follow_up.take() else {
            under_way.remove(key);
            return None;
        };
        pending.current = follow_up.clone();
        pending.sent = Instant::now();
        Some(follow_up)
    }

    /// The statistics that are being fetched.
    pub(super) fn under_way(&self) -> HashSet<StatisticId> {
        self.lock().keys().map(|(id, _)| *id).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Pending>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Boarding {
    fn sending(flight: Arc<Flight>) -> Self {
        Self {
            flight,
            collapsed: false,
            is_to_be_sent: true,
        }
    }

    fn joining(flight: Arc<Flight>, collapsed: bool) -> Self {
        Self {
            flight,
            collapsed,
            is_to_be_sent: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    const WINDOW: Duration = Duration::from_millis(100);
    const OVERDUE: Duration = Duration::from_secs(6);

    fn flights() -> Flights {
        Flights::new(WINDOW, OVERDUE)
    }

    fn key() -> Key {
        (StatisticId(1), PasswordProof::NONE)
    }

    fn value(number: i64) -> Outcome {
        Outcome::Value(Value::Integer(number))
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_who_comes_in_time_shares_one_fetch() {
        let flights = flights();
        let first = flights.board(&key(), true);
        let second = flights.board(&key(), true);
        let flight = first.flight;
        assert!(!second.is_to_be_sent && second.collapsed && !first.collapsed);
        assert!(flights.landed(&key(), &flight, value(1)).is_none());
        assert_eq!(*flight.outcome().await, value(1));
        assert_eq!(*second.flight.outcome().await, value(1));
        assert!(flights.board(&key(), true).is_to_be_sent);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_boards_several_at_once_joins_himself_where_one_comes_twice() {
        let flights = flights();
        let other: Key = (StatisticId(2), PasswordProof::NONE);
        let first = flights.board_all(&[key(), other.clone(), key()], true);
        let sent: Vec<bool> = first.iter().map(|one| one.is_to_be_sent).collect();
        let joined: Vec<bool> = first.iter().map(|one| one.collapsed).collect();
        assert_eq!(sent, [true, true, false]);
        assert_eq!(joined, [false, false, true]);
        let next = flights.board_all(&[other, key()], true);
        assert!(next.iter().all(|one| one.collapsed && !one.is_to_be_sent));
        let flight = &next[1].flight;
        assert_eq!(flight.json(), None);
        assert!(flights.landed(&key(), flight, value(7)).is_none());
        assert_eq!(*first[2].flight.outcome().await, value(7));
        assert_eq!(first[0].flight.json(), Some("7"));
    }

    #[tokio::test(start_paused = true)]
    async fn those_too_late_for_a_live_value_share_one_follow_up() {
        let flights = flights();
        let first = flights.board(&key(), true).flight;
        tokio::time::advance(WINDOW).await;
        let late = flights.board(&key(), true);
        let later = flights.board(&key(), true);
        let undemanding = flights.board(&key(), false);
        assert!(!late.is_to_be_sent && !later.is_to_be_sent && undemanding.collapsed);
        let follow_up = flights.landed(&key(), &first, value(1)).unwrap();
        assert_eq!(*undemanding.flight.outcome().await, value(1));
        assert!(flights.landed(&key(), &follow_up, value(2)).is_none());
        assert_eq!(*late.flight.outcome().await, value(2));
        assert_eq!(*later.flight.outcome().await, value(2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_overdue_fetch_is_sent_again_and_its_late_answer_ends_only_itself() {
        let flights = flights();
        let lost = flights.board(&key(), false);
        let lost_flight = lost.flight.clone();
        tokio::time::advance(OVERDUE + WINDOW).await;
        let again = flights.board(&key(), false);
        let again_flight = again.flight.clone();
        assert!(flights.landed(&key(), &lost_flight, value(1)).is_none());
        assert_eq!(*lost.flight.outcome().await, value(1));
        assert!(
            flights.board(&key(), false).collapsed,
            "the newer fetch is still under way"
        );
        assert!(flights.landed(&key(), &again_flight, value(2)).is_none());
        assert_eq!(*again.flight.outcome().await, value(2));
    }
}
