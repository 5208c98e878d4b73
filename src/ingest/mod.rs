//! Upstream events become samples: stamped on arrival, put into the cache and the store, and only
//! then told to whoever waits.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::cache::{Applied, Cache, Slot};
use crate::model::{
    Clock, NotificationMode, PasswordProof, Quality, Sample, ServerId, StatisticId,
};
use crate::store::{Change, Subscription, Writer};
use crate::upstream::{Batch, Event, Outcome};

/// Batches that wait to be ingested; when full, the pairs stop reading from their sockets.
pub const BATCH_QUEUE_LEN: usize = 1024;

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
        for event in batch.events {
            self.event(batch.server, &batch.name, event, &mut changes, &mut told);
        }
        self.cache.tell();
        self.writer.record(changes);
        for (ticket, outcome) in told {
            ticket.complete(outcome);
        }
    }

    fn event(
        &self,
        server: ServerId,
        name: &str,
        event: Event,
        changes: &mut Vec<Change>,
        told: &mut Vec<(crate::upstream::Ticket, Outcome)>,
    ) {
        match event {
            Event::Value {
                id,
                epoch,
                value,
                quality,
                source_time,
                tickets,
            } => {
                let arrived = self.clock.wall();
                let tickets = tickets.into_iter();
                told.extend(tickets.map(|ticket| (ticket, Outcome::Value(value.clone()))));
                let sample = Sample {
                    value,
                    quality,
                    source_time,
                    received_at: arrived,
                    validated_at: arrived,
                    server,
                    epoch,
                };
                match self.cache.apply(id, sample) {
                    Some(Applied::Changed(sample, revision)) => {
                        changes.push(Change::Sample {
                            id,
                            sample: *sample,
                            revision,
                        });
                    }
                    Some(Applied::Confirmed(at)) => changes.push(Change::Validated { id, at }),
                    Some(Applied::Outdated) | None => {}
                }
            }
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
                at: self.clock.wall(),
            }),
            Event::LinkDown { heard } => {
                self.cache.distrust(server, heard);
                changes.push(Change::LinkDown {
                    server,
                    at: self.clock.wall(),
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
