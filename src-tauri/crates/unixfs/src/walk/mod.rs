//! Walks through trees of blocks, as pure machines: give one a block, it says which it needs next,
//! or that it is done.
//!
//! | machine | finds |
//! |---|---|
//! | [`Resolve`] | the CID that a path leads to |
//! | [`List`] | what a folder holds, sharded or not |
//! | [`Classify`] [`Look`] | what entries are, where only their own blocks tell |
//! | [`Read`] | a file's bytes in order, or a range of them |
//! | [`Every`] | every block below a root |
//!
//! Where blocks come from, and what they are waited for, is the driver's business. Invariants:
//! - A walk ends, whatever the blocks say: each machine has a bound on depth, and follows no part
//!   that adds nothing.
//! - What one machine holds at a time is bounded, by its own bounds and those on a block.
//! - A node is checked against what its parent said before anything of it is believed.
//! - Only CIDs that can be had are asked for, and every fault names the place in the item where it
//!   was found.

mod every;
mod list;
mod read;
mod resolve;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use thiserror::Error;

use crate::cid::{self, Cid, CidError};
use crate::name;
use crate::node::{DecodeError, Node, ShardItem, decode};

pub use every::Every;
pub use list::{Bounds, Classify, Contents, Folder, Known, List, Look};
pub use read::{Ahead, Read};
pub use resolve::Resolve;

/// A walk under way. After an error there is nothing more to be had from it.
pub trait Walk {
    type Answer;

    /// What comes next. Asked again before the block has come, the answer is the same.
    fn wants(&mut self) -> Wants<Self::Answer>;

    /// Takes the block that is wanted next, which must match its CID; any other is ignored.
    fn take(&mut self, cid: &Cid, block: &Bytes) -> Result<(), WalkError>;

    /// The block that is wanted next can't be had. `true`: the walk goes on without it.
    fn skip(&mut self, _: &Cid) -> bool {
        false
    }
}

/// What a walk needs to go on, or what it has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wants<T> {
    Need {
        /// The block to hand in.
        next: Cid,
        /// Those that come after it, as far as is known and allowed: worth asking for already.
        ahead: Vec<Cid>,
    },
    Done(T),
}

/// Why a walk came to an end before its goal. A path is that inside the item, empty for the item
/// itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WalkError {
    #[error("{} is not in the item", shown(.path))]
    NotThere { path: String },
    #[error("{} is not a file", shown(.path))]
    NotAFile { path: String },
    #[error("{}: {cid} can't be fetched: {source}", shown(.path))]
    Cid {
        path: String,
        cid: Box<Cid>,
        source: CidError,
    },
    #[error("{}: block {cid} is damaged or was made to mislead: {source}", shown(.path))]
    Block {
        path: String,
        cid: Box<Cid>,
        source: DecodeError,
    },
    #[error("{}: block {cid} is not the kind of block that belongs there", shown(.path))]
    Kind { path: String, cid: Box<Cid> },
    #[error("{} has more than {most} entries", shown(.path))]
    TooManyEntries { path: String, most: usize },
    #[error("{}: blocks are nested more than {most} deep", shown(.path))]
    TooDeep { path: String, most: usize },
}

/// A path inside an item as a sentence holds it: the item itself has none.
pub fn shown(path: &str) -> Cow<'static, str> {
    if path.is_empty() {
        "the item".into()
    } else {
        format!("{path:?}").into()
    }
}

impl WalkError {
    /// What is wrong, without the place.
    pub fn reason(&self) -> String {
        match self {
            Self::Cid { source, .. } => source.to_string(),
            Self::Block { source, .. } => format!("it is damaged: {source}"),
            Self::Kind { .. } => "it is damaged: another kind of block belongs there".to_owned(),
            error => error.to_string(),
        }
    }
}

/// What a block's content is to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    Symlink,
}

/// What a node's own block tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    pub kind: Kind,
    /// Bytes: of a file; of all blocks of a folder's entries, as its maker claims; none of a
    /// symlink.
    pub size: u64,
}

impl Stat {
    pub fn of(node: &Node) -> Self {
        let claimed = |sizes: &mut dyn Iterator<Item = u64>| sizes.fold(0, u64::saturating_add);
        match node {
            Node::File(node) => Stat {
                kind: Kind::File,
                size: node.size,
            },
            Node::Directory(node) => Stat {
                kind: Kind::Folder,
                size: claimed(&mut node.entries.iter().map(|entry| entry.tsize)),
            },
            Node::Shard(node) => Stat {
                kind: Kind::Folder,
                size: claimed(&mut node.items.iter().map(|item| match item {
                    ShardItem::Entry(entry) => entry.tsize,
                    ShardItem::Shard { tsize, .. } => *tsize,
                })),
            },
            Node::Symlink(_) => Stat {
                kind: Kind::Symlink,
                size: 0,
            },
        }
    }
}

/// Refuses a CID that no block can be had for.
fn acceptable(cid: &Cid, path: impl FnOnce() -> String) -> Result<(), WalkError> {
    cid::acceptable(cid).map_err(|source| WalkError::Cid {
        path: path(),
        cid: Box::new(*cid),
        source,
    })
}

fn decoded(cid: &Cid, block: &[u8], path: impl FnOnce() -> String) -> Result<Node, WalkError> {
    decode(cid, block).map_err(|source| block_fault(cid, path(), source))
}

fn block_fault(cid: &Cid, path: String, source: DecodeError) -> WalkError {
    WalkError::Block {
        path,
        cid: Box::new(*cid),
        source,
    }
}

fn kind_fault(cid: &Cid, path: String) -> WalkError {
    WalkError::Kind {
        path,
        cid: Box::new(*cid),
    }
}

/// The path of an entry, whose name may be any bytes; without a name, that of what it is in.
fn join(folder: &str, name: &[u8]) -> String {
    let name = name::to_text(name);
    match (folder.is_empty(), name.is_empty()) {
        (_, true) => folder.to_owned(),
        (true, _) => name.into_owned(),
        (false, false) => format!("{folder}/{name}"),
    }
}
