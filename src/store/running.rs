//! A backup and a check of a store that goes on being written, see `writer/exporting.rs`. Both
//! block, and hold nothing in memory but a few portions.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use super::backup::{Frames, Kind, TREES};
use super::codec::{self, Assembler, Joined};
use super::engine::{Failure, Tree};
use super::error::Error;
use super::history::{self, History};
use super::migrations::SCHEMA_VERSION;
use super::verifying::Verified;
use super::writer::{Entry, Portion, Writer};

/// Writes everything that a running store holds at one point of its journal, in the same form as
/// [`super::backup`].
///
/// # Errors
/// The store is closed or being opened, it cannot be read, or `out` refuses.
pub fn backup_running(
    writer: &Writer,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let broken = |error| Error::io(Path::new("the backup"), error);
    let portions = writer.export()?;
    let mut frames = Frames::begin(out, progress).map_err(broken)?;
    let history = each_portion(portions, &mut |entry| {
        let code = TREES.iter().position(|tree| *tree == entry.tree);
        let code = u8::try_from(code.unwrap_or_default()).unwrap_or_default();
        let written = frames.write(Kind::Tree(code), &entry.key, &entry.value);
        written.map_err(broken)
    })?;
    history::write_shown(&history, &mut frames).map_err(|failure| match failure {
        Failure::Final(error) => error,
        Failure::Damaged(what) => Error::Engine(what),
    })?;
    frames.end().map_err(broken)
}

/// Reads everything that a running store holds. `progress` is shown how much of how much has been
/// read, and may end it.
///
/// # Errors
/// The store is closed or being opened, it cannot be read at all, or `progress` ended it.
pub fn verify_running(
    writer: &Writer,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Verified, Error> {
    let portions = writer.export()?;
    let mut check = Check::default();
    let history = each_portion(portions, &mut |entry| {
        check.take(&entry);
        // How much there is of pages and journal nobody has counted.
        match progress(0, 0) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Closed),
        }
    })?;
    let mut verified = check.end();
    history::verify(&history, &mut verified, true, progress)?;
    verified.tell_once();
    Ok(verified)
}

fn each_portion(
    portions: impl IntoIterator<Item = Portion>,
    take: &mut dyn FnMut(Entry) -> Result<(), Error>,
) -> Result<History, Error> {
    for portion in portions {
        match portion {
            Portion::Entries(entries) => entries.into_iter().try_for_each(&mut *take)?,
            Portion::End(history) => return Ok(history),
            Portion::Failed(what) => return Err(Error::Engine(what)),
        }
    }
    Err(Error::Closed)
}

/// Puts values together and reads them.
#[derive(Default)]
struct Check {
    verified: Verified,
    assembler: Assembler,
    tree: Option<Tree>,
    /// The journal's oldest entry, where its first parts are removed already.
    cut: Option<Vec<u8>>,
}

impl Check {
    fn take(&mut self, entry: &Entry) {
        if self.tree != Some(entry.tree) {
            self.finish_tree();
            self.tree = Some(entry.tree);
            let is_cut = entry.tree == Tree::Journal && !entry.key.ends_with(&[0, 0]);
            let len = entry.key.len().saturating_sub(2);
            self.cut = is_cut.then(|| entry.key.get(..len).unwrap_or_default().to_vec());
        }
        if entry.key == SCHEMA_VERSION {
            return;
        }
        if let Some(joined) = self.assembler.push(&entry.key, &entry.value) {
            self.read(joined);
        }
    }

    fn finish_tree(&mut self) {
        if let Some(joined) = self.assembler.finish() {
            self.read(joined);
        }
    }

    fn end(mut self) -> Verified {
        self.finish_tree();
        self.verified
    }

    fn read(&mut self, joined: Joined) {
        match self.tree {
            Some(Tree::Journal) if self.cut.as_ref() == Some(&joined.prefix) => {}
            Some(Tree::Journal) => self.verified.take_entry(joined),
            Some(tree @ (Tree::Catalogue | Tree::Last)) => self.read_page(tree, &joined),
            _ => {
                if let Err(fault) = joined.payload {
                    let name = String::from_utf8_lossy(&joined.prefix).into_owned();
                    let fault = format!("{name} in the meta tree: {fault}");
                    self.verified.damaged.push(fault);
                }
            }
        }
    }

    fn read_page(&mut self, tree: Tree, joined: &Joined) {
        self.verified.pages += 1;
        let mut faults = Vec::new();
        match &joined.payload {
            Err(fault) => faults.push(fault.clone()),
            Ok(payload) if tree == Tree::Catalogue => {
                let slots = codec::read_catalogue_page(payload, &mut faults);
                self.verified.statistics += slots.len() as u64;
            }
            Ok(payload) => drop(codec::read_last_page(payload, &mut faults)),
        }
        let page = <[u8; 4]>::try_from(joined.prefix.as_slice()).map_or(0, u32::from_be_bytes);
        let faults = faults.into_iter();
        let told = faults.map(|fault| format!("{tree:?} page {page}: {fault}"));
        self.verified.damaged.extend(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_by_its_place_and_a_cut_first_entry_is_none() {
        let mut check = Check::default();
        let entry = |tree, key: &[u8]| Entry {
            tree,
            key: key.to_vec(),
            value: b"garbage".to_vec(),
        };
        check.take(&entry(Tree::Meta, SCHEMA_VERSION));
        check.take(&entry(Tree::Meta, b"servers\0\0"));
        check.take(&entry(Tree::Catalogue, &[0, 0, 0, 7, 0, 0]));
        check.take(&entry(Tree::Journal, &[0, 0, 0, 0, 0, 0, 0, 1, 0, 1]));
        check.take(&entry(Tree::Journal, &[0, 0, 0, 0, 0, 0, 0, 2, 0, 0]));
        let told = check.end().damaged;
        assert_eq!(told.len(), 3, "{told:?}");
        for (damage, place) in told.iter().zip(["servers", "Catalogue page 7", "entry 2"]) {
            assert!(damage.contains(place), "{told:?}");
        }
    }
}
