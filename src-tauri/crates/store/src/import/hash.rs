//! One file into its root, by one thread, or as one of the threads that read a large one.
//!
//! A file's bytes are read once, in order, through one buffer for each thread. A file that changes while it is read is begun again,
//! and left out if it does so again and again. What is on record under a fingerprint that still proves it is taken from there.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use fs_err::File;
use unixfs::cid::{Cid, DAG_PB, RAW};
use unixfs::{Block, Chunker, FileBuilder, Leaf, Metadata, Multihash, Profile, Root};

use super::large::LargeFile;
use super::leaves::LeafReader;
use super::pool::{Done, Job, Pool, Task};
use super::{Failure, metadata_of};
use crate::files;
use crate::import::walk::{self, FoundFile};
use crate::index::{FileRecord, FileSlice, FileState, Fingerprint, HashedFile};

/// Bytes of a file beyond which all threads work on it together; one core hashes so much in 2 ms.
const SMALL_BYTES: u64 = 4 * 1024 * 1024;

/// How often a file may change while it is read before it is left out.
const ATTEMPTS: u32 = 3;

/// One thread's work.
pub(super) struct Worker<'a> {
    pool: &'a Pool<'a>,
    job: &'a Job<'a>,
    reader: LeafReader,
    send: &'a dyn Fn(Done) -> Result<(), Failure>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        pool: &'a Pool<'a>,
        job: &'a Job<'a>,
        send: &'a dyn Fn(Done) -> Result<(), Failure>,
    ) -> Self {
        Worker {
            pool,
            job,
            reader: LeafReader::new(job.profile),
            send,
        }
    }

    /// A file as it comes out of the queue.
    pub(super) fn file(&mut self, task: Task) -> Result<(), Failure> {
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
        let opened = files::open_for_reading(&attempt.file.path()).and_then(|file| {
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
        if large.is_complete() {
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
    pub(super) fn run(&mut self, large: &LargeFile) -> Result<(), Failure> {
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
pub(super) struct Attempt {
    pub(super) file: FoundFile,
    pub(super) known: Option<FileRecord>,
    number: u32,
}

/// Leaves as they would be made of slices on record, as far as these follow each other from the given chunk on.
pub(super) fn leaves_of(
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
pub(super) fn len_of(leaf: &Leaf) -> u32 {
    u32::try_from(leaf.bytes).unwrap_or(u32::MAX)
}
