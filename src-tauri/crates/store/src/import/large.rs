//! A large file, read by all threads together, run by run.
//!
//! Runs are given out in order and may come in out of turn; leaves go into the tree, and on record, in order. So what is held is the
//! tree's edge and the leaves of the runs that came early, and what is on record after a crash is the file's beginning.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use fs_err::File;
use parking_lot::{Condvar, Mutex};
use unixfs::{Block, Chunker, FileBuilder, Leaf, Metadata, Profile, Root};

use super::Failure;
use super::hash::{Attempt, leaves_of, len_of};
use super::leaves::{LeafReader, has_holes, next_data};
use super::pool::Job;
use crate::index::{BlockRow, FileId, Fingerprint, Index, ItemId, Pending, RowKind};

/// Bytes that a thread takes of a large file at a time: long enough for the disk to read ahead.
const RUN_BYTES: u64 = 4 * 1024 * 1024;

/// Runs by which the fastest thread may be ahead of the slowest: what is held of them is 200 bytes a leaf.
const RUNS_AHEAD: u64 = 1024;

/// Rows handed to the index at a time, bytes of nodes in them, and how often without waiting for the first.
const ROWS: usize = 512;
const INLINE_BYTES: usize = 1024 * 1024;
const PENDING: usize = 4;

/// A file that all threads read together.
pub(super) struct LargeFile {
    profile: Profile,
    pub(super) file: File,
    pub(super) before: Fingerprint,
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

pub(super) struct Tree {
    pub(super) builder: FileBuilder,
    /// Bytes of the leaves that are in.
    length: u64,
    /// Bytes that this attempt has read.
    pub(super) hashed: u64,
    pub(super) records: Records,
    pub(super) error: Option<io::Error>,
}

impl LargeFile {
    pub(super) fn begin(
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

    /// All of it was on record.
    pub(super) fn is_complete(&self) -> bool {
        self.state.lock().next == self.runs
    }

    pub(super) fn has_runs(&self) -> bool {
        let state = self.state.lock();
        state.unclaimed < self.runs && !state.failed
    }

    /// The next run to read, if one is left.
    pub(super) fn claim(&self) -> Option<u64> {
        let too_far = |state: &mut LargeState| {
            state.unclaimed < self.runs
                && !state.failed
                && state.unclaimed >= state.next + RUNS_AHEAD
        };
        let mut state = self.state.lock();
        self.moved.wait_while(&mut state, too_far);
        if state.unclaimed >= self.runs || state.failed {
            return None;
        }
        let run = state.unclaimed;
        state.unclaimed += 1;
        state.out += 1;
        Some(run)
    }

    pub(super) fn read(&self, reader: &mut LeafReader, run: u64) -> io::Result<Vec<Leaf>> {
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
    pub(super) fn add(
        &self,
        job: &Job<'_>,
        run: u64,
        leaves: io::Result<Vec<Leaf>>,
    ) -> Result<bool, Failure> {
        let mut guard = self.state.lock();
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

    pub(super) fn take(&self) -> (Option<Attempt>, Option<Tree>) {
        let mut state = self.state.lock();
        (state.attempt.take(), state.tree.take())
    }
}

/// A large file's rows on their way into the index.
pub(super) struct Records {
    file: Option<(Index, ItemId, FileId)>,
    framed: bool,
    rows: Vec<BlockRow>,
    inline_bytes: usize,
    pending: VecDeque<Pending<()>>,
}

impl Records {
    /// Keeps nothing.
    fn none() -> Self {
        Records {
            file: None,
            framed: false,
            rows: Vec::new(),
            inline_bytes: 0,
            pending: VecDeque::new(),
        }
    }

    fn new(index: Index, item: ItemId, file: FileId, framed: bool) -> Self {
        Records {
            file: Some((index, item, file)),
            framed,
            rows: Vec::new(),
            inline_bytes: 0,
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
            self.inline_bytes += block.data.len();
            self.rows.push(BlockRow {
                mh: *block.cid.hash(),
                kind: RowKind::Inline(block.data.clone()),
            });
        }
    }

    /// Hands over what has gathered, if it is much.
    fn submit_full(&mut self) -> Result<(), Failure> {
        if self.rows.len() >= ROWS || self.inline_bytes >= INLINE_BYTES {
            self.submit()
        } else {
            Ok(())
        }
    }

    fn submit(&mut self) -> Result<(), Failure> {
        self.inline_bytes = 0;
        if let Some((index, item, _)) = &self.file {
            self.pending
                .push_back(index.submit_blocks(*item, std::mem::take(&mut self.rows)));
            if self.pending.len() > PENDING {
                self.pending.pop_front().map_or(Ok(()), Pending::wait)?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, root: Root, fingerprint: Fingerprint) -> Result<(), Failure> {
        self.submit()?;
        if let Some((index, _, file)) = &self.file {
            self.pending
                .push_back(index.set_file_root(*file, root.cid, fingerprint));
        }
        self.pending.drain(..).try_for_each(Pending::wait)?;
        Ok(())
    }

    /// The file is not what was recorded.
    pub(super) fn abandon(&mut self) -> Result<(), Failure> {
        self.pending.drain(..).try_for_each(Pending::wait)?;
        if let Some((index, _, file)) = &self.file {
            index.remove_files(vec![*file])?;
        }
        Ok(())
    }
}
