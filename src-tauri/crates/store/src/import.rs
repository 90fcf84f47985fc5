//! From paths to a root: walk, hash, put the folders together, and keep on record where every block is.
//!
//! Three kinds of threads: one walks, one on each core hashes ([`hash`]), and the caller's puts folders together as
//! their entries get done ([`assemble`]). What is held at a time is bounded: the entries of the folders on the
//! way down, the files that wait, and one buffer for each core.
//!
//! The same work begun again goes on where it ended, and after files were changed takes over all others: a file on record whose
//! fingerprint still proves it is not read. The item's new root is recorded in the same transaction that drops what is left over from
//! the old one.

mod assemble;
mod hash;
mod known;
mod large;
mod leaves;
mod look;
mod place;
mod pool;
pub(crate) mod walk;
pub(crate) mod withheld;

pub use self::look::{Found, look};
pub use self::place::{distinct, named, share_name};
pub use self::withheld::{HIDDEN, OWN, UNFINISHED, finished_path};

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::UNIX_EPOCH;

use unixfs::{Cid, DirectoryError, Metadata, Mtime, Profile};

use self::assemble::Assembler;
use self::known::Known;
use self::pool::{Done, Job, Pool, Task};
use self::walk::{Step, Walk};
use self::withheld::Withheld;
use crate::control::{Control, Progress, Stopped};
use crate::index::{FileId, Index, IndexError, ItemId, Skipped};

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
    /// Nothing else was there.
    #[error("nothing in it is shared: {}{}: {}", first.path, and_more(count.saturating_sub(1)), first.reason)]
    LeftOut { first: Skipped, count: u64 },
    #[error(transparent)]
    Stopped(#[from] Stopped),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("a folder cannot be shared: {0}")]
    Directory(#[from] DirectoryError),
}

fn and_more(count: u64) -> String {
    match count {
        0 => String::new(),
        1 => " and 1 more".to_owned(),
        count => format!(" and {count} more"),
    }
}

/// Why one of the threads ended early.
#[derive(Debug)]
enum Failure {
    Stopped,
    Index(IndexError),
    /// Another thread did, and has the reason.
    Elsewhere,
}

/// Messages between the threads: enough for none of them to wait for long.
const MESSAGES: usize = 1024;

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
    let withheld = Withheld::of(index)?;
    let outcome = run(&job, &request.paths, request.hidden, &withheld)?;
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
    Ok(run(&job, paths, hidden, &Withheld::default())?.imported)
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

fn run(
    job: &Job<'_>,
    paths: &[PathBuf],
    hidden: bool,
    withheld: &Withheld,
) -> Result<Outcome, ImportError> {
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
            let result = walk_all(
                job,
                Walking {
                    named,
                    hidden,
                    withheld,
                },
                pool,
                &sender,
            );
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

/// What is walked through.
struct Walking<'a> {
    named: Vec<(PathBuf, OsString)>,
    hidden: bool,
    withheld: &'a Withheld,
}

/// The walking thread: files go to those that hash, all else to the one that puts it together.
fn walk_all(
    job: &Job<'_>,
    walking: Walking<'_>,
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
    let close = Walk::new(walking.hidden, walking.withheld, &mut step).run(&walking.named)?;
    if let Some(known) = known {
        send(sender, Message::Stale(known.left()?))?;
    }
    // The last word: what comes before it must have been heard.
    send(sender, Message::Step(Box::new(close)))
}

/// Mode and time as they go into the content.
fn metadata_of(metadata: &std::fs::Metadata) -> Metadata {
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
