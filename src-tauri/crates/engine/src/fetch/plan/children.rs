//! The children of a node that has arrived, until each was asked for.

use unixfs::cid::RAW;
use unixfs::limits::MAX_BLOCK_BYTES;
use unixfs::{Cid, Entry, FileChild, FilePosition, Node, ShardItem, ShardPath};

use super::step::FileKey;

/// Memory of a child that isn't asked for yet: a CID with room for 128 bytes of digest, and the
/// numbers around it.
const CHILD_BYTES: usize = 250;

#[derive(Debug)]
pub(super) enum Children {
    Parts {
        file: FileKey,
        at: FilePosition,
        parts: Vec<FileChild>,
    },
    Entries {
        folder: u64,
        entries: Vec<Entry>,
    },
    Shard {
        folder: u64,
        at: ShardPath,
        items: Vec<(ShardItem, u16)>,
    },
}

impl Children {
    /// Memory that they take.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Parts { parts, .. } => parts.len() * CHILD_BYTES,
            Self::Entries { entries, .. } => entries.iter().map(entry_bytes).sum(),
            Self::Shard { items, .. } => items.iter().map(|(item, _)| item_bytes(item)).sum(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Parts { parts, .. } => parts.len(),
            Self::Entries { entries, .. } => entries.len(),
            Self::Shard { items, .. } => items.len(),
        }
    }

    /// The folder that they are entries of.
    pub(super) fn folder(&self) -> Option<u64> {
        match self {
            Self::Parts { .. } => None,
            Self::Entries { folder, .. } | Self::Shard { folder, .. } => Some(*folder),
        }
    }

    pub(super) fn cid(&self, number: usize) -> Option<&Cid> {
        Some(match self {
            Self::Parts { parts, .. } => &parts.get(number)?.cid,
            Self::Entries { entries, .. } => &entries.get(number)?.cid,
            Self::Shard { items, .. } => match &items.get(number)?.0 {
                ShardItem::Entry(entry) => &entry.cid,
                ShardItem::Shard { cid, .. } => cid,
            },
        })
    }

    /// Does a child surely have children of its own? `None` behind the last.
    pub(super) fn is_node(&self, number: usize) -> Option<bool> {
        let entry = |entry: &Entry| is_node(&entry.cid, entry.tsize);
        Some(match self {
            Self::Parts { parts, .. } => {
                let part = parts.get(number)?;
                is_node(&part.cid, part.size)
            }
            Self::Entries { entries, .. } => entry(entries.get(number)?),
            Self::Shard { items, .. } => match items.get(number)? {
                (ShardItem::Entry(item), _) => entry(item),
                (ShardItem::Shard { .. }, _) => true,
            },
        })
    }
}

/// Surely a leaf.
pub(super) fn is_leaf(cid: &Cid) -> bool {
    cid.codec() == RAW
}

/// A leaf cannot have more bytes than a block.
fn is_node(cid: &Cid, bytes: u64) -> bool {
    cid.codec() != RAW && bytes > MAX_BLOCK_BYTES as u64
}

/// Memory that a node's children will take.
pub(super) fn bytes_of(node: &Node) -> usize {
    match node {
        Node::File(node) => node.children.len() * CHILD_BYTES,
        Node::Directory(node) => node.entries.iter().map(entry_bytes).sum(),
        Node::Shard(node) => node.items.iter().map(item_bytes).sum(),
        Node::Symlink(_) => 0,
    }
}

fn entry_bytes(entry: &Entry) -> usize {
    CHILD_BYTES + entry.name.len()
}

fn item_bytes(item: &ShardItem) -> usize {
    match item {
        ShardItem::Entry(entry) => entry_bytes(entry),
        ShardItem::Shard { .. } => CHILD_BYTES,
    }
}
