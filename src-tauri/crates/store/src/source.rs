//! Blocks out of the person's files.
//!
//! Invariant: a block leaves here only if it is what its CID says. A block of a file whose fingerprint still proves the content
//! is read once and not hashed again; everything else is hashed, and what does not match is refused and reported.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use fs_err::File;
use parking_lot::Mutex;
use unixfs::cid::{self, Cid, Multihash};

use crate::files;
use crate::index::{
    BlockAt, FileId, FileState, Fingerprint, Index, ItemId, Recorded, Scope, Slice,
};
use crate::limits::MAX_OPEN_SOURCES;

/// A file stays open for so long after its last read: a disk can be ejected, and what was deleted gives its space back, soon after.
const OPEN_FOR: Duration = Duration::from_secs(3);

/// Reads blocks. Clones share the open files.
#[derive(Clone)]
pub struct Source {
    index: Index,
    files: Arc<Mutex<OpenFiles>>,
    report: Arc<dyn Fn(Doubt) + Send + Sync>,
    clock: fn() -> SystemTime,
}

/// A file that is not as it was when it was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    pub item: ItemId,
    pub file: FileId,
    pub kind: DoubtKind,
}

/// A block that may be given to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Bytes.
    pub size: u32,
    /// Its file is as it was when it was hashed. Else only reading tells whether the block is there
    /// still.
    pub sure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoubtKind {
    /// A block did not match.
    Changed,
    /// It cannot be opened.
    Missing,
    /// Its times are others, or it was hashed just after it had been written; what was read still matched. Until a scan has read
    /// all of it, each block is hashed before it is served.
    Unproven,
}

impl Source {
    /// `report` is called from reading threads and must not block.
    pub fn new(index: Index, report: impl Fn(Doubt) + Send + Sync + 'static) -> Self {
        Source {
            index,
            files: Arc::default(),
            report: Arc::new(report),
            clock: SystemTime::now,
        }
    }

    /// As if it were some other time.
    #[cfg(test)]
    pub(super) fn at(mut self, clock: fn() -> SystemTime) -> Self {
        self.clock = clock;
        self
    }

    /// A block's bytes, if it may be given to others and is still what it was.
    pub fn read(&self, cid: &Cid) -> Option<Bytes> {
        self.read_with_item(cid).map(|(data, _)| data)
    }

    /// The same, with the item whose file it was read from. Nodes above the leaves lie in no file.
    pub fn read_with_item(&self, cid: &Cid) -> Option<(Bytes, Option<ItemId>)> {
        self.read_for(cid, Scope::Serving)
    }

    /// The same for ourselves: from paused items too.
    pub fn read_local(&self, cid: &Cid) -> Option<Bytes> {
        self.read_for(cid, Scope::Everything).map(|(data, _)| data)
    }

    /// Which of these blocks may be given to others, in the order asked: after a look at the files
    /// that they lie in, of which nothing is read.
    pub fn held(&self, cids: &[Cid]) -> Vec<Option<Held>> {
        let hashes: Vec<Multihash> = cids.iter().map(|cid| *cid.hash()).collect();
        let recorded = self.index.recorded(&hashes, Scope::Serving);
        let recorded = recorded.unwrap_or_else(|error| {
            tracing::warn!(%error, "blocks could not be looked up");
            vec![None; cids.len()]
        });
        // Most of what is asked for at a time lies in few files.
        let mut seen = HashMap::new();
        let held = |(cid, recorded): (&Cid, Option<Recorded>)| {
            if let Some(block) = cid::implied_block(cid) {
                let size = u32::try_from(block.len()).ok()?;
                return Some(Held { size, sure: true });
            }
            match recorded? {
                Recorded::Inline(size) => Some(Held { size, sure: true }),
                Recorded::Slices(places) => self.held_at(&places, &mut seen),
            }
        };
        cids.iter().zip(recorded).map(held).collect()
    }

    fn held_at(
        &self,
        places: &[Slice],
        seen: &mut HashMap<FileId, Option<Fingerprint>>,
    ) -> Option<Held> {
        let mut unsure = None;
        for place in places {
            let look = || {
                let opened = self.open(place);
                if opened.is_err() {
                    self.doubt(place, DoubtKind::Missing);
                }
                opened.ok().map(|(_, now)| now)
            };
            let Some(now) = *seen.entry(place.file.id).or_insert_with(look) else {
                continue;
            };
            let end = place.offset.saturating_add(place.len.into());
            if now.size < end {
                self.doubt(place, DoubtKind::Changed);
                continue;
            }
            let size = place.block_len();
            let hashed = place.file.fingerprint;
            let sure = match place.file.state {
                // What a download writes is verified before it is on record.
                FileState::Part => true,
                FileState::Whole => hashed.is_some_and(|hashed| hashed.matches(&now)),
                FileState::Changed | FileState::Missing => false,
            };
            if sure {
                return Some(Held { size, sure });
            }
            unsure.get_or_insert(Held { size, sure });
        }
        unsure
    }

    /// Closes all files: those that were deleted give their space back, and disks can be ejected.
    pub fn close_files(&self) {
        self.files.lock().files.clear();
    }

    fn read_for(&self, cid: &Cid, scope: Scope) -> Option<(Bytes, Option<ItemId>)> {
        if let Some(block) = cid::implied_block(cid) {
            return Some((block, None));
        }
        let place = self.index.locate_for(cid.hash(), scope);
        match place
            .inspect_err(|error| tracing::warn!(%error, "a block could not be looked up"))
            .ok()??
        {
            // Few and small, and they lie in a database that may be damaged.
            BlockAt::Inline(data) => matches(cid, &data).then_some((data, None)),
            BlockAt::Slices(places) => places.iter().find_map(|place| {
                let block = self.read_slice(cid, place)?;
                Some((block, Some(place.file.item)))
            }),
        }
    }

    fn read_slice(&self, cid: &Cid, place: &Slice) -> Option<Bytes> {
        let Ok((file, now)) = self.open(place) else {
            self.doubt(place, DoubtKind::Missing);
            return None;
        };
        let read = block(&file, place);
        let proven = place.file.state == FileState::Whole
            && place
                .file
                .fingerprint
                .is_some_and(|hashed| hashed.proves(&now));
        let Ok(block) = read else {
            self.doubt(place, DoubtKind::Changed);
            return None;
        };
        if proven {
            return Some(block);
        }
        if !matches(cid, &block) {
            self.doubt(place, DoubtKind::Changed);
            return None;
        }
        // As long as it is so new that nothing can prove it yet, nobody can do anything about it.
        if place.file.state != FileState::Part && !now.racy {
            self.doubt(place, DoubtKind::Unproven);
        }
        Some(block)
    }

    /// The file as it is now, and its fingerprint.
    fn open(&self, place: &Slice) -> io::Result<(Arc<File>, Fingerprint)> {
        let id = place.file.id;
        let known = self.files.lock().get(id, &place.file.path);
        if let Some(file) = known {
            let now = Fingerprint::of(&file.metadata()?, (self.clock)());
            if place
                .file
                .fingerprint
                .is_some_and(|hashed| hashed.matches(&now))
            {
                return Ok((file, now));
            }
            // It may have been deleted or replaced: only the path says what is there.
            self.files.lock().files.remove(&id);
        }
        let file = Arc::new(files::open_for_reading(&place.file.path)?);
        let now = Fingerprint::of(&file.metadata()?, (self.clock)());
        let is_first = self.files.lock().insert(id, &place.file.path, &file);
        if is_first {
            self.close_when_idle();
        }
        Ok((file, now))
    }

    /// Has a thread close what is not read any more. It ends with the last open file.
    fn close_when_idle(&self) {
        let files = Arc::downgrade(&self.files);
        let thread = std::thread::Builder::new().name("close files".to_owned());
        if let Err(error) = thread.spawn(move || close_idle(&files)) {
            tracing::warn!(%error, "files can't be kept open");
            *self.files.lock() = OpenFiles::default();
        }
    }

    fn doubt(&self, place: &Slice, kind: DoubtKind) {
        let state = match kind {
            DoubtKind::Changed => FileState::Changed,
            DoubtKind::Missing => FileState::Missing,
            DoubtKind::Unproven => place.file.state,
        };
        if place.file.state != state && place.file.state != FileState::Part {
            // Nobody waits for it: should it fail, the next read finds out again.
            drop(self.index.set_file_state(place.file.id, state));
        }
        (self.report)(Doubt {
            item: place.file.item,
            file: place.file.id,
            kind,
        });
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

fn matches(cid: &Cid, block: &[u8]) -> bool {
    cid::verify(cid, block).is_ok()
}

/// A block's bytes as they are in the file now, in its frame.
fn block(file: &File, place: &Slice) -> io::Result<Bytes> {
    let mut block = Vec::new();
    files::leaf_into(file, &mut block, place.offset, place.len, place.framed)?;
    Ok(block.into())
}

fn close_idle(files: &Weak<Mutex<OpenFiles>>) {
    loop {
        std::thread::sleep(OPEN_FOR);
        let Some(files) = files.upgrade() else { return };
        let mut files = files.lock();
        files.close_idle(Instant::now());
        if files.files.is_empty() {
            files.is_watched = false;
            return;
        }
    }
}

#[derive(Default)]
struct OpenFiles {
    files: HashMap<FileId, OpenFile>,
    /// Somebody closes them when they are not read any more.
    is_watched: bool,
}

struct OpenFile {
    file: Arc<File>,
    path: std::path::PathBuf,
    used: Instant,
}

impl OpenFiles {
    fn get(&mut self, id: FileId, path: &Path) -> Option<Arc<File>> {
        let open = self.files.get_mut(&id).filter(|open| open.path == path)?;
        open.used = Instant::now();
        Some(Arc::clone(&open.file))
    }

    fn close_idle(&mut self, now: Instant) {
        let is_idle = |open: &OpenFile| now.saturating_duration_since(open.used) >= OPEN_FOR;
        self.files.retain(|_, open| !is_idle(open));
    }

    /// `true`: somebody has to watch them from now on.
    fn insert(&mut self, id: FileId, path: &Path, file: &Arc<File>) -> bool {
        if self.files.len() >= MAX_OPEN_SOURCES
            && let Some(oldest) = self
                .files
                .iter()
                .min_by_key(|(_, open)| open.used)
                .map(|(id, _)| *id)
        {
            self.files.remove(&oldest);
        }
        let open = OpenFile {
            file: Arc::clone(file),
            path: path.to_path_buf(),
            used: Instant::now(),
        };
        self.files.insert(id, open);
        !std::mem::replace(&mut self.is_watched, true)
    }
}
