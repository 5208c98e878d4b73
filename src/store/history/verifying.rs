//! Reads everything that history holds and says what of it cannot be read.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::History;
use super::bucket::ChunkKey;
use super::cursor::{Cursor, Merged};
use super::row::What;
use super::rows::Wanted;
use crate::model::StatisticId;
use crate::store::engine::{Drawer, Failure};
use crate::store::error::Error;
use crate::store::verifying::Verified;

/// Rows between two reports of progress.
const PROGRESS_ROWS: u64 = 4096;

/// Adds what `history` holds to `verified`. `progress` is shown rows read and rows to be read, and
/// may end it. Only of a store that nobody has open it is told what a crash left: in a running one
/// that is what is being written.
pub(in crate::store) fn verify(
    history: &History,
    verified: &mut Verified,
    is_running: bool,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<(), Error> {
    let view = history.view()?;
    verified.damaged.extend(view.damaged.iter().cloned());
    let buckets = view.kept.iter().flat_map(|kept| &kept.buckets);
    let total: u64 = buckets.map(|bucket| bucket.rows).sum();
    verified.history_tail = view.tail.rows as u64;
    for kept in &view.kept {
        verified.history_volumes += 1;
        for bucket in &kept.buckets {
            verified.history_buckets += 1;
            verified.history_chunks += u64::from(bucket.chunks);
            let cursor = Cursor::open(&kept.volume, bucket, StatisticId(0), Wanted::All);
            let cursor = match cursor {
                Ok(cursor) => cursor,
                Err(failure) => {
                    verified.damaged.push(failure.to_string());
                    continue;
                }
            };
            let found = verified.history_rows;
            let mut merged = Merged::new(vec![cursor], &[]);
            loop {
                let (id, rows) = match merged.next_run() {
                    Ok(Some(run)) => run,
                    Ok(None) => break,
                    Err(failure) => {
                        verified.damaged.push(failure.to_string());
                        break;
                    }
                };
                for row in rows {
                    verified.history_rows += 1;
                    if let What::Value(content, _) = row.what
                        && let Err(fault) = content.read()
                    {
                        let (volume, id) = (kept.volume.name, id.0);
                        let fault = format!("history {volume}, statistic {id}: {fault}");
                        verified.damaged.push(fault);
                    }
                    if verified.history_rows.is_multiple_of(PROGRESS_ROWS)
                        && progress(verified.history_rows, total).is_break()
                    {
                        return Err(Error::Closed);
                    }
                }
            }
            let damaged = merged.damaged();
            let read = verified.history_rows - found;
            if damaged.is_empty() && read != bucket.rows {
                let (volume, number, rows) = (kept.volume.name, bucket.number, bucket.rows);
                verified.damaged.push(format!(
                    "history {volume}, bucket {number}: {read} rows instead of {rows}"
                ));
            }
            verified.damaged.extend(damaged);
        }
        if !is_running {
            verified.history_leftovers += leftovers(kept).map_err(final_error)?;
        }
    }
    Ok(())
}

/// Buckets of chunks that count for nothing: what a crash left. No damage, and removed at the next
/// start of the service.
fn leftovers(kept: &super::shelf::Kept) -> Result<u64, Failure> {
    let vault = kept.volume.vault()?;
    let known: BTreeSet<u32> = kept.buckets.iter().map(|bucket| bucket.number).collect();
    let mut unknown = BTreeSet::new();
    vault.scan(Drawer::Chunks, &[], |key, _| {
        if let Some(key) = ChunkKey::read(key)
            && !known.contains(&key.bucket)
        {
            unknown.insert(key.bucket);
        }
        ControlFlow::Continue(())
    })?;
    Ok(unknown.len() as u64)
}

fn final_error(failure: Failure) -> Error {
    match failure {
        Failure::Final(error) => error,
        Failure::Damaged(what) => Error::Engine(what),
    }
}
