//! The one thread that writes, and how others hand it their changes.
//!
//! Changes that wait together go into one transaction: a commit costs the same for one row and for ten thousand. Each runs in a
//! savepoint of its own, so that one that fails takes nothing of the others with it. Whoever waits is answered after the commit.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;

use super::{IndexError, Result, recovery, shares};

/// Changes that wait for the writer. Whoever comes with one more waits too: an import must not run ahead of its record.
const QUEUE: usize = 64;

/// Changes, and time, in one transaction: what a crash may take back, and how long the first waits for the last.
const GROUP: usize = 256;
const GROUP_TIME: Duration = Duration::from_millis(100);

/// Quiet time after which the write-ahead log is folded into the database and cut to nothing.
const IDLE: Duration = Duration::from_millis(500);

/// The list of shares is written at once when it is short. The longer it takes, the longer it waits until it is written again, or
/// until nothing else is to be done: with 100,000 items it takes a second, and would else hold up every change by that.
const LIST_PAUSE: u32 = 20;
/// Nobody notices so short a time.
const QUICK: Duration = Duration::from_millis(10);
/// Items whose list takes about that.
const LONG_LIST: i64 = 2000;
/// At the start there is enough to do.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// Pages that are cut off the database at a time: 16 MiB, which takes about 50 ms.
const SHRINK_PAGES: u32 = 4096;

#[derive(Debug)]
pub(super) struct Writer {
    /// `None` once it is closed.
    sender: RwLock<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    dir: PathBuf,
}

/// Makes a change, and gives what answers the caller once it is known whether the commit came about.
type Job = Box<dyn FnOnce(&Context<'_>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Option<&rusqlite::Error>)>;

/// What a change may use.
pub(super) struct Context<'a> {
    pub(super) connection: &'a Connection,
    dir: &'a Path,
    items_changed: &'a Cell<bool>,
    committed: &'a RefCell<Vec<Box<dyn FnOnce()>>>,
}

impl Context<'_> {
    /// Does something once the change is committed, before its caller is answered; never, if it is not.
    pub(super) fn once_committed(&self, act: impl FnOnce() + 'static) {
        self.committed.borrow_mut().push(Box::new(act));
    }

    /// Says that the list of items has to be written anew.
    pub(super) fn items_changed(&self) {
        self.items_changed.set(true);
    }
}

/// A change that is on its way into the database.
#[derive(Debug)]
#[must_use = "a change that nobody waits for may have failed"]
pub struct Pending<T> {
    receiver: Receiver<Result<T>>,
}

impl<T> Pending<T> {
    /// Waits until it is committed.
    pub fn wait(self) -> Result<T> {
        self.receiver.recv().unwrap_or(Err(IndexError::Closed))
    }
}

impl Writer {
    pub(super) fn start(connection: Connection, dir: &Path) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let home = dir.to_path_buf();
        let list = List::of(&connection).map_err(std::io::Error::other)?;
        let thread = std::thread::Builder::new()
            .name("index".to_owned())
            .spawn(move || {
                let writing = Loop {
                    connection,
                    dir: home,
                    receiver,
                    list,
                };
                writing.run();
            })?;
        Ok(Writer {
            sender: RwLock::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
            dir: dir.to_path_buf(),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn submit<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Context<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Pending<T> {
        let (sender, receiver) = sync_channel(1);
        let job: Job = Box::new(move |context| {
            let result = in_savepoint(context, change);
            if matches!(result, Err(IndexError::Damaged(_))) {
                recovery::mark_damaged(context.dir);
            }
            Box::new(move |failed| {
                let result = result
                    .and_then(|value| failed.map_or(Ok(value), |error| Err(IndexError::of(error))));
                // Whoever does not wait any more does not want to know.
                let _ = sender.send(result);
            })
        });
        let queue = self.sender.read();
        if let Some(queue) = &*queue {
            // If the thread is gone the job is dropped with its sender, and `wait` says so.
            let _ = queue.send(job);
        }
        Pending { receiver }
    }
}

/// A change that breaks by a fault of ours is taken back like one that fails.
fn in_savepoint<T>(
    context: &Context<'_>,
    change: impl FnOnce(&Context<'_>) -> rusqlite::Result<T>,
) -> Result<T> {
    context
        .connection
        .prepare_cached("SAVEPOINT change")?
        .execute([])?;
    let waiting = context.committed.borrow().len();
    let changed = catch_unwind(AssertUnwindSafe(|| change(context)));
    let result = match changed {
        Ok(changed) => changed.map_err(IndexError::from),
        Err(_) => Err(IndexError::Broke),
    };
    if result.is_err() {
        context.committed.borrow_mut().truncate(waiting);
    }
    // After a grave error, such as a full disk, SQLite has taken back the whole transaction, the savepoint with it.
    if !context.connection.is_autocommit() {
        if result.is_err() {
            context
                .connection
                .prepare_cached("ROLLBACK TO change")?
                .execute([])?;
        }
        context
            .connection
            .prepare_cached("RELEASE change")?
            .execute([])?;
    }
    result
}

impl Writer {
    /// Writes what waits, folds the log into the database, and ends the thread.
    pub(super) fn close(&self) {
        *self.sender.write() = None;
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

struct Loop {
    connection: Connection,
    dir: PathBuf,
    receiver: Receiver<Job>,
    list: List,
}

/// The list of shares beside the database: when it is to be written again.
struct List {
    is_behind: bool,
    /// Not before, since the last time took so long.
    not_before: Option<Instant>,
    /// It is long: nobody waits for it to be written.
    is_long: bool,
}

impl List {
    /// A long one waits for a moment of rest, also the first time.
    fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let count = "SELECT count(*) FROM item";
        let items: i64 = connection.query_row(count, [], |row| row.get(0))?;
        let is_long = items > LONG_LIST;
        Ok(Self {
            is_behind: false,
            not_before: is_long.then(|| Instant::now() + FIRST_PAUSE),
            is_long,
        })
    }
}

impl Loop {
    fn run(mut self) {
        let mut unfolded = false;
        loop {
            let next = if unfolded || self.list.is_behind {
                self.receiver.recv_timeout(IDLE)
            } else {
                self.receiver
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(job) => {
                    self.transact_or_break(job);
                    unfolded = true;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.write_list();
                    unfolded = !self.fold();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.write_list();
        self.fold();
    }

    /// Writes the list, if it is behind.
    fn write_list(&mut self) {
        if !std::mem::take(&mut self.list.is_behind) {
            return;
        }
        let begun = Instant::now();
        if let Err(error) = shares::write(&self.connection, &self.dir) {
            tracing::warn!(%error, "the list of shares beside the index could not be written");
        }
        let took = begun.elapsed();
        self.list.is_long = took > QUICK;
        self.list.not_before = Some(Instant::now() + took * LIST_PAUSE);
    }

    /// Changes guard themselves. A fault around them ends this transaction, and not the thread: nothing would be kept any more.
    fn transact_or_break(&mut self, first: Job) {
        if catch_unwind(AssertUnwindSafe(|| self.transact(first))).is_ok() {
            return;
        }
        tracing::error!("a fault in writing the index; it goes on");
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// Takes what waits into one transaction.
    fn transact(&mut self, first: Job) {
        let items_changed = Cell::new(false);
        let committed = RefCell::default();
        let context = Context {
            connection: &self.connection,
            dir: &self.dir,
            items_changed: &items_changed,
            committed: &committed,
        };
        let mut answers = Vec::new();
        let outcome = self
            .connection
            .execute_batch("BEGIN IMMEDIATE")
            .and_then(|()| {
                let begun = Instant::now();
                let mut next = Some(first);
                while let Some(job) = next {
                    answers.push(job(&context));
                    let full = answers.len() == GROUP || begun.elapsed() > GROUP_TIME;
                    let over = full || self.connection.is_autocommit();
                    next = if over {
                        None
                    } else {
                        self.receiver.try_recv().ok()
                    };
                }
                self.connection.execute_batch("COMMIT").inspect_err(|_| {
                    let _ = self.connection.execute_batch("ROLLBACK");
                })
            });
        if let Err(error) = &outcome {
            tracing::error!(%error, "the index could not be written");
            if matches!(IndexError::of(error), IndexError::Damaged(_)) {
                recovery::mark_damaged(&self.dir);
            }
        } else {
            for act in committed.take() {
                act();
            }
            self.list.is_behind |= items_changed.get();
        }
        let is_due = self.list.not_before.is_none_or(|at| at <= Instant::now());
        if is_due && !self.list.is_long {
            self.write_list();
        }
        for answer in answers {
            answer(outcome.as_ref().err());
        }
        if is_due && self.list.is_long {
            self.write_list();
        }
    }

    /// Gives unused pages back, folds the write-ahead log into the database and cuts it to nothing. False if there is more to do.
    fn fold(&self) -> bool {
        let shrunk = self.shrink().inspect_err(|error| {
            tracing::debug!(%error, "the index could not be made smaller");
        });
        let busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            });
        shrunk.unwrap_or(true) && matches!(busy, Ok(0))
    }

    /// Cuts some unused pages off the database. True if none are left.
    fn shrink(&self) -> rusqlite::Result<bool> {
        let unused = || {
            self.connection
                .pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0))
        };
        if unused()? == 0 {
            return Ok(true);
        }
        let mut shrink = self
            .connection
            .prepare_cached(&format!("PRAGMA incremental_vacuum({SHRINK_PAGES})"))?;
        let mut steps = shrink.query([])?;
        // One step frees one page.
        while steps.next()?.is_some() {}
        Ok(unused()? == 0)
    }
}
