//! Live values of all that one request asks for, as one wait.
//!
//! A thousand clients who want live values of the same hundred statistics wait a hundred thousand
//! times; what each of these costs decides how long the thousand take.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::desk::{Peek, SWITCHOVER_PATIENCE};
use super::flights::{Flight, Key};
use super::{Demand, Freshness, Glance};
use crate::model::{NotificationMode, PasswordProof, StatisticId};
use crate::upstream::Outcome;

/// The fetches that a request waits for; made by [`AnswerPeeks::fetch_all`].
///
/// [`AnswerPeeks::fetch_all`]: super::AnswerPeeks::fetch_all
pub struct Fetching {
    peek: Arc<Peek>,
    /// In the order asked.
    flights: Vec<(StatisticId, Arc<Flight>)>,
    collapsed: usize,
    deadline: Instant,
}

impl Fetching {
    /// Waits until all have ended, at most until the caller's deadline; whether each brought a value.
    ///
    /// Where a lost connection took one along, the other Stat Server is given a moment to serve:
    /// whoever asks again then is answered.
    pub async fn succeeded(&self) -> bool {
        let mut lost = None;
        let mut all_brought = true;
        let all = async {
            // The last one sent is mostly the last to end: the others need no wait of their own then.
            for (id, flight) in self.flights.iter().rev() {
                match flight.outcome().await {
                    Outcome::Value(_) => {}
                    Outcome::Refused(_) => all_brought = false,
                    Outcome::Lost => lost = Some(*id),
                }
            }
        };
        if timeout_at(self.deadline, all).await.is_err() {
            return false;
        }
        if let Some(id) = lost {
            self.peek.wait_for_switchover(id, self.deadline).await;
            return false;
        }
        all_brought
    }

    /// Appends the value that the fetch of the question at this place brought, as JSON.
    pub fn write_json(&self, place: usize, out: &mut String) {
        let json = self.flights.get(place).and_then(|(_, one)| one.json());
        out.push_str(json.unwrap_or("null"));
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.flights.len()
    }

    /// How many of them another request's fetch brings.
    #[must_use]
    pub fn collapsed(&self) -> usize {
        self.collapsed
    }
}

impl Peek {
    /// See [`AnswerPeeks::fetch_all`](super::AnswerPeeks::fetch_all).
    pub(super) fn gather(
        &self,
        questions: &[Glance<'_>],
        freshness: Freshness,
        now: Instant,
    ) -> Option<Fetching> {
        // An older value may have to stand in, or nothing be asked at all.
        let has_way_out = freshness.stale_if_error.is_some() || freshness.only_if_cached;
        if freshness.demand() != Demand::Live || has_way_out {
            return None;
        }
        let peek = self.this.upgrade()?;
        let keys = self.keys_of(questions, now)?;
        let boardings = self.flights.board_all(&keys, true);
        let mut fetching = Fetching {
            peek,
            flights: Vec::with_capacity(keys.len()),
            collapsed: 0,
            deadline: now + self.config.deadline,
        };
        for ((key, question), boarding) in keys.into_iter().zip(questions).zip(boardings) {
            fetching.collapsed += usize::from(boarding.collapsed);
            fetching.flights.push((key.0, boarding.flight.clone()));
            if boarding.is_to_be_sent {
                self.send_question(key, question, boarding.flight);
            }
        }
        Some(fetching)
    }

    /// Whose fetches the questions want. `None` if one is about something unknown, refused, or to be
    /// opened in another mode: that takes more than a fetch.
    fn keys_of(&self, questions: &[Glance<'_>], now: Instant) -> Option<Vec<Key>> {
        let mut found = Vec::with_capacity(questions.len());
        let mut proven = ("", PasswordProof::NONE);
        let mut shown = String::new();
        let keys = questions.iter().map(|question| question.key);
        let now = self.clock.moment(now);
        self.cache.ask_all_by_key(keys, now, |place, slot| {
            let question = questions.get(place)?;
            let password = question.tenant_password;
            if !std::ptr::eq(password, proven.0) {
                proven = (password, self.proofs.prove_text(password));
            }
            shown.clear();
            let asker = (&proven.1, question.mode);
            slot.glance(asker, now, |_| None, |_, _| true, &mut shown)?;
            found.push((slot.id, proven.1.clone()));
            Some(())
        })?;
        Some(found)
    }

    /// Sends a fetch that was boarded. One that cannot be sent is lost, as its ticket tells.
    fn send_question(&self, key: Key, question: &Glance<'_>, flight: Arc<Flight>) {
        let spec = self.cache.slot(key.0).and_then(|slot| {
            let password = question.tenant_password.to_owned().into();
            self.spec(&slot, question.mode, password, key.1.clone())
                .ok()
        });
        if let Some(spec) = spec {
            self.send(key, spec, flight).unwrap_or_default();
            return;
        }
        let mut unsent = Some(flight);
        while let Some(flight) = unsent {
            unsent = self.flights.landed(&key, &flight, Outcome::Lost);
        }
    }

    /// Gives the pair that a statistic belongs to a moment to be connected again.
    async fn wait_for_switchover(&self, id: StatisticId, deadline: Instant) {
        let slot = self.cache.slot(id);
        // Only where it belongs matters: nothing is sent on these terms.
        let spec = slot.and_then(|slot| {
            let terms = (NotificationMode::Immediate, String::new().into());
            self.spec(&slot, terms.0, terms.1, PasswordProof::NONE).ok()
        });
        let Some(spec) = spec else { return };
        let patience = deadline.min(Instant::now() + SWITCHOVER_PATIENCE);
        let again = self.upstream.connected_again(&spec, 0);
        // Whoever asks next is told if it was in vain.
        timeout_at(patience, again).await.unwrap_or_default();
    }
}
