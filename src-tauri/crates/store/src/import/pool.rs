//! The files that wait to be hashed, and how the threads share them out: small files side by side, a large one all together.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use unixfs::{Block, Profile, Root};

use super::Failure;
use super::hash::Worker;
use super::large::LargeFile;
use crate::control::{Control, Progress};
use crate::import::walk::FoundFile;
use crate::index::{FileId, HashedFile, Index, ItemId, Skipped};

/// Files found that wait to be hashed: enough for the total to be known early, at about 250 bytes each.
const QUEUE: usize = 16_384;

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
        let full = |queue: &mut Queue| queue.tasks.len() >= QUEUE && !queue.failed;
        let mut queue = self.queue.lock();
        self.changed.wait_while(&mut queue, full);
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
        self.queue.lock().closed = true;
        self.changed.notify_all();
    }

    /// Ends the work of all threads.
    pub(super) fn fail(&self) {
        self.queue.lock().failed = true;
        self.changed.notify_all();
    }

    /// Works until all files are done or something failed. For each thread.
    pub(super) fn work(&self, send: &dyn Fn(Done) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut worker = Worker::new(self, self.job, send);
        while let Some(work) = self.next() {
            let result = match work {
                Work::Task(task) => worker.file(task),
                Work::Run(large) => worker.run(&large),
            };
            let mut queue = self.queue.lock();
            queue.busy -= 1;
            queue.failed |= result.is_err();
            drop(queue);
            self.changed.notify_all();
            result?;
        }
        Ok(())
    }

    /// Has all threads help with a large file.
    pub(super) fn share(&self, large: &Arc<LargeFile>) {
        self.queue.lock().large = Some(Arc::clone(large));
        self.changed.notify_all();
    }

    fn next(&self) -> Option<Work> {
        let mut queue = self.queue.lock();
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
            self.changed.wait(&mut queue);
        }
    }
}
