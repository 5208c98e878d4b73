//! How many bytes each tree of a store holds: the engine's files only tell of a whole directory.

use std::ops::ControlFlow;
use std::path::Path;

use super::engine::Tree;
use super::error::Error;
use super::looking::look_with;

/// What one tree holds, all its directories together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeSize {
    /// Its name.
    pub name: &'static str,
    /// Keys in it.
    pub keys: u64,
    /// Bytes of those keys and their values.
    pub bytes: u64,
}

impl TreeSize {
    pub(super) const fn empty(name: &'static str) -> Self {
        let (keys, bytes) = (0, 0);
        Self { name, keys, bytes }
    }

    /// Counts a key and its value.
    pub(super) fn count(&mut self, key: &[u8], value: &[u8]) -> ControlFlow<()> {
        self.keys += 1;
        self.bytes += (key.len() + value.len()) as u64;
        ControlFlow::Continue(())
    }
}

/// Counts every tree of a store that nobody has open.
///
/// # Errors
/// There is no store, a process has it open, a newer program wrote it, or it is damaged.
pub fn sizes(path: &Path) -> Result<Vec<TreeSize>, Error> {
    let trees = [
        (Tree::Meta, "meta"),
        (Tree::Catalogue, "catalogue"),
        (Tree::Last, "last"),
        (Tree::Journal, "journal"),
    ];
    let mut sizes = Vec::new();
    let looked = look_with(path, &mut |engine| {
        for (tree, name) in trees {
            let mut size = TreeSize::empty(name);
            engine.scan(tree, &[], |key, value| size.count(key, value))?;
            sizes.push(size);
        }
        Ok(())
    })?;
    sizes.extend(looked.history.sizes()?);
    Ok(sizes)
}
