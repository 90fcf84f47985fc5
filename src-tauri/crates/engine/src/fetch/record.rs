//! The record of a download: what was written is synced in groups, and only then put into the
//! index.
//!
//! One thread a download, behind a bounded queue. Invariants: no block is in the index whose bytes
//! a loss of power could still take; and no file is called whole before all its bytes are synced. A
//! record that is lost itself costs a second look at the bytes, never the bytes.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use fs_err as fs;
use parking_lot::Mutex;
use unixfs::Cid;

use super::disk;
use super::error::FetchError;
use super::own::Own;
use super::plan::FileKey;
use super::space::check_record;
use super::touch::Touch;
use crate::faults::Panicked;
use crate::fetch::limits::{MAX_GROUP_BLOCKS, MAX_GROUP_BYTES, MAX_GROUP_KEPT, SYNC_QUEUE};
use store::files::{Identity, Same};
use store::index::{
    BlockRow, FileId, FileState, Fingerprint, HashedFile, Index, ItemId, NewFile, RowKind, TreeFile,
};

/// Time that a group collects: the shortest, so that others can be served soon; and the longest.
const MIN_GROUP_TIME: Duration = Duration::from_millis(50);
const MAX_GROUP_TIME: Duration = Duration::from_secs(2);
/// A group collects this many times as long as the last sync took, so that syncing takes a fifth of
/// the time at most.
const GROUP_TIME_FACTOR: u32 = 4;
/// Time after which a file's fingerprint proves something on a file system with fine time stamps.
const YOUNG_TIME: Duration = Duration::from_millis(120);
/// Time for which a whole file waits at most for a fingerprint that proves something: enough on file
/// systems that count in 2 seconds. Where clocks are wrong none may ever come, and what a crash takes
/// meanwhile is fetched again.
const MAX_YOUNG_TIME: Duration = Duration::from_millis(2500);

/// A file of the download, as the record knows it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) key: FileKey,
    /// Where it is while it is being written.
    pub(crate) path: PathBuf,
    pub(crate) name_in_item: String,
    pub(crate) size: u64,
    pub(crate) root: Cid,
    /// The record of it from an earlier run.
    pub(crate) known: Option<FileId>,
    /// Which file is written to, once one is.
    pub(crate) made: OnceLock<Identity>,
    /// Whether others change it meanwhile.
    pub(super) touch: Touch,
    id: OnceLock<FileId>,
}

/// A leaf whose bytes are in a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeafAt {
    pub(crate) cid: Cid,
    pub(crate) offset: u64,
    pub(crate) len: u32,
    pub(crate) framed: bool,
}

/// What happened, in order.
#[derive(Debug)]
enum Done {
    /// A block that is in no file.
    Kept(Cid, Bytes),
    /// Bytes were written, or found where they belong. Without a leaf no block can be made of them
    /// alone.
    Written(Arc<Part>, u64, Option<LeafAt>),
    /// All its bytes are there.
    Closed(Arc<Part>),
    /// Somebody waits for the record.
    Flush,
}

/// What the thread tells: which blocks are in the index now, which files others have changed, and what failed.
#[derive(Debug, Default)]
struct Outcome {
    recorded: Mutex<Vec<Cid>>,
    touched: Mutex<Vec<PathBuf>>,
    failed: Mutex<Option<FetchError>>,
}

impl Outcome {
    fn take_recorded(&self) -> Vec<Cid> {
        std::mem::take(&mut self.recorded.lock())
    }

    fn failure(&self) -> Option<FetchError> {
        self.failed.lock().take()
    }
}

/// The recording thread's handle.
pub(crate) struct Recorder {
    sender: Option<SyncSender<Done>>,
    thread: Option<JoinHandle<()>>,
    outcome: Arc<Outcome>,
    /// Blocks that are written and not yet in the index: looked up too early they would be fetched
    /// twice.
    pending: HashSet<Cid>,
}

impl Part {
    pub(crate) fn new(
        key: FileKey,
        path: PathBuf,
        name_in_item: String,
        size: u64,
        root: Cid,
        known: Option<FileId>,
    ) -> Self {
        let (made, id) = (OnceLock::new(), OnceLock::new());
        Self {
            key,
            path,
            name_in_item,
            size,
            root,
            known,
            made,
            touch: Touch::default(),
            id,
        }
    }

    /// Is it as long as it is to be, and what the download left?
    fn is_whole(&self, now: &Fingerprint) -> bool {
        now.size == self.size && self.touch.is_untouched(now)
    }

    /// Is what lies at its path what was written to?
    fn is_there(&self, now: io::Result<Identity>) -> Result<(), FetchError> {
        let Some(made) = self.made.get() else {
            return Ok(());
        };
        match now {
            Ok(now) if made.compare(&now) != Same::No => Ok(()),
            Ok(_) => Err(FetchError::Replaced(self.path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(FetchError::PartGone(self.path.clone()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Recorder {
    /// `base` is the download's file or folder; `wake` is called when there is something new in the
    /// outcome.
    pub(crate) fn start(
        index: Index,
        item: ItemId,
        base: PathBuf,
        own: Option<Arc<Own>>,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, FetchError> {
        let (sender, receiver) = sync_channel(SYNC_QUEUE);
        let outcome = Arc::new(Outcome::default());
        let work = Work {
            index,
            item,
            base,
            own,
            outcome: Arc::clone(&outcome),
            wake: Box::new(wake),
            young: Vec::new(),
        };
        let thread = std::thread::Builder::new()
            .name(format!("record-{item}"))
            .spawn(move || work.run_to_its_end(receiver))
            .map_err(FetchError::disk)?;
        Ok(Self {
            sender: Some(sender),
            thread: Some(thread),
            outcome,
            pending: HashSet::new(),
        })
    }

    /// A block that is in no file.
    pub(crate) fn keep(&mut self, cid: Cid, data: Bytes) -> Result<(), FetchError> {
        self.pending.insert(cid);
        self.send(Done::Kept(cid, data))
    }

    /// So many bytes were written. Without a leaf no block can be made of them alone.
    pub(crate) fn written(
        &mut self,
        part: &Arc<Part>,
        bytes: u64,
        leaf: Option<LeafAt>,
    ) -> Result<(), FetchError> {
        self.pending.extend(leaf.map(|leaf| leaf.cid));
        self.send(Done::Written(Arc::clone(part), bytes, leaf))
    }

    /// A leaf was found where it belongs. What is `ours` may not have reached the disk.
    pub(crate) fn found(
        &self,
        part: &Arc<Part>,
        leaf: LeafAt,
        ours: bool,
    ) -> Result<(), FetchError> {
        let unsynced = if ours { u64::from(leaf.len) } else { 0 };
        self.send(Done::Written(Arc::clone(part), unsynced, Some(leaf)))
    }

    /// All bytes of the file are there.
    pub(crate) fn closed(&self, part: Arc<Part>) -> Result<(), FetchError> {
        self.send(Done::Closed(part))
    }

    /// Somebody waits for the record.
    pub(crate) fn flush(&self) -> Result<(), FetchError> {
        self.send(Done::Flush)
    }

    /// Is the block on its way into the index?
    pub(crate) fn is_pending(&self, cid: &Cid) -> bool {
        self.pending.contains(cid)
    }

    /// The blocks that came into the index since the last call.
    pub(crate) fn take_recorded(&mut self) -> Result<Vec<Cid>, FetchError> {
        let recorded = self.outcome.take_recorded();
        if let Some(error) = self.outcome.failure() {
            return Err(error);
        }
        for cid in &recorded {
            self.pending.remove(cid);
        }
        Ok(recorded)
    }

    /// Hands over what is done. Waits if the disk is far behind.
    fn send(&self, done: Done) -> Result<(), FetchError> {
        if let Some(sender) = &self.sender
            && sender.send(done).is_ok()
        {
            return Ok(());
        }
        // The thread ends early only with a failure.
        Err(self.outcome.failure().unwrap_or(FetchError::Stopped))
    }

    /// Waits until everything is synced and recorded. Gives what was last, and the files that are not called whole, since others
    /// have changed them.
    pub(crate) fn finish(mut self) -> Result<(Vec<Cid>, Vec<PathBuf>), FetchError> {
        self.close();
        if let Some(error) = self.outcome.failure() {
            return Err(error);
        }
        let touched = std::mem::take(&mut *self.outcome.touched.lock());
        Ok((self.outcome.take_recorded(), touched))
    }

    fn close(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
    }
}

struct Work {
    index: Index,
    item: ItemId,
    base: PathBuf,
    own: Option<Arc<Own>>,
    outcome: Arc<Outcome>,
    wake: Box<dyn Fn() + Send>,
    /// Files that are whole and synced, but were changed too shortly ago for a fingerprint to prove
    /// anything. They are called whole once one does, or has not for [`MAX_YOUNG_TIME`]: without one
    /// each of their blocks is hashed again whenever it is served.
    young: Vec<PartGroup>,
}

/// What goes into one sync and one record.
#[derive(Default)]
struct Group {
    kept: Vec<(Cid, Bytes)>,
    kept_bytes: usize,
    parts: BTreeMap<FileKey, PartGroup>,
    bytes: u64,
    blocks: usize,
    flush: bool,
}

struct PartGroup {
    part: Arc<Part>,
    leaves: Vec<LeafAt>,
    closed: bool,
    /// Bytes were put into it that need a sync.
    dirty: bool,
    young: Option<Young>,
}

/// A whole file waits for a fingerprint that proves something.
#[derive(Clone, Copy)]
struct Young {
    /// When it is looked at next.
    look: Instant,
    /// When it waits no longer.
    end: Instant,
}

impl Work {
    /// A fault is a failure like others: without one it would look as if the download had been stopped.
    fn run_to_its_end(mut self, receiver: Receiver<Done>) {
        let run = catch_unwind(AssertUnwindSafe(|| self.run(&receiver)));
        if let Err(panic) = run {
            *self.outcome.failed.lock() = Some(Panicked::of(panic.as_ref()).into());
            (self.wake)();
        }
    }

    fn run(&mut self, receiver: &Receiver<Done>) {
        let mut last_cost = Duration::ZERO;
        loop {
            let (group, open) = collect(receiver, last_cost, !self.young.is_empty());
            let begun = Instant::now();
            let result = self.record(group, !open);
            last_cost = begun.elapsed();
            let failed = result.is_err();
            if let Err(error) = result {
                *self.outcome.failed.lock() = Some(error);
            }
            (self.wake)();
            if failed || !open {
                return;
            }
        }
    }

    fn record(&mut self, group: Group, last: bool) -> Result<(), FetchError> {
        self.sync(&group)?;
        if !group.kept.is_empty() {
            check_record(self.index.dir(), group.kept_bytes as u64)?;
        }
        let (now, instant) = (SystemTime::now(), Instant::now());
        let may_wait = !last && !group.flush;
        let mut recorded: Vec<Cid> = group.kept.iter().map(|(cid, _)| *cid).collect();
        let mut whole = Vec::new();
        let mut closed = Vec::new();
        let mut open = Vec::new();
        let young = std::mem::take(&mut self.young);
        for mut part in young.into_iter().chain(group.parts.into_values()) {
            if may_wait && part.young.is_some_and(|young| instant < young.look) {
                self.young.push(part);
                continue;
            }
            let mut fingerprint = if part.closed {
                Some(fingerprint(&part.part.path, now)?)
            } else {
                None
            };
            if fingerprint.is_some_and(|print| !part.part.is_whole(&print)) {
                self.outcome.touched.lock().push(part.part.path.clone());
                (part.closed, part.young, fingerprint) = (false, None, None);
            }
            let waits =
                may_wait && fingerprint.is_some_and(|print| part.wait(&print, now, instant));
            match fingerprint {
                Some(fingerprint) if part.is_fresh() => {
                    if waits {
                        self.young.push(part);
                        continue;
                    }
                    recorded.extend(part.leaves.iter().map(|leaf| leaf.cid));
                    if let Some(file) = part.hashed_file(fingerprint) {
                        whole.push(file);
                    } else {
                        closed.push((Arc::clone(&part.part), fingerprint));
                        open.push(part);
                    }
                }
                Some(_) if waits => {
                    recorded.extend(part.leaves.iter().map(|leaf| leaf.cid));
                    let leaves = std::mem::take(&mut part.leaves);
                    let part_too = Arc::clone(&part.part);
                    self.young.push(part);
                    open.push(PartGroup::of(part_too, leaves));
                }
                fingerprint => {
                    recorded.extend(part.leaves.iter().map(|leaf| leaf.cid));
                    closed.extend(fingerprint.map(|print| (Arc::clone(&part.part), print)));
                    open.push(part);
                }
            }
        }
        self.put(whole, open, group.kept)?;
        for (part, fingerprint) in closed {
            if let Some(id) = part.id.get() {
                let print = Some(fingerprint);
                self.index
                    .set_file(*id, &part.path, print, FileState::Whole)?;
            }
        }
        self.outcome.recorded.lock().append(&mut recorded);
        Ok(())
    }

    /// Makes what was written survive a loss of power, and sees that it lies where it is said to.
    fn sync(&self, group: &Group) -> Result<(), FetchError> {
        let dirty = group.parts.values().filter(|part| part.dirty);
        let dirty: Vec<&Arc<Part>> = dirty.map(|part| &part.part).collect();
        if dirty.is_empty() {
            return Ok(());
        }
        if let Some(own) = &self.own {
            own.sync()?;
        }
        for part in &dirty {
            part.is_there(Identity::at(&part.path))?;
        }
        let paths: Vec<PathBuf> = dirty.iter().map(|part| part.path.clone()).collect();
        disk::sync_files(&self.base, &paths).map_err(FetchError::disk)
    }

    fn put(
        &self,
        whole: Vec<HashedFile>,
        open: Vec<PartGroup>,
        kept: Vec<(Cid, Bytes)>,
    ) -> Result<(), FetchError> {
        self.assign_ids(&open)?;
        let leaves = open.iter().filter_map(|part| {
            // Just assigned.
            let file = part.part.id.get().copied()?;
            Some(part.leaves.iter().map(move |leaf| row(file, leaf)))
        });
        let mut rows: Vec<BlockRow> = leaves.flatten().collect();
        rows.extend(kept.into_iter().map(|(cid, data)| BlockRow {
            mh: *cid.hash(),
            kind: RowKind::Inline(data),
        }));
        // Both are on their way at once, so that they go into one transaction.
        let whole = self.index.add_hashed(self.item, whole, Vec::new());
        let rows = self.index.submit_blocks(self.item, rows);
        whole.wait()?;
        rows.wait()?;
        Ok(())
    }

    /// Gives the files that aren't in the index yet their rows.
    fn assign_ids(&self, parts: &[PartGroup]) -> Result<(), FetchError> {
        let missing: Vec<&Arc<Part>> = parts
            .iter()
            .map(|part| &part.part)
            .filter(|part| match part.known {
                Some(id) => {
                    let _ = part.id.set(id);
                    false
                }
                None => part.id.get().is_none(),
            })
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let files = missing.iter().map(|part| NewFile {
            path: part.path.clone(),
            name_in_item: part.name_in_item.clone(),
            size: part.size,
            root: Some(part.root),
            state: FileState::Part,
        });
        let ids = self.index.add_files(self.item, files.collect())?;
        for (part, id) in missing.into_iter().zip(ids) {
            let _ = part.id.set(id);
        }
        Ok(())
    }
}

fn fingerprint(path: &Path, now: SystemTime) -> Result<Fingerprint, FetchError> {
    let metadata = fs::symlink_metadata(path).map_err(FetchError::disk)?;
    Ok(Fingerprint::of(&metadata, now))
}

impl PartGroup {
    fn of(part: Arc<Part>, leaves: Vec<LeafAt>) -> Self {
        Self {
            part,
            leaves,
            closed: false,
            dirty: false,
            young: None,
        }
    }

    /// Whether it waits for a fingerprint that proves more, and then until when.
    fn wait(&mut self, print: &Fingerprint, now: SystemTime, instant: Instant) -> bool {
        let end = match self.young {
            Some(young) => young.end,
            None => instant + MAX_YOUNG_TIME,
        };
        let look = (instant + print.racy_for(now)).min(end);
        self.young = Some(Young { look, end });
        print.racy && instant < end
    }

    /// Nothing of it is in the index yet.
    fn is_fresh(&self) -> bool {
        self.part.id.get().is_none()
    }

    /// The file as one entry, if all of it came within this group: that is how small files cost
    /// little.
    fn hashed_file(&mut self, fingerprint: Fingerprint) -> Option<HashedFile> {
        let framed = self.leaves.first().is_some_and(|leaf| leaf.framed);
        self.leaves.sort_unstable_by_key(|leaf| leaf.offset);
        let mut end = 0;
        for leaf in &self.leaves {
            if leaf.offset != end || leaf.framed != framed {
                return None;
            }
            end += u64::from(leaf.len);
        }
        let path = &self.part.path;
        let (folder, disk_name) = (path.parent()?, path.file_name()?);
        let (in_item, name) = match self.part.name_in_item.rsplit_once('/') {
            Some(split) => split,
            None => ("", self.part.name_in_item.as_str()),
        };
        // This short form has no room for a file that is called otherwise in the item.
        if end != self.part.size || disk_name != name {
            return None;
        }
        Some(HashedFile {
            dir: Arc::new(TreeFile {
                path: folder.to_path_buf(),
                name_in_item: in_item.to_owned(),
            }),
            disk_name: disk_name.to_owned(),
            fingerprint,
            root: self.part.root,
            leaves: self
                .leaves
                .iter()
                .map(|leaf| (*leaf.cid.hash(), leaf.len))
                .collect(),
            framed,
            replaces: self.part.known,
        })
    }
}

fn row(file: FileId, leaf: &LeafAt) -> BlockRow {
    BlockRow {
        mh: *leaf.cid.hash(),
        kind: RowKind::Slice {
            file,
            offset: leaf.offset,
            len: leaf.len,
            framed: leaf.framed,
        },
    }
}

/// Takes what comes until it is worth a sync. `false`: nothing will come any more.
fn collect(receiver: &Receiver<Done>, last_cost: Duration, young: bool) -> (Group, bool) {
    let mut group = Group::default();
    let first = if young {
        receiver.recv_timeout(YOUNG_TIME)
    } else {
        receiver.recv().map_err(RecvTimeoutError::from)
    };
    match first {
        Ok(done) => group.add(done),
        Err(RecvTimeoutError::Timeout) => return (group, true),
        Err(RecvTimeoutError::Disconnected) => return (group, false),
    }
    let pause = (last_cost * GROUP_TIME_FACTOR).clamp(MIN_GROUP_TIME, MAX_GROUP_TIME);
    let until = Instant::now() + pause;
    while !group.is_full() {
        let left = until.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left) {
            Ok(done) => group.add(done),
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return (group, false),
        }
    }
    (group, true)
}

impl Group {
    fn add(&mut self, done: Done) {
        match done {
            Done::Kept(cid, data) => {
                self.kept_bytes += data.len();
                self.blocks += 1;
                self.kept.push((cid, data));
            }
            Done::Written(part, bytes, leaf) => {
                self.bytes += bytes;
                let entry = self.part(part);
                entry.dirty |= bytes > 0;
                if let Some(leaf) = leaf {
                    entry.leaves.push(leaf);
                    self.blocks += 1;
                }
            }
            Done::Closed(part) => {
                let entry = self.part(part);
                entry.closed = true;
                self.blocks += 1;
            }
            Done::Flush => self.flush = true,
        }
    }

    fn part(&mut self, part: Arc<Part>) -> &mut PartGroup {
        self.parts
            .entry(part.key)
            .or_insert_with(|| PartGroup::of(part, Vec::new()))
    }

    fn is_full(&self) -> bool {
        self.flush
            || self.bytes >= MAX_GROUP_BYTES
            || self.kept_bytes >= MAX_GROUP_KEPT
            || self.blocks >= MAX_GROUP_BLOCKS
    }
}

#[cfg(test)]
mod tests {
    use store::index::{ItemKind, NewItem};
    use unixfs::cid;

    use super::*;

    /// Records a file of one leaf whose mtime lies so far from now, and gives what is on record once
    /// something is, without that anything else happened or somebody asked.
    fn recorded(ahead: Duration) -> store::index::FileRecord {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        let index = Index::open(&dir.path().join("data")).unwrap().index;
        let new = NewItem {
            kind: ItemKind::Download,
            name: "file".to_owned(),
            ..NewItem::default()
        };
        let item = index.create_item(new).unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"content").unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.file().set_modified(SystemTime::now() + ahead).unwrap();
        let cid = Cid::new_v1(cid::RAW, cid::hash(cid::SHA2_256, b"content").unwrap());

        let (woken, wakes) = sync_channel(64);
        let wake = move || woken.send(()).unwrap_or_default();
        let mut recorder = Recorder::start(index.clone(), item, path.clone(), None, wake).unwrap();
        let part = Part::new(FileKey(0), path.clone(), "file".to_owned(), 7, cid, None);
        let part = Arc::new(part);
        let leaf = LeafAt {
            cid,
            offset: 0,
            len: 7,
            framed: false,
        };
        recorder.written(&part, 7, Some(leaf)).unwrap();
        recorder.closed(part).unwrap();
        while recorder.take_recorded().unwrap().is_empty() {
            wakes.recv_timeout(Duration::from_mins(2)).unwrap();
        }
        index.files(item).unwrap().remove(0)
    }

    #[test]
    fn a_file_from_the_future_is_recorded_like_any_other() {
        for years in [0, 15] {
            let file = recorded(Duration::from_hours(years * 365 * 24));
            assert_eq!(file.state, FileState::Whole);
            assert!(!file.fingerprint.unwrap().racy);
        }
    }

    #[test]
    fn a_file_whose_time_may_be_of_now_is_recorded_after_a_while() {
        let file = recorded(Duration::from_secs(50));
        assert_eq!(file.state, FileState::Whole);
        assert!(file.fingerprint.unwrap().racy);
    }
}
