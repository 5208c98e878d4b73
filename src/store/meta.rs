//! The small facts of the `meta` tree: the start's number, the epochs' ceiling, the checkpoint, and
//! names.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::{
    self, Assembler, CheckpointV1, Fault, Joined, Part, ServersV1, StatTypesV1, part_key,
};
use super::engine::{Engine, EngineError, Tree};
use super::image::Image;
use super::migrations::SCHEMA_VERSION;
use super::status::{Damage, Sequence};
use crate::model::Revision;

const GENERATION: &str = "generation";
const EPOCH_CEILING: &str = "epoch_ceiling";
const CHECKPOINT: &str = "checkpoint";
const SERVERS: &str = "servers";
const STAT_TYPES: &str = "stat_types";
const DROPPED: &str = "dropped";

/// What was read, and how many parts each fact had, so that surplus ones can be removed.
#[derive(Debug, Default)]
pub(super) struct Meta {
    pub(super) generation: u32,
    pub(super) epoch_ceiling: u64,
    pub(super) checkpoint: CheckpointV1,
    pub(super) servers: ServersV1,
    pub(super) stat_types: StatTypesV1,
    /// Generation and counter up to which something was dropped; not stored while nothing was.
    pub(super) dropped: (u32, u64),
    parts: BTreeMap<&'static str, u16>,
}

impl Meta {
    /// Reads all facts; what is damaged is as if it had never been written.
    pub(super) fn read(engine: &Engine, damage: &mut Damage) -> Result<Self, EngineError> {
        let mut assembler = Assembler::default();
        let mut facts = Vec::new();
        engine.scan(Tree::Meta, &[], |key, value| {
            if key != SCHEMA_VERSION {
                facts.extend(assembler.push(key, value));
            }
            ControlFlow::Continue(())
        })?;
        facts.extend(assembler.finish());

        let mut meta = Self::default();
        for fact in facts {
            meta.take(&fact, damage);
        }
        Ok(meta)
    }

    fn take(&mut self, fact: &Joined, damage: &mut Damage) {
        let name = match fact.prefix.as_slice() {
            b"generation" => fill(GENERATION, &mut self.generation, fact, damage),
            b"epoch_ceiling" => fill(EPOCH_CEILING, &mut self.epoch_ceiling, fact, damage),
            b"checkpoint" => fill(CHECKPOINT, &mut self.checkpoint, fact, damage),
            b"servers" => fill(SERVERS, &mut self.servers, fact, damage),
            b"dropped" => fill(DROPPED, &mut self.dropped, fact, damage),
            b"stat_types" => fill(STAT_TYPES, &mut self.stat_types, fact, damage),
            _ => return damage.note("an unknown fact in the meta tree".to_owned()),
        };
        self.parts.insert(name, fact.parts);
    }

    /// Writes the number of this start and the epochs' ceiling. Not durable before a flush.
    pub(super) fn write_start(&mut self, engine: &Engine) -> Result<(), EngineError> {
        let (generation, ceiling) = (self.generation, self.epoch_ceiling);
        let mut batch = FactBatch::default();
        batch.add(GENERATION, &generation, &mut self.parts)?;
        batch.add(EPOCH_CEILING, &ceiling, &mut self.parts)?;
        batch.write(engine)
    }

    /// All facts as they are after journal entry `covers`, for a copy of the store without journal.
    pub(super) fn parts_with(&self, covers: Sequence, image: &Image) -> Result<Vec<Part>, Fault> {
        let revision = image.last_revision();
        let checkpoint = CheckpointV1 {
            sequence: covers.0,
            next_id: image.next_id(),
            journal_size: 0,
            generation: revision.generation,
            counter: revision.counter,
        };
        let names = image.names();
        let mut batch = FactBatch::default();
        let mut parts = BTreeMap::new();
        let told = |error: EngineError| error.0;
        batch
            .add(GENERATION, &self.generation, &mut parts)
            .map_err(told)?;
        batch
            .add(EPOCH_CEILING, &self.epoch_ceiling, &mut parts)
            .map_err(told)?;
        batch
            .add(CHECKPOINT, &checkpoint, &mut parts)
            .map_err(told)?;
        batch.add(SERVERS, &names.0, &mut parts).map_err(told)?;
        batch.add(STAT_TYPES, &names.1, &mut parts).map_err(told)?;
        let dropped = image.dropped();
        if dropped != Revision::default() {
            let dropped = (dropped.generation, dropped.counter);
            batch.add(DROPPED, &dropped, &mut parts).map_err(told)?;
        }
        Ok(batch.insert)
    }

    /// Writes the checkpoint and the names that belong to it, together. Not durable before a
    /// flush.
    pub(super) fn write_checkpoint(
        &mut self,
        engine: &Engine,
        checkpoint: CheckpointV1,
        names: &(ServersV1, StatTypesV1),
    ) -> Result<(), EngineError> {
        let mut batch = FactBatch::default();
        batch.add(CHECKPOINT, &checkpoint, &mut self.parts)?;
        batch.add(SERVERS, &names.0, &mut self.parts)?;
        batch.add(STAT_TYPES, &names.1, &mut self.parts)?;
        if self.dropped != (0, 0) {
            batch.add(DROPPED, &self.dropped, &mut self.parts)?;
        }
        batch.write(engine)
    }
}

fn fill<T: DeserializeOwned>(
    name: &'static str,
    place: &mut T,
    fact: &Joined,
    damage: &mut Damage,
) -> &'static str {
    let payload = fact.payload.as_deref().map_err(Clone::clone);
    match payload.and_then(|payload| codec::read::<T>(payload)) {
        Ok(value) => *place = value,
        Err(fault) => damage.note(format!("{name} in the meta tree: {fault}")),
    }
    name
}

#[derive(Default)]
struct FactBatch {
    insert: Vec<Part>,
    remove: Vec<Vec<u8>>,
}

impl FactBatch {
    fn add<T: Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
        stored: &mut BTreeMap<&'static str, u16>,
    ) -> Result<(), EngineError> {
        let mut payload = Vec::new();
        codec::write(&mut payload, value).map_err(EngineError)?;
        let parts = codec::seal(name.as_bytes(), &payload).map_err(EngineError)?;
        let now = u16::try_from(parts.len()).unwrap_or(u16::MAX);
        // Never less than what may lie on disk, even if this batch fails.
        let before = stored.entry(name).or_default();
        let surplus = now..*before;
        self.remove
            .extend(surplus.map(|number| part_key(name.as_bytes(), number)));
        *before = now.max(*before);
        self.insert.extend(parts);
        Ok(())
    }

    fn write(self, engine: &Engine) -> Result<(), EngineError> {
        let insert = self.insert.iter();
        engine.replace(
            Tree::Meta,
            insert.map(|part| (part.key.as_slice(), part.value.as_slice())),
            self.remove,
        )
    }
}
