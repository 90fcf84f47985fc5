//! Where in a HAMT directory a shard hangs, and so which names may be in it: the reader's side of
//! [`hamt`](crate::hamt).

use crate::cid::Cid;
use crate::hamt::{Fanout, HASH_BITS, name_hash};
use crate::node::{DecodeError, Entry, ShardItem, ShardNode};

/// Where a shard hangs in its trie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardPath {
    fanout: Fanout,
    depth: u32,
    /// The hash bits on the way here, at the top of the number.
    prefix: u64,
}

/// What a shard says about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<'a> {
    Found(&'a Entry),
    /// It can only be in the shard with that CID.
    Below(&'a Cid, ShardPath),
    Absent,
}

impl ShardPath {
    /// The place of a directory's first shard, which decides the fan-out of all.
    pub fn root(node: &ShardNode) -> Self {
        ShardPath {
            fanout: node.fanout,
            depth: 0,
            prefix: 0,
        }
    }

    /// Is this a shard that can hang here? The fan-out must be the root's, each entry in the bucket
    /// that its name hashes to, and only the root may be empty. Every shard must be checked before
    /// its entries are believed: that makes names unique in the whole directory, and a walk no
    /// longer than its entries, for no two places can hang the same shard below them.
    pub fn check(&self, node: &ShardNode) -> Result<(), DecodeError> {
        if node.fanout != self.fanout {
            return Err(DecodeError::FanoutChanged);
        }
        if node.items.is_empty() && self.depth > 0 {
            return Err(DecodeError::EmptyShard);
        }
        for (item, bucket) in node.items.iter().zip(&node.buckets) {
            if let ShardItem::Entry(entry) = item {
                let hash = name_hash(&entry.name);
                if !self.covers(hash) || self.fanout.bucket(hash, self.depth) != *bucket {
                    return Err(DecodeError::WrongBucket);
                }
            }
        }
        Ok(())
    }

    /// The place of the shard that hangs in a bucket of the shard here. Fails where the hash is
    /// used up, which bounds the depth.
    pub fn child(&self, bucket: u16) -> Result<ShardPath, DecodeError> {
        let depth = self.depth + 1;
        if depth >= self.fanout.levels() || bucket >= self.fanout.buckets() {
            return Err(DecodeError::ShardTooDeep);
        }
        let prefix = self.prefix | u64::from(bucket) << (HASH_BITS - self.fanout.bits() * depth);
        Ok(ShardPath {
            fanout: self.fanout,
            depth,
            prefix,
        })
    }

    /// All shards that hang below the shard here, each with its place.
    pub fn children(&self, node: &ShardNode) -> Result<Vec<(Cid, ShardPath)>, DecodeError> {
        let shards = node
            .items
            .iter()
            .zip(&node.buckets)
            .filter_map(|(item, bucket)| match item {
                ShardItem::Shard { cid, .. } => Some((*cid, *bucket)),
                ShardItem::Entry(_) => None,
            });
        shards
            .map(|(cid, bucket)| Ok((cid, self.child(bucket)?)))
            .collect()
    }

    /// Looks for a name in the shard here, which must have passed [`ShardPath::check`].
    pub fn look_up<'a>(&self, node: &'a ShardNode, name: &[u8]) -> Result<Lookup<'a>, DecodeError> {
        let hash = name_hash(name);
        if !self.covers(hash) {
            return Ok(Lookup::Absent);
        }
        let bucket = self.fanout.bucket(hash, self.depth);
        let item = node
            .buckets
            .binary_search(&bucket)
            .ok()
            .and_then(|index| node.items.get(index));
        Ok(match item {
            Some(ShardItem::Entry(entry)) if entry.name == name => Lookup::Found(entry),
            Some(ShardItem::Shard { cid, .. }) => Lookup::Below(cid, self.child(bucket)?),
            _ => Lookup::Absent,
        })
    }

    fn covers(&self, hash: u64) -> bool {
        let used = self.fanout.bits() * self.depth;
        // A shift by all 64 bits would overflow; nothing is used at the root.
        used == 0 || (hash ^ self.prefix) >> (HASH_BITS - used) == 0
    }
}
