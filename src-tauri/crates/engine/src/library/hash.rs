//! Files into roots, on all cores: many small files side by side, and a large one by all threads together, run by run.
//!
//! A file's bytes are read once, in order, into one buffer for each thread; what is held of a large file is its tree's edge and the
//! leaves of the few runs that came out of turn. A file that changes while it is read is begun again, and left out if it does so
//! again and again. What is on record under a fingerprint that still proves it is taken from there.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use unixfs::cid::{Cid, DAG_PB, RAW};
use unixfs::{Block, Chunker, FileBuilder, Leaf, Metadata, Multihash, Profile, Root};

use super::control::{Control, Progress};
use super::import::{Failure, metadata_of};
use super::leaves::{LeafReader, has_holes, next_data};
use super::open;
use super::walk::{self, FoundFile};
use crate::index::{
    BlockRow, FileId, FileRecord, FileSlice, FileState, Fingerprint, HashedFile, Index, Pending,
    RowKind,
};
use crate::types::{ItemId, Skipped};

/// Bytes of a file beyond which all threads work on it together; one core hashes so much in 2 ms.
const SMALL_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes that a thread takes of a large file at a time: long enough for the disk to read ahead.
const RUN_BYTES: u64 = 4 * 1024 * 1024;

/// Runs by which the fastest thread may be ahead of the slowest: what is held of them is 200 bytes a leaf.
const RUNS_AHEAD: u64 = 1024;

/// Files found that wait to be hashed: enough for the total to be known early, at about 200 bytes each.
const QUEUE: usize = 65_536;

/// Rows handed to the index at a time, and how often without waiting for the first.
const ROWS: usize = 2048;
const PENDING: usize = 4;

/// How often a file may change while it is read before it is left out.
const ATTEMPTS: u32 = 3;

/// What is the same for all files of one import.
pub(super) struct Job<'a> {
    pub(super) profile: Profile,
    /// Modes and times become part of the content.
    pub(super) metadata: bool,
    /// Where it goes on record; `None` if only the root is wanted.
    pub(super) record: Option<(&'a Index, ItemId)>,
    pub(super) progress: &'a Progress,
    pub(super) control: &'a Control,
}

/// A file to hash, and what is on record of it.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) file: FoundFile,
    pub(super) known: Option<FileId>,
}

/// A file is done.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) file: FoundFile,
    /// Its root, or why it is left out.
    pub(super) root: Result<Root, Skipped>,
    /// What is not on record yet.
    pub(super) record: Option<HashedFile>,
    pub(super) inline: Vec<Block>,
    /// An older record of a file that is left out now.
    pub(super) stale: Option<FileId>,
}

/// The files to hash, and the threads that do.
pub(super) struct Pool<'a> {
    job: &'a Job<'a>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    tasks: VecDeque<Task>,
    /// No more will come.
    closed: bool,
    /// Something went wrong: everybody goes home.
    failed: bool,
    /// The large file that has runs to give out.
    large: Option<Arc<LargeFile>>,
    /// Threads that may yet bring up a large file.
    busy: usize,
}

enum Work {
    Task(Task),
    Run(Arc<LargeFile>),
}

impl<'a> Pool<'a> {
    pub(super) fn new(job: &'a Job<'a>) -> Self {
        Pool {
            job,
            queue: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Adds a file; waits while there are too many.
    pub(super) fn push(&self, task: Task) -> Result<(), Failure> {
        self.job.control.check()?;
        let queue = self.lock();
        let full = |queue: &mut Queue| queue.tasks.len() >= QUEUE && !queue.failed;
        let mut queue = self
            .changed
            .wait_while(queue, full)
            .unwrap_or_else(PoisonError::into_inner);
        if queue.failed {
            return Err(Failure::Elsewhere);
        }
        queue.tasks.push_back(task);
        if queue.tasks.len() == 1 || queue.tasks.len().is_multiple_of(64) {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// All files have been added.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Ends the work of all threads.
    pub(super) fn fail(&self) {
        self.lock().failed = true;
        self.changed.notify_all();
    }

    /// Works until all files are done or something failed. For each thread.
    pub(super) fn work(&self, send: &dyn Fn(Done) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut worker = Worker {
            pool: self,
            job: self.job,
            reader: LeafReader::new(self.job.profile),
            send,
        };
        while let Some(work) = self.next() {
            let result = match work {
                Work::Task(task) => worker.file(task),
                Work::Run(large) => worker.run(&large),
            };
            let mut queue = self.lock();
            queue.busy -= 1;
            queue.failed |= result.is_err();
            drop(queue);
            self.changed.notify_all();
            result?;
        }
        Ok(())
    }

    /// Has all threads help with a large file.
    fn share(&self, large: &Arc<LargeFile>) {
        self.lock().large = Some(Arc::clone(large));
        self.changed.notify_all();
    }

    fn next(&self) -> Option<Work> {
        let mut queue = self.lock();
        loop {
            if queue.failed {
                return None;
            }
            // A large file first, so that all threads finish together.
            if let Some(large) = &queue.large {
                if large.has_runs() {
                    let large = Arc::clone(large);
                    queue.busy += 1;
                    return Some(Work::Run(large));
                }
                queue.large = None;
            }
            if let Some(task) = queue.tasks.pop_front() {
                queue.busy += 1;
                if queue.tasks.len() == QUEUE / 2 {
                    self.changed.notify_all();
                }
                return Some(Work::Task(task));
            }
            if queue.closed && queue.busy == 0 {
                return None;
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thread's work.
struct Worker<'a> {
    pool: &'a Pool<'a>,
    job: &'a Job<'a>,
    reader: LeafReader,
    send: &'a dyn Fn(Done) -> Result<(), Failure>,
}

impl Worker<'_> {
    /// A file as it comes out of the queue.
    fn file(&mut self, task: Task) -> Result<(), Failure> {
        let known = match (self.job.record, task.known) {
            (Some((index, _)), Some(id)) => index.file(id)?,
            _ => None,
        };
        self.attempt(Attempt {
            file: task.file,
            known,
            number: 1,
        })
    }

    fn attempt(&mut self, attempt: Attempt) -> Result<(), Failure> {
        self.job.control.check()?;
        let opened = open::regular(&attempt.file.path()).and_then(|file| {
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        let (file, metadata) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.leave_out(attempt, walk::unreadable(&error)),
        };
        let before = Fingerprint::of(&metadata, SystemTime::now());
        let meta = if self.job.metadata {
            metadata_of(&metadata)
        } else {
            Metadata::default()
        };
        let known = attempt.known.as_ref();
        let proven = known.is_some_and(|known| {
            known.state == FileState::Whole
                && known
                    .fingerprint
                    .is_some_and(|hashed| hashed.proves(&before))
        });
        if before.size <= SMALL_BYTES {
            let leaves = if proven {
                self.recorded(&attempt, before.size)?
            } else {
                None
            };
            return match leaves {
                Some(leaves) => self.send_known(attempt, meta, &leaves),
                None => self.small(attempt, &file, before, meta),
            };
        }
        let large = LargeFile::begin(self.job, attempt, file, &metadata, before, meta, proven)?;
        let large = Arc::new(large);
        if large.runs == large.lock().next {
            return self.finish(&large);
        }
        self.pool.share(&large);
        self.run(&large)
    }

    /// A file that changed while it was read: once more, or never.
    fn again(&mut self, attempt: Attempt) -> Result<(), Failure> {
        if attempt.number == ATTEMPTS {
            return self.leave_out(attempt, "it changed while it was being read".to_owned());
        }
        self.attempt(Attempt {
            number: attempt.number + 1,
            ..attempt
        })
    }

    fn leave_out(&self, attempt: Attempt, reason: String) -> Result<(), Failure> {
        let Attempt { file, known, .. } = attempt;
        let root = Err(walk::skipped(&file.path(), reason));
        let stale = known.map(|known| known.id);
        self.send(Done {
            file,
            root,
            record: None,
            inline: Vec::new(),
            stale,
        })
    }

    fn send(&self, done: Done) -> Result<(), Failure> {
        if done.root.is_ok() {
            self.job.progress.file_done();
        }
        (self.send)(done)
    }

    /// The leaves on record, if they are what this import would make.
    fn recorded(&self, attempt: &Attempt, size: u64) -> Result<Option<Vec<Leaf>>, Failure> {
        let (Some((index, _)), Some(known)) = (self.job.record, &attempt.known) else {
            return Ok(None);
        };
        if known.root.is_none() {
            return Ok(None);
        }
        let chunker = Chunker::new(self.job.profile.chunk_size);
        let slices = index.slices_after(known.id, 0, u32::MAX)?;
        let leaves = leaves_of(&self.job.profile, chunker, size, &slices, 0);
        Ok(Some(leaves).filter(|leaves| leaves.len() as u64 == chunker.count(size)))
    }

    /// A small file that is on record already: only the nodes above its leaves are made anew.
    fn send_known(&self, attempt: Attempt, meta: Metadata, leaves: &[Leaf]) -> Result<(), Failure> {
        let (root, inline) = tree(&self.job.profile, meta, leaves);
        self.job.progress.hashed(root.size);
        self.send(Done {
            file: attempt.file,
            root: Ok(root),
            record: None,
            inline,
            stale: None,
        })
    }

    /// A small file, by this thread alone.
    fn small(
        &mut self,
        attempt: Attempt,
        file: &File,
        before: Fingerprint,
        meta: Metadata,
    ) -> Result<(), Failure> {
        let chunks = Chunker::new(self.job.profile.chunk_size).chunks(before.size);
        let leaves: io::Result<Vec<_>> =
            chunks.map(|chunk| self.reader.read(file, chunk)).collect();
        let leaves = match leaves {
            Ok(leaves) => leaves,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return self.again(attempt);
            }
            Err(error) => return self.leave_out(attempt, walk::unreadable(&error)),
        };
        if !unchanged(file, &before) {
            return self.again(attempt);
        }
        let (root, inline) = tree(&self.job.profile, meta, &leaves);
        self.job.progress.hashed(root.size);
        let record = self.job.record.map(|_| HashedFile {
            dir: Arc::clone(&attempt.file.tree),
            disk_name: attempt.file.disk_name.clone(),
            fingerprint: before,
            root: root.cid,
            leaves: leaves
                .iter()
                .map(|leaf| (*leaf.cid.hash(), len_of(leaf)))
                .collect(),
            framed: !self.job.profile.raw_leaves,
            replaces: attempt.known.map(|known| known.id),
        });
        self.send(Done {
            file: attempt.file,
            root: Ok(root),
            record,
            inline,
            stale: None,
        })
    }

    /// One run of a large file; whoever brings the last one finishes it.
    fn run(&mut self, large: &LargeFile) -> Result<(), Failure> {
        let mut last = false;
        while !last {
            self.job.control.check()?;
            let Some(run) = large.claim() else {
                return Ok(());
            };
            let leaves = large.read(&mut self.reader, run);
            if let Ok(leaves) = &leaves {
                self.job
                    .progress
                    .hashed(leaves.iter().map(|leaf| leaf.bytes).sum());
            }
            last = large.add(self.job, run, leaves)?;
        }
        self.finish(large)
    }

    fn finish(&mut self, large: &LargeFile) -> Result<(), Failure> {
        let (attempt, tree) = large.take();
        let Some((attempt, mut tree)) = attempt.zip(tree) else {
            return Ok(());
        };
        let changed = match tree.error {
            Some(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                tree.records.abandon()?;
                return self.leave_out(attempt, walk::unreadable(&error));
            }
            Some(_) => true,
            None => !unchanged(&large.file, &large.before),
        };
        if changed {
            tree.records.abandon()?;
            self.job.progress.take_back(tree.hashed);
            return self.again(Attempt {
                known: None,
                ..attempt
            });
        }
        let mut inline = Vec::new();
        let root = tree.builder.finish(&mut |block| inline.push(block));
        tree.records.finish(root, large.before)?;
        self.send(Done {
            file: attempt.file,
            root: Ok(root),
            record: None,
            inline,
            stale: None,
        })
    }
}

/// One go at a file.
#[derive(Debug)]
struct Attempt {
    file: FoundFile,
    known: Option<FileRecord>,
    number: u32,
}

/// A file that all threads read together.
struct LargeFile {
    profile: Profile,
    file: File,
    before: Fingerprint,
    sparse: bool,
    runs: u64,
    chunks_in_run: u64,
    state: Mutex<LargeState>,
    /// Runs came in, so that others may go ahead.
    moved: Condvar,
}

struct LargeState {
    /// The next run to give out.
    unclaimed: u64,
    /// The next run to put into the tree: all before it are in.
    next: u64,
    waiting: BTreeMap<u64, Vec<Leaf>>,
    attempt: Option<Attempt>,
    tree: Option<Tree>,
    /// Runs that were given out and did not come in.
    out: u64,
    failed: bool,
}

struct Tree {
    builder: FileBuilder,
    /// Bytes of the leaves that are in.
    length: u64,
    /// Bytes that this attempt has read.
    hashed: u64,
    records: Records,
    error: Option<io::Error>,
}

impl LargeFile {
    fn begin(
        job: &Job<'_>,
        attempt: Attempt,
        file: File,
        metadata: &std::fs::Metadata,
        before: Fingerprint,
        meta: Metadata,
        proven: bool,
    ) -> Result<Self, Failure> {
        let chunker = Chunker::new(job.profile.chunk_size);
        let chunks_in_run = (RUN_BYTES / u64::from(job.profile.chunk_size)).max(1);
        let runs = chunker.count(before.size).div_ceil(chunks_in_run);
        let known = attempt.known.as_ref().map(|known| known.id);
        let mut builder = FileBuilder::new(&job.profile, meta);
        let mut next = 0;
        let mut length = 0;
        let records = match job.record {
            None => Records::none(),
            Some((index, item)) => {
                let id = if let Some(id) = known.filter(|_| proven) {
                    id
                } else {
                    let tree = Arc::clone(&attempt.file.tree);
                    let disk_name = attempt.file.disk_name.clone();
                    index.begin_file(item, tree, disk_name, before, known)?
                };
                let mut records = Records::new(index.clone(), item, id, !job.profile.raw_leaves);
                if proven {
                    // Whole runs on record need not be read again.
                    loop {
                        let from = next * chunks_in_run;
                        let limit = u32::try_from(chunks_in_run).unwrap_or(u32::MAX);
                        let slices = index.slices_after(id, length, limit)?;
                        let leaves = leaves_of(&job.profile, chunker, before.size, &slices, from);
                        let wanted =
                            chunks_in_run.min(chunker.count(before.size).saturating_sub(from));
                        if wanted == 0 || leaves.len() as u64 != wanted {
                            break;
                        }
                        for leaf in &leaves {
                            builder.push(*leaf, &mut |block| records.inline(&block));
                            length += leaf.bytes;
                        }
                        records.submit_full()?;
                        next += 1;
                    }
                    job.progress.hashed(length);
                }
                records
            }
        };
        let hashed = length;
        let tree = Tree {
            builder,
            length,
            hashed,
            records,
            error: None,
        };
        Ok(LargeFile {
            profile: job.profile,
            file,
            before,
            sparse: has_holes(metadata),
            runs,
            chunks_in_run,
            state: Mutex::new(LargeState {
                unclaimed: next,
                next,
                waiting: BTreeMap::new(),
                attempt: Some(attempt),
                tree: Some(tree),
                out: 0,
                failed: false,
            }),
            moved: Condvar::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, LargeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_runs(&self) -> bool {
        let state = self.lock();
        state.unclaimed < self.runs && !state.failed
    }

    /// The next run to read, if one is left.
    fn claim(&self) -> Option<u64> {
        let state = self.lock();
        let too_far = |state: &mut LargeState| {
            state.unclaimed < self.runs
                && !state.failed
                && state.unclaimed >= state.next + RUNS_AHEAD
        };
        let mut state = self
            .moved
            .wait_while(state, too_far)
            .unwrap_or_else(PoisonError::into_inner);
        if state.unclaimed >= self.runs || state.failed {
            return None;
        }
        let run = state.unclaimed;
        state.unclaimed += 1;
        state.out += 1;
        Some(run)
    }

    fn read(&self, reader: &mut LeafReader, run: u64) -> io::Result<Vec<Leaf>> {
        let chunker = Chunker::new(self.profile.chunk_size);
        let first = run * self.chunks_in_run;
        let chunks = (first..first + self.chunks_in_run)
            .map_while(|index| chunker.get(self.before.size, index));
        let mut data = 0;
        let leaf = |chunk: std::ops::Range<u64>| {
            if self.sparse && data < chunk.end {
                data = next_data(&self.file, chunk.start, self.before.size);
            }
            if self.sparse && data >= chunk.end {
                Ok(reader.zeros(chunk))
            } else {
                reader.read(&self.file, chunk)
            }
        };
        chunks.map(leaf).collect()
    }

    /// Puts a run's leaves in their place. True for the last one.
    fn add(&self, job: &Job<'_>, run: u64, leaves: io::Result<Vec<Leaf>>) -> Result<bool, Failure> {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.out -= 1;
        let Some(tree) = &mut state.tree else {
            return Ok(false);
        };
        match leaves {
            Ok(leaves) => {
                tree.hashed += leaves.iter().map(|leaf| leaf.bytes).sum::<u64>();
                state.waiting.insert(run, leaves);
            }
            Err(error) => {
                state.failed = true;
                tree.error = Some(error);
            }
        }
        while let Some(leaves) = state.waiting.remove(&state.next) {
            for leaf in &leaves {
                tree.records.slice(leaf, tree.length);
                tree.length += leaf.bytes;
                tree.builder
                    .push(*leaf, &mut |block| tree.records.inline(&block));
            }
            state.next += 1;
        }
        let submitted = tree.records.submit_full();
        if submitted.is_err() {
            state.failed = true;
        }
        let last = state.out == 0 && (state.failed || state.next == self.runs);
        drop(guard);
        self.moved.notify_all();
        submitted?;
        job.control.check()?;
        Ok(last)
    }

    fn take(&self) -> (Option<Attempt>, Option<Tree>) {
        let mut state = self.lock();
        (state.attempt.take(), state.tree.take())
    }
}

/// A large file's rows on their way into the index.
struct Records {
    file: Option<(Index, ItemId, FileId)>,
    framed: bool,
    rows: Vec<BlockRow>,
    pending: VecDeque<Pending<()>>,
}

impl Records {
    /// Keeps nothing.
    fn none() -> Self {
        Records {
            file: None,
            framed: false,
            rows: Vec::new(),
            pending: VecDeque::new(),
        }
    }

    fn new(index: Index, item: ItemId, file: FileId, framed: bool) -> Self {
        Records {
            file: Some((index, item, file)),
            framed,
            rows: Vec::new(),
            pending: VecDeque::new(),
        }
    }

    fn slice(&mut self, leaf: &Leaf, offset: u64) {
        if let Some((_, _, file)) = self.file {
            let kind = RowKind::Slice {
                file,
                offset,
                len: len_of(leaf),
                framed: self.framed,
            };
            self.rows.push(BlockRow {
                mh: *leaf.cid.hash(),
                kind,
            });
        }
    }

    fn inline(&mut self, block: &Block) {
        if self.file.is_some() {
            self.rows.push(BlockRow {
                mh: *block.cid.hash(),
                kind: RowKind::Inline(block.data.clone()),
            });
        }
    }

    /// Hands over what has gathered, if it is much.
    fn submit_full(&mut self) -> Result<(), Failure> {
        if self.rows.len() >= ROWS {
            self.submit()
        } else {
            Ok(())
        }
    }

    fn submit(&mut self) -> Result<(), Failure> {
        if let Some((index, item, _)) = &self.file {
            self.pending
                .push_back(index.submit_blocks(*item, std::mem::take(&mut self.rows)));
            if self.pending.len() > PENDING {
                self.pending.pop_front().map_or(Ok(()), Pending::wait)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, root: Root, fingerprint: Fingerprint) -> Result<(), Failure> {
        self.submit()?;
        if let Some((index, _, file)) = &self.file {
            self.pending
                .push_back(index.set_file_root(*file, root.cid, fingerprint));
        }
        self.pending.drain(..).try_for_each(Pending::wait)?;
        Ok(())
    }

    /// The file is not what was recorded.
    fn abandon(&mut self) -> Result<(), Failure> {
        self.pending.drain(..).try_for_each(Pending::wait)?;
        if let Some((index, _, file)) = &self.file {
            index.remove_files(vec![*file])?;
        }
        Ok(())
    }
}

/// Leaves as they would be made of slices on record, as far as these follow each other from the given chunk on.
fn leaves_of(
    profile: &Profile,
    chunker: Chunker,
    size: u64,
    slices: &[FileSlice],
    from: u64,
) -> Vec<Leaf> {
    let fits = |(index, slice): &(u64, &FileSlice)| {
        let range = slice.offset..slice.offset + u64::from(slice.len);
        chunker
            .get(size, *index)
            .is_some_and(|chunk| chunk == range)
    };
    let leaf = |(_, slice): (u64, &FileSlice)| leaf_of(profile, slice.mh, slice.len);
    (from..)
        .zip(slices)
        .take_while(fits)
        .map_while(leaf)
        .collect()
}

fn leaf_of(profile: &Profile, hash: Multihash, len: u32) -> Option<Leaf> {
    let bytes = u64::from(len);
    if profile.raw_leaves {
        return Some(Leaf {
            cid: Cid::new_v1(RAW, hash),
            bytes,
            tsize: bytes,
        });
    }
    let (before, after) = unixfs::leaf_frame(len as usize);
    let cid = Cid::new(profile.cid_version, DAG_PB, hash).ok()?;
    Some(Leaf {
        cid,
        bytes,
        tsize: (before.len() + after.len()) as u64 + bytes,
    })
}

fn tree(profile: &Profile, meta: Metadata, leaves: &[Leaf]) -> (Root, Vec<Block>) {
    let mut inline = Vec::new();
    let mut builder = FileBuilder::new(profile, meta);
    for leaf in leaves {
        builder.push(*leaf, &mut |block| inline.push(block));
    }
    let root = builder.finish(&mut |block| inline.push(block));
    // The block of nothing follows from its hash.
    inline.retain(|block| !block.data.is_empty());
    (root, inline)
}

/// Is the file still as it was before it was read?
fn unchanged(file: &File, before: &Fingerprint) -> bool {
    file.metadata()
        .is_ok_and(|metadata| before.matches(&Fingerprint::of(&metadata, SystemTime::now())))
}

/// A leaf has 2 MiB at most.
fn len_of(leaf: &Leaf) -> u32 {
    u32::try_from(leaf.bytes).unwrap_or(u32::MAX)
}
