//! The decision: the store or a live fetch.

use std::sync::{Arc, Weak};
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};

use super::answer::together;
use super::flights::{Flight, Flights, Key};
use super::forgetting::Forgotten;
use super::{
    Answer, AnswerPeeks, Board, Demand, Fetching, Freshness, Glance, NotForgotten, PeekError,
    PublicId, Query, Selector, ServerReport, Source, Why,
};
use crate::cache::{Cache, Known, Slot};
use crate::model::{
    Age, Clock, Moment, NotificationMode, PasswordProof, ProofKey, StatisticId, Value,
};
use crate::store::Change;
use crate::upstream::{FetchError, OpenSpec, Outcome, Ticket, Upstream};

/// The settings of the peek room, all durations.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// How long each caller waits for a live value.
    pub deadline: Duration,
    /// How old a value that nothing keeps true may be for a caller who demands nothing.
    pub default_max_age: Duration,
    /// How recently a fetch must have been sent for a demand of a live value to join it.
    pub coalesce_window: Duration,
    /// How long a refusal is answered without asking again.
    pub refusal_memory: Duration,
    /// How long a statistic nobody asks for stays open.
    pub idle_close: Duration,
    /// How long a statistic nobody asks for is known at all.
    pub forget_after: Duration,
}

/// How long a caller whose fetch was lost waits for the other Stat Server. A pair that is down for
/// longer should be told as such at once.
pub(super) const SWITCHOVER_PATIENCE: Duration = Duration::from_millis(500);

/// A value, and whether another caller's fetch brought it.
type Fetched = (Value, bool);

/// Answers peeks from the cache and the Stat Servers.
#[derive(Debug)]
pub struct Peek {
    pub(super) this: Weak<Self>,
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) cache: Arc<Cache>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) proofs: ProofKey,
    pub(super) flights: Flights,
    pub(super) board: Arc<Board>,
    pub(super) forgotten: Forgotten,
}

impl Peek {
    /// The room, over a cache that is filled by somebody else.
    #[must_use]
    pub fn new(
        config: Config,
        clock: Clock,
        cache: Arc<Cache>,
        upstream: Arc<Upstream>,
        proofs: ProofKey,
        board: Arc<Board>,
    ) -> Arc<Self> {
        let overdue = config.deadline.saturating_mul(2);
        let flights = Flights::new(config.coalesce_window, overdue);
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            config,
            clock,
            cache,
            upstream,
            proofs,
            flights,
            board,
            forgotten: Forgotten::default(),
        })
    }

    /// Closes statistics that nobody asked for during `idle_close`, and forgets those that nobody
    /// asked for during `forget_after` or that no Stat Server ever accepted. To be called now and
    /// then.
    pub async fn sweep(&self) {
        let mut idle = 0_usize;
        let under_way = self.flights.under_way();
        // A fetch that was under way may have opened it again after it was forgotten.
        let mut closing: Vec<StatisticId> = self.forgotten.take(&under_way);
        let mut changes: Vec<Change> = closing
            .iter()
            .map(|id| Change::Forgotten { id: *id })
            .collect();
        let mut forgotten: Vec<StatisticId> = Vec::new();
        for slot in self.cache.slots() {
            let asked_at = slot.asked();
            let asked = self.clock.age(Some(asked_at));
            // A Stat Server that is slow to answer may accept it yet.
            if slot.is_pinned() || under_way.contains(&slot.id) {
                continue;
            }
            if !slot.is_registered() {
                if !asked.within(self.unaccepted_memory()) && self.cache.remove(&slot, asked_at) {
                    closing.push(slot.id);
                }
            } else if slot.is_held() {
                if !asked.within(self.config.idle_close) {
                    idle += 1;
                    closing.push(slot.id);
                }
            } else if !asked.within(self.config.forget_after) && self.cache.remove(&slot, asked_at)
            {
                forgotten.push(slot.id);
            }
        }
        if idle > 0 {
            tracing::info!(count = idle, "closing statistics nobody asks for");
        }
        if !forgotten.is_empty() {
            let count = forgotten.len();
            tracing::info!(count, "forgetting statistics nobody asked for since long");
            let forgotten = forgotten.into_iter();
            changes.extend(forgotten.map(|id| Change::Forgotten { id }));
            changes.push(self.board.dropped_now());
        }
        self.board.record(changes);
        if !closing.is_empty() {
            self.upstream.close(&closing).await;
        }
    }

    /// Longer than a refusal is remembered and any fetch can still be under way.
    fn unaccepted_memory(&self) -> Duration {
        self.config
            .refusal_memory
            .saturating_add(self.config.deadline.saturating_mul(4))
    }

    async fn answer(&self, query: Query, freshness: Freshness) -> Result<Answer, PeekError> {
        let slot = self.slot(&query, freshness)?;
        let proof = self.proofs.prove(&query.tenant_password);
        if let Some(text) = slot.refusal(&proof, &self.clock, self.config.refusal_memory) {
            return Err(PeekError::Refused(text));
        }
        let known = slot.known(&proof, &self.clock, |server| self.upstream.heard(server));
        let demand = freshness.demand();
        if let Some(known) = &known
            && known
                .held
                .is_some_and(|held| query.mode.tells_more_than(held))
            && !freshness.only_if_cached
            && slot.wants_more(query.mode, &self.clock)
        {
            let password = query.tenant_password.clone();
            if let Ok(spec) = self.spec(&slot, query.mode, password, proof.clone()) {
                self.upstream.upgrade(spec);
            }
        }
        if let Some(known) = &known
            && self.is_good_enough(
                (known.age, known.kept_open),
                demand,
                freshness.only_if_cached,
            )
        {
            return Ok(from_store(known, demand));
        }
        if freshness.only_if_cached {
            return Err(PeekError::NotCached);
        }
        let why = match (&known, demand) {
            (None, _) => Why::Miss,
            (Some(_), Demand::Live) => Why::Request,
            (Some(_), _) => Why::Stale,
        };
        let spec = self.spec(&slot, query.mode, query.tenant_password, proof)?;
        match self.fetch(spec, demand == Demand::Live).await {
            Ok((value, collapsed)) => {
                let source = Source::Live { why, collapsed };
                Ok(Answer {
                    value,
                    age: Age::Known(0),
                    source,
                })
            }
            // A verdict on the statistic, and no failure that an older value could stand in for.
            Err(refused @ (PeekError::Refused(_) | PeekError::NotDefined(_))) => Err(refused),
            Err(failure) => known
                .filter(|known| may_stand_in(known, demand, freshness))
                .map(|known| Answer {
                    value: known.value,
                    age: known.age,
                    source: Source::StoreAfterFailure { why },
                })
                .ok_or(failure),
        }
    }

    /// The statistic's slot; a new one only where a fetch could be tried.
    fn slot(&self, query: &Query, freshness: Freshness) -> Result<Arc<Slot>, PeekError> {
        if let Some(slot) = self.cache.ask(&query.statistic) {
            return Ok(slot);
        }
        if freshness.only_if_cached {
            return Err(PeekError::NotCached);
        }
        self.upstream
            .check(&query.statistic)
            .map_err(|error| not_started(error, query.statistic.metric()))?;
        self.cache
            .intern(&query.statistic)
            .map_err(|_| PeekError::TooMany)
    }

    pub(super) fn spec(
        &self,
        slot: &Slot,
        mode: NotificationMode,
        password: SecretString,
        proof: PasswordProof,
    ) -> Result<OpenSpec, PeekError> {
        let statistic = slot.statistic.clone();
        let spec = self
            .upstream
            .spec(slot.id, statistic, mode, (password, proof));
        spec.map_err(|error| PeekError::Refused(error.to_string().into()))
    }

    fn is_good_enough(
        &self,
        (age, kept_open): (Age, bool),
        demand: Demand,
        only_if_cached: bool,
    ) -> bool {
        match demand {
            // Notifications keep it true, or will again: this is what makes a restart invisible.
            Demand::Anything if kept_open || only_if_cached => true,
            Demand::Anything => age.within(self.config.default_max_age),
            demand => demand.accepts(age),
        }
    }

    /// What a slot shows at `now`, as [`AnswerPeeks::glance`] tells it.
    fn look(
        &self,
        slot: &Slot,
        (proof, mode): (&PasswordProof, NotificationMode),
        (demand, freshness): (Demand, Freshness),
        now: Moment,
        out: &mut String,
    ) -> Option<(Age, Option<Duration>)> {
        let heard = |server| self.upstream.heard(server);
        let accept = |age, kept_open| {
            self.is_good_enough((age, kept_open), demand, freshness.only_if_cached)
        };
        let age = slot.glance((proof, mode), now, heard, accept, out)?;
        Some((age, time_left(demand, age)))
    }

    /// A live value, within the caller's deadline. A fetch that a lost connection took along is
    /// tried once more if the other Stat Server answers soon.
    async fn fetch(&self, spec: OpenSpec, only_recent: bool) -> Result<Fetched, PeekError> {
        let deadline = Instant::now() + self.config.deadline;
        let connections = self.upstream.connections(&spec);
        if let Some(fetched) = self.fetch_once(&spec, only_recent, deadline).await? {
            return Ok(fetched);
        }
        let patience = deadline.min(Instant::now() + SWITCHOVER_PATIENCE);
        let again = self.upstream.connected_again(&spec, connections);
        if timeout_at(patience, again).await.is_err() {
            return Err(PeekError::Unavailable);
        }
        let fetched = self.fetch_once(&spec, only_recent, deadline).await?;
        fetched.ok_or(PeekError::Unavailable)
    }

    /// `None` when the connection was lost before the answer came.
    async fn fetch_once(
        &self,
        spec: &OpenSpec,
        only_recent: bool,
        deadline: Instant,
    ) -> Result<Option<Fetched>, PeekError> {
        let key: Key = (spec.id, spec.terms.proof.clone());
        let boarding = self.flights.board(&key, only_recent);
        if boarding.is_to_be_sent {
            self.send(key, spec.clone(), boarding.flight.clone())
                .map_err(|error| not_started(error, spec.statistic.metric()))?;
        }
        match timeout_at(deadline, boarding.flight.outcome()).await {
            Ok(Outcome::Value(value)) => Ok(Some((value.clone(), boarding.collapsed))),
            Ok(Outcome::Refused(text)) => Err(PeekError::Refused(text.clone())),
            Ok(Outcome::Lost) => Ok(None),
            Err(_) => Err(PeekError::Deadline(self.config.deadline)),
        }
    }

    /// Sends a fetch; when it lands, everybody is told and a follow-up, if any, is sent.
    pub(super) fn send(
        &self,
        key: Key,
        spec: OpenSpec,
        flight: Arc<Flight>,
    ) -> Result<(), FetchError> {
        let this = self.this.clone();
        let again = spec.clone();
        let ticket = Ticket::new(move |outcome| {
            let Some(peek) = this.upgrade() else { return };
            if let (Outcome::Value(_), Some(slot)) = (&outcome, peek.cache.slot(key.0))
                && slot.vouch(&key.1)
            {
                peek.cache.touch_revision(&slot);
                peek.cache.tell();
            }
            if let Some(follow_up) = peek.flights.landed(&key, &flight, outcome) {
                // A follow-up that cannot be sent is told so by its own dropped ticket.
                peek.send(key, again, follow_up).unwrap_or_default();
            }
        });
        self.upstream.fetch(spec, ticket)
    }
}

impl AnswerPeeks for Peek {
    async fn peek(&self, query: Query, freshness: Freshness) -> Result<Answer, PeekError> {
        self.answer(query, freshness).await
    }

    fn glance(
        &self,
        question: Glance<'_>,
        freshness: Freshness,
        now: Instant,
        out: &mut String,
    ) -> Option<(Age, Option<Duration>)> {
        let (now, demand) = (self.clock.moment(now), freshness.demand());
        let proof = self.proofs.prove_text(question.tenant_password);
        let asker = (&proof, question.mode);
        let look = |slot: &Slot| self.look(slot, asker, (demand, freshness), now, out);
        self.cache.ask_by_key(question.key, now, look).flatten()
    }

    fn glance_all(
        &self,
        questions: &[Glance<'_>],
        freshness: Freshness,
        now: Instant,
        mut lead: impl FnMut(usize, &mut String),
        out: &mut String,
    ) -> Option<(Age, Option<Duration>)> {
        let (now, demand) = (self.clock.moment(now), freshness.demand());
        let mut all = (Age::Known(0), None);
        // A password is proven once, not for each statistic of its tenant.
        let mut proven = ("", PasswordProof::NONE);
        let keys = questions.iter().map(|question| question.key);
        self.cache.ask_all_by_key(keys, now, |place, slot| {
            lead(place, out);
            let question = questions.get(place)?;
            let password = question.tenant_password;
            if !std::ptr::eq(password, proven.0) {
                proven = (password, self.proofs.prove_text(password));
            }
            let asker = (&proven.1, question.mode);
            let one = self.look(slot, asker, (demand, freshness), now, out)?;
            all = together(all, one);
            Some(())
        })?;
        Some(all)
    }

    fn fetch_all(
        &self,
        questions: &[Glance<'_>],
        freshness: Freshness,
        now: Instant,
    ) -> Option<Fetching> {
        self.gather(questions, freshness, now)
    }

    fn board(&self) -> Option<&Arc<Board>> {
        Some(&self.board)
    }

    async fn forget(
        &self,
        id: PublicId,
        selector: &Selector,
        with_history: bool,
    ) -> Result<(), NotForgotten> {
        self.forget_one(id, selector, with_history).await
    }

    fn servers(&self) -> Vec<ServerReport> {
        self.upstream.pairs().iter().map(ServerReport::of).collect()
    }
}

fn from_store(known: &Known, demand: Demand) -> Answer {
    Answer {
        value: known.value.clone(),
        age: known.age,
        source: Source::Store {
            ttl: time_left(demand, known.age),
        },
    }
}

/// For how much longer the demand would be met by what is this old.
fn time_left(demand: Demand, age: Age) -> Option<Duration> {
    match (demand, age) {
        // Without a limit it never runs out, and the header could not hold so great a number.
        (Demand::AtMost(Duration::MAX), _) => None,
        (Demand::AtMost(limit), Age::Known(ms)) => {
            Some(limit.saturating_sub(Duration::from_millis(ms)))
        }
        _ => None,
    }
}

/// Whether a known value may be answered although a live one was wanted and none came.
fn may_stand_in(known: &Known, demand: Demand, freshness: Freshness) -> bool {
    match (demand, freshness.stale_if_error) {
        (Demand::Anything, _) | (_, Some(Duration::MAX)) => true,
        (_, Some(limit)) => known.age.within(limit),
        (_, None) => false,
    }
}

fn not_started(error: FetchError, metric: &str) -> PeekError {
    match error {
        FetchError::NotDefined => PeekError::NotDefined(metric.into()),
        FetchError::Unavailable => PeekError::Unavailable,
        FetchError::Impossible(error) => PeekError::Refused(error.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    #[test]
    fn a_stored_answer_tells_the_time_left_only_where_the_demand_has_a_limit() {
        let known = Known {
            value: Value::Integer(1),
            age: Age::Known(1_500),
            kept_open: true,
            held: None,
        };
        let ttl = |demand| match from_store(&known, demand).source {
            Source::Store { ttl } => ttl,
            other => panic!("{other:?}"),
        };
        let limit = Duration::from_secs(5);
        assert_eq!(
            ttl(Demand::AtMost(limit)),
            Some(Duration::from_millis(3_500))
        );
        assert_eq!(ttl(Demand::AtMost(Duration::MAX)), None);
        assert_eq!(ttl(Demand::Anything), None);
    }
}
