//! One live fetch per statistic at a time, shared by everybody who waits for it.
//!
//! A fetch belongs to nobody: it goes on when its first caller leaves, and ends by answer, refusal
//! or loss of the connection.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::model::{PasswordProof, StatisticId};
use crate::upstream::Outcome;

/// Callers with different tenant passwords never share a fetch.
pub(super) type Key = (StatisticId, PasswordProof);

/// One fetch, from a waiter's side.
#[derive(Debug, Clone)]
pub(super) struct Waiter(watch::Receiver<Option<Outcome>>);

impl Waiter {
    /// How the fetch ended; waits for it, for ever if need be.
    pub(super) async fn outcome(mut self) -> Outcome {
        match self.0.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Outcome::Lost),
            Err(_) => Outcome::Lost,
        }
    }
}

/// One fetch, from the side of whoever carries it out.
#[derive(Debug)]
pub(super) struct Flight(watch::Sender<Option<Outcome>>);

impl Flight {
    fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(None)))
    }

    fn waiter(&self) -> Waiter {
        Waiter(self.0.subscribe())
    }
}

/// What a caller gets: somebody to wait for, and perhaps the duty to start the fetch.
pub(super) struct Boarding {
    pub(super) waiter: Waiter,
    /// Whether another caller's fetch was joined.
    pub(super) collapsed: bool,
    /// A fetch that the caller must send.
    pub(super) to_send: Option<Arc<Flight>>,
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
        let mut under_way = self.lock();
        let Some(pending) = under_way.get_mut(key) else {
            let flight = Flight::new();
            let pending = Pending {
                current: flight.clone(),
                sent: Instant::now(),
                follow_up: None,
            };
            under_way.insert(key.clone(), pending);
            return Boarding::sending(flight);
        };
        if pending.sent.elapsed() > self.overdue {
            // Whoever waits for the overdue fetch keeps waiting for its answer.
            let flight = pending.follow_up.take().unwrap_or_else(Flight::new);
            pending.current = flight.clone();
            pending.sent = Instant::now();
            return Boarding::sending(flight);
        }
        if !only_recent || pending.sent.elapsed() < self.coalesce_window {
            return Boarding {
                waiter: pending.current.waiter(),
                collapsed: true,
                to_send: None,
            };
        }
        let collapsed = pending.follow_up.is_some();
        let follow_up = pending.follow_up.get_or_insert_with(Flight::new);
        Boarding {
            waiter: follow_up.waiter(),
            collapsed,
            to_send: None,
        }
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
        flight.0.send_replace(Some(outcome));
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
            waiter: flight.waiter(),
            collapsed: false,
            to_send: Some(flight),
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
        let flight = first.to_send.unwrap();
        assert!(second.to_send.is_none() && second.collapsed && !first.collapsed);
        assert!(flights.landed(&key(), &flight, value(1)).is_none());
        assert_eq!(first.waiter.outcome().await, value(1));
        assert_eq!(second.waiter.outcome().await, value(1));
        assert!(flights.board(&key(), true).to_send.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn those_too_late_for_a_live_value_share_one_follow_up() {
        let flights = flights();
        let first = flights.board(&key(), true).to_send.unwrap();
        tokio::time::advance(WINDOW).await;
        let late = flights.board(&key(), true);
        let later = flights.board(&key(), true);
        let undemanding = flights.board(&key(), false);
        assert!(late.to_send.is_none() && later.to_send.is_none() && undemanding.collapsed);
        let follow_up = flights.landed(&key(), &first, value(1)).unwrap();
        assert_eq!(undemanding.waiter.outcome().await, value(1));
        assert!(flights.landed(&key(), &follow_up, value(2)).is_none());
        assert_eq!(late.waiter.outcome().await, value(2));
        assert_eq!(later.waiter.outcome().await, value(2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_overdue_fetch_is_sent_again_and_its_late_answer_ends_only_itself() {
        let flights = flights();
        let lost = flights.board(&key(), false);
        let lost_flight = lost.to_send.unwrap();
        tokio::time::advance(OVERDUE + WINDOW).await;
        let again = flights.board(&key(), false);
        let again_flight = again.to_send.unwrap();
        assert!(flights.landed(&key(), &lost_flight, value(1)).is_none());
        assert_eq!(lost.waiter.outcome().await, value(1));
        assert!(
            flights.board(&key(), false).collapsed,
            "the newer fetch is still under way"
        );
        assert!(flights.landed(&key(), &again_flight, value(2)).is_none());
        assert_eq!(again.waiter.outcome().await, value(2));
    }
}
