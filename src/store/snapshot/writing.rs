//! Writes the snapshot in slices: the store's writer packs some pages at a time, a thread of its own
//! puts them into a file, syncs it and gives it its name.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

use super::path_of;
use crate::store::backup::{Kind as Frame, frame, head};
use crate::store::codec::{self, Fault};
use crate::store::engine::sync_directory;
use crate::store::image::{Image, Kind, PageName};
use crate::store::meta::Meta;
use crate::store::migrations;
use crate::store::status::Sequence;

/// Between two snapshots.
const INTERVAL: Duration = Duration::from_mins(10);
/// Before the first one of a run.
const FIRST_AFTER: Duration = Duration::from_mins(1);
/// Bytes handed to the thread at once.
const BLOCK_LEN: usize = 256 * 1024;
/// Blocks that wait for the disk, at most.
const BLOCKS_MAX: usize = 4;

/// When snapshots are written, and how far the present one has come.
pub(in crate::store) struct Snapshots {
    /// `None` for a store that survives nothing.
    store: Option<PathBuf>,
    due: Instant,
    /// The newest journal entry that the last one covers.
    covered: Sequence,
    draft: Option<Draft>,
}

struct Draft {
    covers: Sequence,
    /// Pages still to be packed, the next one last.
    left: Vec<PageName>,
    /// Packed and not handed over yet.
    block: Vec<u8>,
    frames: u64,
    /// The last frame is packed.
    is_packed: bool,
    /// Gone when everything is handed over.
    blocks: Option<SyncSender<Block>>,
    thread: JoinHandle<io::Result<()>>,
}

/// Some frames, and whether they are the last.
type Block = (Vec<u8>, bool);

impl Snapshots {
    pub(in crate::store) fn new(store: Option<PathBuf>) -> Self {
        Self {
            store,
            due: Instant::now() + FIRST_AFTER,
            covered: Sequence(0),
            draft: None,
        }
    }

    /// Whether none is being written.
    pub(in crate::store) const fn is_resting(&self) -> bool {
        self.draft.is_none()
    }

    /// Goes on with what is due until `deadline`. That a snapshot fails is told, and costs nothing
    /// but the snapshot.
    pub(in crate::store) fn advance(
        &mut self,
        image: &Image,
        meta: &Meta,
        durable: Sequence,
        deadline: Option<Instant>,
    ) {
        let is_due = self.draft.is_none() && Instant::now() >= self.due;
        if is_due && durable > self.covered {
            self.begin(image, meta, durable);
        }
        self.go_on(image, deadline);
    }

    /// Writes one that holds everything, at the orderly end.
    pub(in crate::store) fn finish(&mut self, image: &Image, meta: &Meta, durable: Sequence) {
        self.go_on(image, None);
        if durable > self.covered {
            self.begin(image, meta, durable);
            self.go_on(image, None);
        }
    }

    fn begin(&mut self, image: &Image, meta: &Meta, durable: Sequence) {
        self.due = Instant::now() + INTERVAL;
        if let Some(store) = &self.store {
            match Draft::begin(store, image, meta, durable) {
                Ok(draft) => self.draft = Some(draft),
                Err(fault) => complain(&fault),
            }
        }
    }

    fn go_on(&mut self, image: &Image, deadline: Option<Instant>) {
        let Some(draft) = &mut self.draft else {
            return;
        };
        let packed = draft.pack(image, deadline);
        if let Err(fault) = &packed {
            complain(fault);
        }
        if packed.is_err() || draft.is_over(deadline.is_none()) {
            self.end(packed.is_ok());
        }
    }

    fn end(&mut self, is_whole: bool) {
        let Some(mut draft) = self.draft.take() else {
            return;
        };
        // Without its last frame the thread leaves the file under no name of its own.
        draft.blocks = None;
        match draft.thread.join() {
            Ok(Ok(())) if is_whole => self.covered = draft.covers,
            Ok(Ok(())) => {}
            Ok(Err(error)) => complain(&error.to_string()),
            Err(_) => complain("its thread broke off"),
        }
    }
}

fn complain(fault: &str) {
    tracing::warn!(target: "peekd::store", fault, "no snapshot of the last values was written");
}

impl Draft {
    fn begin(store: &Path, image: &Image, meta: &Meta, covers: Sequence) -> Result<Self, Fault> {
        // The catalogue first, as when it is read; taken from the end.
        let mut left = image.page_names();
        left.sort_unstable_by(|a, b| b.cmp(a));
        let (blocks, taken) = sync_channel(BLOCKS_MAX);
        let path = path_of(store);
        let thread = std::thread::Builder::new()
            .name("store snapshot".to_owned())
            .spawn(move || write(&path, &taken))
            .map_err(|error| format!("no thread for it: {error}"))?;
        let mut draft = Self {
            covers,
            left,
            block: head(),
            frames: 0,
            is_packed: false,
            blocks: Some(blocks),
            thread,
        };
        let schema = migrations::KNOWN.to_be_bytes();
        draft.add(Frame::Tree(0), migrations::SCHEMA_VERSION, &schema)?;
        for part in meta.parts_with(covers, image)? {
            draft.add(Frame::Tree(0), &part.key, &part.value)?;
        }
        Ok(draft)
    }

    /// Packs pages until the deadline, or until the thread has enough to do.
    fn pack(&mut self, image: &Image, deadline: Option<Instant>) -> Result<(), Fault> {
        while self.blocks.is_some() {
            if let Some(name) = self.left.pop() {
                self.add_page(image, name)?;
            } else if !self.is_packed {
                self.is_packed = true;
                let count = self.frames.to_be_bytes();
                self.add(Frame::End, &count, &[])?;
            }
            let is_due = self.is_packed || self.block.len() >= BLOCK_LEN;
            if is_due && !self.hand_over(deadline.is_none()) {
                return Ok(());
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn add_page(&mut self, image: &Image, name: PageName) -> Result<(), Fault> {
        let Some(payload) = image.page_payload(name)? else {
            return Ok(());
        };
        let tree = match name.0 {
            Kind::Catalogue => 1,
            Kind::Last => 2,
        };
        for part in codec::seal(&name.1.to_be_bytes(), &payload)? {
            self.add(Frame::Tree(tree), &part.key, &part.value)?;
        }
        Ok(())
    }

    fn add(&mut self, kind: Frame, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        self.frames += 1;
        let frame = frame(kind, key, value).map_err(|error| error.to_string())?;
        self.block.extend_from_slice(&frame);
        Ok(())
    }

    /// Gives the thread what is packed; false when it has no room yet.
    fn hand_over(&mut self, may_wait: bool) -> bool {
        let Some(blocks) = &self.blocks else {
            return false;
        };
        let block = (std::mem::take(&mut self.block), self.is_packed);
        let refused = if may_wait {
            blocks.send(block).is_err()
        } else {
            match blocks.try_send(block) {
                Ok(()) => false,
                Err(TrySendError::Full((block, _))) => {
                    self.block = block;
                    return false;
                }
                Err(TrySendError::Disconnected(_)) => true,
            }
        };
        if self.is_packed || refused {
            self.blocks = None;
        }
        true
    }

    fn is_over(&self, may_wait: bool) -> bool {
        self.blocks.is_none() && (may_wait || self.thread.is_finished())
    }
}

/// Puts blocks into a file, which gets its name when it is complete and on the disk itself.
fn write(path: &Path, blocks: &Receiver<Block>) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let draft = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&draft)?;
    let mut is_whole = false;
    for (block, is_last) in blocks {
        is_whole = is_last;
        file.write_all(&block)?;
        // In small portions: one big one would hold up the journal's own.
        file.sync_data()?;
    }
    if !is_whole {
        return fs::remove_file(&draft);
    }
    fs::rename(&draft, path)?;
    let store = path.parent().unwrap_or(path);
    sync_directory(store).map_err(io::Error::other)
}
