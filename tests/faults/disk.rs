//! A disk in memory that knows what was synced and what a power cut may take.
//!
//! Stricter than the usual file systems: syncing a file says nothing of its name, only syncing its
//! directory does; what was not synced survives sector by sector, or not, in any mixture.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

/// Of what is written, so much survives together.
const SECTOR: usize = 512;
pub(crate) const ROOT: u64 = 1;

pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    safe: Vec<u8>,
    /// Changes since the last sync, in their order.
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

#[derive(Default)]
pub(crate) struct Folder {
    pub(crate) names: BTreeMap<OsString, u64>,
    safe: BTreeMap<OsString, u64>,
}

pub(crate) enum Node {
    File(File),
    Folder(Folder),
}

/// A change of names that happens as a whole: folder, name, and what is called so from then on.
type Move = Vec<(u64, OsString, Option<u64>)>;

pub(crate) struct Disk {
    nodes: BTreeMap<u64, Node>,
    /// Changes of names that no sync has covered, in their order.
    moves: Vec<Move>,
    next: u64,
}

impl Disk {
    pub(crate) fn empty() -> Self {
        Self {
            nodes: BTreeMap::from([(ROOT, Node::Folder(Folder::default()))]),
            moves: Vec::new(),
            next: ROOT + 1,
        }
    }

    pub(crate) fn node(&self, number: u64) -> Option<&Node> {
        self.nodes.get(&number)
    }

    pub(crate) fn file(&self, number: u64) -> Option<&File> {
        match self.nodes.get(&number)? {
            Node::File(file) => Some(file),
            Node::Folder(_) => None,
        }
    }

    fn file_mut(&mut self, number: u64) -> Option<&mut File> {
        match self.nodes.get_mut(&number)? {
            Node::File(file) => Some(file),
            Node::Folder(_) => None,
        }
    }

    pub(crate) fn folder(&self, number: u64) -> Option<&Folder> {
        match self.nodes.get(&number)? {
            Node::Folder(folder) => Some(folder),
            Node::File(_) => None,
        }
    }

    fn folder_mut(&mut self, number: u64) -> Option<&mut Folder> {
        match self.nodes.get_mut(&number)? {
            Node::Folder(folder) => Some(folder),
            Node::File(_) => None,
        }
    }

    pub(crate) fn find(&self, folder: u64, name: &OsStr) -> Option<u64> {
        self.folder(folder)?.names.get(name).copied()
    }

    /// Makes an empty file or folder.
    pub(crate) fn make(&mut self, folder: u64, name: &OsStr, is_file: bool) -> u64 {
        let number = self.next;
        self.next += 1;
        let node = if is_file {
            Node::File(File {
                bytes: Vec::new(),
                safe: Vec::new(),
                unsynced: Vec::new(),
            })
        } else {
            Node::Folder(Folder::default())
        };
        self.nodes.insert(number, node);
        self.rename(vec![(folder, name.to_owned(), Some(number))]);
        number
    }

    pub(crate) fn remove(&mut self, folder: u64, name: &OsStr) {
        self.rename(vec![(folder, name.to_owned(), None)]);
    }

    /// Changes names, all of them or none.
    pub(crate) fn rename(&mut self, change: Move) {
        for (folder, name, number) in &change {
            if let Some(folder) = self.folder_mut(*folder) {
                put(&mut folder.names, name, *number);
            }
        }
        self.moves.push(change);
    }

    pub(crate) fn write(&mut self, number: u64, at: usize, bytes: &[u8]) {
        if let Some(file) = self.file_mut(number) {
            overwrite(&mut file.bytes, at, bytes);
            file.unsynced.push(Change::Bytes(at, bytes.to_vec()));
        }
    }

    pub(crate) fn set_length(&mut self, number: u64, length: usize) {
        if let Some(file) = self.file_mut(number) {
            file.bytes.resize(length, 0);
            file.unsynced.push(Change::Length(length));
        }
    }

    pub(crate) fn sync_file(&mut self, number: u64) {
        if let Some(file) = self.file_mut(number) {
            for change in std::mem::take(&mut file.unsynced) {
                match change {
                    Change::Bytes(at, bytes) => overwrite(&mut file.safe, at, &bytes),
                    Change::Length(length) => file.safe.resize(length, 0),
                }
            }
        }
    }

    /// Makes the folder's names safe, and with them what they depend on: a rename is never half done.
    pub(crate) fn sync_folder(&mut self, number: u64) {
        let mut touched = BTreeSet::from([number]);
        let mut kept = Vec::new();
        let mut safe = Vec::new();
        for change in std::mem::take(&mut self.moves).into_iter().rev() {
            if change.iter().any(|(folder, ..)| touched.contains(folder)) {
                touched.extend(change.iter().map(|(folder, ..)| *folder));
                safe.push(change);
            } else {
                kept.push(change);
            }
        }
        kept.reverse();
        self.moves = kept;
        for change in safe.into_iter().rev() {
            self.make_safe(change);
        }
    }

    fn make_safe(&mut self, change: Move) {
        for (folder, name, number) in change {
            if let Some(folder) = self.folder_mut(folder) {
                put(&mut folder.safe, &name, number);
            }
        }
    }

    /// What is on the disk after the power went.
    pub(crate) fn cut(&self, random: &mut fastrand::Rng) -> Self {
        // Sometimes nothing of what was not synced survives, sometimes all, mostly some of it.
        let shares = [0.0, 0.1, 0.5, 0.9, 1.0];
        let mut share = || shares[random.usize(..shares.len())];
        let (of_names, of_bytes) = (share(), share());
        let mut left = Self::empty();
        left.next = self.next;
        for (number, node) in &self.nodes {
            let node = match node {
                Node::Folder(folder) => Node::Folder(Folder {
                    names: folder.safe.clone(),
                    safe: folder.safe.clone(),
                }),
                Node::File(file) => {
                    let bytes = file.after_cut(of_bytes, random);
                    Node::File(File {
                        safe: bytes.clone(),
                        bytes,
                        unsynced: Vec::new(),
                    })
                }
            };
            left.nodes.insert(*number, node);
        }
        let mut lost = BTreeSet::new();
        for change in &self.moves {
            let depends = change.iter().any(|(folder, ..)| lost.contains(folder));
            if depends || random.f64() >= of_names {
                lost.extend(change.iter().map(|(folder, ..)| *folder));
            } else {
                left.rename(change.clone());
                left.make_safe(change.clone());
            }
        }
        left.moves.clear();
        left.drop_nameless();
        left
    }

    /// Forgets what has no name.
    fn drop_nameless(&mut self) {
        let mut named = BTreeSet::from([ROOT]);
        let mut open = vec![ROOT];
        while let Some(folder) = open.pop().and_then(|number| self.folder(number)) {
            for number in folder.names.values() {
                if named.insert(*number) && self.folder(*number).is_some() {
                    open.push(*number);
                }
            }
        }
        self.nodes.retain(|number, _| named.contains(number));
    }

    /// Writes everything below a folder to another disk.
    pub(crate) fn copy_to(&self, folder: u64, path: &Path) {
        fs::create_dir_all(path).unwrap();
        for (name, number) in &self.folder(folder).unwrap().names {
            match &self.nodes[number] {
                Node::Folder(_) => self.copy_to(*number, &path.join(name)),
                Node::File(file) => fs::write(path.join(name), &file.bytes).unwrap(),
            }
        }
    }
}

impl File {
    fn after_cut(&self, share: f64, random: &mut fastrand::Rng) -> Vec<u8> {
        let mut bytes = self.safe.clone();
        for change in &self.unsynced {
            match change {
                Change::Length(length) if random.f64() < share => bytes.resize(*length, 0),
                Change::Length(_) => {}
                Change::Bytes(at, written) => {
                    let mut at = *at;
                    let mut rest = written.as_slice();
                    while !rest.is_empty() {
                        let (sector, more) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                        if random.f64() < share {
                            overwrite(&mut bytes, at, sector);
                        }
                        at += sector.len();
                        rest = more;
                    }
                }
            }
        }
        bytes
    }
}

fn put(names: &mut BTreeMap<OsString, u64>, name: &OsStr, number: Option<u64>) {
    match number {
        Some(number) => drop(names.insert(name.to_owned(), number)),
        None => drop(names.remove(name)),
    }
}

fn overwrite(bytes: &mut Vec<u8>, at: usize, written: &[u8]) {
    let end = at + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(written);
}

#[test]
fn what_was_synced_survives_and_nothing_else_must() {
    let name = |text: &str| OsString::from(text);
    let mut disk = Disk::empty();
    let folder = disk.make(ROOT, &name("store"), false);
    disk.sync_folder(ROOT);
    let file = disk.make(folder, &name("a"), true);
    disk.write(file, 0, b"first");
    disk.sync_file(file);
    let (mut unnamed, mut changed) = (0, 0);
    for seed in 0..200 {
        let left = disk.cut(&mut fastrand::Rng::with_seed(seed));
        assert!(left.find(ROOT, &name("store")).is_some());
        unnamed += usize::from(left.find(folder, &name("a")).is_none());
    }
    assert!(unnamed > 20 && unnamed < 180, "{unnamed}");
    disk.sync_folder(folder);
    disk.rename(vec![
        (folder, name("a"), None),
        (folder, name("b"), Some(file)),
    ]);
    disk.write(file, 0, b"other");
    for seed in 0..200 {
        let left = disk.cut(&mut fastrand::Rng::with_seed(seed));
        let kept = ["a", "b"].map(|text| left.find(folder, &name(text)));
        assert!(kept == [Some(file), None] || kept == [None, Some(file)]);
        let bytes = &left.file(file).unwrap().bytes;
        changed += usize::from(bytes == b"other");
        assert!(bytes == b"first" || bytes == b"other");
    }
    assert!(changed > 20 && changed < 180, "{changed}");
}
