//! Volumes into a backup and out of it, key by key.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::History;
use super::shelf::Shelf;
use super::volume::{Name, Volume, WHOLE};
use crate::store::backup::{Frames, Kind, refused};
use crate::store::engine::{Drawer, Failure, Faults, Vault};

const DRAWERS: [(Kind, Drawer); 2] = [(Kind::Chunk, Drawer::Chunks), (Kind::Fact, Drawer::Facts)];

/// Writes every volume of a store that nobody has open.
pub(in crate::store) fn write_volumes(
    store: &Path,
    frames: &mut Frames<'_>,
) -> Result<(), Failure> {
    let (shelf, found) = Shelf::look(store)?;
    if let Some(damage) = found.damaged.into_iter().next() {
        return Err(Failure::Damaged(damage));
    }
    for kept in &shelf.kept {
        let name = kept.volume.name.to_string();
        let begun = frames.write(Kind::Volume, name.as_bytes(), &[]);
        begun.map_err(|error| refused(&error))?;
        let vault = kept.volume.vault()?;
        for (kind, drawer) in DRAWERS {
            let mut result = Ok(());
            vault.scan(drawer, &[], |key, value| {
                result = frames.write(kind, key, value);
                match result {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            })?;
            result.map_err(|error| refused(&error))?;
        }
    }
    Ok(())
}

/// Bytes read at once; what takes them may be slow.
const PORTION_LEN: usize = 64 * 1024;

/// Writes what a frozen history shows, and nothing of what is written or removed meanwhile.
pub(in crate::store) fn write_shown(
    history: &History,
    frames: &mut Frames<'_>,
) -> Result<(), Failure> {
    let view = history.view()?;
    for kept in &view.kept {
        let name = kept.volume.name.to_string();
        let begun = frames.write(Kind::Volume, name.as_bytes(), &[]);
        begun.map_err(|error| refused(&error))?;
        let vault = kept.volume.vault()?;
        write_below(&vault, (Kind::Fact, Drawer::Facts), WHOLE, frames)?;
        for bucket in &kept.buckets {
            let chunks = bucket.number.to_be_bytes();
            write_below(&vault, (Kind::Chunk, Drawer::Chunks), &chunks, frames)?;
            let facts = bucket.fact_key();
            write_below(&vault, (Kind::Fact, Drawer::Facts), &facts, frames)?;
        }
    }
    Ok(())
}

/// Writes what lies under keys that begin so.
fn write_below(
    vault: &Vault,
    (kind, drawer): (Kind, Drawer),
    prefix: &[u8],
    frames: &mut Frames<'_>,
) -> Result<(), Failure> {
    let mut from = prefix.to_vec();
    loop {
        let (mut entries, mut size) = (Vec::new(), 0);
        vault.scan(drawer, &from, |key, value| {
            if !key.starts_with(prefix) || size >= PORTION_LEN {
                return ControlFlow::Break(());
            }
            size += key.len() + value.len();
            entries.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        let Some((last, _)) = entries.last() else {
            return Ok(());
        };
        // The least key behind it.
        from = [last.as_slice(), &[0]].concat();
        for (key, value) in &entries {
            let written = frames.write(kind, key, value);
            written.map_err(|error| refused(&error))?;
        }
    }
}

/// Takes volumes out of a backup.
pub(in crate::store) struct VolumeRestorer {
    shelf: Shelf,
    current: Option<(Volume, Arc<Vault>)>,
}

impl VolumeRestorer {
    pub(in crate::store) fn new(store: &Path) -> Result<Self, Failure> {
        let now = crate::model::Timestamp(0);
        let (shelf, _) = Shelf::open(store, now, Faults::default())?;
        let current = None;
        Ok(Self { shelf, current })
    }

    /// Takes the next frame.
    pub(in crate::store) fn take(
        &mut self,
        kind: Kind,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), Failure> {
        if kind == Kind::Volume {
            self.finish()?;
            let name = std::str::from_utf8(key).ok().and_then(Name::read);
            let name = name.ok_or_else(|| Failure::Damaged("a volume has no name".to_owned()))?;
            let draft = self.shelf.draft(name)?;
            let vault = draft.vault()?;
            self.current = Some((draft, vault));
            return Ok(());
        }
        let Some((_, vault)) = &self.current else {
            return Err(Failure::Damaged("history outside of any volume".to_owned()));
        };
        for (of_kind, drawer) in DRAWERS {
            if of_kind == kind {
                vault.insert(drawer, key, value)?;
            }
        }
        Ok(())
    }

    /// Completes the volume that was last begun.
    pub(in crate::store) fn finish(&mut self) -> Result<(), Failure> {
        if let Some((draft, vault)) = self.current.take() {
            vault.flush()?;
            drop(vault);
            self.shelf.publish(&draft)?;
        }
        Ok(())
    }
}
