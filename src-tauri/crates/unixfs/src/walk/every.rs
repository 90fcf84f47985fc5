//! Every block below a root, in the tree's order: what an export of it holds.

use std::collections::HashSet;
use std::vec;

use bytes::Bytes;

use super::{Walk, WalkError, Wants, acceptable, decoded, join};
use crate::cid::{Cid, RAW};
use crate::node::{Node, ShardItem};

/// Goes through all blocks. Each answer is the next one with its CID; `None` is the end.
///
/// A node comes once, which also ends the walk of trees that repeat themselves. A raw leaf comes
/// once for each place: leaves are many, and remembering them would cost more than having one
/// twice.
#[derive(Debug, Clone)]
pub struct Every {
    /// The children that are still to come, for each level of the tree.
    levels: Vec<Level>,
    most: usize,
    seen: HashSet<Cid>,
    next: Option<(String, Cid)>,
    block: Option<(Cid, Bytes)>,
}

#[derive(Debug, Clone)]
struct Level {
    path: String,
    /// Parts of a file or a folder have no name.
    children: vec::IntoIter<(Vec<u8>, Cid)>,
}

impl Every {
    /// `most` is how many levels there may be, those inside of files and of sharded folders among
    /// them.
    pub fn new(root: Cid, most: usize) -> Result<Self, WalkError> {
        acceptable(&root, String::new)?;
        Ok(Every {
            levels: Vec::new(),
            most,
            seen: HashSet::from([root]),
            next: Some((String::new(), root)),
            block: None,
        })
    }

    /// Goes on to the next block that hasn't been there.
    fn advance(&mut self) {
        while let Some(level) = self.levels.last_mut() {
            let Some((name, cid)) = level.children.next() else {
                self.levels.pop();
                continue;
            };
            if cid.codec() == RAW || self.seen.insert(cid) {
                self.next = Some((join(&level.path, &name), cid));
                return;
            }
        }
    }
}

impl Walk for Every {
    type Answer = Option<(Cid, Bytes)>;

    fn wants(&mut self) -> Wants<Option<(Cid, Bytes)>> {
        if let Some(block) = self.block.take() {
            return Wants::Done(Some(block));
        }
        match &self.next {
            Some((_, next)) => Wants::Need {
                next: *next,
                ahead: Vec::new(),
            },
            None => Wants::Done(None),
        }
    }

    fn take(&mut self, cid: &Cid, block: &Bytes) -> Result<(), WalkError> {
        let Some((path, _)) = self.next.take_if(|(_, next)| next == cid) else {
            return Ok(());
        };
        if cid.codec() != RAW {
            let children = children(decoded(cid, block, || path.clone())?);
            for (name, cid) in &children {
                acceptable(cid, || join(&path, name))?;
            }
            if !children.is_empty() {
                if self.levels.len() + 1 >= self.most {
                    let most = self.most;
                    return Err(WalkError::TooDeep { path, most });
                }
                let children = children.into_iter();
                self.levels.push(Level { path, children });
            }
        }
        self.block = Some((*cid, block.clone()));
        self.advance();
        Ok(())
    }
}

fn children(node: Node) -> Vec<(Vec<u8>, Cid)> {
    match node {
        Node::File(node) => {
            let children = node.children.iter();
            children.map(|child| (Vec::new(), child.cid)).collect()
        }
        Node::Directory(node) => {
            let entries = node.entries.into_iter();
            entries.map(|entry| (entry.name, entry.cid)).collect()
        }
        Node::Shard(node) => {
            let items = node.items.into_iter().map(|item| match item {
                ShardItem::Entry(entry) => (entry.name, entry.cid),
                ShardItem::Shard { cid, .. } => (Vec::new(), cid),
            });
            items.collect()
        }
        Node::Symlink(_) => Vec::new(),
    }
}
