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

/// Samples that are about to be taken in together.
struct Samples {
    list: Vec<(StatisticId, Sample)>,
    /// A bit for each of their statistics, which others may share.
    marks: u64,
}

impl Samples {
    fn with_room_for(count: usize) -> Self {
        Self {
            list: Vec::with_capacity(SAMPLES_AT_ONCE.min(count)),
            marks: 0,
        }
    }

    fn push(&mut self, id: StatisticId, sample: Sample) {
        self.marks |= mark(id);
        self.list.push((id, sample));
    }

    /// Whether one of them may be of this statistic.
    fn may_hold(&self, id: StatisticId) -> bool {
        self.marks & mark(id) != 0
    }
}

fn mark(id: StatisticId) -> u64 {
    1 << (id.0 % u64::BITS)
}

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
        let mut samples = Samples::with_room_for(batch.events.len());
        // All of it arrived together.
        let arrived = self.clock.wall();
        for event in batch.events {
            match event {
                Event::Value {
                    id,
                    epoch,
                    value,
                    quality,
                    source_time,
                    tickets,
                } => {
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
                    samples.push(id, sample);
                    if samples.list.len() >= SAMPLES_AT_ONCE {
                        self.apply(&mut samples, &mut changes);
                    }
                }
                // At a start every other event is one: no reason to take in each value by itself.
                Event::Opened { id, mode, proof } if !samples.may_hold(id) => {
                    self.opened(id, mode, proof, &mut changes);
                }
                event => {
                    self.apply(&mut samples, &mut changes);
                    let from = (batch.server, &*batch.name, arrived);
                    self.event(from, event, &mut changes, &mut told);
                }
            }
        }
        self.apply(&mut samples, &mut changes);
        self.cache.tell();
        self.writer.record(changes);
        for (ticket, outcome) in told {
            ticket.complete(outcome);
        }
    }

    fn apply(&self, samples: &mut Samples, changes: &mut Vec<Change>) {
        samples.marks = 0;
        if samples.list.is_empty() {
            return;
        }
        self.cache
            .apply_all(&mut samples.list, |id, applied| match applied {
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
