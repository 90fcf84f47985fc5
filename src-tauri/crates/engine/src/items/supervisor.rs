//! What runs: the one owner of which item is being hashed, fetched or checked.
//!
//! An actor. Requests come in by a bounded channel and are answered by oneshot. Each item has at
//! most one job, a task that the actor started and whose end it hears of. Of each kind of job only
//! so many run at a time; the others wait in the [`Queue`].
//!
//! Invariants: a job never changes its item's state. It reports which part of its work it is at,
//! which counts until the job is asked to stop, and returns what became of the item. What is asked
//! for is put on record before anything else changes: where that fails, all is as it was. So a fault
//! in the actor itself costs one answer: all items are taken up again from what is on record.
//!
//! | job    | ends as   | then                                                     |
//! |--------|-----------|----------------------------------------------------------|
//! | Hash   | whole     | Sharing; the root is announced                           |
//! | Fetch  | whole     | Sharing; the root is announced                           |
//! | Verify | sound     | Sharing; paused, it stays so                             |
//! | Verify | unsound   | NeedsYou: the person decides what becomes of it          |
//! | Verify | checked   | it was not whole: what it was before, and goes on        |
//! | any    | stopped   | what asked for the stop goes on: pause, remove, shutdown |
//! | any    | a problem | NeedsYou; a later Resume goes on where it stopped        |

mod absent;
mod act;
mod again;
mod pause;
mod settle;
mod unfinished;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use self::absent::Absent;
use self::unfinished::Unfinished;
use super::job::{self, Ended, Job};
use super::known::{Found, take_in};
use super::queue::{Lane, Queue};
use super::trouble::FILES_CHANGED;
use super::{Context, ItemError, row};
use crate::api::{Action, Checked, ItemView, LastWork, Removed, State};
use crate::faults::Part;
use crate::items::limits::MAX_WAITING_COMMANDS;
use crate::util::blocking;
use store::Doubt;
use store::index::{ItemId, ItemRecord, ItemState, NewItem};

type Reply<T> = oneshot::Sender<Result<T, ItemError>>;

#[derive(Debug)]
pub(super) enum Command {
    Add(Box<NewItem>, Reply<ItemId>),
    Act(ItemId, Action, Reply<()>),
    PauseAll(bool, Reply<()>),
    Rename(ItemId, String, Reply<()>),
    Again(ItemId, Reply<()>),
    Remove {
        id: ItemId,
        delete_files: bool,
        reply: Reply<Removed>,
    },
    Work(ItemId, oneshot::Sender<Work>),
    Shutdown(oneshot::Sender<()>),
}

/// Takes up every item where it was left. Gives where requests go, and what tells when everything
/// is paused, or no more.
pub(super) async fn start(
    context: Context,
    records: Vec<ItemRecord>,
    doubted: mpsc::Receiver<Doubt>,
) -> Result<(mpsc::Sender<Command>, watch::Receiver<()>), ItemError> {
    let (commands, waiting) = mpsc::channel(MAX_WAITING_COMMANDS);
    let index = context.index.clone();
    if blocking(move || pause::was_on(&index)).await?? {
        context.index.serving().hold_all(true);
        context.shared_changed();
    }
    let (held, hold_changed) = watch::channel(());
    let mut ticks = tokio::time::interval(absent::LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let unfinished = unfinished::all(context.index.clone()).await;
    let mut actor = Actor {
        context,
        commands: waiting,
        doubted,
        queue: Queue::default(),
        held,
        running: HashMap::new(),
        tasks: JoinSet::new(),
        removals: JoinSet::new(),
        deleting_in: Vec::new(),
        pausing: HashMap::new(),
        worked: HashMap::new(),
        absent: Absent::default(),
        looks: JoinSet::new(),
        unfinished,
        ticks,
    };
    actor.take_up_all(records).await?;
    tokio::spawn(actor.run_again_and_again());
    Ok((commands, hold_changed))
}

struct Actor {
    context: Context,
    commands: mpsc::Receiver<Command>,
    doubted: mpsc::Receiver<Doubt>,
    queue: Queue,
    /// Tells after each change of "everything is paused", which the store keeps.
    held: watch::Sender<()>,
    running: HashMap<ItemId, Running>,
    tasks: JoinSet<(ItemId, Ended)>,
    /// Removals under way: their items are gone on record.
    removals: JoinSet<()>,
    /// Folders in which they delete files.
    deleting_in: Vec<PathBuf>,
    /// Who waits until an item's files are let go of, because it was paused.
    pausing: HashMap<ItemId, Vec<Reply<()>>>,
    worked: HashMap<ItemId, Work>,
    /// Items whose disk is away, and the look for them under way.
    absent: Absent,
    looks: JoinSet<Vec<ItemId>>,
    /// Shares that may have more to share by now.
    unfinished: Unfinished,
    ticks: Interval,
}

/// What was done with an item since the engine started.
#[derive(Debug, Clone, Default)]
pub(super) struct Work {
    pub(super) last: LastWork,
    /// Checks of its content that came to an end, and what the last one found.
    pub(super) checks: u64,
    pub(super) checked: Option<Checked>,
}

/// A job under way.
struct Running {
    stop: CancellationToken,
    began: Instant,
    lane: Lane,
    job: Job,
    /// This job makes a download whole.
    completes: bool,
    /// What to do after the job has ended, whatever it ended as. `None`: its end decides.
    then: Option<Then>,
}

impl Running {
    /// Whether its end is an item whose files were all hashed, or fetched, as they are now.
    fn makes_whole(&self) -> bool {
        self.job == Job::Whole && self.then.is_none()
    }

    /// The last wish counts, except that nothing brings back what is being removed.
    fn stop_then(&mut self, then: Then) {
        if !matches!(self.then, Some(Then::Remove(_))) {
            self.then = Some(then);
        }
        self.stop.cancel();
    }
}

enum Then {
    Pause,
    Start(Job),
    Remove(Removal),
}

/// An item that is gone on record, and what is still to be done for that.
struct Removal {
    record: Box<ItemRecord>,
    delete_files: bool,
    reply: Reply<Removed>,
}

impl Actor {
    async fn run(&mut self) {
        let stopped = loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Shutdown(reply)) => break Some(reply),
                    Some(command) => self.obey(command).await,
                    None => break None,
                },
                Some(doubt) = self.doubted.recv() => self.doubt(doubt).await,
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => match ended {
                    Ok((id, ended)) => self.settle(id, ended).await,
                    // What a job breaks by it says itself.
                    Err(error) => tracing::debug!(%error, "a job ended with the runtime"),
                },
                Some(_) = self.removals.join_next(), if !self.removals.is_empty() => {
                    if self.removals.is_empty() {
                        self.deleting_in.clear();
                    }
                }
                Some(looked) = self.looks.join_next(), if !self.looks.is_empty() => {
                    for id in looked.unwrap_or_default() {
                        self.come_back(id).await;
                    }
                },
                Some(looked) = self.unfinished.looks.join_next(), if !self.unfinished.looks.is_empty() => {
                    self.offer_finished(looked.unwrap_or_default()).await;
                },
                _ = self.ticks.tick(), if self.is_to_look() => {
                    if self.looks.is_empty() {
                        self.look_for_absent();
                    }
                    self.look_for_finished();
                }
            }
        };
        for running in self.running.values() {
            running.stop.cancel();
        }
        while self.tasks.join_next().await.is_some() {}
        // What is not done of them by the next start is done then.
        while self.removals.join_next().await.is_some() {}
        if let Some(reply) = stopped {
            let _ = reply.send(());
        }
    }

    fn is_to_look(&self) -> bool {
        let absent = self.looks.is_empty() && !self.absent.is_empty();
        absent || self.unfinished.is_due()
    }

    async fn obey(&mut self, command: Command) {
        self.context.faults.may_break(Part::Items);
        // The caller may be gone by now: an answer that nobody takes is no fault.
        match command {
            Command::Add(item, reply) => drop(reply.send(self.add(*item).await)),
            Command::Act(id, Action::Pause, reply) => self.pause(id, reply).await,
            Command::Act(id, action, reply) => drop(reply.send(self.act(id, action).await)),
            Command::PauseAll(pause, reply) => drop(reply.send(self.pause_all(pause).await)),
            Command::Rename(id, name, reply) => drop(reply.send(self.rename(id, name).await)),
            Command::Again(id, reply) => drop(reply.send(self.again(id).await)),
            Command::Remove {
                id,
                delete_files,
                reply,
            } => self.remove(id, delete_files, reply).await,
            Command::Work(id, reply) => {
                drop(reply.send(self.worked.get(&id).cloned().unwrap_or_default()));
            }
            Command::Shutdown(reply) => drop(reply.send(())),
        }
    }
}

impl Actor {
    /// Shows all items, and starts what each needs.
    async fn take_up_all(&mut self, records: Vec<ItemRecord>) -> Result<(), ItemError> {
        let index = self.context.index.clone();
        let left_out = blocking(move || index.skipped_counts()).await??;
        let rows = records.iter().map(|record| ItemView {
            skipped: left_out.get(&record.id).copied().unwrap_or(0),
            ..row::of(record)
        });
        self.context.board.fill(rows);
        for record in records {
            self.take_up(record);
        }
        Ok(())
    }

    /// Starts what an item needs, as its record says it was left.
    fn take_up(&mut self, record: ItemRecord) {
        let (id, done) = (record.id, record.done);
        let job = Job::to_finish(&record).unwrap_or(Job::Scan);
        match record.state {
            ItemState::Active if self.is_held(id) => self.show_paused(id),
            ItemState::Active => self.launch(record, job),
            // A share whose files changed still serves what did not; a download with a problem
            // waits for the person.
            ItemState::Problem(problem) => self.left_absent(id, &problem),
            ItemState::Paused => tracing::debug!(%id, done, "left as it was"),
        }
    }

    fn start(&mut self, record: ItemRecord, job: Job) {
        // To look at an item is not to go on with it.
        if self.is_held(record.id) && job != Job::Verify {
            self.show_paused(record.id);
            return;
        }
        self.show(&record, job);
        self.launch(record, job);
    }

    /// Begins the job, or lets it wait for its turn. What the item is shown to be doing is the
    /// same.
    fn launch(&mut self, record: ItemRecord, job: Job) {
        let id = record.id;
        let lane = Lane::of(job, record.kind);
        if !self.queue.begin(lane) {
            self.queue.wait(id, lane, job);
            return;
        }
        self.queue.forget(id);
        let stop = CancellationToken::new();
        let running = Running {
            stop: stop.clone(),
            began: Instant::now(),
            lane,
            job,
            completes: lane == Lane::Fetch && !record.done,
            then: None,
        };
        self.running.insert(id, running);
        let context = self.context.clone();
        self.tasks
            .spawn(async move { (id, job::run(context, record, job, stop).await) });
    }

    /// A job ended: the next of its kind begins. Items that were removed or paused meanwhile don't
    /// wait any more.
    async fn launch_next(&mut self, lane: Lane) {
        while let Some((id, job)) = self.queue.next(lane) {
            match self.record(id).await {
                Ok(record) => self.launch(record, job),
                Err(error) => tracing::warn!(%id, %error, "a job could not begin"),
            }
        }
    }

    /// A job of the item starts now, or as soon as the one under way has stopped.
    fn start_next(&mut self, record: ItemRecord, job: Job) {
        if let Some(running) = self.running.get_mut(&record.id) {
            running.stop_then(Then::Start(job));
            self.show(&record, job);
        } else {
            self.start(record, job);
        }
    }

    /// Shows what the item does from now on, before the caller is answered, who must not see what
    /// the item did before. A scan is too quick to be shown, and the item is shared meanwhile.
    fn show(&self, record: &ItemRecord, job: Job) {
        let state = job.state(record.kind).unwrap_or(State::Sharing);
        self.context.board.set_state(record.id, state);
    }

    async fn record(&self, id: ItemId) -> Result<ItemRecord, ItemError> {
        let index = self.context.index.clone();
        let record = blocking(move || index.item(id)).await??;
        record.ok_or(ItemError::UnknownItem(id))
    }

    async fn set_state(&self, id: ItemId, state: ItemState) -> Result<(), ItemError> {
        let index = self.context.index.clone();
        blocking(move || index.set_item_state(id, state)).await??;
        self.context.shared_changed();
        Ok(())
    }

    async fn add(&mut self, item: NewItem) -> Result<ItemId, ItemError> {
        // What is still to be deleted must not be taken for what was here before.
        let into = item.into.as_ref();
        if into.is_some_and(|into| self.deleting_in.contains(into)) {
            while self.removals.join_next().await.is_some() {}
            self.deleting_in.clear();
        }
        let index = self.context.index.clone();
        let (record, found) = blocking(move || take_in(&index, item)).await??;
        let id = record.id;
        self.let_go(id);
        match found {
            Found::New => {
                self.context.board.put(row::of(&record));
                self.start(record, Job::Whole);
            }
            // Asking again for an item that is made whole means to go on with that; for one that is
            // whole, or only looked at, to see that it still is, before its link is told.
            Found::AsIs if self.running.get(&id).is_some_and(Running::makes_whole) => {}
            // A new provider may have the item, or more of it is wanted: begin again with all of that.
            Found::AsIs | Found::WithMore => self.start_next(record, Job::Whole),
        }
        Ok(id)
    }

    /// A file was not as it was when somebody asked for a block of it: look at the whole item.
    async fn doubt(&mut self, doubt: Doubt) {
        self.look_at(doubt.item).await;
    }

    /// Looks at the files of an item, if it is shared and at rest, or if by now its disk is away.
    async fn look_at(&mut self, id: ItemId) -> bool {
        let is_busy = self.running.contains_key(&id) || self.queue.is_waiting(id);
        let known = self.context.board.get(id).filter(|_| !is_busy);
        let is_due = match known.map(|view| view.state) {
            Some(State::Sharing) => true,
            Some(State::NeedsYou(problem)) if problem.code == FILES_CHANGED => {
                self.is_disk_away(id).await
            }
            _ => false,
        };
        if !is_due {
            return false;
        }
        match self.record(id).await {
            Ok(record) => self.start_next(record, Job::Scan),
            Err(error) => tracing::warn!(%id, %error, "a changed item could not be looked at"),
        }
        true
    }
}
