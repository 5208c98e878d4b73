//! What a statistic was: its changes in a range of time, or its course in equal steps.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::view::PublicId;
use crate::model::{Epoch, Quality, ServerId, StatisticId, Timestamp, Value};
use crate::store::{self, History, PastSample, Range};

/// Reads of history at a time: they wait for the disk, and answers of memory must not.
const READERS: usize = 2;

/// The stored past of all statistics.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    history: History,
    readers: Arc<Semaphore>,
}

/// What a statistic was in a range of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// What it was at the beginning of the range, if that is kept.
    pub before: Option<PastPoint>,
    /// Its changes in the range, in the order of arrival.
    pub changes: Vec<PastPoint>,
    /// When nothing is known of it.
    pub gaps: Vec<Hole>,
}

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub struct PastPoint {
    /// When it arrived.
    pub at: Timestamp,
    /// The value from then on.
    pub value: Value,
    /// How far it may be trusted from then on.
    pub quality: Quality,
    /// The configured name of the pair it came from.
    pub server: Option<Arc<str>>,
    /// Which opening of the statistic it belongs to.
    pub epoch: Epoch,
}

/// A stretch of time of which nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None` while it lasts.
    pub to: Option<Timestamp>,
    /// Why.
    pub reason: &'static str,
}

/// One step of a course.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its beginning.
    pub from: Timestamp,
    /// What was asked for; `None` where nothing is known, or a text has no such thing.
    pub value: Option<Value>,
    /// How much of the step the value is known of.
    pub known: Duration,
}

/// What becomes of the changes in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The value at its end.
    Last,
    /// The mean of the values that held in it.
    Mean,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The mean by how long each value held.
    WeightedMean,
    /// How many changes there were.
    Count,
}

impl Aggregate {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Last,
        Self::Mean,
        Self::Min,
        Self::Max,
        Self::WeightedMean,
        Self::Count,
    ];

    /// The name that clients use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::WeightedMean => "weightedMean",
            Self::Count => "count",
        }
    }
}

/// Why the past cannot be told. The cause is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl Archive {
    pub(super) fn new(history: History) -> Self {
        Self {
            history,
            readers: Arc::new(Semaphore::new(READERS)),
        }
    }

    pub(super) async fn course(
        &self,
        id: PublicId,
        from: Timestamp,
        to: Timestamp,
        name: impl Fn(ServerId) -> Option<Arc<str>>,
    ) -> Result<Course, Unreadable> {
        let range = Range { from, to };
        let past = self
            .read(id, move |history, id| history.past(id, range))
            .await?;
        for damage in &past.damaged {
            tracing::warn!(%damage, "a part of the history cannot be read");
        }
        let point = |sample: PastSample| PastPoint {
            at: sample.at,
            value: sample.value,
            quality: sample.quality,
            server: name(sample.server),
            epoch: sample.epoch,
        };
        let gaps = past.gaps.iter().map(hole).collect();
        Ok(Course {
            before: past.before.map(point),
            changes: past.samples.into_iter().map(point).collect(),
            gaps,
        })
    }

    pub(super) async fn steps(
        &self,
        id: PublicId,
        (from, to): (Timestamp, Timestamp),
        step: Duration,
        aggregate: Aggregate,
    ) -> Result<Vec<Step>, Unreadable> {
        let range = Range { from, to };
        let read = move |history: &History, id| history.resample(id, range, step);
        let steps = self.read(id, read).await?;
        let pick = |step: store::Step| Step {
            from: step.from,
            known: step.known,
            value: match aggregate {
                Aggregate::Last => step.last,
                Aggregate::Mean => step.mean.map(number),
                Aggregate::Min => step.min.map(number),
                Aggregate::Max => step.max.map(number),
                Aggregate::WeightedMean => step.weighted_mean.map(number),
                Aggregate::Count => i64::try_from(step.count).ok().map(Value::Integer),
            },
        };
        Ok(steps.into_iter().map(pick).collect())
    }

    async fn read<T: Send + 'static>(
        &self,
        id: PublicId,
        read: impl FnOnce(&History, StatisticId) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Unreadable> {
        let permit = self.readers.clone().acquire_owned().await;
        let history = self.history.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let outcome = read(&history, id.id);
            drop(permit);
            outcome
        });
        match reading.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                tracing::warn!(%error, "history cannot be read");
                Err(Unreadable)
            }
            Err(_) => Err(Unreadable),
        }
    }
}

/// A gap as it is shown.
pub(super) fn hole(gap: &store::Gap) -> Hole {
    Hole {
        from: gap.from,
        to: gap.to,
        reason: gap.reason.name(),
    }
}

/// A number as a Stat Server would have written it.
fn number(number: f64) -> Value {
    Value::from_text(&number.to_string())
}
