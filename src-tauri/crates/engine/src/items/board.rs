//! What every item is doing, in memory: one row an item, each with the revision of its last change.
//!
//! Each field of a row has one writer. The supervisor says what state an item is in and what it is
//! called; the item's job says how far it is, through a [`Reporter`]; the task that samples the
//! network's meter writes what others take. Readers pull with [`Board::changes`]. Progress is never
//! pushed: a reader that is slow, gone or new costs nothing, and one that fell behind the
//! remembered removals gets the whole state again. A few notices are remembered too, for what a
//! person wants to hear of even when nobody was looking at that moment.
//!
//! | field | writer |
//! |---|---|
//! | `state` | the supervisor; within a download's work, its job until that is asked to stop |
//! | `name`, `path` | calls (rename, relocate) |
//! | `total`, `done`, `files`, `folder`, `path`, `cid`, `skipped` | the job; at its end the supervisor, from the record |
//! | `rate_down`, `eta`, `lacking`, `having`, `unreachable` | the job, until it is asked to stop; then the supervisor clears them |
//! | `rate_up`, `peers` | the task that samples the meter; the supervisor clears them |

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use unixfs::Cid;

use crate::api::{Changes, ItemId, ItemView, Notice, NoticeKind, Problem, State};
use crate::fetch::{Phase, Report};
use store::Snapshot;
use store::index;

/// Removals remembered for readers that are behind; older readers get everything. An id is 8 bytes.
const REMEMBERED_REMOVALS: usize = 1024;
/// Notices remembered for readers that are behind: more than a person would want to be shown at
/// once.
const REMEMBERED_NOTICES: usize = 100;

/// A handle; all clones see the same rows.
#[derive(Debug, Clone)]
pub(crate) struct Board {
    views: Arc<Mutex<Views>>,
    revision: watch::Sender<u64>,
}

/// What the job of one item writes through.
#[derive(Debug, Clone)]
pub(super) struct Reporter {
    board: Board,
    id: index::ItemId,
    stop: CancellationToken,
}

/// What an item turned out to be.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) root: Cid,
    pub(super) bytes: u64,
    pub(super) files: u64,
    pub(super) skipped: u64,
    /// Where a download lies, and whether that is a folder.
    pub(super) place: Option<(PathBuf, bool)>,
}

#[derive(Debug, Default)]
struct Views {
    revision: u64,
    items: BTreeMap<ItemId, (u64, ItemView)>,
    /// Each item under the revision of its last change: what changed is found without looking at
    /// the rest.
    by_revision: BTreeMap<u64, ItemId>,
    removed: VecDeque<(u64, ItemId)>,
    /// Removals up to this revision are forgotten.
    forgotten: u64,
    notices: VecDeque<Notice>,
}

/// A change as [`Board::visit`] shows it.
#[derive(Debug)]
pub(crate) enum Seen<'a> {
    /// Everything known so far is void; all items follow.
    Everything,
    Item(&'a ItemView),
    Gone(ItemId),
}

impl Default for Board {
    fn default() -> Self {
        Self {
            views: Arc::default(),
            revision: watch::Sender::new(0),
        }
    }
}

impl Board {
    /// Adds an item's view, or replaces it.
    pub(crate) fn put(&self, view: ItemView) {
        self.write(|views| views.put(view));
    }

    /// Adds many views at once, as at the start.
    pub(crate) fn fill(&self, views: impl Iterator<Item = ItemView>) {
        self.write(|all| {
            for view in views {
                all.put(view);
            }
        });
    }

    /// Says what an item is doing from now on.
    pub(super) fn set_state(&self, id: index::ItemId, state: State) {
        self.update(id, |row| row.state = state);
    }

    /// Says that an item does nothing from now on, and why.
    pub(super) fn set_still(&self, id: index::ItemId, state: State) {
        self.update(id, |row| {
            row.state = state;
            still(row);
        });
    }

    /// Says that an item is whole, and shared.
    pub(super) fn set_whole(&self, id: index::ItemId) {
        self.update(id, |row| {
            row.state = State::Sharing;
            row.done = row.total;
            still(row);
        });
    }

    /// Says how much of an item there is and is here, as its row on record says, and where it lies.
    pub(super) fn set_numbers(&self, kept: ItemView) {
        let id = kept.id.into();
        self.update(id, |row| {
            (row.total, row.done, row.files) = (kept.total, kept.done, kept.files);
            (row.path, row.folder) = (kept.path, kept.folder);
        });
    }

    pub(super) fn rename(&self, id: index::ItemId, name: String) {
        self.update(id, |row| row.name = name);
    }

    /// Says where an item lies from now on.
    pub(super) fn lies_at(&self, id: index::ItemId, path: PathBuf) {
        self.update(id, |row| row.path = Some(path));
    }

    /// What an item's job writes through. Once the job is asked to stop, the item's state is the
    /// supervisor's alone.
    pub(super) fn reporter(&self, id: index::ItemId, stop: CancellationToken) -> Reporter {
        Reporter {
            board: self.clone(),
            id,
            stop,
        }
    }

    /// Says how fast an item goes out, in bytes a second, and how many peers give us of it or take
    /// it. A row shows the givers while the item is fetched, else the takers.
    pub(crate) fn set_rates(&self, id: index::ItemId, up: u64, giving: u32, taking: u32) {
        self.update(id, |row| match row.state {
            State::Paused => {}
            State::Finding | State::Downloading => (row.rate_up, row.peers) = (up, giving),
            _ => (row.rate_up, row.peers) = (up, taking),
        });
    }

    /// Changes an item's row. An item that is gone stays gone: its last tasks may still report.
    fn update(&self, id: index::ItemId, change: impl FnOnce(&mut ItemView)) {
        let id = ItemId::from(id);
        self.write(|views| {
            let revision = views.revision + 1;
            let Some((at, view)) = views.items.get_mut(&id) else {
                return;
            };
            let before = view.clone();
            change(view);
            if *view != before {
                let old = std::mem::replace(at, revision);
                views.by_revision.remove(&old);
                views.by_revision.insert(revision, id);
                views.revision = revision;
            }
        });
    }

    #[cfg(test)]
    pub(crate) fn edit(&self, id: index::ItemId, change: impl FnOnce(&mut ItemView)) {
        self.update(id, change);
    }

    /// Remembers that an item came to its end, or that it needs the person: what its view says now.
    pub(crate) fn notice(&self, id: index::ItemId) {
        let id = ItemId::from(id);
        self.write(|views| {
            let Some((_, view)) = views.items.get(&id) else {
                return;
            };
            let (name, problem) = (view.name.clone(), problem_of(view));
            let kind = match problem {
                Some(_) => NoticeKind::NeedsYou,
                None => NoticeKind::Finished,
            };
            let rev = views.next();
            if views.notices.len() == REMEMBERED_NOTICES {
                views.notices.pop_front();
            }
            views.notices.push_back(Notice {
                rev,
                kind,
                id,
                name,
                problem,
            });
        });
    }

    /// What was noticed after revision `since`.
    pub(crate) fn notices(&self, since: u64) -> Vec<Notice> {
        let views = self.lock();
        let newer = views.notices.iter().filter(|notice| notice.rev > since);
        newer.cloned().collect()
    }

    pub(crate) fn remove(&self, id: index::ItemId) {
        let id = ItemId::from(id);
        self.write(|views| {
            let Some((old, _)) = views.items.remove(&id) else {
                return;
            };
            views.by_revision.remove(&old);
            let revision = views.next();
            views.removed.push_back((revision, id));
            if views.removed.len() > REMEMBERED_REMOVALS
                && let Some((forgotten, _)) = views.removed.pop_front()
            {
                views.forgotten = forgotten;
            }
        });
    }

    pub(crate) fn get(&self, id: index::ItemId) -> Option<ItemView> {
        self.lock()
            .items
            .get(&id.into())
            .map(|(_, view)| view.clone())
    }

    /// The views of these items, without those that are gone.
    pub(crate) fn some(&self, ids: &[ItemId]) -> Vec<ItemView> {
        let views = self.lock();
        let known = ids.iter().filter_map(|id| views.items.get(id));
        known.map(|(_, view)| view.clone()).collect()
    }

    /// Shows what changed after revision `since`, in the order of the changes, and returns the
    /// revision that this is of. `visitor` runs under the lock: it should only take notes.
    pub(crate) fn visit(&self, since: u64, mut visitor: impl FnMut(Seen<'_>)) -> u64 {
        let views = self.lock();
        let full = views.is_behind(since);
        if full {
            visitor(Seen::Everything);
        }
        for view in views.changed(since) {
            visitor(Seen::Item(view));
        }
        if !full {
            let removed = views.removed.iter().filter(|(at, _)| *at > since);
            removed.for_each(|(_, id)| visitor(Seen::Gone(*id)));
        }
        views.revision
    }

    /// A revision that nobody else has.
    pub(crate) fn take_revision(&self) -> u64 {
        self.lock().next()
    }

    /// Tells of every change. Several that come quickly are told once.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// All views, in the order of their ids.
    pub(crate) fn all(&self) -> Vec<ItemView> {
        let views = self.lock();
        views.items.values().map(|(_, view)| view.clone()).collect()
    }

    /// What changed after revision `since`, waiting up to `wait` for something to change. `since` 0
    /// asks for everything.
    pub(crate) async fn changes(&self, since: u64, wait: Duration) -> Changes {
        let mut revision = self.revision.subscribe();
        // A reader from before a restart may name a revision that does not exist yet: it gets
        // everything at once.
        if since <= *revision.borrow() {
            let newer = revision.wait_for(|now| *now > since);
            // Either outcome is an answer: something changed, or nothing did in time.
            let _ = tokio::time::timeout(wait, newer).await;
        }
        self.lock().changes(since)
    }

    fn write(&self, change: impl FnOnce(&mut Views)) {
        let now = {
            let mut views = self.lock();
            change(&mut views);
            views.revision
        };
        self.revision
            .send_if_modified(|seen| std::mem::replace(seen, (*seen).max(now)) < now);
    }

    fn lock(&self) -> MutexGuard<'_, Views> {
        self.views.lock()
    }
}

impl Reporter {
    /// How far the item is read.
    pub(super) fn progress(&self, now: Snapshot) {
        self.board.update(self.id, |row| {
            row.total = now.bytes_found.max(now.bytes_done);
            row.done = now.bytes_done;
            row.files = now.files_found;
        });
    }

    /// How far the item is fetched, and which part of that work its job is at.
    pub(super) fn fetching(&self, report: Report) {
        self.board.update(self.id, |row| {
            (row.total, row.done, row.files) = (report.total, report.done, report.files);
            row.folder |= report.folder;
            row.path = report.place.or(row.path.take());
            // This is read under the board's lock: the supervisor asks a job to stop before it
            // writes another state, so no later report overwrites that state.
            if self.stop.is_cancelled() {
                return;
            }
            (row.having, row.unreachable) = (report.having, report.unreachable);
            (row.rate_down, row.eta, row.lacking) = (report.rate, report.eta, report.lacking);
            match report.phase {
                Some(Phase::Finding) => row.state = State::Finding,
                Some(Phase::Downloading) => row.state = State::Downloading,
                Some(Phase::Verifying) => row.state = State::Verifying,
                None => {}
            }
        });
    }

    /// What the item turned out to be.
    pub(super) fn found(&self, found: Content) {
        self.board.update(self.id, |row| {
            row.cid = Some(found.root.to_string());
            (row.total, row.files) = (found.bytes, found.files);
            row.skipped = found.skipped;
            match found.place {
                Some((path, folder)) => (row.path, row.folder) = (Some(path), folder),
                None => row.folder |= found.files > 1,
            }
        });
    }
}

impl Views {
    fn next(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    fn put(&mut self, view: ItemView) {
        let revision = self.next();
        self.by_revision.insert(revision, view.id);
        let before = self.items.insert(view.id, (revision, view));
        if let Some((old, _)) = before {
            self.by_revision.remove(&old);
        }
    }

    fn changes(&self, since: u64) -> Changes {
        let full = self.is_behind(since);
        let removed = self.removed.iter().filter(|(at, _)| *at > since && !full);
        let mut items: Vec<ItemView> = self.changed(since).cloned().collect();
        items.sort_unstable_by_key(|view| view.id);
        Changes {
            rev: self.revision,
            full,
            items,
            removed: removed.map(|(_, id)| *id).collect(),
        }
    }

    /// A reader of that revision has to begin anew.
    fn is_behind(&self, since: u64) -> bool {
        since == 0 || since < self.forgotten || since > self.revision
    }

    fn changed(&self, since: u64) -> impl Iterator<Item = &ItemView> {
        let since = if self.is_behind(since) { 0 } else { since };
        let newer = self.by_revision.range(since + 1..);
        newer.filter_map(|(_, id)| self.items.get(id).map(|(_, view)| view))
    }
}

/// Nothing moves.
fn still(row: &mut ItemView) {
    (row.rate_down, row.rate_up, row.peers, row.eta) = (0, 0, 0, None);
    (row.having, row.unreachable, row.lacking) = (0, 0, None);
}

fn problem_of(view: &ItemView) -> Option<Problem> {
    match &view.state {
        State::NeedsYou(problem) => Some(problem.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::State;

    fn view(id: i64) -> ItemView {
        ItemView {
            state: State::Hashing,
            ..crate::list::tests::view(id)
        }
    }

    async fn check(board: &Board, since: u64, full: bool, items: &[i64], removed: &[i64]) -> u64 {
        let changes = board.changes(since, Duration::ZERO).await;
        let ids: Vec<i64> = changes.items.iter().map(|item| item.id.0).collect();
        let gone: Vec<i64> = changes.removed.iter().map(|id| id.0).collect();
        assert_eq!(
            (changes.full, ids.as_slice(), gone.as_slice()),
            (full, items, removed)
        );
        changes.rev
    }

    #[tokio::test]
    async fn a_reader_sees_each_change_once() {
        let board = Board::default();
        board.put(view(1));
        board.put(view(2));
        let rev = check(&board, 0, true, &[1, 2], &[]).await;
        board.edit(index::ItemId(2), |view| view.done = 5);
        let rev = check(&board, rev, false, &[2], &[]).await;
        board.remove(index::ItemId(1));
        let rev = check(&board, rev, false, &[], &[1]).await;
        check(&board, rev, false, &[], &[]).await;
    }

    #[tokio::test]
    async fn an_update_that_changes_nothing_wakes_nobody() {
        let board = Board::default();
        board.put(view(1));
        let rev = check(&board, 0, true, &[1], &[]).await;
        board.edit(index::ItemId(1), |view| view.done = 0);
        board.edit(index::ItemId(9), |view| view.done = 1);
        assert_eq!(check(&board, rev, false, &[], &[]).await, rev);
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken() {
        let board = Board::default();
        board.put(view(1));
        let rev = check(&board, 0, true, &[1], &[]).await;
        let writer = board.clone();
        let (changes, ()) = tokio::join!(board.changes(rev, Duration::from_mins(1)), async move {
            writer.edit(index::ItemId(1), |view| view.done = 7);
        });
        assert_eq!(changes.items[0].done, 7);
    }

    #[tokio::test]
    async fn a_reader_that_is_too_far_behind_gets_everything() {
        let board = Board::default();
        board.put(view(1));
        let rev = check(&board, 0, true, &[1], &[]).await;
        for id in 10..=(10 + i64::try_from(REMEMBERED_REMOVALS).unwrap()) {
            board.put(view(id));
            board.remove(index::ItemId(id));
        }
        check(&board, rev, true, &[1], &[]).await;
        check(&board, u64::MAX, true, &[1], &[]).await;
    }

    #[test]
    fn a_job_that_is_to_stop_says_no_more_what_its_item_does() {
        let (board, stop) = (Board::default(), CancellationToken::new());
        board.put(view(1));
        let reporter = board.reporter(index::ItemId(1), stop.clone());
        let mut report = Report {
            phase: Some(Phase::Downloading),
            total: 10,
            done: 1,
            files: 1,
            folder: false,
            having: 1,
            unreachable: 0,
            lacking: None,
            rate: 5,
            eta: Some(2),
            place: Some("/into/it.part".into()),
        };
        reporter.fetching(report.clone());
        let row = board.get(index::ItemId(1)).unwrap();
        assert_eq!((row.state, row.rate_down), (State::Downloading, 5));
        stop.cancel();
        board.set_still(index::ItemId(1), State::Paused);
        report.done = 2;
        reporter.fetching(report);
        let row = board.get(index::ItemId(1)).unwrap();
        assert_eq!((row.state, row.done), (State::Paused, 2));
        assert_eq!((row.rate_down, row.eta), (0, None));
    }

    #[test]
    fn notices_are_told_to_whoever_is_behind_them() {
        let board = Board::default();
        board.put(view(1));
        board.notice(index::ItemId(1));
        board.notice(index::ItemId(7));
        let told = board.notices(1);
        assert_eq!((told.len(), told[0].kind), (1, NoticeKind::Finished));
        assert!(board.notices(told[0].rev).is_empty());
        for _ in 0..2 * REMEMBERED_NOTICES {
            board.notice(index::ItemId(1));
        }
        assert_eq!(board.notices(0).len(), REMEMBERED_NOTICES);
    }
}
