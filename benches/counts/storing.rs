//! From changes to the journal's bytes, and to those of a chunk of history.

use peekd::store::{BatchAlone, ChunkAlone};

use crate::{Outcome, counted, made};

const STATISTICS: u32 = 2_000;
/// Changes packed at once: what 50 ms bring at 70,000 a second.
const BATCH: usize = 3_500;
const BATCHES: usize = 4;
/// Rows of a full chunk.
const ROWS: usize = 8_192;

/// A unit is a change.
pub(crate) fn journal() -> Outcome {
    let changes = made::changes(STATISTICS, BATCH * BATCHES);
    let mut batches: Vec<BatchAlone> = changes.chunks(BATCH).map(BatchAlone::of).collect();
    for batch in &mut batches {
        batch.pack()?;
    }
    counted(|| {
        batches
            .iter_mut()
            .try_for_each(|batch| batch.pack().map(drop))
    })?;
    Ok(changes.len())
}

/// A unit is a row.
pub(crate) fn history() -> Outcome {
    let chunk = ChunkAlone::of(&made::changes(STATISTICS, ROWS));
    chunk.pack()?;
    counted(|| chunk.pack())?;
    Ok(chunk.rows())
}
