//! What the writer does with a batch, without its thread and without the disk.

use super::change::Change;
use super::codec::Record;
use super::error::Error;
use super::journal::{self, Entry};
use super::status::Sequence;

/// A batch on its way into the journal, for who wants to measure the packing alone.
pub struct BatchAlone(Vec<Record>);

impl BatchAlone {
    /// A batch of these changes.
    #[must_use]
    pub fn of(changes: &[Change]) -> Self {
        Self(changes.iter().cloned().map(Record::Change).collect())
    }

    /// Packs it as the writer does before it hands it to the engine; tells the bytes that makes.
    ///
    /// # Errors
    /// A change is too long to be stored.
    pub fn pack(&mut self) -> Result<u64, Error> {
        let entries = journal::entries(Sequence(0), &mut self.0)?;
        Ok(entries.iter().map(Entry::size).sum())
    }
}
