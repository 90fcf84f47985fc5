//! Looking into an item without keeping any of it: follow a path, list a folder, read a file in order.
//!
//! Blocks come from here if they are here, else from peers, and go when they are used. A file's bytes come out in order, and a
//! bounded number of blocks is asked for ahead, so that its reader sets the pace.

use std::collections::{HashMap, HashSet, VecDeque};

use bitswap::Want;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use ts_rs::TS;
use unixfs::{Cid, FilePosition, Lookup, Node, ShardItem, ShardPath, cid};

use super::FetchContext;
use super::error::FetchError;
use super::plan::{Fault, block_fault};
use crate::limits::{CAT_AHEAD_BLOCKS, CAT_AHEAD_BYTES, CAT_QUEUE, LIST_AHEAD, MAX_LISTED};
use crate::link::Link;
use crate::net::{Session, SessionEvent};

/// What something in a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    File,
    Folder,
    Symlink,
}

/// An entry of a folder, or a file by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEntry {
    pub name: String,
    pub cid: Cid,
    pub kind: EntryKind,
    /// Bytes of a file; of a folder as its maker claims.
    pub size: u64,
}

/// The CID of what the link's path leads to.
pub async fn resolve(context: &FetchContext, link: &Link) -> Result<Cid, FetchError> {
    if link.path.is_empty() {
        return Ok(link.cid);
    }
    Reader::open(context, link)?.follow(link).await
}

/// What a link's folder holds; a file lists itself.
pub async fn list(context: &FetchContext, link: &Link) -> Result<Vec<ListedEntry>, FetchError> {
    let mut reader = Reader::open(context, link)?;
    let root = reader.follow(link).await?;
    let found = match reader.node(&root).await? {
        Node::Directory(node) => {
            let entries = node.entries.into_iter();
            entries
                .map(|entry| (entry.name, entry.cid, entry.tsize))
                .collect()
        }
        Node::Shard(node) => reader.shards(root, node).await?,
        node => {
            let name = link.filename.clone().or_else(|| link.path.last().cloned());
            let name = name.unwrap_or_else(|| root.to_string());
            return Ok(vec![entry(name, root, &node, 0)]);
        }
    };
    let mut listed = Vec::with_capacity(found.len());
    for (number, (name, cid, tsize)) in found.iter().enumerate() {
        let name = String::from_utf8_lossy(name).into_owned();
        if cid.codec() == cid::RAW {
            let (kind, size) = (EntryKind::File, *tsize);
            listed.push(ListedEntry {
                name,
                cid: *cid,
                kind,
                size,
            });
            continue;
        }
        // Only the node itself says what it is.
        let ahead = found[number..]
            .iter()
            .take(LIST_AHEAD)
            .map(|(_, cid, _)| *cid);
        reader
            .ask(ahead.filter(|cid| cid.codec() != cid::RAW))
            .await?;
        let node = reader.node(cid).await?;
        listed.push(entry(name, *cid, &node, *tsize));
    }
    Ok(listed)
}

fn entry(name: String, cid: Cid, node: &Node, tsize: u64) -> ListedEntry {
    let (kind, size) = match node {
        Node::File(node) => (EntryKind::File, node.size),
        Node::Directory(_) | Node::Shard(_) => (EntryKind::Folder, tsize),
        Node::Symlink(_) => (EntryKind::Symlink, 0),
    };
    ListedEntry {
        name,
        cid,
        kind,
        size,
    }
}

/// A file's bytes in order. Dropping the receiver ends it.
pub async fn cat(
    context: FetchContext,
    link: Link,
) -> Result<mpsc::Receiver<Result<Bytes, FetchError>>, FetchError> {
    let mut reader = Reader::open(&context, &link)?;
    let root = reader.follow(&link).await?;
    let (sender, receiver) = mpsc::channel(CAT_QUEUE);
    tokio::spawn(async move {
        if let Err(error) = read_file(&mut reader, root, &link, &sender).await {
            // Whoever asked may be gone.
            let _ = sender.send(Err(error)).await;
        }
    });
    Ok(receiver)
}

async fn read_file(
    reader: &mut Reader,
    root: Cid,
    link: &Link,
    out: &mpsc::Sender<Result<Bytes, FetchError>>,
) -> Result<(), FetchError> {
    let name = || link.path.join("/");
    let fault = |cid: Cid, source| block_fault(&cid, name(), source);
    // What is still to come, in order. A node's children take its place.
    let mut ahead = VecDeque::from([(root, FilePosition::ROOT)]);
    while let Some((cid, at)) = ahead.pop_front() {
        let mut bytes = 0;
        let window = ahead.iter().take(CAT_AHEAD_BLOCKS).take_while(|(_, at)| {
            bytes += at
                .size
                .unwrap_or(0)
                .min(unixfs::limits::MAX_BLOCK_BYTES as u64);
            bytes <= CAT_AHEAD_BYTES
        });
        let next: Vec<Cid> = std::iter::once(cid)
            .chain(window.map(|(cid, _)| *cid))
            .collect();
        reader.ask(next.into_iter()).await?;
        let block = reader.block(&cid).await?;
        let Node::File(node) = decode(&cid, &block, name)? else {
            return Err(FetchError::NotAFile { path: name() });
        };
        at.check(&node).map_err(|source| fault(cid, source))?;
        if !node.inline.is_empty() {
            let data = block.slice(node.inline.clone());
            if out.send(Ok(data)).await.is_err() {
                return Ok(());
            }
        }
        for child in node.children.iter().rev() {
            let position = at.child(child).map_err(|source| fault(child.cid, source))?;
            if let Some(position) = position {
                ahead.push_front((child.cid, position));
            }
        }
    }
    Ok(())
}

fn decode(cid: &Cid, block: &[u8], path: impl Fn() -> String) -> Result<Node, FetchError> {
    Ok(unixfs::decode(cid, block).map_err(|source| block_fault(cid, path(), source))?)
}

/// Blocks by their CIDs, from here or from peers.
struct Reader {
    context: FetchContext,
    root: Cid,
    hints: Vec<libp2p::Multiaddr>,
    /// Opened when something isn't here.
    session: Option<Session>,
    asked: HashSet<Cid>,
    arrived: HashMap<Cid, Bytes>,
}

impl Reader {
    fn open(context: &FetchContext, link: &Link) -> Result<Self, FetchError> {
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
        })
    }

    async fn follow(&mut self, link: &Link) -> Result<Cid, FetchError> {
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

    /// All entries of a sharded folder.
    async fn shards(
        &mut self,
        root: Cid,
        node: unixfs::ShardNode,
    ) -> Result<Vec<(Vec<u8>, Cid, u64)>, FetchError> {
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
            if found.len() + open.len() > MAX_LISTED {
                return Err(Fault::TooManyEntries.into());
            }
        }
        found.sort();
        Ok(found)
    }

    async fn node(&mut self, cid: &Cid) -> Result<Node, FetchError> {
        self.ask(std::iter::once(*cid)).await?;
        let block = self.block(cid).await?;
        decode(cid, &block, String::new)
    }

    /// Looks for blocks here, and asks peers for the others.
    async fn ask(&mut self, cids: impl Iterator<Item = Cid>) -> Result<(), FetchError> {
        let new: Vec<Cid> = cids.filter(|cid| self.asked.insert(*cid)).collect();
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
    async fn block(&mut self, cid: &Cid) -> Result<Bytes, FetchError> {
        loop {
            if let Some(block) = self.arrived.remove(cid) {
                self.asked.remove(cid);
                return Ok(block);
            }
            let Some(session) = &mut self.session else {
                return Err(FetchError::Stopped);
            };
            match session.events.recv().await {
                Some(SessionEvent::Block { cid, data, .. }) => {
                    session.release(data.len() as u64);
                    if self.asked.contains(&cid) {
                        self.arrived.insert(cid, data);
                    }
                }
                Some(_) => {}
                None => return Err(crate::net::NetError::Stopped.into()),
            }
        }
    }
}

fn kind_fault(cid: Cid) -> FetchError {
    let path = String::new();
    let cid = Box::new(cid);
    Fault::Kind { path, cid }.into()
}
