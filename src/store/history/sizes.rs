//! How many bytes history's trees hold.

use super::History;
use crate::store::engine::{Drawer, Failure};
use crate::store::error::Error;
use crate::store::sizes::TreeSize;

impl History {
    /// Counts the trees of all volumes.
    pub(in crate::store) fn sizes(&self) -> Result<Vec<TreeSize>, Error> {
        let view = self.view()?;
        let trees = [(Drawer::Chunks, "chunks"), (Drawer::Facts, "facts")];
        let mut sizes = Vec::new();
        for (drawer, name) in trees {
            let mut size = TreeSize::empty(name);
            for kept in &view.kept {
                let vault = kept.volume.vault().map_err(final_error)?;
                let scanned = vault.scan(drawer, &[], |key, value| size.count(key, value));
                scanned.map_err(|error| Error::Engine(error.0))?;
            }
            sizes.push(size);
        }
        Ok(sizes)
    }
}

fn final_error(failure: Failure) -> Error {
    match failure {
        Failure::Final(error) => error,
        Failure::Damaged(what) => Error::Engine(what),
    }
}
