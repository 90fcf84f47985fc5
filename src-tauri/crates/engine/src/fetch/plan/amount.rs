//! How much a tree unfolds to, against what had to come for it; and how much of its blocks is kept
//! beyond need.
//!
//! A few blocks that name each other again and again become any number of files. An honest folder
//! pays for what it unfolds to: each entry is a link of its own in some block, each piece of a file
//! a block. So what counts are the bytes of different blocks. They are counted exactly while there
//! are few; of more a sample is kept, chosen by a hash that nobody outside can know.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use bytes::Bytes;
use unixfs::limits::MAX_NAME_BYTES;
use unixfs::{Cid, Entry, Node, ShardItem};

use super::Plan;
use super::step::{Fault, Step};
use crate::fetch::limits::{
    ASK_BYTES, ASK_ENTRIES, ASK_RATIO, ENTRY_BYTES, MAX_SPARE_BYTES, MAX_TARGET_BYTES, SPARE_SHARE,
};

/// Blocks that are remembered: 16 bytes each, and some room.
const SAMPLE: usize = 65_536;

/// The different blocks of an item, and what came of them.
#[derive(Debug, Default)]
pub(super) struct Amount {
    hashes: RandomState,
    /// Bytes of the blocks in the sample, by hash.
    sample: HashMap<u64, u32>,
    sampled: u64,
    /// One of two to this power is in the sample.
    level: u32,
    /// Files and folders that came of them.
    pub(super) entries: u64,
    /// It may unfold to whatever it does.
    pub(super) may_unfold: bool,
    /// Bytes of blocks that are kept beyond need.
    spare: u64,
}

impl Amount {
    /// A block came. `false`: it is known to have come before.
    pub(super) fn add(&mut self, cid: &Cid, bytes: u64) -> bool {
        let hash = self.hashes.hash_one(cid.hash().digest());
        if hash.trailing_zeros() < self.level {
            return true;
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if self.sample.insert(hash, bytes).is_some() {
            return false;
        }
        self.sampled += u64::from(bytes);
        while self.sample.len() > SAMPLE {
            self.level += 1;
            let level = self.level;
            self.sample.retain(|hash, _| hash.trailing_zeros() >= level);
            self.sampled = self.sample.values().map(|bytes| u64::from(*bytes)).sum();
        }
        true
    }

    /// Bytes of the different blocks, as far as is known.
    pub(super) fn bytes(&self) -> u64 {
        self.sampled
            .saturating_mul(1_u64.checked_shl(self.level).unwrap_or(u64::MAX))
    }

    /// Is what came of them in proportion?
    fn check(&self, bytes: u64) -> Result<(), Fault> {
        let entries = self.entries;
        if self.may_unfold || entries <= ASK_ENTRIES && bytes <= ASK_BYTES {
            return Ok(());
        }
        let unfolded = bytes.saturating_add(entries.saturating_mul(ENTRY_BYTES));
        let came = self.bytes();
        if unfolded / ASK_RATIO <= came {
            return Ok(());
        }
        Err(Fault::Unfolds {
            entries,
            bytes,
            came,
        })
    }
}

impl Plan {
    /// Keeps a block as it is, if it is about as large as what it holds needs, or while there is room for others.
    pub(super) fn keep(&mut self, cid: &Cid, data: &Bytes, needed: usize, is_new: bool) {
        let spare = data.len().saturating_sub(needed) as u64;
        if is_new {
            let most = MAX_SPARE_BYTES.saturating_add(self.totals.done / SPARE_SHARE);
            if spare > 0 && self.amount.spare.saturating_add(spare) > most {
                return;
            }
            self.amount.spare += spare;
        }
        let (cid, data) = (*cid, data.clone());
        self.steps.push_back(Step::Keep { cid, data });
    }

    /// Does it unfold to about as much as came for it?
    pub(super) fn check_amount(&self) -> Result<(), Fault> {
        self.amount.check(self.totals.done)
    }
}

/// Bytes that a node's block takes at most, as honest software writes it. A leaf needs none: its bytes are in a file.
pub(super) fn needed(node: &Node) -> usize {
    /// Numbers and tags around a link, and those of the node itself.
    const LINK: usize = 48;
    const NODE: usize = 256;
    let link =
        |cid: &Cid, name: &[u8]| cid.hash().digest().len() + name.len().min(MAX_NAME_BYTES) + LINK;
    let entries = |entries: &[Entry]| -> usize {
        entries
            .iter()
            .map(|entry| link(&entry.cid, &entry.name))
            .sum()
    };
    match node {
        Node::File(node) if node.children.is_empty() => 0,
        Node::File(node) => {
            NODE + node
                .children
                .iter()
                .map(|child| link(&child.cid, b""))
                .sum::<usize>()
        }
        Node::Directory(node) => NODE + entries(&node.entries) + entries(&node.doubled),
        Node::Shard(node) => {
            let items = node.items.iter().map(|item| match item {
                ShardItem::Entry(entry) => link(&entry.cid, &entry.name),
                ShardItem::Shard { cid, .. } => link(cid, b""),
            });
            NODE + items.sum::<usize>()
        }
        Node::Symlink(node) => NODE + node.target.len().min(MAX_TARGET_BYTES),
    }
}

#[cfg(test)]
mod tests {
    use unixfs::cid::{self, RAW};

    use super::*;

    fn cid_of(number: u32) -> Cid {
        let hash = cid::hash(cid::SHA2_256, &number.to_le_bytes());
        Cid::new_v1(RAW, hash.unwrap())
    }

    #[test]
    fn blocks_are_counted_once_and_many_of_them_nearly() {
        let mut amount = Amount::default();
        for _ in 0..3 {
            for number in 0..1000 {
                amount.add(&cid_of(number), 100);
            }
        }
        assert_eq!(amount.bytes(), 100_000);
        assert!(!amount.add(&cid_of(7), 100));
        for number in 0..150_000 {
            amount.add(&cid_of(number), 100);
        }
        assert!(amount.sample.len() <= SAMPLE);
        let bytes = amount.bytes();
        assert!((13_500_000..16_500_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn what_is_paid_for_is_in_proportion() {
        let check = |came: u32, entries: u64, bytes: u64| {
            let mut amount = Amount {
                entries,
                ..Amount::default()
            };
            for number in 0..came.div_ceil(1000) {
                amount.add(&cid_of(number), 1000);
            }
            amount.check(bytes)
        };
        // 100,000 entries with links of 50 bytes; few entries, whatever they come of; a film.
        assert!(check(5_100_000, 100_001, 0).is_ok());
        assert!(check(1000, ASK_ENTRIES, ASK_BYTES).is_ok());
        assert!(check(60_000_000, 1, 2_000_000_000).is_ok());
        // A dozen blocks that repeat each other; one leaf again and again.
        assert!(check(10_000, 100_001, 0).is_err());
        assert!(check(2_000_000, 1, 2_000_000_000).is_err());
    }
}
