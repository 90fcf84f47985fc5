//! From paths to a root: walk, hash, put the folders together, and keep on record where every block is.
//!
//! Three kinds of threads: one walks, one on each core hashes ([`super::hash`]), and the caller's puts folders together as their
//! entries get done and hands records to the index in batches. What is held at a time is bounded: the entries of the folders on the
//! way down, the files that wait, and one buffer for each core.
//!
//! The same work begun again goes on where it ended, and after files were changed takes over all others: a file on record whose
//! fingerprint still proves it is not read. The item's new root is recorded in the same transaction that drops what is left over from
//! the old one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::UNIX_EPOCH;

use unixfs::{Block, Cid, DirectoryBuilder, DirectoryError, Metadata, Mtime, Profile, Root};

use super::control::{Control, Progress, Stopped};
use super::hash::{Done, Job, Pool, Task};
use super::walk::{self, DirId, FoundFile, Step, TOP, Walk};
use crate::index::{FileId, HashedFile, Index, IndexError, Pending, TreeFile};
use crate::types::{ItemId, Skipped};

/// What to import, and how.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// The item that it becomes. What is on record of it is used again.
    pub item: ItemId,
    /// One path becomes the root itself, several become entries of a folder around them.
    pub paths: Vec<PathBuf>,
    pub profile: Profile,
    /// Hidden files too.
    pub hidden: bool,
    /// Modes and times become part of the content.
    pub metadata: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub root: Cid,
    pub bytes: u64,
    pub files: u64,
    /// What was left out, and why.
    pub skipped: Vec<Skipped>,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{}: {}", .0.path, .0.reason)]
    Unreadable(Skipped),
    #[error("there is nothing to share")]
    Nothing,
    #[error(transparent)]
    Stopped(#[from] Stopped),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("a folder cannot be shared: {0}")]
    Directory(#[from] DirectoryError),
}

/// Why one of the threads ended early.
#[derive(Debug)]
pub(super) enum Failure {
    Stopped,
    Index(IndexError),
    /// Another thread did, and has the reason.
    Elsewhere,
}

/// Files and blocks handed to the index at a time, and how often without waiting for the first.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 1024 * 1024;
const PENDING: usize = 4;

/// Messages between the threads: enough for none of them to wait for long.
const MESSAGES: usize = 1024;

/// Entries in the list of what was left out. A whole disk that may not be read is one reason, not a million.
const MAX_SKIPPED: usize = 10_000;

/// Hashes files and folders and puts them on record as the item, whose root is set at the end. Blocks until that is done.
pub fn import(
    index: &Index,
    request: &ImportRequest,
    progress: &Progress,
    control: &Control,
) -> Result<Imported, ImportError> {
    index.begin_generation(request.item)?;
    let job = Job {
        profile: request.profile,
        metadata: request.metadata,
        record: Some((index, request.item)),
        progress,
        control,
    };
    let outcome = run(&job, &request.paths, request.hidden)?;
    let imported = outcome.imported;
    let skipped = imported.skipped.clone();
    let (root, bytes, files) = (imported.root, imported.bytes, imported.files);
    index.remove_files(outcome.stale)?;
    index.finish_import(request.item, root, bytes, files, skipped)?;
    Ok(imported)
}

/// The root alone: nothing is put on record.
pub fn compute(
    paths: &[PathBuf],
    profile: Profile,
    hidden: bool,
    progress: &Progress,
    control: &Control,
) -> Result<Imported, ImportError> {
    let job = Job {
        profile,
        metadata: false,
        record: None,
        progress,
        control,
    };
    Ok(run(&job, paths, hidden)?.imported)
}

struct Outcome {
    imported: Imported,
    /// Files on record that are not there any more.
    stale: Vec<FileId>,
}

enum Message {
    Step(Box<Step>),
    Done(Box<Done>),
    Stale(Vec<FileId>),
}

fn run(job: &Job<'_>, paths: &[PathBuf], hidden: bool) -> Result<Outcome, ImportError> {
    let paths: Vec<_> = paths
        .iter()
        .filter_map(|path| std::path::absolute(path).ok())
        .collect();
    let named = walk::top_names(&paths);
    let (sender, receiver) = sync_channel(MESSAGES);
    let pool = Pool::new(job);
    std::thread::scope(|scope| {
        let pool = &pool;
        let mut threads: Vec<_> = (0..cores())
            .map(|_| {
                let sender = sender.clone();
                scope.spawn(move || pool.work(&|done| send(&sender, Message::Done(Box::new(done)))))
            })
            .collect();
        threads.push(scope.spawn(move || {
            let result = walk_all(job, &named, hidden, pool, &sender);
            if result.is_err() {
                pool.fail();
            }
            pool.close();
            result
        }));
        // It ends when all others have, or when it has all; then nobody waits to send to it any more.
        let assembled = Assembler::new(job, paths.len() == 1).run(receiver);
        pool.fail();
        let mut failure = None;
        for thread in threads {
            let result = thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            failure = failure.or(result
                .err()
                .filter(|failure| !matches!(failure, Failure::Elsewhere)));
        }
        match failure {
            Some(Failure::Index(error)) => Err(error.into()),
            Some(Failure::Stopped | Failure::Elsewhere) => Err(Stopped.into()),
            None => assembled,
        }
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn send(sender: &SyncSender<Message>, message: Message) -> Result<(), Failure> {
    sender.send(message).map_err(|_| Failure::Elsewhere)
}

/// The walking thread: files go to those that hash, all else to the one that puts it together.
fn walk_all(
    job: &Job<'_>,
    named: &[(PathBuf, OsString)],
    hidden: bool,
    pool: &Pool<'_>,
    sender: &SyncSender<Message>,
) -> Result<(), Failure> {
    let mut known = job
        .record
        .map(|(index, item)| Known::new(index, item))
        .transpose()?;
    let mut step = |step| match step {
        Step::File(file) => {
            job.progress.found(file.size);
            let known = match &mut known {
                Some(known) => known.take(&file)?,
                None => None,
            };
            pool.push(Task { file, known })
        }
        step => {
            job.control.check()?;
            send(sender, Message::Step(Box::new(step)))
        }
    };
    let close = Walk::new(hidden, &mut step).run(named)?;
    if let Some(known) = known {
        send(sender, Message::Stale(known.left()?))?;
    }
    // The last word: what comes before it must have been heard.
    send(sender, Message::Step(Box::new(close)))
}

/// What is on record of an item from an earlier import, folder by folder.
struct Known<'a> {
    index: &'a Index,
    item: ItemId,
    /// Folders on record that the walk has not come to.
    unseen: HashSet<TreeFile>,
    /// The folder that the walk is in.
    current: Option<(Arc<TreeFile>, HashMap<OsString, FileId>)>,
    /// Folders of the paths that the walk began with: it may come to them again.
    top: HashMap<PathBuf, HashMap<OsString, FileId>>,
    left: Vec<FileId>,
}

impl<'a> Known<'a> {
    fn new(index: &'a Index, item: ItemId) -> Result<Self, Failure> {
        let unseen = index.folders(item)?.into_iter().collect();
        Ok(Known {
            index,
            item,
            unseen,
            current: None,
            top: HashMap::new(),
            left: Vec::new(),
        })
    }

    /// The record of a file that was found.
    fn take(&mut self, file: &FoundFile) -> Result<Option<FileId>, Failure> {
        if file.dir == TOP {
            if self.unseen.remove(&*file.tree) {
                let names = self.index.names_in(self.item, &file.tree)?;
                self.top.insert(file.tree.path.clone(), names);
            }
            let names = self.top.get_mut(&file.tree.path);
            return Ok(names.and_then(|names| names.remove(&file.disk_name)));
        }
        let is_current = self
            .current
            .as_ref()
            .is_some_and(|(tree, _)| Arc::ptr_eq(tree, &file.tree));
        if !is_current {
            let names = if self.unseen.remove(&*file.tree) {
                self.index.names_in(self.item, &file.tree)?
            } else {
                HashMap::new()
            };
            let before = self.current.replace((Arc::clone(&file.tree), names));
            self.left.extend(
                before
                    .into_iter()
                    .flat_map(|(_, names)| names.into_values()),
            );
        }
        Ok(self
            .current
            .as_mut()
            .and_then(|(_, names)| names.remove(&file.disk_name)))
    }

    /// All records whose files did not come.
    fn left(mut self) -> Result<Vec<FileId>, Failure> {
        self.left.extend(
            self.current
                .into_iter()
                .flat_map(|(_, names)| names.into_values()),
        );
        self.left
            .extend(self.top.into_values().flat_map(HashMap::into_values));
        for folder in &self.unseen {
            self.left
                .extend(self.index.names_in(self.item, folder)?.into_values());
        }
        Ok(self.left)
    }
}

/// Puts folders together.
struct Assembler<'a> {
    job: &'a Job<'a>,
    /// The one path is the root itself.
    single: bool,
    folders: HashMap<DirId, Folder>,
    root: Option<Root>,
    complete: bool,
    files: u64,
    skipped: Vec<Skipped>,
    unlisted: u64,
    stale: Vec<FileId>,
    hashed: Vec<HashedFile>,
    inline: Vec<Block>,
    inline_bytes: usize,
    pending: VecDeque<Pending<()>>,
}

/// A folder whose entries are not all done.
struct Folder {
    builder: DirectoryBuilder,
    parent: DirId,
    name: OsString,
    done: u64,
    /// How many there are, once the walk is through.
    entries: Option<u64>,
}

impl<'a> Assembler<'a> {
    fn new(job: &'a Job<'a>, single: bool) -> Self {
        let mut assembler = Assembler {
            job,
            single,
            folders: HashMap::new(),
            root: None,
            complete: false,
            files: 0,
            skipped: Vec::new(),
            unlisted: 0,
            stale: Vec::new(),
            hashed: Vec::new(),
            inline: Vec::new(),
            inline_bytes: 0,
            pending: VecDeque::new(),
        };
        assembler.begin(TOP, TOP, OsString::new(), Metadata::default());
        assembler
    }

    fn run(mut self, receiver: Receiver<Message>) -> Result<Outcome, ImportError> {
        while !self.complete {
            // If all threads are gone before it is complete, one of them has the reason.
            let message = receiver.recv().map_err(|_| Stopped)?;
            match message {
                Message::Step(step) => self.step(*step)?,
                Message::Done(done) => self.file(*done)?,
                Message::Stale(files) => self.stale.extend(files),
            }
            if self.hashed.len() >= BATCH || self.inline_bytes >= BATCH_BYTES {
                self.submit()?;
            }
        }
        self.submit()?;
        self.pending.drain(..).try_for_each(Pending::wait)?;
        let Some(root) = self.root else {
            return Err(match self.skipped.pop() {
                Some(skipped) => ImportError::Unreadable(skipped),
                None => ImportError::Nothing,
            });
        };
        if self.unlisted > 0 {
            let reason = format!("and {} more were left out", self.unlisted);
            self.skipped.push(Skipped {
                path: "…".to_owned(),
                reason,
            });
        }
        let imported = Imported {
            root: root.cid,
            bytes: root.size,
            files: self.files,
            skipped: self.skipped,
        };
        Ok(Outcome {
            imported,
            stale: self.stale,
        })
    }

    fn begin(&mut self, dir: DirId, parent: DirId, name: OsString, meta: Metadata) {
        let builder = DirectoryBuilder::new(&self.job.profile, meta);
        self.folders.insert(
            dir,
            Folder {
                builder,
                parent,
                name,
                done: 0,
                entries: None,
            },
        );
    }

    fn step(&mut self, step: Step) -> Result<(), ImportError> {
        match step {
            Step::Open {
                dir,
                parent,
                name,
                metadata,
            } => {
                let meta = self.meta(&metadata);
                self.begin(dir, parent, name, meta);
                Ok(())
            }
            Step::Link {
                dir,
                name,
                target,
                metadata,
            } => {
                let target = target.as_os_str().as_encoded_bytes();
                let block = unixfs::symlink(&self.job.profile, target, &self.meta(&metadata));
                let root = block.root();
                self.keep(block);
                self.entry(dir, &name, Some(root))
            }
            Step::Close { dir, entries } => {
                if let Some(folder) = self.folders.get_mut(&dir) {
                    folder.entries = Some(entries);
                }
                self.finish(dir)
            }
            Step::Skip(skipped) => {
                self.skip(skipped);
                Ok(())
            }
            // Goes to those that hash.
            Step::File(_) => Ok(()),
        }
    }

    fn file(&mut self, done: Done) -> Result<(), ImportError> {
        for block in done.inline {
            self.keep(block);
        }
        self.hashed.extend(done.record);
        self.stale.extend(done.stale);
        let root = match done.root {
            Ok(root) => {
                self.files += 1;
                Some(root)
            }
            Err(skipped) => {
                self.skip(skipped);
                None
            }
        };
        self.entry(done.file.dir, &done.file.name, root)
    }

    /// An entry of a folder is done, with a root or without.
    fn entry(&mut self, dir: DirId, name: &OsStr, root: Option<Root>) -> Result<(), ImportError> {
        let Some(folder) = self.folders.get_mut(&dir) else {
            return Ok(());
        };
        folder.done += 1;
        if dir == TOP && self.single {
            self.root = root;
        } else if let Some(root) = root {
            let pushed = match name_bytes(name) {
                Some(name) => folder.builder.push(name, root),
                None => Err(DirectoryError::Name(name.to_string_lossy().into_owned())),
            };
            if let Err(error) = pushed {
                let path = name.to_string_lossy().into_owned();
                self.skip(Skipped {
                    path,
                    reason: error.to_string(),
                });
            }
        }
        self.finish(dir)
    }

    /// Puts a folder together if all its entries are done, and those above it that this completes.
    fn finish(&mut self, dir: DirId) -> Result<(), ImportError> {
        let is_done = |folder: &Folder| folder.entries == Some(folder.done);
        if !self.folders.get(&dir).is_some_and(is_done) {
            return Ok(());
        }
        let Some(folder) = self.folders.remove(&dir) else {
            return Ok(());
        };
        if dir == TOP && (self.single || folder.builder.is_empty()) {
            self.complete = true;
            return Ok(());
        }
        let mut blocks = Vec::new();
        let root = folder.builder.finish(&mut |block| blocks.push(block))?;
        for block in blocks {
            self.keep(block);
        }
        if dir == TOP {
            self.root = Some(root);
            self.complete = true;
            return Ok(());
        }
        // No deeper than folders are nested, which the length of a path bounds.
        self.entry(folder.parent, &folder.name, Some(root))
    }

    fn keep(&mut self, block: Block) {
        if self.job.record.is_some() {
            self.inline_bytes += block.data.len();
            self.inline.push(block);
        }
    }

    fn skip(&mut self, skipped: Skipped) {
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.push(skipped);
        } else {
            self.unlisted += 1;
        }
    }

    fn submit(&mut self) -> Result<(), ImportError> {
        let Some((index, item)) = self.job.record else {
            return Ok(());
        };
        let files = std::mem::take(&mut self.hashed);
        let blocks = std::mem::take(&mut self.inline);
        self.inline_bytes = 0;
        let inline = blocks
            .into_iter()
            .map(|block| (*block.cid.hash(), block.data))
            .collect();
        self.pending
            .push_back(index.add_hashed(item, files, inline));
        if self.pending.len() > PENDING {
            self.pending.pop_front().map_or(Ok(()), Pending::wait)?;
        }
        Ok(())
    }

    fn meta(&self, metadata: &std::fs::Metadata) -> Metadata {
        if self.job.metadata {
            metadata_of(metadata)
        } else {
            Metadata::default()
        }
    }
}

/// A name as it stands in a folder: any bytes on Unix, elsewhere text.
fn name_bytes(name: &OsStr) -> Option<&[u8]> {
    if cfg!(unix) {
        Some(name.as_encoded_bytes())
    } else {
        name.to_str().map(str::as_bytes)
    }
}

/// Mode and time as they go into the content.
pub(super) fn metadata_of(metadata: &std::fs::Metadata) -> Metadata {
    #[cfg(unix)]
    let mode = Some(std::os::unix::fs::MetadataExt::mode(metadata));
    #[cfg(not(unix))]
    let mode = None;
    let mtime = metadata.modified().ok().and_then(|time| {
        let (seconds, nanos) = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => (i64::try_from(since.as_secs()).ok()?, since.subsec_nanos()),
            Err(before) => {
                // Counted from the second before.
                let before = before.duration();
                let seconds = i64::try_from(before.as_secs()).ok()?.checked_neg()?;
                match before.subsec_nanos() {
                    0 => (seconds, 0),
                    nanos => (seconds.checked_sub(1)?, 1_000_000_000 - nanos),
                }
            }
        };
        Some(Mtime { seconds, nanos })
    });
    Metadata { mode, mtime }
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Self {
        Failure::Stopped
    }
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        Failure::Index(error)
    }
}
