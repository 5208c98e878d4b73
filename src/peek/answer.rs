//! What is asked and what comes back.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use super::{Board, Fetching, Freshness, NotForgotten, PublicId, Selector, ServerReport};
use crate::model::{Age, NotificationMode, Statistic, Value};

/// One question: what is this statistic now?
#[derive(Debug, Clone)]
pub struct Query {
    /// Which statistic.
    pub statistic: Statistic,
    /// How to open it, if it has to be opened. `Reset` goes with `statistic.reset`.
    pub mode: NotificationMode,
    /// The tenant's password as the caller gave it; empty for none. Never stored, logged or shown.
    pub tenant_password: SecretString,
}

/// A value, and where it came from.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// How long ago it was last validated; zero for a value fetched for this request.
    pub age: Age,
    /// From the store, or from the Stat Server and why.
    pub source: Source,
}

/// Where an answer came from: what `Cache-Status` (RFC 9211) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The store. `ttl` is how much longer the same demand would be answered from it, where the
    /// demand named an age.
    Store {
        /// Time left, if the demand named an age.
        ttl: Option<Duration>,
    },
    /// The Stat Server.
    Live {
        /// Why the store would not do.
        why: Why,
        /// Whether another request's fetch was joined.
        collapsed: bool,
    },
    /// The store, because the Stat Server gave nothing and the demand allowed that.
    StoreAfterFailure {
        /// Why the store would not do at first.
        why: Why,
    },
}

/// Why the store's value would not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// None was known.
    Miss,
    /// It was older than the request allows.
    Stale,
    /// The request wanted a live one.
    Request,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeekError {
    /// The Stat Server refuses the statistic; its own text.
    #[error("{0}")]
    Refused(Arc<str>),
    /// Every Stat Server's stat types are known, and none has this metric.
    #[error("Statistic type '{0}' is not defined on any configured Stat Server")]
    NotDefined(Box<str>),
    /// A live value is needed and no Stat Server that could give it is connected.
    #[error("Statistic Service unavailable")]
    Unavailable,
    /// A live value is needed and none came in time.
    #[error(
        "Statistic Service unavailable: no value came from the Stat Server within {}",
        humantime::format_duration(*.0)
    )]
    Deadline(Duration),
    /// `only-if-cached`, and no usable value is known.
    #[error("no stored value satisfies the request, and only-if-cached forbids asking for one")]
    NotCached,
    /// More statistics are open than the configuration allows.
    #[error("too many statistics are open (setting http.limits.open_statistics)")]
    TooMany,
}

/// One question as it stands in a request, for [`AnswerPeeks::glance`].
#[derive(Clone, Copy)]
pub struct Glance<'a> {
    /// Which statistic: its key (see [`Statistic::key`](crate::model::Statistic::key)).
    pub key: &'a [u8],
    /// As [`Query::mode`].
    pub mode: NotificationMode,
    /// As [`Query::tenant_password`]; empty for none.
    pub tenant_password: &'a str,
}

/// Somebody who answers peeks: [`super::Peek`], or a table in a test of the HTTP edge.
pub trait AnswerPeeks: Send + Sync + 'static {
    /// Answers one question as freshly as demanded.
    fn peek(
        &self,
        query: Query,
        freshness: Freshness,
    ) -> impl Future<Output = Result<Answer, PeekError>> + Send;

    /// Appends the value that [`AnswerPeeks::peek`] would answer from the store to `out`, as JSON, and
    /// tells its age and the time left as [`Source::Store`] does. `None` where it takes more than
    /// memory to answer or to refuse: nothing has been done then but that the idle clock starts over.
    fn glance(
        &self,
        _question: Glance<'_>,
        _freshness: Freshness,
        _now: Instant,
        _out: &mut String,
    ) -> Option<(Age, Option<Duration>)> {
        None
    }

    /// As [`AnswerPeeks::glance`], of many at once, with what `lead` writes before each value; tells
    /// the age of the oldest and the least time left.
    fn glance_all(
        &self,
        questions: &[Glance<'_>],
        freshness: Freshness,
        now: Instant,
        mut lead: impl FnMut(usize, &mut String),
        out: &mut String,
    ) -> Option<(Age, Option<Duration>)> {
        let mut all = (Age::Known(0), None);
        for (place, question) in questions.iter().enumerate() {
            lead(place, out);
            let one = self.glance(*question, freshness, now, out)?;
            all = together(all, one);
        }
        Some(all)
    }

    /// Has all of these fetched live, where that is what is demanded and where it takes no more than
    /// that: each is known already, to somebody with that password. `None` otherwise; nothing has been
    /// done then but that the idle clocks start over.
    fn fetch_all(
        &self,
        _questions: &[Glance<'_>],
        _freshness: Freshness,
        _now: Instant,
    ) -> Option<Fetching> {
        None
    }

    /// What is known, for those who look around.
    fn board(&self) -> Option<&Arc<Board>> {
        None
    }

    /// Closes and forgets a statistic of those chosen.
    fn forget(
        &self,
        _id: PublicId,
        _selector: &Selector,
        _with_history: bool,
    ) -> impl Future<Output = Result<(), NotForgotten>> + Send {
        async { Err(NotForgotten::Unknown) }
    }

    /// The Stat Servers that live answers come from.
    fn servers(&self) -> Vec<ServerReport> {
        Vec::new()
    }
}

/// Ages and times left of several answers, put together.
pub(super) fn together(
    (oldest, least): (Age, Option<Duration>),
    (age, left): (Age, Option<Duration>),
) -> (Age, Option<Duration>) {
    (oldest.max(age), [least, left].into_iter().flatten().min())
}
