//! What is behind a link: one folder for whoever lists it, or one level after the other for whoever
//! looks on, while people are still being found. No content is kept, and of files only the first
//! block is read, where nothing else says that they are files.
//!
//! A long look keeps its session and the nodes it has read for as long as somebody looks, and tells
//! every step of the way.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use unixfs::walk::{Bounds, Classify, Contents, Folder, Kind, Known, List, Resolve};
use unixfs::{Cid, cid, name};

use super::limits::{
    LIST_AHEAD, MAX_LISTED, MAX_LISTED_BYTES, MAX_LOOK_BYTES, MAX_LOOK_ENTRIES, MAX_LOOK_KEPT,
};
use crate::api::{EntryKind, EntryView};
use crate::fetch::{FetchContext, FetchError, Remote};
use crate::link::Link;
use net::SessionEvent;

/// How long a folder's nodes are waited for before its names alone say what is in it.
const GUESS_AFTER: Duration = Duration::from_secs(1);
/// How long nothing may come before a folder is shown without the parts of it that nobody gave.
const SHARD_PATIENCE: Duration = Duration::from_secs(5);
/// How long nothing may come before a list is given without the kinds that nobody told.
const LIST_PATIENCE: Duration = Duration::from_secs(2);

/// An entry of a folder, or a file by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEntry {
    pub name: String,
    pub cid: Cid,
    pub kind: EntryKind,
    /// Bytes of a file; of a folder as its maker claims.
    pub size: u64,
    /// Its kind and size are as its folder and its name make them seem: nobody told.
    pub guessed: bool,
    /// Why it can't be fetched.
    pub problem: Option<String>,
}

impl From<ListedEntry> for EntryView {
    fn from(entry: ListedEntry) -> Self {
        let kind = match entry.kind {
            EntryKind::File => "file",
            EntryKind::Folder => "folder",
            EntryKind::Symlink => "symlink",
            EntryKind::Other => "other",
        };
        let is_known = !entry.guessed;
        Self {
            name: entry.name,
            cid: entry.cid.to_string(),
            size: (is_known && entry.problem.is_none()).then_some(entry.size),
            kind: is_known.then(|| kind.to_owned()),
            problem: entry.problem,
        }
    }
}

impl From<Kind> for EntryKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::File => Self::File,
            Kind::Folder => Self::Folder,
            Kind::Symlink => Self::Symlink,
        }
    }
}

impl ListedEntry {
    /// An entry to which no path leads.
    fn nameless(entry: &unixfs::Entry, problem: &str) -> Self {
        Self {
            kind: EntryKind::Other,
            guessed: false,
            problem: Some(problem.to_owned()),
            ..Self::guessed(entry)
        }
    }

    /// What an entry is as far as its folder tells.
    fn guessed(entry: &unixfs::Entry) -> Self {
        let name = name::to_text(&entry.name).into_owned();
        let kind = if entry.cid.codec() == cid::RAW {
            EntryKind::File
        } else {
            EntryKind::guess(&name)
        };
        Self {
            name,
            cid: entry.cid,
            kind,
            size: entry.tsize,
            guessed: entry.cid.codec() != cid::RAW,
            problem: None,
        }
    }

    /// What a node says is true. Of a folder's size it knows less than the folder that it is in.
    fn correct(&mut self, known: Known) {
        match known {
            Known::Is(stat) => {
                self.kind = stat.kind.into();
                if stat.kind != Kind::Folder {
                    self.size = stat.size;
                }
            }
            Known::Nothing(fault) => {
                self.kind = EntryKind::Other;
                self.problem = Some(fault.reason());
            }
            Known::Unheard => return,
        }
        self.guessed = false;
    }

    fn is_unclear(&self) -> bool {
        self.problem.is_none()
            && (self.cid.codec() != cid::RAW || cid::acceptable(&self.cid).is_err())
    }
}

/// Entries of a folder.
fn listed(folder: &Folder) -> Vec<ListedEntry> {
    let mut all: Vec<ListedEntry> = folder
        .entries
        .iter()
        .map(|entry| match entry.name.as_slice() {
            b"" => ListedEntry::nameless(entry, "it has no name"),
            _ => ListedEntry::guessed(entry),
        })
        .collect();
    let doubled = |entry| ListedEntry::nameless(entry, "an entry before it has the same name");
    all.extend(folder.doubled.iter().map(doubled));
    all
}

/// What a link's folder holds, and whether that is all of it; a file lists itself.
pub(crate) async fn list(
    context: &FetchContext,
    link: &Link,
) -> Result<(Vec<ListedEntry>, bool), FetchError> {
    let mut blocks = Remote::new(context, link);
    let path = link.path.join("/");
    let cid = blocks.follow(link).await?;
    match contents(&mut blocks, cid, &path, usize::MAX).await? {
        Contents::Folder(folder) => {
            let mut entries = listed(&folder);
            let mut walk = unclear(&path, &entries, usize::MAX);
            let known = blocks.run_patiently(&mut walk, LIST_PATIENCE).await?;
            correct(&mut entries, known);
            Ok((entries, folder.complete))
        }
        Contents::Other(stat) => {
            let only = ListedEntry {
                name: link.own_name().unwrap_or_else(|| cid.to_string()),
                cid,
                kind: stat.kind.into(),
                size: stat.size,
                guessed: false,
                problem: None,
            };
            Ok((vec![only], true))
        }
    }
}

async fn follow(blocks: &mut Remote, root: Cid, names: Vec<String>) -> Result<Cid, FetchError> {
    blocks.run(&mut Resolve::new(root, names)?).await
}

/// What is there, as far as the folder's own blocks tell. With `enough` entries the rest may be
/// left out.
async fn contents(
    blocks: &mut Remote,
    cid: Cid,
    path: &str,
    enough: usize,
) -> Result<Contents, FetchError> {
    let bounds = Bounds {
        enough,
        most: MAX_LISTED,
        bytes: MAX_LISTED_BYTES,
        ahead: LIST_AHEAD,
    };
    let mut walk = List::new(cid, path, bounds)?;
    blocks.run_patiently(&mut walk, SHARD_PATIENCE).await
}

/// Asks the nodes of a folder's entries what they are, until so many bytes were read.
async fn clear_up(
    blocks: &mut Remote,
    path: &str,
    entries: &mut [ListedEntry],
    bytes: usize,
) -> Result<(), FetchError> {
    let known = blocks.run(&mut unclear(path, entries, bytes)).await?;
    correct(entries, known);
    Ok(())
}

fn unclear(path: &str, entries: &[ListedEntry], bytes: usize) -> Classify {
    let unclear = entries.iter().filter(|entry| entry.is_unclear());
    let unclear = unclear.map(|entry| (entry.name.clone(), entry.cid));
    Classify::new(path, unclear, bytes, LIST_AHEAD)
}

fn correct(entries: &mut [ListedEntry], known: Vec<Known>) {
    let unclear = entries.iter_mut().filter(|entry| entry.is_unclear());
    for (entry, known) in unclear.zip(known) {
        entry.correct(known);
    }
}

/// What the look has come upon.
#[derive(Debug)]
pub(crate) enum Seen {
    /// What the link leads to, and its bytes as its maker claims.
    Root {
        cid: Cid,
        kind: EntryKind,
        total: u64,
    },
    /// A folder. It may come again, better known.
    Level(String, Result<Level, FetchError>),
    /// People, searches.
    Session(SessionEvent),
}

/// The entries of a folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct Level {
    pub(crate) entries: Vec<ListedEntry>,
    /// There are more.
    pub(crate) truncated: bool,
}

type Tell = Arc<dyn Fn(Seen) + Send + Sync>;

/// A look under way.
pub(crate) struct Look {
    blocks: Remote,
    link: Link,
    path: String,
    tell: Tell,
}

impl Look {
    pub(crate) fn new(
        context: &FetchContext,
        link: &Link,
        tell: impl Fn(Seen) + Send + Sync + 'static,
    ) -> Result<Self, FetchError> {
        // What can't be followed is refused before anybody waits for it.
        Resolve::new(link.cid, link.path.clone())?;
        let tell: Tell = Arc::new(tell);
        let news = Arc::clone(&tell);
        let news = Box::new(move |event: &SessionEvent| news(Seen::Session(event.clone())));
        Ok(Self {
            blocks: Remote::new(context, link).staying(MAX_LOOK_KEPT, news),
            link: link.clone(),
            path: link.path.join("/"),
            tell,
        })
    }

    /// Looks at the root, then at each folder that is wished for. Ends with an error, or when
    /// nobody can wish any more.
    pub(crate) async fn run(
        &mut self,
        mut wishes: mpsc::Receiver<String>,
    ) -> Result<(), FetchError> {
        let root = self.blocks.follow(&self.link).await?;
        let mut look = unixfs::walk::Look::new(root, &self.path)?;
        let stat = self.blocks.run(&mut look).await?;
        (self.tell)(Seen::Root {
            cid: root,
            kind: stat.kind.into(),
            total: stat.size,
        });
        loop {
            let wish = tokio::select! {
                wish = wishes.recv() => wish,
                () = self.blocks.idle() => None,
            };
            let Some(dir) = wish else { return Ok(()) };
            match self.level(root, &dir).await {
                // Without a network nothing more will be seen.
                Err(error @ FetchError::Net(_)) => return Err(error),
                result => (self.tell)(Seen::Level(dir, result)),
            }
        }
    }

    async fn level(&mut self, root: Cid, dir: &str) -> Result<Level, FetchError> {
        let names = dir.split('/').filter(|name| !name.is_empty());
        let names = names.map(str::to_owned).collect();
        let cid = follow(&mut self.blocks, root, names).await?;
        let mut level = match contents(&mut self.blocks, cid, dir, MAX_LOOK_ENTRIES).await? {
            Contents::Folder(folder) => {
                let mut entries = listed(&folder);
                let truncated = !folder.complete || entries.len() > MAX_LOOK_ENTRIES;
                entries.truncate(MAX_LOOK_ENTRIES);
                Level { entries, truncated }
            }
            // A file or a symlink has no level: it stands for itself.
            Contents::Other(_) => Level::default(),
        };
        if level.entries.iter().any(ListedEntry::is_unclear) {
            let guess = level.clone();
            let entries = &mut level.entries;
            let clear = clear_up(&mut self.blocks, dir, entries, MAX_LOOK_BYTES);
            let mut clear = std::pin::pin!(clear);
            let patient = tokio::time::timeout(GUESS_AFTER, &mut clear).await;
            if let Ok(done) = patient {
                done?;
            } else {
                // A guess is better than nothing, while people are slow.
                (self.tell)(Seen::Level(dir.to_owned(), Ok(guess)));
                clear.await?;
            }
        }
        Ok(level)
    }
}
