//! The first schema: four trees. `meta` holds small facts, `catalogue` and `last` hold packed
//! pages of statistics and of their newest values, `journal` every change in order.

use super::{MigrationError, Progress};

const TREES: [&str; 4] = ["meta", "catalogue", "last", "journal"];

pub(super) fn up(db: &sled::Db, progress: &mut Progress<'_>) -> Result<(), MigrationError> {
    for name in TREES {
        progress.proceed()?;
        // A store without a schema number holds nothing yet, except what an earlier attempt left.
        db.open_tree(name)?.clear()?;
    }
    Ok(())
}
