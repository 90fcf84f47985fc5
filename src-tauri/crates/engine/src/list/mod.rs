//! The list of items as a person looks at it: a filter, a search and an order, of which a window is
//! on the screen.
//!
//! [`Library`] answers a window's one long poll. It keeps nothing but what makes the next answer
//! cheap: what there is to be known of items lies in [`Board`], of rates in the meter, of the
//! network in its summary.

mod catalog;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use self::catalog::{Catalog, Query};
use crate::api::{Focus, LibraryRequest, LibraryView};
use crate::items::Hold;
use crate::items::board::Board;
use crate::rates;
use net::Meter;
use net::status::Summary;

/// The least time between two looks at what changed, for one reader: four a second are as many as
/// people can read.
const LOOK_GAP: Duration = Duration::from_millis(250);
/// The longest wait that a reader may ask for; one that is gone is forgotten after it.
const MAX_WAIT: Duration = Duration::from_mins(1);
/// Rows of one window.
const MAX_ROWS: usize = 500;
/// Characters of a search. Names have 255.
const MAX_SEARCH: usize = 256;
/// Readers whose last answer is remembered. There is one window; others are programs.
const MAX_READERS: usize = 16;

/// The list, and who reads it.
#[derive(Debug)]
pub(crate) struct Library {
    board: Board,
    meter: Meter,
    summary: watch::Receiver<Summary>,
    hold: Hold,
    catalog: Mutex<Catalog>,
    readers: Mutex<VecDeque<Reader>>,
}

/// What a reader was told last.
#[derive(Debug, Clone, Copy)]
struct Reader {
    /// The revision of that answer, which no other answer has.
    rev: u64,
    /// Fingerprint of the request.
    query: u64,
    /// Fingerprint of the answer.
    print: u64,
    at: Instant,
}

impl Library {
    pub(crate) fn new(
        board: Board,
        meter: Meter,
        summary: watch::Receiver<Summary>,
        hold: Hold,
    ) -> Self {
        Self {
            board,
            meter,
            summary,
            hold,
            catalog: Mutex::default(),
            readers: Mutex::default(),
        }
    }

    /// Answers when something changed that this reader sees, or something else is asked than last
    /// time. A reader that isn't known, as after a restart, is answered at once.
    ///
    /// What a reader doesn't see is looked at no more than four times a second, and wakes nobody
    /// when nothing happens.
    pub(crate) async fn view(&self, request: &LibraryRequest) -> LibraryView {
        let asked = Instant::now();
        let until = asked + Duration::from_millis(request.wait_ms).min(MAX_WAIT);
        let query = query_print(request);
        let known = self.forget(request.since);
        let known = known.filter(|known| known.query == query);
        if let Some(known) = known {
            sleep_until((known.at + LOOK_GAP).min(until.max(asked))).await;
        }
        let mut items = self.board.watch();
        let mut samples = self.meter.watch();
        let (mut summary, mut hold) = (self.summary.clone(), self.hold.clone());
        loop {
            let looked = Instant::now();
            items.mark_unchanged();
            samples.mark_unchanged();
            summary.mark_unchanged();
            hold.mark_unchanged();
            let view = self.look(request);
            let print = print(&view);
            let is_news = known.is_none_or(|known| known.print != print);
            if is_news || !view.notices.is_empty() || looked >= until {
                return self.tell(view, query, print);
            }
            tokio::select! {
                () = sleep_until(until) => {}
                Ok(()) = items.changed() => {}
                Ok(()) = samples.changed() => {}
                Ok(()) = summary.changed() => {}
                true = hold.changed() => {}
            }
            sleep_until((looked + LOOK_GAP).min(until)).await;
        }
    }

    /// Makes what the first search and the first order by name would wait for, a little at a time:
    /// others may look meanwhile. Blocks.
    pub(crate) fn prepare(&self) {
        self.catalog.lock().update(&self.board);
        while self.catalog.lock().prepare() {}
    }

    /// What there is to see now.
    fn look(&self, request: &LibraryRequest) -> LibraryView {
        let search: String = request.search.chars().take(MAX_SEARCH).collect();
        let query = Query::new(request.filter, &search, request.sort);
        let offset = usize::try_from(request.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(request.limit).map_or(MAX_ROWS, |rows| rows.min(MAX_ROWS));
        let (counts, matching, ids) = {
            let mut catalog = self.catalog.lock();
            catalog.update(&self.board);
            let (matching, ids) = catalog.window(&query, offset, limit);
            (catalog.counts(), matching, ids)
        };
        let focus = request.focus.and_then(|id| {
            let item = self.board.get(id.into())?;
            let history = rates::history_of(&self.meter, id.into());
            Some(Focus { item, history })
        });
        let notices = match request.since {
            0 => Vec::new(),
            since => self.board.notices(since),
        };
        let summary = *self.summary.borrow();
        LibraryView {
            rev: 0,
            counts,
            matching: u32::try_from(matching).unwrap_or(u32::MAX),
            offset: request.offset,
            items: self.board.some(&ids),
            focus,
            rates: rates::of_all(&self.meter),
            people: summary.peers,
            reach: summary.reachability.into(),
            paused: self.hold.is_on(),
            notices,
        }
    }

    fn tell(&self, mut view: LibraryView, query: u64, print: u64) -> LibraryView {
        view.rev = self.board.take_revision();
        let mut readers = self.readers.lock();
        if readers.len() == MAX_READERS {
            readers.pop_front();
        }
        readers.push_back(Reader {
            rev: view.rev,
            query,
            print,
            at: Instant::now(),
        });
        view
    }

    /// What the reader of that revision was told last. It is forgotten: the reader is told
    /// something newer now.
    fn forget(&self, rev: u64) -> Option<Reader> {
        let mut readers = self.readers.lock();
        let place = readers.iter().position(|reader| reader.rev == rev)?;
        readers.remove(place)
    }
}

fn query_print(request: &LibraryRequest) -> u64 {
    let asked = LibraryRequest {
        since: 0,
        wait_ms: 0,
        ..request.clone()
    };
    hash(&asked)
}

/// The fingerprint of an answer, without the notices, which are told once.
fn print(view: &LibraryView) -> u64 {
    let LibraryView {
        rev: _,
        counts,
        matching,
        offset,
        items,
        focus,
        rates,
        people,
        reach,
        paused,
        notices: _,
    } = view;
    hash(&(
        (counts, matching, offset, items, focus),
        (rates, people, reach, paused),
    ))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
