//! Journal entries: their keys, and how records become parts under sequence numbers.

use super::codec::{self, Encoder, Part, Record};
use super::engine::{Engine, EngineError, Tree};
use super::status::Sequence;

/// A numbered entry ready to be written. Kept until it is durable, so that writing it again after
/// a fault writes the same bytes under the same keys.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) sequence: Sequence,
    pub(super) records: u64,
    parts: Vec<Part>,
}

impl Entry {
    /// Bytes of keys and values.
    pub(super) fn size(&self) -> u64 {
        let sizes = self
            .parts
            .iter()
            .map(|part| part.key.len() + part.value.len());
        sizes.sum::<usize>() as u64
    }

    /// Hands the entry to the engine; an entry of several parts is written whole or not at all.
    pub(super) fn write(&self, engine: &Engine) -> Result<(), EngineError> {
        if let [part] = self.parts.as_slice() {
            return engine.insert(Tree::Journal, &part.key, &part.value);
        }
        let parts = self.parts.iter();
        engine.replace(
            Tree::Journal,
            parts.map(|part| (part.key.as_slice(), part.value.as_slice())),
            [],
        )
    }
}

/// Packs records into entries numbered after `last`. A record too big to keep is taken out, so that
/// nothing gets into a page that is not in the journal.
pub(super) fn entries(
    last: Sequence,
    records: &mut Vec<Record>,
) -> Result<Vec<Entry>, EngineError> {
    let mut encoder = Encoder::default();
    records.retain(|record| match encoder.push(record) {
        Ok(()) => true,
        Err(fault) => {
            tracing::error!(target: "peekd::store", fault, "a change cannot be kept");
            false
        }
    });
    let numbered = (last.0.saturating_add(1)..).zip(encoder.finish());
    numbered
        .map(|(number, chunk)| {
            let sequence = Sequence(number);
            let parts = codec::seal(&key_of(sequence), &chunk.payload).map_err(EngineError)?;
            Ok(Entry {
                sequence,
                records: chunk.records,
                parts,
            })
        })
        .collect()
}

/// The beginning of an entry's keys.
pub(super) const fn key_of(sequence: Sequence) -> [u8; 8] {
    sequence.0.to_be_bytes()
}

/// The entry that a key, or the beginning of one, belongs to.
pub(super) fn sequence_of(key: &[u8]) -> Option<Sequence> {
    let number = key.first_chunk::<8>()?;
    Some(Sequence(u64::from_be_bytes(*number)))
}
