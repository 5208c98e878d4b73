//! One statistic opened, peeked and closed, to see in which form each is answered.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use super::report::{ClosedForm, PeekAnswer, Trial};
use super::talk::Talk;
use crate::model::{NotificationMode, Statistic, Value};
use crate::wire::{
    Event, EventKind, EventValue, Notification, Object, Refinements, Request, decode_state,
};

/// Past those of the lists.
const OPEN: i32 = 11;
const PEEK: i32 = 12;
const CLOSE: i32 = 13;

/// How far the trial has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Progress {
    #[default]
    NotBegun,
    Opening,
    Open,
    Peeking,
    Closing,
}

impl Talk<'_> {
    /// Opens and peeks; the statistic then stays open while the probe listens.
    pub(super) async fn try_out(&mut self, statistic: &Statistic) -> Result<(), String> {
        self.report.trial = Some(Trial {
            statistic: statistic.to_string(),
            ..Trial::default()
        });
        self.trial = Progress::Opening;
        self.ask(&open(statistic)).await?;
        let is_decided = |trial: &Trial| trial.acknowledged_in.is_some() || trial.refusal.is_some();
        self.hear_of(is_decided).await?;
        if self.trial != Progress::Open {
            return Ok(());
        }
        // That it comes by itself is what is to be found out; none is no failure.
        self.hear_of(|trial| trial.first_value_in.is_some()).await?;
        self.trial = Progress::Peeking;
        self.ask(&Request::Peek {
            reference_id: PEEK,
            statistic: OPEN,
        })
        .await?;
        self.hear_of(|trial| trial.peek.is_some() || trial.refusal.is_some())
            .await
    }

    /// Leaves nothing open behind.
    pub(super) async fn close_what_was_opened(&mut self) -> Result<(), String> {
        if !matches!(self.trial, Progress::Open | Progress::Peeking) {
            return Ok(());
        }
        self.trial = Progress::Closing;
        self.ask(&Request::Close {
            reference_id: CLOSE,
            statistic: OPEN,
        })
        .await?;
        self.hear_of(|trial| trial.closed.is_some() || trial.refusal.is_some())
            .await
    }

    async fn ask(&mut self, request: &Request<'_>) -> Result<(), String> {
        let mut out = BytesMut::new();
        request.write(self.config.charset, &mut out);
        self.send(&out).await
    }

    async fn hear_of(&mut self, is_there: impl Fn(&Trial) -> bool) -> Result<(), String> {
        let is_there = |talk: &Self| talk.report.trial.as_ref().is_some_and(&is_there);
        self.hear_while_patient(is_there).await.map(drop)
    }

    /// Notes what an event tells of the statistic.
    pub(super) fn heard_of_trial(&mut self, event: &Event<'_>) {
        let took = self.since_asked();
        let value = (event.kind == EventKind::Info).then(|| self.reads_as(event));
        let progress = self.trial;
        let Some(trial) = &mut self.report.trial else {
            return;
        };
        match event.kind {
            EventKind::StatisticOpened if event.reference_id == OPEN => {
                trial.acknowledged_in.get_or_insert(took);
                if progress == Progress::Opening {
                    self.trial = Progress::Open;
                }
            }
            EventKind::Info => {
                trial.values.extend(value);
                note_value(trial, progress, event.reference_id, took);
            }
            EventKind::StatisticClosed => {
                trial.closed.get_or_insert(ClosedForm {
                    took,
                    under_the_close: event.reference_id == CLOSE,
                    names_the_statistic: event.int_value == i64::from(OPEN),
                });
            }
            EventKind::Error => {
                let text = event.text.as_deref().unwrap_or_default();
                trial.refusal = Some((event.int_value, text.to_owned()));
            }
            _ => {}
        }
    }

    fn reads_as(&self, event: &Event<'_>) -> String {
        let value = match event.value() {
            EventValue::Text(text) => Value::from_text(text),
            EventValue::Int(int) => Value::Integer(int),
            EventValue::State(body) => {
                let compat = self.report.compat.unwrap_or_default();
                let (state, _) = decode_state(body, compat, self.config.charset);
                Value::State(Arc::new(state))
            }
        };
        value.to_json()
    }
}

fn note_value(trial: &mut Trial, progress: Progress, reference_id: i32, took: Duration) {
    match progress {
        Progress::Opening | Progress::Open => {
            trial.first_value_in.get_or_insert(took);
            trial.is_value_first |= trial.acknowledged_in.is_none();
        }
        Progress::Peeking if matches!(reference_id, OPEN | PEEK) => {
            trial.peek.get_or_insert(PeekAnswer {
                took,
                under_the_open: reference_id == OPEN,
            });
        }
        _ => {}
    }
}

fn open(statistic: &Statistic) -> Request<'_> {
    let [filter, time_profile, time_range, time_range2] = statistic.refinements().map(Into::into);
    Request::Open {
        reference_id: OPEN,
        tag: None,
        object: Object {
            object_type: statistic.object_type().code().into(),
            object_id: statistic.object_id().into(),
            tenant: statistic.tenant().into(),
            tenant_password: Cow::default(),
        },
        metric: statistic.metric().into(),
        notification: Notification::of(NotificationMode::Immediate),
        refinements: Refinements {
            filter,
            time_profile,
            time_range,
            time_range2,
        },
    }
}
