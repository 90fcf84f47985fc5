//! Blocks of a link's content for whoever looks at it: from here, else from peers, and gone when they are used.

use std::collections::{HashMap, HashSet, VecDeque};

use bitswap::Want;
use bytes::Bytes;
use unixfs::{Cid, Lookup, Node, ShardItem, ShardPath, cid};

use super::FetchContext;
use super::error::FetchError;
use super::plan::{Fault, block_fault};
use crate::limits::{LIST_AHEAD, MAX_LISTED};
use crate::link::Link;
use crate::net::{Session, SessionEvent};

/// Blocks by their CIDs, from here or from peers.
pub(crate) struct Reader {
    context: FetchContext,
    root: Cid,
    hints: Vec<libp2p::Multiaddr>,
    /// Opened when something isn't here.
    session: Option<Session>,
    asked: HashSet<Cid>,
    arrived: HashMap<Cid, Bytes>,
    /// Nodes that were read, for a reader that comes back to them.
    kept: HashMap<Cid, Bytes>,
    /// Bytes of nodes that may still be kept.
    may_keep: usize,
    /// Is told who there is and what is tried.
    news: Option<News>,
}

/// Hears of all that isn't a block.
pub(crate) type News = Box<dyn Fn(&SessionEvent) + Send + Sync>;

impl Reader {
    pub(crate) fn open(context: &FetchContext, link: &Link) -> Result<Self, FetchError> {
        cid::acceptable(&link.cid).map_err(|source| Fault::Cid {
            path: String::new(),
            cid: Box::new(link.cid),
            source,
        })?;
        Ok(Self {
            context: context.clone(),
            root: link.cid,
            hints: link.providers.clone(),
            session: None,
            asked: HashSet::new(),
            arrived: HashMap::new(),
            kept: HashMap::new(),
            may_keep: 0,
            news: None,
        })
    }

    /// For a long look: keeps so many bytes of nodes, and tells what happens.
    pub(crate) fn staying(mut self, may_keep: usize, news: News) -> Self {
        (self.may_keep, self.news) = (may_keep, Some(news));
        self
    }

    /// Hears what happens while nothing is asked for. Never ends.
    pub(crate) async fn idle(&mut self) {
        loop {
            let event = match &mut self.session {
                Some(session) => session.events.recv().await,
                None => None,
            };
            match event {
                Some(event) => self.take(event),
                None => return std::future::pending().await,
            }
        }
    }

    pub(crate) async fn follow(&mut self, link: &Link) -> Result<Cid, FetchError> {
        let mut cid = link.cid;
        for (depth, name) in link.path.iter().enumerate() {
            let missing = || FetchError::NotInItem {
                path: link.path[..=depth].join("/"),
            };
            cid = match self.node(&cid).await? {
                Node::Directory(node) => {
                    let mut entries = node.entries.iter();
                    let found = entries.find(|entry| entry.name == name.as_bytes());
                    found.ok_or_else(missing)?.cid
                }
                Node::Shard(node) => self
                    .look_up(cid, node, name.as_bytes())
                    .await?
                    .ok_or_else(missing)?,
                Node::File(_) | Node::Symlink(_) => return Err(missing()),
            };
        }
        Ok(cid)
    }

    /// Finds a name in a sharded folder, in as many steps as the shards are deep.
    async fn look_up(
        &mut self,
        root: Cid,
        mut node: unixfs::ShardNode,
        name: &[u8],
    ) -> Result<Option<Cid>, FetchError> {
        let mut at = ShardPath::root(&node);
        let mut cid = root;
        loop {
            let fault = |source| block_fault(&cid, String::new(), source);
            at.check(&node).map_err(fault)?;
            let (below, path) = match at.look_up(&node, name).map_err(fault)? {
                Lookup::Found(entry) => return Ok(Some(entry.cid)),
                Lookup::Absent => return Ok(None),
                Lookup::Below(below, path) => (*below, path),
            };
            node = match self.node(&below).await? {
                Node::Shard(node) => node,
                _ => return Err(kind_fault(below)),
            };
            (cid, at) = (below, path);
        }
    }

    /// All entries of a sharded folder, or so many and whether there are more.
    pub(crate) async fn shards(
        &mut self,
        root: Cid,
        node: unixfs::ShardNode,
        enough: usize,
    ) -> Result<(Vec<(Vec<u8>, Cid, u64)>, bool), FetchError> {
        let mut found = Vec::new();
        let at = ShardPath::root(&node);
        let mut open = VecDeque::from([(root, at)]);
        let mut first = Some(node);
        while let Some((cid, at)) = open.pop_front() {
            let fault = |source| block_fault(&cid, String::new(), source);
            let node = if let Some(node) = first.take() {
                node
            } else {
                let next = open.iter().take(LIST_AHEAD).map(|(cid, _)| *cid);
                self.ask(std::iter::once(cid).chain(next)).await?;
                match self.node(&cid).await? {
                    Node::Shard(node) => node,
                    _ => return Err(kind_fault(cid)),
                }
            };
            at.check(&node).map_err(fault)?;
            open.extend(at.children(&node).map_err(fault)?);
            for item in node.items {
                if let ShardItem::Entry(entry) = item {
                    found.push((entry.name, entry.cid, entry.tsize));
                }
            }
            if found.len() > enough {
                break;
            }
            if found.len() + open.len() > MAX_LISTED {
                return Err(Fault::TooManyEntries.into());
            }
        }
        found.sort();
        Ok((found, !open.is_empty()))
    }

    pub(crate) async fn node(&mut self, cid: &Cid) -> Result<Node, FetchError> {
        self.ask(std::iter::once(*cid)).await?;
        let block = self.block(cid).await?;
        decode(cid, &block, String::new)
    }

    /// Looks for blocks here, and asks peers for the others.
    pub(crate) async fn ask(&mut self, cids: impl Iterator<Item = Cid>) -> Result<(), FetchError> {
        let new: Vec<Cid> = cids
            .filter(|cid| !self.kept.contains_key(cid) && self.asked.insert(*cid))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let source = self.context.source.clone();
        let here = tokio::task::spawn_blocking(move || {
            let read = |cid: Cid| (cid, cid::acceptable(&cid).map(|()| source.read_local(&cid)));
            new.into_iter().map(read).collect::<Vec<_>>()
        });
        let mut wants = Vec::new();
        for (cid, block) in here.await.map_err(|_| FetchError::Stopped)? {
            let path = String::new();
            let cid_too = Box::new(cid);
            let block = block.map_err(|source| Fault::Cid {
                path,
                cid: cid_too,
                source,
            })?;
            match block {
                Some(block) => {
                    self.arrived.insert(cid, block);
                }
                // The first comes first.
                None => wants.push(Want {
                    cid,
                    size: None,
                    priority: -i32::try_from(wants.len()).unwrap_or(i32::MAX),
                }),
            }
        }
        if wants.is_empty() {
            return Ok(());
        }
        let session = match &mut self.session {
            Some(session) => session,
            none => {
                let hints = self.hints.clone();
                none.insert(self.context.net.session(self.root, hints).await?)
            }
        };
        session.want(wants).await?;
        Ok(())
    }

    /// Waits for a block that was asked for, and hands it out: it has to be asked for again to be had again.
    pub(crate) async fn block(&mut self, cid: &Cid) -> Result<Bytes, FetchError> {
        loop {
            if let Some(block) = self.kept.get(cid) {
                return Ok(block.clone());
            }
            if let Some(block) = self.arrived.remove(cid) {
                self.asked.remove(cid);
                self.keep(cid, &block);
                return Ok(block);
            }
            let Some(session) = &mut self.session else {
                return Err(FetchError::Stopped);
            };
            match session.events.recv().await {
                Some(event) => self.take(event),
                None => return Err(crate::net::NetError::Stopped.into()),
            }
        }
    }

    fn take(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Block { cid, data, .. } => {
                if let Some(session) = &self.session {
                    session.release(data.len() as u64);
                }
                if self.asked.contains(&cid) {
                    self.arrived.insert(cid, data);
                }
            }
            other => {
                if let Some(news) = &self.news {
                    news(&other);
                }
            }
        }
    }

    fn keep(&mut self, cid: &Cid, block: &Bytes) {
        if cid.codec() != cid::RAW && block.len() <= self.may_keep {
            self.may_keep -= block.len();
            self.kept.insert(*cid, block.clone());
        }
    }
}

fn kind_fault(cid: Cid) -> FetchError {
    let path = String::new();
    let cid = Box::new(cid);
    Fault::Kind { path, cid }.into()
}

pub(crate) fn decode(
    cid: &Cid,
    block: &[u8],
    path: impl Fn() -> String,
) -> Result<Node, FetchError> {
    Ok(unixfs::decode(cid, block).map_err(|source| block_fault(cid, path(), source))?)
}

/// The CID of what the link's path leads to.
pub async fn resolve(context: &FetchContext, link: &Link) -> Result<Cid, FetchError> {
    if link.path.is_empty() {
        return Ok(link.cid);
    }
    Reader::open(context, link)?.follow(link).await
}
