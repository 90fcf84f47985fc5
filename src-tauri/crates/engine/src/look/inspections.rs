//! Links that are looked into before they become items: one look a link, which goes on for a while
//! after the last question.
//!
//! Invariants: few looks at a time, each with few folders in memory; nothing of it is kept on the
//! disk; a question is answered within its time whatever the network does.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use store::files::path_text;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use unixfs::Cid;

use super::limits::{LOOK_IDLE, MAX_INSPECTIONS, MAX_LOOK_LEVELS};
use super::links::{Level, Look, Seen};
use super::names;
use crate::api::{EntryKind, InspectEntry, InspectView, ItemId, Search};
use crate::collate;
use crate::faults::guarded;
use crate::fetch::{FetchContext, FetchError};
use crate::link::Link;
use net::{self, SessionEvent};

/// Questions for folders that wait for a look.
const WISHES: usize = 16;

/// The longest wait that a question may ask for.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// How long a failure is told before the link is looked into again.
const REMEMBERED: Duration = Duration::from_secs(5);

/// After the first news: what comes with them is told in the same answer.
const GATHER: Duration = Duration::from_millis(50);

/// The looks under way.
#[derive(Debug, Default)]
pub(crate) struct Inspections {
    open: Mutex<HashMap<String, Inspection>>,
}

/// A look under way, seen from outside. The last handle ends it.
#[derive(Debug, Clone)]
struct Inspection {
    known: Arc<Mutex<Known>>,
    revision: watch::Receiver<u64>,
    wishes: mpsc::Sender<String>,
    began: Instant,
    _running: Arc<DropGuard>,
}

/// What is known so far.
#[derive(Debug)]
struct Known {
    rev: u64,
    root: Option<(Cid, EntryKind, u64)>,
    levels: HashMap<String, Result<Rows, Arc<FetchError>>>,
    wished: Vec<String>,
    /// The folder that was asked for last.
    dir: Option<String>,
    people: u32,
    tried: Vec<Search>,
    failed: Option<Arc<FetchError>>,
    /// When somebody asked last.
    asked: Instant,
}

#[derive(Debug, Clone)]
struct Rows {
    entries: Arc<Vec<InspectEntry>>,
    truncated: bool,
}

/// What is answered of a look.
#[derive(Debug)]
pub(crate) struct Inspected {
    pub(crate) rev: u64,
    pub(crate) root: Option<(Cid, EntryKind, u64)>,
    pub(crate) entries: Option<Vec<InspectEntry>>,
    pub(crate) truncated: bool,
    pub(crate) people: u32,
    pub(crate) tried: Vec<Search>,
    pub(crate) seconds: u64,
}

impl Inspected {
    /// What is there: known once the link's path was followed, until then what the link itself
    /// names.
    pub(crate) fn cid(&self, link: &Link) -> Cid {
        self.root.map_or(link.cid, |(cid, ..)| cid)
    }

    /// As the window shows it, with what a download into that folder would find.
    pub(crate) fn view(
        self,
        link: &Link,
        into: &Path,
        free: Option<u64>,
        existing: Option<ItemId>,
    ) -> InspectView {
        InspectView {
            rev: self.rev,
            cid: self.cid(link).to_string(),
            name: link.name(),
            kind: self.root.map(|(_, kind, _)| kind),
            total: self.root.map(|(.., total)| total),
            entries: self.entries,
            truncated: self.truncated,
            people: self.people,
            tried: self.tried,
            seconds: self.seconds,
            into: path_text(into),
            free,
            existing,
        }
    }
}

impl Inspections {
    /// What is known of a link, and of a folder in it, once that is more than `since`, or the time
    /// is over.
    pub(crate) async fn ask(
        &self,
        context: FetchContext,
        link: Link,
        dir: &str,
        since: u64,
        wait: Duration,
    ) -> Result<Inspected, Arc<FetchError>> {
        let dir = names(dir)?.join("/");
        let look = self.find(context, link)?;
        let since = look.wish(&dir, since);
        let mut revision = look.revision.clone();
        if since > 0 {
            let newer = revision.wait_for(|rev| *rev > since);
            // Either outcome is an answer: there is news, or there is none in time.
            let _ = tokio::time::timeout(wait.min(MAX_WAIT), newer).await;
            tokio::time::sleep(GATHER).await;
        }
        look.answer(&dir)
    }

    fn find(&self, context: FetchContext, link: Link) -> Result<Inspection, FetchError> {
        let key = link.to_string();
        let mut open = self.open.lock();
        open.retain(|_, look| !look.is_over());
        if let Some(look) = open.get(&key) {
            look.lock().asked = Instant::now();
            return Ok(look.clone());
        }
        while open.len() >= MAX_INSPECTIONS {
            let oldest = open.iter().min_by_key(|(_, look)| look.lock().asked);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            open.remove(&key);
        }
        let look = Inspection::start(context, link)?;
        open.insert(key, look.clone());
        Ok(look)
    }
}

impl Inspection {
    fn start(context: FetchContext, link: Link) -> Result<Self, FetchError> {
        let (news, revision) = watch::channel(1);
        let (wishes, wished) = mpsc::channel(WISHES);
        let known = Known {
            rev: 1,
            root: None,
            levels: HashMap::new(),
            wished: Vec::new(),
            dir: None,
            people: 0,
            tried: vec![Search::Connected],
            failed: None,
            asked: Instant::now(),
        };
        let known = Arc::new(Mutex::new(known));
        let teller = Teller {
            known: Arc::clone(&known),
            news,
        };
        let teller = Arc::new(teller);
        let told = Arc::clone(&teller);
        let mut look = Look::new(&context, &link, move |seen| told.take(seen))?;
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        tokio::spawn(async move {
            let looking = async {
                tokio::select! {
                    result = look.run(wished) => result,
                    () = idle(&teller.known) => Ok(()),
                    () = stop.cancelled() => Ok(()),
                }
            };
            let looked = guarded(looking).await;
            if let Err(error) = looked.unwrap_or_else(|fault| Err(fault.into())) {
                teller.fail(error);
            }
        });
        Ok(Self {
            known,
            revision,
            wishes,
            began: Instant::now(),
            _running: Arc::new(guard),
        })
    }

    /// It ended. Why it failed is told for some time: asking again would not help at once.
    fn is_over(&self) -> bool {
        self.wishes.is_closed()
            && (self.lock().failed.is_none() || self.began.elapsed() > REMEMBERED)
    }

    /// Asks for a folder. Another one than before is answered at once.
    fn wish(&self, dir: &str, since: u64) -> u64 {
        let mut known = self.lock();
        known.asked = Instant::now();
        let same = known.dir.as_deref() == Some(dir);
        known.dir = Some(dir.to_owned());
        let new = !known.levels.contains_key(dir) && !known.wished.iter().any(|old| old == dir);
        if new && self.wishes.try_send(dir.to_owned()).is_ok() {
            known.wished.push(dir.to_owned());
        }
        if same { since } else { 0 }
    }

    fn answer(&self, dir: &str) -> Result<Inspected, Arc<FetchError>> {
        let known = self.lock();
        if let Some(error) = &known.failed {
            return Err(Arc::clone(error));
        }
        let rows = match known.levels.get(dir) {
            Some(Err(error)) => return Err(Arc::clone(error)),
            Some(Ok(rows)) => Some(rows),
            None => None,
        };
        Ok(Inspected {
            rev: known.rev,
            root: known.root,
            entries: rows.map(|rows| rows.entries.to_vec()),
            truncated: rows.is_some_and(|rows| rows.truncated),
            people: known.people,
            tried: known.tried.clone(),
            seconds: self.began.elapsed().as_secs(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock()
    }
}

/// Ends when nobody has asked for a while.
async fn idle(known: &Mutex<Known>) {
    loop {
        let asked = known.lock().asked;
        let left = LOOK_IDLE.saturating_sub(asked.elapsed());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

/// Writes down what a look comes upon.
struct Teller {
    known: Arc<Mutex<Known>>,
    news: watch::Sender<u64>,
}

impl Teller {
    fn take(&self, seen: Seen) {
        self.write(|known| known.take(seen));
    }

    fn fail(&self, error: FetchError) {
        self.write(|known| known.failed = Some(Arc::new(error)));
    }

    fn write(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock();
        change(&mut known);
        known.rev += 1;
        self.news.send_replace(known.rev);
    }
}

impl Known {
    fn take(&mut self, seen: Seen) {
        match seen {
            Seen::Root { cid, kind, total } => self.root = Some((cid, kind, total)),
            Seen::Level(dir, level) => {
                self.wished.retain(|wished| *wished != dir);
                if self.levels.len() >= MAX_LOOK_LEVELS {
                    let shown = self.dir.clone();
                    self.levels.retain(|dir, _| Some(dir) == shown.as_ref());
                }
                let rows = level.map(rows).map_err(Arc::new);
                self.levels.insert(dir, rows);
            }
            Seen::Session(SessionEvent::Peers { known, .. }) => {
                self.people = u32::try_from(known).unwrap_or(u32::MAX);
            }
            Seen::Session(SessionEvent::Searching { r#where }) => {
                let search = match r#where {
                    net::Search::Hints => Search::Hints,
                    net::Search::Lan => Search::Lan,
                    net::Search::Dht => Search::Dht,
                    net::Search::Web => Search::Http,
                };
                if !self.tried.contains(&search) {
                    self.tried.push(search);
                }
            }
            Seen::Session(SessionEvent::Block { .. }) => {}
        }
    }
}

/// Folders first, by name.
fn rows(level: Level) -> Rows {
    let entries = level.entries.into_iter().map(|entry| InspectEntry {
        name: entry.name,
        kind: entry.kind,
        size: entry.size,
    });
    let mut entries: Vec<InspectEntry> = entries.collect();
    entries.sort_by_cached_key(|entry| {
        let is_folder = entry.kind == EntryKind::Folder;
        (!is_folder, collate::order(&entry.name))
    });
    Rows {
        entries: Arc::new(entries),
        truncated: level.truncated,
    }
}
