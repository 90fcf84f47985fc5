//! From a root along a path, in as many steps as the path is long and its sharded folders are deep.

use bytes::Bytes;

use super::{Walk, WalkError, Wants, acceptable, block_fault, decoded, kind_fault};
use crate::cid::Cid;
use crate::name;
use crate::node::Node;
use crate::shard::{Lookup, ShardPath};

/// Finds what a path leads to. Symlinks are not followed: nothing is below them.
#[derive(Debug, Clone)]
pub struct Resolve {
    /// As [`name`](mod@crate::name) writes them.
    names: Vec<String>,
    /// How many of the names lead to the folder that is looked at.
    followed: usize,
    at: Cid,
    /// Where in its folder the shard at `at` hangs; `None` for a folder's own node.
    shard: Option<ShardPath>,
}

impl Resolve {
    /// The caller bounds how many names there are.
    pub fn new(root: Cid, names: Vec<String>) -> Result<Self, WalkError> {
        acceptable(&root, String::new)?;
        Ok(Resolve {
            names,
            followed: 0,
            at: root,
            shard: None,
        })
    }

    fn path(&self) -> String {
        self.names[..self.followed].join("/")
    }

    /// Looks for the next name in a node of the folder that is looked at.
    fn look_up(&self, node: &Node, name: &[u8]) -> Result<Found, WalkError> {
        let fault = |source| block_fault(&self.at, self.path(), source);
        match node {
            Node::Directory(node) if self.shard.is_none() => Ok(node
                .get(name)
                .map_or(Found::Nothing, |e| Found::Entry(e.cid))),
            Node::Shard(node) => {
                let at = self.shard.unwrap_or_else(|| ShardPath::root(node));
                at.check(node).map_err(fault)?;
                Ok(match at.look_up(node, name).map_err(fault)? {
                    Lookup::Found(entry) => Found::Entry(entry.cid),
                    Lookup::Below(cid, below) => Found::Below(*cid, below),
                    Lookup::Absent => Found::Nothing,
                })
            }
            _ if self.shard.is_some() => Err(kind_fault(&self.at, self.path())),
            Node::Directory(_) | Node::File(_) | Node::Symlink(_) => Ok(Found::Nothing),
        }
    }
}

enum Found {
    Entry(Cid),
    Below(Cid, ShardPath),
    Nothing,
}

impl Walk for Resolve {
    type Answer = Cid;

    fn wants(&mut self) -> Wants<Cid> {
        if self.followed == self.names.len() {
            return Wants::Done(self.at);
        }
        Wants::Need {
            next: self.at,
            ahead: Vec::new(),
        }
    }

    fn take(&mut self, cid: &Cid, block: &Bytes) -> Result<(), WalkError> {
        let Some(name) = self.names.get(self.followed).filter(|_| *cid == self.at) else {
            return Ok(());
        };
        let node = decoded(cid, block, || self.path())?;
        match self.look_up(&node, &name::to_bytes(name))? {
            Found::Entry(cid) => {
                (self.at, self.shard) = (cid, None);
                self.followed += 1;
            }
            Found::Below(cid, below) => (self.at, self.shard) = (cid, Some(below)),
            Found::Nothing => {
                self.followed += 1;
                return Err(WalkError::NotThere { path: self.path() });
            }
        }
        acceptable(&self.at, || self.path())
    }
}
