//! Upstream events become samples: stamped on arrival, put into the cache and the store, and only
//! then told to whoever waits.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::cache::{Applied, Cache, Slot};
use crate::model::{
    Clock, NotificationMode, PasswordProof, Quality, Sample, ServerId, StatisticId, Timestamp,
};
use crate::store::{Change, Subscription, Writer};
use crate::upstream::{Batch, Event, Outcome, Ticket};

/// Batches that wait to be ingested; when full, the pairs stop reading from their sockets. A batch may
/// hold a whole read's worth of values, thousands, and a live answer stands behind all of them.
pub const BATCH_QUEUE_LEN: usize = 64;
/// Samples put into the cache under one hold of its index: some ten microseconds.
const SAMPLES_AT_ONCE: usize = 64;

/// The one task through which every value comes in.
pub struct Ingest {
    cache: Arc<Cache>,
    writer: Writer,
    clock: Clock,
}

impl Ingest {
    /// An ingest into this cache and this store.
    #[must_use]
    pub fn new(cache: Arc<Cache>, writer: Writer, clock: Clock) -> Self {
        Self {
            cache,
            writer,
            clock,
        }
    }

    /// Takes in batches until every sender is gone.
    pub async fn run(self, mut batches: mpsc::Receiver<Batch>) {
        while let Some(batch) = batches.recv().await {
            self.take_in(batch);
        }
    }

    /// Takes in one batch.
    pub fn take_in(&self, batch: Batch) {
        let mut changes = Vec::with_capacity(batch.events.len());
        let mut told = Vec::new();
        let mut samples = Vec::with_capacity(SAMPLES_AT_ONCE.min(batch.events.len()));
        // All of it arrived together.
        let arrived = self.clock.wall();
        for event in batch.events {
            if let Event::Value {
                id,
                epoch,
                value,
                quality,
                source_time,
                tickets,
            } = event
            {
                let tickets = tickets.into_iter();
                told.extend(tickets.map(|ticket| (ticket, Outcome::Value(value.clone()))));
                let sample = Sample {
                    value,
                    quality,
                    source_time,
                    received_at: arrived,
                    validated_at: arrived,
                    server: batch.server,
                    epoch,
                };
                samples.push((id, sample));
                if samples.len() >= SAMPLES_AT_ONCE {
                    self.apply(&mut samples, &mut changes);
                }
            } else {
                self.apply(&mut samples, &mut changes);
                let from = (batch.server, &*batch.name, arrived);
                self.event(from, event, &mut changes, &mut told);
            }
        }
        self.apply(&mut samples, &mut changes);
        self.cache.tell();
        self.writer.record(changes);
        for (ticket, outcome) in told {
            ticket.complete(outcome);
        }
    }

    fn apply(&self, samples: &mut Vec<(StatisticId, Sample)>, changes: &mut Vec<Change>) {
        if samples.is_empty() {
            return;
        }
        self.cache.apply_all(samples, |id, applied| match applied {
            Applied::Changed(sample, revision) => changes.push(Change::Sample {
                id,
                sample,
                revision,
            }),
            Applied::Confirmed(at) => changes.push(Change::Validated { id, at }),
            Applied::Outdated => {}
        });
    }

    /// Anything but a value, from a server, under its configured name, when it arrived.
    fn event(
        &self,
        (server, name, arrived): (ServerId, &str, Timestamp),
        event: Event,
        changes: &mut Vec<Change>,
        told: &mut Vec<(Ticket, Outcome)>,
    ) {
        match event {
            // Taken in with those around it.
            Event::Value { .. } => {}
            Event::Opened { id, mode, proof } => self.opened(id, mode, proof, changes),
            Event::Accepted { id, proof } => self.accepted(id, proof, changes),
            Event::Refused {
                id,
                proof,
                text,
                tickets,
            } => {
                if let Some(slot) = self.cache.slot(id) {
                    slot.refuse(proof, text.clone(), &self.clock);
                    self.cache.touch_revision(&slot);
                }
                let tickets = tickets.into_iter();
                told.extend(tickets.map(|ticket| (ticket, Outcome::Refused(text.clone()))));
            }
            Event::Validity { id, valid } => {
                let quality = if valid {
                    Quality::Good
                } else {
                    Quality::Uncertain
                };
                if self.cache.set_quality(id, quality) {
                    changes.push(Change::Quality { id, quality });
                }
            }
            Event::Closed { id } => {
                if let Some(slot) = self.cache.slot(id) {
                    slot.released();
                    self.cache.touch_revision(&slot);
                    changes.push(Change::Unsubscribed { id });
                }
            }
            Event::LinkUp => changes.push(Change::LinkUp {
                server,
                at: arrived,
            }),
            Event::LinkDown { heard } => {
                self.cache.distrust(server, heard);
                changes.push(Change::LinkDown {
                    server,
                    at: arrived,
                });
            }
            Event::StatTypes { names } => changes.push(Change::StatTypes {
                server_name: name.to_owned(),
                names,
            }),
        }
    }

    fn opened(
        &self,
        id: StatisticId,
        mode: NotificationMode,
        proof: PasswordProof,
        changes: &mut Vec<Change>,
    ) {
        let Some(slot) = self.cache.slot(id) else {
            return;
        };
        let protected = proof.is_some();
        let news = slot.opened(Some(mode), proof);
        if news.registered {
            self.register(&slot, changes);
        }
        if news.visible {
            self.cache.touch_revision(&slot);
        }
        if news.stored {
            changes.push(Change::Subscribed {
                id,
                subscription: Subscription { mode, protected },
            });
        }
    }

    /// A value was given for it, and nothing is held open.
    fn accepted(&self, id: StatisticId, proof: PasswordProof, changes: &mut Vec<Change>) {
        let Some(slot) = self.cache.slot(id) else {
            return;
        };
        let protected = proof.is_some();
        let news = slot.opened(None, proof);
        if news.registered {
            self.register(&slot, changes);
        }
        if news.visible {
            self.cache.touch_revision(&slot);
        }
        if news.stored && protected {
            // That a password is needed is remembered with how it is open, and stays.
            let subscription = Subscription {
                mode: NotificationMode::NoNotification,
                protected,
            };
            changes.push(Change::Subscribed { id, subscription });
            changes.push(Change::Unsubscribed { id });
        }
    }

    fn register(&self, slot: &Slot, changes: &mut Vec<Change>) {
        self.cache.accepted(slot);
        changes.push(Change::Registered {
            id: slot.id,
            statistic: slot.statistic.clone(),
        });
    }
}
