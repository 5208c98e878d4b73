//! The disk in memory as a mounted file system, which loses its power or refuses when told.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    BackgroundSession, BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};
use tempfile::TempDir;

use crate::disk::{Disk, Node, ROOT};

/// Whether the power is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    /// Gone; whoever asks waits, as nothing happens after a cut.
    Cut,
    /// Gone, and nobody is left who could notice.
    Over,
}

/// How the file system refuses to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full,
    ReadOnly,
    /// Writing and syncing fail.
    Broken,
    /// Only syncing fails.
    SyncBroken,
}

struct State {
    disk: Disk,
    power: Power,
    /// Changes until the power goes.
    left: u64,
    random: fastrand::Rng,
    /// What survives, once the power is gone.
    survives: Option<Disk>,
    refusal: Option<Refusal>,
    /// Lists of names that are being read.
    listings: BTreeMap<u64, Vec<(u64, FileType, std::ffi::OsString)>>,
    next_listing: u64,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A mounted disk; unmounted when dropped.
pub(crate) struct Mounted {
    shared: Arc<Shared>,
    folder: TempDir,
    session: Option<BackgroundSession>,
}

impl Mounted {
    /// Mounts a disk whose power goes at the change after `left` more.
    ///
    /// # Errors
    /// The system does not let this process mount.
    pub(crate) fn new(disk: Disk, left: u64, seed: u64) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                disk,
                power: Power::On,
                left,
                random: fastrand::Rng::with_seed(seed),
                survives: None,
                refusal: None,
                listings: BTreeMap::new(),
                next_listing: 0,
            }),
            changed: Condvar::new(),
        });
        let folder = TempDir::new()?;
        let mut config = fuser::Config::default();
        config.mount_options = vec![
            MountOption::FSName("peekd-faults".to_owned()),
            MountOption::NoAtime,
        ];
        let volume = Volume {
            shared: Arc::clone(&shared),
        };
        let session = fuser::spawn_mount(volume, folder.path(), &config)?;
        Ok(Self {
            shared,
            folder,
            session: Some(session),
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Waits until the power is gone; false when that takes too long.
    pub(crate) fn wait_for_cut(&self, patience: Duration) -> bool {
        let on = |state: &mut State| state.power == Power::On;
        let state = self.shared.lock();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, patience, on)
            .unwrap();
        waited.0.power != Power::On
    }

    /// Lets those go who wait for a disk that is gone; only after they were killed.
    pub(crate) fn release(&self) {
        self.shared.lock().power = Power::Over;
        self.shared.changed.notify_all();
    }

    /// What the cut left.
    pub(crate) fn survivor(&self) -> Option<Disk> {
        self.shared.lock().survives.take()
    }

    pub(crate) fn refuse(&self, refusal: Option<Refusal>) {
        self.shared.lock().refusal = refusal;
    }

    /// What is there now, synced or not.
    pub(crate) fn copy_to(&self, path: &Path) {
        self.shared.lock().disk.copy_to(ROOT, path);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.release();
        if let Some(session) = self.session.take() {
            // Whoever still has files open keeps it mounted; that is a fault of the test.
            session.umount_and_join().unwrap_or_default();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits for power.
    fn look(&self) -> Result<MutexGuard<'_, State>, Errno> {
        let cut = |state: &mut State| state.power == Power::Cut;
        let state = self.changed.wait_while(self.lock(), cut).unwrap();
        if state.power == Power::Over {
            return Err(Errno::EIO);
        }
        Ok(state)
    }

    /// As [`Shared::look`], for what changes something: it may be what the power does not last for.
    fn change(&self, syncs: bool) -> Result<MutexGuard<'_, State>, Errno> {
        let mut state = self.look()?;
        if state.left == 0 {
            let State { disk, random, .. } = &mut *state;
            state.survives = Some(disk.cut(random));
            state.power = Power::Cut;
            self.changed.notify_all();
            drop(state);
            return self.look();
        }
        state.left -= 1;
        match state.refusal {
            Some(Refusal::Broken) => Err(Errno::EIO),
            Some(Refusal::SyncBroken) if syncs => Err(Errno::EIO),
            Some(Refusal::Full) if !syncs => Err(Errno::ENOSPC),
            Some(Refusal::ReadOnly) if !syncs => Err(Errno::EROFS),
            _ => Ok(state),
        }
    }
}

struct Volume {
    shared: Arc<Shared>,
}

/// Nothing is remembered by the kernel.
const NO_TIME: Duration = Duration::ZERO;

fn attributes(disk: &Disk, number: u64) -> Option<FileAttr> {
    let (kind, size) = match disk.node(number)? {
        Node::File(file) => (FileType::RegularFile, file.bytes.len() as u64),
        Node::Folder(_) => (FileType::Directory, 4096),
    };
    Some(FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm: 0o700,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        flags: 0,
        blksize: 4096,
    })
}

/// Answers with the value, or with the refusal.
macro_rules! get {
    ($reply:ident, $asked:expr) => {
        match $asked {
            Ok(got) => got,
            Err(refusal) => return $reply.error(refusal),
        }
    };
}

impl Volume {
    fn attributes_of(&self, number: u64) -> Result<FileAttr, Errno> {
        attributes(&self.shared.look()?.disk, number).ok_or(Errno::ENOENT)
    }

    fn find(&self, folder: u64, name: &OsStr) -> Result<FileAttr, Errno> {
        let state = self.shared.look()?;
        let found = state.disk.find(folder, name);
        let found = found.and_then(|number| attributes(&state.disk, number));
        found.ok_or(Errno::ENOENT)
    }

    fn make(&self, folder: u64, name: &OsStr, is_file: bool) -> Result<FileAttr, Errno> {
        let mut state = self.shared.change(false)?;
        if state.disk.find(folder, name).is_some() {
            return Err(Errno::EEXIST);
        }
        let number = state.disk.make(folder, name, is_file);
        attributes(&state.disk, number).ok_or(Errno::ENOENT)
    }

    fn remove(&self, folder: u64, name: &OsStr) -> Result<(), Errno> {
        let mut state = self.shared.change(false)?;
        let number = state.disk.find(folder, name).ok_or(Errno::ENOENT)?;
        let is_full = state
            .disk
            .folder(number)
            .is_some_and(|folder| !folder.names.is_empty());
        if is_full {
            return Err(Errno::ENOTEMPTY);
        }
        state.disk.remove(folder, name);
        Ok(())
    }
}

impl Filesystem for Volume {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = get!(reply, self.find(parent.0, name));
        reply.entry(&NO_TIME, &found, Generation(0));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let found = get!(reply, self.attributes_of(ino.0));
        reply.attr(&NO_TIME, &found);
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<std::time::SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<std::time::SystemTime>,
        _chgtime: Option<std::time::SystemTime>,
        _bkuptime: Option<std::time::SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        if let Some(size) = size {
            let mut state = get!(reply, self.shared.change(false));
            state.disk.set_length(ino.0, usize::try_from(size).unwrap());
        }
        let found = get!(reply, self.attributes_of(ino.0));
        reply.attr(&NO_TIME, &found);
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        let made = get!(reply, self.make(parent.0, name, false));
        reply.entry(&NO_TIME, &made, Generation(0));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let made = get!(reply, self.make(parent.0, name, true));
        let direct = FopenFlags::FOPEN_DIRECT_IO;
        reply.created(&NO_TIME, &made, Generation(0), FileHandle(0), direct);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        get!(reply, self.remove(parent.0, name));
        reply.ok();
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        get!(reply, self.remove(parent.0, name));
        reply.ok();
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        _flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let mut state = get!(reply, self.shared.change(false));
        let found = state.disk.find(parent.0, name);
        let number = get!(reply, found.ok_or(Errno::ENOENT));
        state.disk.rename(vec![
            (parent.0, name.to_owned(), None),
            (newparent.0, newname.to_owned(), Some(number)),
        ]);
        drop(state);
        reply.ok();
    }

    fn open(&self, _: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        // Past the kernel's cache: what is written is here at once, and only syncing makes it safe.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let state = get!(reply, self.shared.look());
        let file = get!(reply, state.disk.file(ino.0).ok_or(Errno::EISDIR));
        let from = usize::try_from(offset).unwrap().min(file.bytes.len());
        let to = (from + size as usize).min(file.bytes.len());
        reply.data(&file.bytes[from..to]);
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut state = get!(reply, self.shared.change(false));
        let at = usize::try_from(offset).unwrap();
        state.disk.write(ino.0, at, data);
        drop(state);
        reply.written(u32::try_from(data.len()).unwrap());
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        get!(reply, self.shared.change(true)).disk.sync_file(ino.0);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        get!(reply, self.shared.change(true))
            .disk
            .sync_folder(ino.0);
        reply.ok();
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        let mut state = get!(reply, self.shared.look());
        let Some(folder) = state.disk.folder(ino.0) else {
            drop(state);
            return reply.error(Errno::ENOTDIR);
        };
        let dots = [".", ".."].map(|dot| (ino.0, FileType::Directory, dot.into()));
        let mut listing = Vec::from(dots);
        for (name, number) in &folder.names {
            let kind = match state.disk.node(*number) {
                Some(Node::File(_)) => FileType::RegularFile,
                _ => FileType::Directory,
            };
            listing.push((*number, kind, name.clone()));
        }
        let handle = state.next_listing;
        state.next_listing += 1;
        state.listings.insert(handle, listing);
        drop(state);
        reply.opened(FileHandle(handle), FopenFlags::empty());
    }

    fn readdir(
        &self,
        _: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let state = get!(reply, self.shared.look());
        let listing = state.listings.get(&fh.0);
        let listing = get!(reply, listing.ok_or(Errno::EBADF));
        let from = usize::try_from(offset).unwrap();
        for (place, (number, kind, name)) in listing.iter().enumerate().skip(from) {
            if reply.add(INodeNo(*number), place as u64 + 1, *kind, name) {
                break;
            }
        }
        drop(state);
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.shared.lock().listings.remove(&fh.0);
        reply.ok();
    }
}
