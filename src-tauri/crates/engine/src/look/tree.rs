//! An item's tree as far as its blocks are here: which block a path leads to, what a folder holds, which leaf has a byte.
//!
//! Every walk is as deep as the path or the file's own bound, looks at each node's consistency, and ends at the first block that
//! is missing, naming it. It blocks on the disk.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use unixfs::{Cid, DecodeError, FileNode, FilePosition, Lookup, Node, ShardItem, ShardPath, cid};

use crate::fetch::{Fault, FetchError};
use crate::library::Source;
use crate::limits::{MAX_FOLDER_DEPTH, MAX_LISTED};

/// Nodes kept decoded: a file's path from its root, and some more. A node takes 4 MiB at most.
const MAX_NODES: usize = 16;

/// Blocks held that may not be on record yet: as deep as files are. 2 MiB each at most.
const MAX_HANDED: usize = 8;

/// Why a walk ended before its goal.
#[derive(Debug)]
pub(crate) enum Gap {
    /// This block is not here.
    Block(Box<Cid>),
    Error(FetchError),
}

impl From<FetchError> for Gap {
    fn from(error: FetchError) -> Self {
        Self::Error(error)
    }
}

/// Reads nodes and leaves that are here.
#[derive(Debug)]
pub(crate) struct Tree {
    source: Source,
    nodes: HashMap<Cid, Arc<Node>>,
    /// Blocks that came in another way.
    handed: HashMap<Cid, Bytes>,
}

/// A name in a folder, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    pub(crate) name: String,
    pub(crate) cid: Cid,
    /// Bytes of all its blocks, as the folder's maker claims.
    pub(crate) tsize: u64,
}

/// What a folder holds, as far as its blocks are here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    pub(crate) list: Vec<TreeEntry>,
    pub(crate) complete: bool,
}

/// The bytes of a leaf, and where in the file they begin.
#[derive(Debug)]
pub(crate) struct LeafBytes {
    pub(crate) offset: u64,
    pub(crate) data: Bytes,
}

impl Tree {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            nodes: HashMap::new(),
            handed: HashMap::new(),
        }
    }

    /// Moves it to another thread.
    pub(crate) fn take(&mut self) -> Self {
        Self {
            source: self.source.clone(),
            nodes: std::mem::take(&mut self.nodes),
            handed: std::mem::take(&mut self.handed),
        }
    }

    /// Takes a verified block that may not be on record yet.
    pub(crate) fn hand(&mut self, cid: Cid, block: Bytes) {
        if self.handed.len() >= MAX_HANDED {
            self.handed.clear();
        }
        self.handed.insert(cid, block);
    }

    /// What a path leads to from a root.
    pub(crate) fn resolve(&mut self, root: &Cid, path: &[&str]) -> Result<Cid, Gap> {
        let missing = || FetchError::NotInItem {
            path: path.join("/"),
        };
        if path.len() > MAX_FOLDER_DEPTH as usize {
            return Err(missing().into());
        }
        let mut at = *root;
        for name in path {
            let found = match &*self.node(&at)? {
                Node::Directory(node) => node.get(name.as_bytes()).map(|entry| entry.cid),
                Node::Shard(_) => self.look_up(&at, name.as_bytes())?,
                Node::File(_) | Node::Symlink(_) => None,
            };
            at = found.ok_or_else(missing)?;
        }
        Ok(at)
    }

    fn look_up(&mut self, folder: &Cid, name: &[u8]) -> Result<Option<Cid>, Gap> {
        let mut cid = *folder;
        let mut position = None;
        loop {
            let node = self.node(&cid)?;
            let Node::Shard(node) = &*node else {
                return Err(kind_fault(cid).into());
            };
            let at = position.unwrap_or_else(|| ShardPath::root(node));
            at.check(node).map_err(|source| fault(&cid, source))?;
            match at
                .look_up(node, name)
                .map_err(|source| fault(&cid, source))?
            {
                Lookup::Found(entry) => return Ok(Some(entry.cid)),
                Lookup::Absent => return Ok(None),
                Lookup::Below(below, path) => (cid, position) = (*below, Some(path)),
            }
        }
    }

    /// A folder's entries, in its own order. `None`: it is no folder.
    pub(crate) fn entries(&mut self, folder: &Cid) -> Result<Option<Entries>, Gap> {
        let node = self.node(folder)?;
        let mut entries = Entries {
            list: Vec::new(),
            complete: true,
        };
        let entry = |entry: &unixfs::Entry| TreeEntry {
            name: String::from_utf8_lossy(&entry.name).into_owned(),
            cid: entry.cid,
            tsize: entry.tsize,
        };
        let shard = match &*node {
            Node::Directory(node) => {
                entries.list = node.entries.iter().map(entry).collect();
                return Ok(Some(entries));
            }
            Node::Shard(shard) => shard,
            Node::File(_) | Node::Symlink(_) => return Ok(None),
        };
        let mut open = vec![(*folder, ShardPath::root(shard))];
        while let Some((cid, at)) = open.pop() {
            let node = match self.fresh_node(&cid) {
                Ok(node) => node,
                Err(Gap::Block(_)) => {
                    entries.complete = false;
                    continue;
                }
                Err(gap) => return Err(gap),
            };
            let Node::Shard(node) = node else {
                return Err(kind_fault(cid).into());
            };
            at.check(&node).map_err(|source| fault(&cid, source))?;
            open.extend(at.children(&node).map_err(|source| fault(&cid, source))?);
            for item in &node.items {
                if let ShardItem::Entry(found) = item {
                    entries.list.push(entry(found));
                }
            }
            if entries.list.len() + open.len() > MAX_LISTED {
                return Err(FetchError::from(Fault::TooManyEntries).into());
            }
        }
        Ok(Some(entries))
    }

    /// A file's size, if it is a file.
    pub(crate) fn file_size(&mut self, file: &Cid) -> Result<Option<u64>, Gap> {
        match &*self.node(file)? {
            Node::File(node) => Ok(Some(node.size)),
            _ => Ok(None),
        }
    }

    /// The leaf that has the byte at `offset`, which lies inside the file.
    pub(crate) fn leaf(&mut self, file: &Cid, offset: u64) -> Result<LeafBytes, Gap> {
        let mut cid = *file;
        let mut at = FilePosition::ROOT;
        loop {
            let block = self.block(&cid)?;
            let node = self.decoded(&cid, &block)?;
            let Node::File(node) = &*node else {
                return Err(kind_fault(cid).into());
            };
            at.check(node).map_err(|source| fault(&cid, source))?;
            let within = offset.saturating_sub(at.offset);
            if within < node.inline.len() as u64 {
                return Ok(LeafBytes {
                    offset: at.offset,
                    data: block.slice(node.inline.clone()),
                });
            }
            let child = child_at(node, within).ok_or_else(|| kind_fault(cid))?;
            at = at
                .child(child)
                .map_err(|source| fault(&cid, source))?
                .ok_or_else(|| kind_fault(cid))?;
            cid = child.cid;
        }
    }

    /// A node that is here.
    pub(crate) fn node(&mut self, cid: &Cid) -> Result<Arc<Node>, Gap> {
        if let Some(node) = self.nodes.get(cid) {
            return Ok(Arc::clone(node));
        }
        let block = self.block(cid)?;
        self.decoded(cid, &block)
    }

    /// The same for one that nobody asks for again soon.
    fn fresh_node(&self, cid: &Cid) -> Result<Node, Gap> {
        let block = self.block(cid)?;
        Ok(unixfs::decode(cid, &block).map_err(|source| fault(cid, source))?)
    }

    fn decoded(&mut self, cid: &Cid, block: &[u8]) -> Result<Arc<Node>, Gap> {
        if let Some(node) = self.nodes.get(cid) {
            return Ok(Arc::clone(node));
        }
        let node = Arc::new(unixfs::decode(cid, block).map_err(|source| fault(cid, source))?);
        let is_leaf = matches!(&*node, Node::File(node) if node.children.is_empty());
        if !is_leaf {
            if self.nodes.len() >= MAX_NODES {
                self.nodes.clear();
            }
            self.nodes.insert(*cid, Arc::clone(&node));
        }
        Ok(node)
    }

    fn block(&self, cid: &Cid) -> Result<Bytes, Gap> {
        if let Some(block) = self.handed.get(cid) {
            return Ok(block.clone());
        }
        cid::acceptable(cid).map_err(|source| {
            FetchError::from(Fault::Cid {
                path: String::new(),
                cid: Box::new(*cid),
                source,
            })
        })?;
        self.source
            .read_local(cid)
            .ok_or_else(|| Gap::Block(Box::new(*cid)))
    }
}

/// The child that has the byte at this place of a node. Children lie one behind the other.
fn child_at(node: &FileNode, within: u64) -> Option<&unixfs::FileChild> {
    let behind = node
        .children
        .partition_point(|child| child.offset <= within);
    // Empty ones stand where the next one begins.
    node.children[..behind]
        .iter()
        .rev()
        .find(|child| child.size > 0)
        .filter(|child| within - child.offset < child.size)
}

fn fault(cid: &Cid, source: DecodeError) -> FetchError {
    Fault::Block {
        path: String::new(),
        cid: Box::new(*cid),
        source,
    }
    .into()
}

fn kind_fault(cid: Cid) -> FetchError {
    Fault::Kind {
        path: String::new(),
        cid: Box::new(cid),
    }
    .into()
}

/// The names of a path inside an item. Empty parts and `.` are nothing; what leads out is in no item.
pub(crate) fn names(path: &str) -> Result<Vec<&str>, FetchError> {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    let names: Vec<&str> = names.collect();
    if names.contains(&"..") || names.len() > MAX_FOLDER_DEPTH as usize {
        let path = path.to_owned();
        return Err(FetchError::NotInItem { path });
    }
    Ok(names)
}
