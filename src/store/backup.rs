//! A whole store as one file that no engine is needed to read, and back.
//!
//! The file begins with a mark and a version. Then come frames: kind, length of the key, length of
//! the value, key, value, and a checksum over all that. The last frame counts the others, so that a
//! file cut short is noticed.

use std::fs;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::Path;

use super::engine::{
    Access, Engine, EngineError, Failure, Faults, Place, Tree, make_directory, sync_directory,
};
use super::error::Error;
use super::history;
use super::migrations::{self, SCHEMA_VERSION};

const MARK: &[u8; 8] = b"peekd\0bk";
const VERSION: u8 = 1;
/// No key and no value of a store is longer.
const FIELD_LEN_MAX: usize = 64 * 1024;
pub(super) const TREES: [Tree; 4] = [Tree::Meta, Tree::Catalogue, Tree::Last, Tree::Journal];

/// What a frame holds. The number is the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A key of one of the trees above, by their order.
    Tree(u8),
    /// A volume begins; the key is its name.
    Volume,
    Fact,
    Chunk,
    End,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Tree(tree) => tree,
            Self::Volume => 0x10,
            Self::Fact => 0x11,
            Self::Chunk => 0x12,
            Self::End => 0xff,
        }
    }

    const fn read(code: u8) -> Option<Self> {
        match code {
            0..=3 => Some(Self::Tree(code)),
            0x10 => Some(Self::Volume),
            0x11 => Some(Self::Fact),
            0x12 => Some(Self::Chunk),
            0xff => Some(Self::End),
            _ => None,
        }
    }
}

/// Writes frames.
pub(super) struct Frames<'a> {
    out: &'a mut dyn Write,
    count: u64,
    progress: &'a mut dyn FnMut(u64),
}

impl<'a> Frames<'a> {
    /// Begins a backup.
    pub(super) fn begin(
        out: &'a mut dyn Write,
        progress: &'a mut dyn FnMut(u64),
    ) -> std::io::Result<Self> {
        out.write_all(&head())?;
        Ok(Self {
            out,
            count: 0,
            progress,
        })
    }

    /// Writes the last frame.
    pub(super) fn end(self) -> std::io::Result<()> {
        let count = self.count.to_be_bytes();
        self.out.write_all(&frame(Kind::End, &count, &[])?)?;
        self.out.flush()
    }

    pub(super) fn write(&mut self, kind: Kind, key: &[u8], value: &[u8]) -> std::io::Result<()> {
        let frame = frame(kind, key, value)?;
        self.count += 1;
        (self.progress)(self.count);
        self.out.write_all(&frame)
    }
}

/// The bytes of a frame.
pub(super) fn frame(kind: Kind, key: &[u8], value: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut frame = vec![kind.code()];
    for field in [key, value] {
        let len = u32::try_from(field.len()).map_err(std::io::Error::other)?;
        frame.extend_from_slice(&len.to_be_bytes());
    }
    frame.extend_from_slice(key);
    frame.extend_from_slice(value);
    let checksum = crc32fast::hash(&frame);
    frame.extend_from_slice(&checksum.to_be_bytes());
    Ok(frame)
}

/// What a backup begins with.
pub(super) fn head() -> Vec<u8> {
    [MARK.as_slice(), &[VERSION]].concat()
}

/// Writes everything that a store holds, damaged values as they are. The store must not be open.
///
/// # Errors
/// There is no store, a process has it open, it cannot be read, or `out` refuses.
pub fn backup(
    path: &Path,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let current = path.join("now");
    if !current.join("db").is_file() {
        return Err(Error::Missing {
            path: path.to_owned(),
        });
    }
    let place = Place::Disk(current);
    let engine = Engine::open(place, Access::Look, Faults::default()).map_err(|e| told(e, path))?;
    let broken = |error| Error::io(path, error);
    let mut frames = Frames::begin(out, progress).map_err(broken)?;
    for (code, tree) in (0..).zip(TREES) {
        let mut result = Ok(());
        engine.scan(tree, &[], |key, value| {
            result = frames.write(Kind::Tree(code), key, value);
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        result.map_err(broken)?;
    }
    history::write_volumes(path, &mut frames).map_err(|error| told(error, path))?;
    frames.end().map_err(broken)
}

/// Makes a store out of a backup. It appears as a whole or not at all.
///
/// # Errors
/// There is something at `path` already, the file is no backup or is damaged, a newer program wrote
/// it, or the system refuses.
pub fn restore(
    file: &mut dyn Read,
    path: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let is_taken = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    if is_taken || path.is_file() {
        return Err(Error::NotEmpty {
            path: path.to_owned(),
        });
    }
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".restoring");
    let draft = path.with_file_name(name);
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(|error| Error::io(&draft, error))?;
    }
    let filled = fill(file, &draft, progress);
    if let Err(failure) = filled {
        fs::remove_dir_all(&draft).map_err(|error| Error::io(&draft, error))?;
        return Err(told(failure, path));
    }
    if path.exists() {
        fs::remove_dir(path).map_err(|error| Error::io(path, error))?;
    }
    fs::rename(&draft, path).map_err(|error| Error::io(path, error))?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    sync_directory(parent.unwrap_or(Path::new(".")))
}

fn fill(file: &mut dyn Read, draft: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), Failure> {
    make_directory(draft)?;
    let engine = empty_engine(&draft.join("now"))?;
    let mut volumes = history::VolumeRestorer::new(draft)?;
    read_frames(file, progress, &mut |kind, key, value| match kind {
        Kind::Tree(code) => insert(&engine, code, key, value),
        kind => volumes.take(kind, key, value),
    })?;
    volumes.finish()?;
    engine.flush()?;
    sync_directory(&draft.join("now"))?;
    Ok(sync_directory(draft)?)
}

/// Makes an engine's directory out of a backup that holds no history.
pub(super) fn fill_now(file: &mut dyn Read, draft: &Path) -> Result<(), Failure> {
    fill_engine(file, &empty_engine(draft)?)
}

/// Fills an engine with a backup that holds no history.
pub(super) fn fill_engine(file: &mut dyn Read, engine: &Engine) -> Result<(), Failure> {
    read_frames(file, &mut |_| {}, &mut |kind, key, value| match kind {
        Kind::Tree(code) => insert(engine, code, key, value),
        _ => Err(Failure::Damaged(
            "it holds more than last values".to_owned(),
        )),
    })?;
    Ok(engine.flush()?)
}

fn empty_engine(path: &Path) -> Result<Engine, Failure> {
    make_directory(path)?;
    Engine::open(
        Place::Disk(path.to_owned()),
        Access::Serve,
        Faults::default(),
    )
}

fn insert(engine: &Engine, code: u8, key: &[u8], value: &[u8]) -> Result<(), Failure> {
    let tree = TREES.get(usize::from(code)).copied().unwrap_or(Tree::Meta);
    if key == SCHEMA_VERSION {
        check_schema(value)?;
    }
    Ok(engine.insert(tree, key, value)?)
}

/// Is shown kind, key and value.
type TakeFrame<'a> = dyn FnMut(Kind, &[u8], &[u8]) -> Result<(), Failure> + 'a;

fn read_frames(
    file: &mut dyn Read,
    progress: &mut dyn FnMut(u64),
    take: &mut TakeFrame<'_>,
) -> Result<(), Failure> {
    let mut head = [0; 9];
    let is_backup = file.read_exact(&mut head).is_ok() && head.starts_with(MARK);
    if !is_backup {
        return Err(Failure::Damaged("this is no backup of a store".to_owned()));
    }
    if head.last() != Some(&VERSION) {
        return Err(Failure::Damaged(
            "a backup of an unknown version".to_owned(),
        ));
    }
    let mut count = 0_u64;
    loop {
        let (kind, key, value) = read_frame(file)?;
        match kind {
            Kind::End if key == count.to_be_bytes() => return Ok(()),
            Kind::End => return Err(Failure::Damaged("parts of the backup are missing".into())),
            kind => take(kind, &key, &value)?,
        }
        count += 1;
        progress(count);
    }
}

fn check_schema(value: &[u8]) -> Result<(), Failure> {
    let number = <[u8; 4]>::try_from(value).map(u32::from_be_bytes);
    match number {
        Ok(found) if found > migrations::KNOWN => Err(Failure::Final(Error::SchemaTooNew {
            found,
            known: migrations::KNOWN,
        })),
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::Damaged("the schema number is not one".to_owned())),
    }
}

fn read_frame(file: &mut dyn Read) -> Result<(Kind, Vec<u8>, Vec<u8>), Failure> {
    let short = |_| Failure::Damaged("the backup is cut short".to_owned());
    let mut head = [0; 9];
    file.read_exact(&mut head).map_err(short)?;
    let [code, k0, k1, k2, k3, v0, v1, v2, v3] = head;
    let length = |bytes: [u8; 4]| usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX);
    let (key_len, value_len) = (length([k0, k1, k2, k3]), length([v0, v1, v2, v3]));
    let kind = Kind::read(code);
    let (Some(kind), true) = (kind, key_len.max(value_len) <= FIELD_LEN_MAX) else {
        return Err(Failure::Damaged("the backup is damaged".to_owned()));
    };
    let mut key = vec![0; key_len];
    let mut value = vec![0; value_len];
    let mut checksum = [0; 4];
    file.read_exact(&mut key).map_err(short)?;
    file.read_exact(&mut value).map_err(short)?;
    file.read_exact(&mut checksum).map_err(short)?;
    let mut hasher = crc32fast::Hasher::new();
    for bytes in [head.as_slice(), &key, &value] {
        hasher.update(bytes);
    }
    if hasher.finalize() != u32::from_be_bytes(checksum) {
        return Err(Failure::Damaged("the backup is damaged".to_owned()));
    }
    Ok((kind, key, value))
}

fn told(failure: Failure, path: &Path) -> Error {
    match failure {
        Failure::Final(error) => error,
        Failure::Damaged(what) => Error::Damaged {
            path: path.to_owned(),
            what,
        },
    }
}

/// Writing a frame failed in the middle of reading the engine.
pub(super) fn refused(error: &std::io::Error) -> EngineError {
    EngineError(format!("the backup cannot be written: {error}"))
}
