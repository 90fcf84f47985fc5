//! A long look into a link: what it leads to, one folder level after the other, while people are still being found.
//!
//! It keeps its session and the nodes it has read for as long as somebody looks, and tells every step of the way. No content is
//! kept, and of files only the first block is read, where nothing else says that they are files.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use unixfs::{Cid, Node, ShardItem, cid};

use super::ListedEntry;
use crate::api::EntryKind;
use crate::fetch::{FetchContext, FetchError, Reader, decode};
use crate::limits::{LIST_AHEAD, MAX_LOOK_BYTES, MAX_LOOK_ENTRIES, MAX_LOOK_KEPT};
use crate::link::Link;
use crate::net::SessionEvent;

/// How long a folder's nodes are waited for before its names alone say what is in it.
const GUESS_AFTER: Duration = Duration::from_secs(1);

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
    reader: Reader,
    link: Link,
    tell: Tell,
}

impl Look {
    pub(crate) fn new(
        context: &FetchContext,
        link: Link,
        tell: impl Fn(Seen) + Send + Sync + 'static,
    ) -> Result<Self, FetchError> {
        let tell: Tell = Arc::new(tell);
        let news = Arc::clone(&tell);
        let news = Box::new(move |event: &SessionEvent| news(Seen::Session(event.clone())));
        let reader = Reader::open(context, &link)?.staying(MAX_LOOK_KEPT, news);
        Ok(Self { reader, link, tell })
    }

    /// Looks at the root, then at each folder that is wished for. Ends with an error, or when nobody can wish any more.
    pub(crate) async fn run(
        &mut self,
        mut wishes: mpsc::Receiver<String>,
    ) -> Result<(), FetchError> {
        let root = self.reader.follow(&self.link).await?;
        let node = self.reader.node(&root).await?;
        let (kind, total) = match &node {
            Node::File(node) => (EntryKind::File, node.size),
            Node::Symlink(_) => (EntryKind::Symlink, 0),
            Node::Directory(node) => {
                let sizes = node.entries.iter().map(|entry| entry.tsize);
                (EntryKind::Folder, sizes.fold(0, u64::saturating_add))
            }
            Node::Shard(node) => {
                let sizes = node.items.iter().map(|item| match item {
                    ShardItem::Entry(entry) => entry.tsize,
                    ShardItem::Shard { tsize, .. } => *tsize,
                });
                (EntryKind::Folder, sizes.fold(0, u64::saturating_add))
            }
        };
        let cid = root;
        (self.tell)(Seen::Root { cid, kind, total });
        loop {
            let wish = tokio::select! {
                wish = wishes.recv() => wish,
                () = self.reader.idle() => None,
            };
            let Some(dir) = wish else { return Ok(()) };
            match self.level(&root, &dir).await {
                // Without a network nothing more will be seen.
                Err(error @ FetchError::Net(_)) => return Err(error),
                result => (self.tell)(Seen::Level(dir, result)),
            }
        }
    }

    async fn level(&mut self, root: &Cid, dir: &str) -> Result<Level, FetchError> {
        let names = dir.split('/').filter(|name| !name.is_empty());
        let place = Link {
            path: names.map(str::to_owned).collect(),
            ..Link::to(*root)
        };
        let cid = self.reader.follow(&place).await?;
        let (found, truncated) = match self.reader.node(&cid).await? {
            Node::Directory(node) => {
                let entries = node.entries.into_iter();
                let entries = entries.map(|entry| (entry.name, entry.cid, entry.tsize));
                (entries.collect(), false)
            }
            Node::Shard(node) => self.reader.shards(cid, node, MAX_LOOK_ENTRIES).await?,
            // A file or a link has no level: it stands for itself.
            Node::File(_) | Node::Symlink(_) => (Vec::new(), false),
        };
        let truncated = truncated || found.len() > MAX_LOOK_ENTRIES;
        let mut level = Level {
            entries: found
                .into_iter()
                .take(MAX_LOOK_ENTRIES)
                .map(guessed)
                .collect(),
            truncated,
        };
        let unclear = |entry: &ListedEntry| entry.cid.codec() != cid::RAW;
        if level.entries.iter().any(unclear) {
            let (tell, guess) = (Arc::clone(&self.tell), level.clone());
            let mut clear = std::pin::pin!(self.clear_up(&mut level));
            let patient = tokio::time::timeout(GUESS_AFTER, &mut clear).await;
            if let Ok(done) = patient {
                done?;
            } else {
                // A guess is better than nothing, while people are slow.
                tell(Seen::Level(dir.to_owned(), Ok(guess)));
                clear.await?;
            }
        }
        Ok(level)
    }

    /// Only a node itself says what it is.
    async fn clear_up(&mut self, level: &mut Level) -> Result<(), FetchError> {
        let unclear: Vec<usize> = (0..level.entries.len())
            .filter(|number| level.entries[*number].cid.codec() != cid::RAW)
            .collect();
        let mut bytes = 0;
        for (place, number) in unclear.iter().enumerate() {
            if bytes > MAX_LOOK_BYTES {
                break;
            }
            let ahead = unclear[place..].iter().take(LIST_AHEAD);
            let ahead: Vec<Cid> = ahead.map(|number| level.entries[*number].cid).collect();
            self.reader.ask(ahead.into_iter()).await?;
            let entry = &mut level.entries[*number];
            let cid = entry.cid;
            let block = self.reader.block(&cid).await?;
            bytes += block.len();
            match decode(&cid, &block, || entry.name.clone())? {
                Node::File(node) => (entry.kind, entry.size) = (EntryKind::File, node.size),
                Node::Directory(_) | Node::Shard(_) => entry.kind = EntryKind::Folder,
                Node::Symlink(_) => (entry.kind, entry.size) = (EntryKind::Symlink, 0),
            }
        }
        Ok(())
    }
}

/// What an entry is as far as its folder tells.
fn guessed((name, cid, size): (Vec<u8>, Cid, u64)) -> ListedEntry {
    let name = String::from_utf8_lossy(&name).into_owned();
    let kind = if cid.codec() == cid::RAW {
        EntryKind::File
    } else {
        EntryKind::guess(&name)
    };
    ListedEntry {
        name,
        cid,
        kind,
        size,
    }
}
