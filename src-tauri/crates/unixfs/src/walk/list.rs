//! What a folder holds, and what its entries are.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Stat, Walk, WalkError, Wants, acceptable, block_fault, decoded, join, kind_fault};
use crate::cid::{self, Cid};
use crate::node::{Entry, Node, ShardItem, ShardNode};
use crate::shard::ShardPath;

/// How far a folder is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Entries beyond which no further shard is read.
    pub enough: usize,
    /// Entries and shards beyond which the folder is refused.
    pub most: usize,
    /// Bytes of memory in entries beyond which it is refused.
    pub bytes: usize,
    /// Shards named ahead of the one that is needed next.
    pub ahead: usize,
}

/// What is behind a CID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    Folder(Folder),
    /// No folder, but this: it stands for itself.
    Other(Stat),
}

/// A folder's entries: of one block in their own order, of shards by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    pub entries: Vec<Entry>,
    /// Entries whose name is that of one before them: no path leads to them.
    pub doubled: Vec<Entry>,
    /// All of them: none was left in a shard that was enough without, or that can't be had.
    pub complete: bool,
}

/// Lists a folder.
#[derive(Debug, Clone)]
pub struct List {
    path: String,
    bounds: Bounds,
    /// Nodes still to be looked at, each with the place where it must hang; the folder's own has
    /// none yet.
    open: VecDeque<(Cid, Option<ShardPath>)>,
    found: Folder,
    /// Bytes of memory in it.
    bytes: usize,
    /// It is no folder.
    other: Option<Stat>,
}

impl List {
    /// `path` is where in the item the folder is.
    pub fn new(folder: Cid, path: &str, bounds: Bounds) -> Result<Self, WalkError> {
        acceptable(&folder, || path.to_owned())?;
        Ok(List {
            path: path.to_owned(),
            bounds,
            open: VecDeque::from([(folder, None)]),
            found: Folder {
                complete: true,
                ..Folder::default()
            },
            bytes: 0,
            other: None,
        })
    }

    /// Counts the entries from there on.
    fn count(&mut self, from: usize) -> Result<(), WalkError> {
        let new = self.found.entries.iter().skip(from);
        let bytes = new
            .chain(&self.found.doubled)
            .map(|entry| size_of::<Entry>() + entry.name.len());
        self.bytes = self.bytes.saturating_add(bytes.sum());
        if self.bytes > self.bounds.bytes {
            let (path, most) = (self.path.clone(), from);
            return Err(WalkError::TooManyEntries { path, most });
        }
        Ok(())
    }

    fn take_shard(&mut self, cid: &Cid, at: ShardPath, node: ShardNode) -> Result<(), WalkError> {
        let fault = |source| block_fault(cid, self.path.clone(), source);
        at.check(&node).map_err(fault)?;
        for (below, at) in at.children(&node).map_err(fault)? {
            // What can't be fetched is left out, with what hangs below it.
            if cid::acceptable(&below).is_err() {
                self.found.complete = false;
                continue;
            }
            self.open.push_back((below, Some(at)));
        }
        let entries = node.items.into_iter().filter_map(|item| match item {
            ShardItem::Entry(entry) => Some(entry),
            ShardItem::Shard { .. } => None,
        });
        let before = self.found.entries.len();
        self.found.entries.extend(entries);
        self.count(before)?;
        if self.found.entries.len() > self.bounds.enough {
            self.found.complete &= self.open.is_empty();
            self.open.clear();
        } else if self.found.entries.len() + self.open.len() > self.bounds.most {
            return Err(WalkError::TooManyEntries {
                path: self.path.clone(),
                most: self.bounds.most,
            });
        }
        if self.open.is_empty() {
            self.found.entries.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(())
    }
}

impl Walk for List {
    type Answer = Contents;

    fn wants(&mut self) -> Wants<Contents> {
        let mut open = self.open.iter().map(|(cid, _)| *cid);
        if let Some(next) = open.next() {
            let ahead = open.take(self.bounds.ahead).collect();
            return Wants::Need { next, ahead };
        }
        Wants::Done(match self.other {
            Some(stat) => Contents::Other(stat),
            None => Contents::Folder(std::mem::take(&mut self.found)),
        })
    }

    fn take(&mut self, cid: &Cid, block: &Bytes) -> Result<(), WalkError> {
        let Some((_, at)) = self.open.pop_front_if(|(next, _)| next == cid) else {
            return Ok(());
        };
        match (decoded(cid, block, || self.path.clone())?, at) {
            (Node::Shard(node), at) => {
                let at = at.unwrap_or_else(|| ShardPath::root(&node));
                self.take_shard(cid, at, node)
            }
            (_, Some(_)) => Err(kind_fault(cid, self.path.clone())),
            (Node::Directory(node), None) => {
                (self.found.entries, self.found.doubled) = (node.entries, node.doubled);
                self.count(0)
            }
            (node, None) => {
                self.other = Some(Stat::of(&node));
                Ok(())
            }
        }
    }

    /// The folder's own node can't be done without; a shard below it can.
    fn skip(&mut self, cid: &Cid) -> bool {
        let below = |(next, at): &mut (Cid, Option<ShardPath>)| next == cid && at.is_some();
        let skipped = self.open.pop_front_if(below).is_some();
        self.found.complete &= !skipped;
        if skipped && self.open.is_empty() {
            self.found.entries.sort_by(|a, b| a.name.cmp(&b.name));
        }
        skipped
    }
}

/// What an entry of a folder turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    Is(Stat),
    /// Nothing that a folder can hold.
    Nothing(WalkError),
    /// Its block could not be had.
    Unheard,
}

/// Finds out what entries of a folder are, and how large: only a node itself says so.
#[derive(Debug, Clone)]
pub struct Classify {
    folder: String,
    /// The names, for faults, and what they stand for.
    open: VecDeque<(String, Cid)>,
    found: Vec<Known>,
    /// Bytes of blocks that may still be read.
    left: Option<usize>,
    ahead: usize,
}

impl Classify {
    /// `folder` is where in the item they are. `bytes` is how much is read before the rest is left
    /// open, `ahead` how many are named ahead of the one that is needed next.
    pub fn new(
        folder: &str,
        entries: impl IntoIterator<Item = (String, Cid)>,
        bytes: usize,
        ahead: usize,
    ) -> Self {
        let open: VecDeque<(String, Cid)> = entries.into_iter().collect();
        Classify {
            folder: folder.to_owned(),
            found: Vec::with_capacity(open.len()),
            open,
            left: Some(bytes),
            ahead,
        }
    }

    fn find(&mut self, known: Known) {
        self.open.pop_front();
        self.found.push(known);
    }
}

impl Walk for Classify {
    /// In the order in which they were given, as far as the bytes allowed.
    type Answer = Vec<Known>;

    fn wants(&mut self) -> Wants<Vec<Known>> {
        while let Some((name, cid)) = self.open.front()
            && let Err(fault) = acceptable(cid, || join(&self.folder, name.as_bytes()))
        {
            self.find(Known::Nothing(fault));
        }
        let mut open = self.open.iter().map(|(_, cid)| *cid);
        match (open.next(), self.left) {
            (Some(next), Some(_)) => Wants::Need {
                next,
                ahead: open
                    .filter(|cid| cid::acceptable(cid).is_ok())
                    .take(self.ahead)
                    .collect(),
            },
            _ => Wants::Done(std::mem::take(&mut self.found)),
        }
    }

    fn take(&mut self, cid: &Cid, block: &Bytes) -> Result<(), WalkError> {
        let Some((name, _)) = self.open.front().filter(|(_, next)| next == cid) else {
            return Ok(());
        };
        let node = decoded(cid, block, || join(&self.folder, name.as_bytes()));
        self.find(match node {
            Ok(node) => Known::Is(Stat::of(&node)),
            Err(fault) => Known::Nothing(fault),
        });
        self.left = self.left.and_then(|left| left.checked_sub(block.len()));
        Ok(())
    }

    fn skip(&mut self, cid: &Cid) -> bool {
        let is_next = self.open.front().is_some_and(|(_, next)| next == cid);
        if is_next {
            self.find(Known::Unheard);
        }
        is_next
    }
}

/// Finds out what the one thing at a path is.
#[derive(Debug, Clone)]
pub struct Look {
    cid: Cid,
    path: String,
    found: Option<Stat>,
}

impl Look {
    pub fn new(cid: Cid, path: &str) -> Result<Self, WalkError> {
        acceptable(&cid, || path.to_owned())?;
        let path = path.to_owned();
        let found = None;
        Ok(Look { cid, path, found })
    }
}

impl Walk for Look {
    type Answer = Stat;

    fn wants(&mut self) -> Wants<Stat> {
        self.found.map_or(
            Wants::Need {
                next: self.cid,
                ahead: Vec::new(),
            },
            Wants::Done,
        )
    }

    fn take(&mut self, cid: &Cid, block: &Bytes) -> Result<(), WalkError> {
        if *cid == self.cid {
            self.found = Some(Stat::of(&decoded(cid, block, || self.path.clone())?));
        }
        Ok(())
    }
}
