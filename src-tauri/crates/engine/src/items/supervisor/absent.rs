//! Items whose disk or folder is away: looked for every few seconds, and taken up again when it is back.
//!
//! A look costs a few calls to the system an item, on a thread for that: a disk of the network that hangs holds up nothing else. An
//! item that comes back and needs the person for the same reason again is looked for less and less often.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::ItemError;
use super::super::job::Job;
use super::super::trouble::{FILES_MISSING, FILES_UNREADABLE};
use super::Actor;
use crate::api::Problem;
use crate::fetch::{self, DISK_MISSING, FOLDER_GONE, FOLDER_REPLACED};
use crate::util::blocking;
use store::files::{exists, open_for_reading, text_path};
use store::index::{Index, ItemId, ItemKind, ItemRecord, ItemState, StoredProblem};

/// Between two looks.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(3);
/// The longest pause for one item.
const LONGEST: Duration = Duration::from_mins(5);
/// Items in one look.
const MOST: usize = 64;

/// Codes of problems that end by themselves.
const AWAY: [&str; 5] = [
    FOLDER_GONE,
    FOLDER_REPLACED,
    DISK_MISSING,
    FILES_MISSING,
    FILES_UNREADABLE,
];

/// The items that are waited for.
#[derive(Debug, Default)]
pub(super) struct Absent(BTreeMap<ItemId, Wait>);

#[derive(Debug, Clone, Copy)]
struct Wait {
    next: Instant,
    pause: Duration,
    /// It was taken up again; if it needs the person once more, that is no news.
    tried: bool,
}

impl Absent {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An item needs the person. Is that no news?
    pub(super) fn wait_for(&mut self, id: ItemId, code: &str) -> bool {
        if !AWAY.contains(&code) {
            self.0.remove(&id);
            return false;
        }
        let before = self.0.get(&id).copied();
        let tried = before.is_some_and(|wait| wait.tried);
        let pause = match before {
            Some(wait) if tried => (2 * wait.pause).min(LONGEST),
            _ => LOOK_EVERY,
        };
        let wait = Wait {
            next: Instant::now() + pause,
            pause,
            tried: false,
        };
        self.0.insert(id, wait);
        tried
    }

    pub(super) fn forget(&mut self, id: ItemId) {
        self.0.remove(&id);
    }

    /// Those that are to be looked for now.
    fn due(&mut self) -> Vec<ItemId> {
        let now = Instant::now();
        let due = self.0.iter_mut().filter(|(_, wait)| wait.next <= now);
        due.take(MOST)
            .map(|(id, wait)| {
                // Others come first the next time.
                wait.next = now + wait.pause;
                *id
            })
            .collect()
    }
}

impl Actor {
    /// Looks for what is away.
    pub(super) fn look_for_absent(&mut self) {
        let due = self.absent.due();
        if due.is_empty() {
            return;
        }
        let index = self.context.index.clone();
        self.looks.spawn_blocking(move || {
            let is_back = |id: &ItemId| is_back(&index, *id);
            due.into_iter().filter(is_back).collect()
        });
    }

    /// What an item lies on is there again.
    pub(super) async fn come_back(&mut self, id: ItemId) {
        if let Err(error) = self.take_up_again(id).await {
            tracing::warn!(%id, %error, "what came back could not be taken up");
        }
    }

    async fn take_up_again(&mut self, id: ItemId) -> Result<(), ItemError> {
        let record = self.record(id).await?;
        let busy = self.running.contains_key(&id) || self.queue.is_waiting(id);
        if busy || self.is_held(id) || !matches!(record.state, ItemState::Problem(_)) {
            return Ok(());
        }
        if let Some(wait) = self.absent.0.get_mut(&id) {
            wait.tried = true;
        }
        tracing::info!(%id, "what was away is back");
        let job = resuming(&record);
        let record = self.set_active(record, "resumed").await?;
        self.start_next(record, job);
        Ok(())
    }

    /// The job with which the person goes on with an item.
    pub(super) async fn job_to_resume(&self, record: &ItemRecord) -> Result<Job, ItemError> {
        let index = self.context.index.clone();
        let id = record.id;
        let back = blocking(move || is_back(&index, id)).await?;
        if back {
            return Ok(resuming(record));
        }
        Ok(Job::to_finish(record).unwrap_or(Job::Scan))
    }

    /// Items that were left waiting for their disk.
    pub(super) fn left_absent(&mut self, id: ItemId, problem: &StoredProblem) {
        self.absent.wait_for(id, &problem.code);
    }

    /// Does an item lie on a disk that is not there?
    pub(super) async fn is_disk_away(&self, id: ItemId) -> bool {
        let index = self.context.index.clone();
        let look = move || {
            let record = index.item(id).ok().flatten();
            record.is_some_and(|record| fetch::missing_disk(&record).is_some())
        };
        blocking(look).await.unwrap_or(false)
    }

    pub(super) fn is_no_news(&mut self, id: ItemId, problem: &Problem) -> bool {
        self.absent.wait_for(id, &problem.code)
    }
}

/// What to do with an item whose disk is back: what was whole still is, as its fingerprints will tell.
fn resuming(record: &ItemRecord) -> Job {
    match &record.state {
        ItemState::Problem(problem) if problem.code == FILES_MISSING => Job::Scan,
        _ => Job::to_finish(record).unwrap_or(Job::Scan),
    }
}

/// Is the folder of a download there again that it was begun in?
fn is_place_back(record: &ItemRecord) -> bool {
    record.into.as_deref().is_some_and(Path::is_dir) && fetch::check_place(record).is_ok()
}

/// Is there again what was not there?
fn is_back(index: &Index, id: ItemId) -> bool {
    let Ok(Some(record)) = index.item(id) else {
        return false;
    };
    let ItemState::Problem(problem) = &record.state else {
        return false;
    };
    let first = problem.subject.as_deref().map(text_path);
    let first = first.as_deref();
    match problem.code.as_str() {
        FOLDER_GONE | FOLDER_REPLACED => is_place_back(&record),
        DISK_MISSING if record.kind == ItemKind::Download && !record.done => {
            fetch::missing_disk(&record).is_none() && is_place_back(&record)
        }
        DISK_MISSING => fetch::missing_disk(&record).is_none() && are_there(&record),
        FILES_MISSING => first.is_none_or(exists) && are_there(&record),
        FILES_UNREADABLE => first.is_none_or(|path| open_for_reading(path).is_ok()),
        _ => false,
    }
}

fn are_there(record: &ItemRecord) -> bool {
    record.sources.iter().all(|source| exists(source))
}
