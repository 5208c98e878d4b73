//! What history's thread does with a chunk, without its thread and without the disk.

use super::chunk::Draft;
use super::row::Row;
use super::tail::{Handoff, Tail, Translator};
use crate::store::change::Change;
use crate::store::codec::{Fault, Record};
use crate::store::error::Error;
use crate::store::status::Sequence;

/// The rows of a chunk, for who wants to measure the packing alone.
pub struct ChunkAlone(Vec<Row>);

impl ChunkAlone {
    /// The rows that these changes make, as many as one chunk takes.
    #[must_use]
    pub fn of(changes: &[Change]) -> Self {
        let mut handoff = Handoff::behind(Sequence(0));
        let mut translator = Translator::default();
        for change in changes {
            translator.add(&Record::Change(change.clone()), &mut handoff);
        }
        let mut tail = Tail::behind(Sequence(0));
        let latest = handoff.latest;
        tail.add(handoff, latest);
        let rows = tail.sorted().into_iter().take(super::chunk::ROWS_MAX);
        Self(rows.cloned().collect())
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.0.len()
    }

    /// Packs them, column by column; tells the bytes that makes.
    ///
    /// # Errors
    /// A text is too long to be stored.
    pub fn pack(&self) -> Result<usize, Error> {
        let pack = || -> Result<usize, Fault> {
            let mut draft = Draft::default();
            for row in &self.0 {
                draft.push(row.as_ref())?;
            }
            Ok(draft.finish()?.len())
        };
        pack().map_err(Error::Engine)
    }
}
