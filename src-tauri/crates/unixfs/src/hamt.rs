//! Directories too large for one block: a hash array mapped trie of shards, keyed by murmur3 of the entries' names.
//!
//! A shard has a bucket for each value of the next few bits of the hash, most significant first. One entry in a bucket is linked
//! directly, several become a shard below. So the trie depends on the set of names alone, not on the order in which they came.
//! [`ShardPath`] is the reader's side: where in the trie a shard hangs, and so which names may be in it.

use crate::cid::{Cid, Version, dag_pb_cid};
use crate::dagpb::Encoder;
use crate::data::{self, Metadata};
use crate::dir::{Entries, Item};
use crate::file::Block;
use crate::limits::MAX_FANOUT;
use crate::node::{DecodeError, Entry, ShardItem, ShardNode};

/// Multihash code of murmur3-x64-64, the only hash that HAMT directories use.
pub(crate) const MURMUR3_X64_64: u64 = 0x22;

/// Bits of the hash, which bound the trie's depth.
const HASH_BITS: u32 = 64;

/// How many buckets a shard has: a power of two from 8 to 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fanout(u16);

impl Fanout {
    pub const DEFAULT: Fanout = Fanout(256);

    pub fn new(buckets: u64) -> Option<Self> {
        let legal = buckets.is_power_of_two() && (8..=MAX_FANOUT).contains(&buckets);
        u16::try_from(buckets).ok().filter(|_| legal).map(Fanout)
    }

    pub fn buckets(self) -> u16 {
        self.0
    }

    /// Bits of the hash that one level uses up.
    pub fn bits(self) -> u32 {
        self.0.trailing_zeros()
    }

    /// Levels until the hash is used up.
    pub fn levels(self) -> u32 {
        HASH_BITS / self.bits()
    }

    /// Bytes of the longest bitfield.
    pub(crate) fn bitfield_len(self) -> usize {
        usize::from(self.0 / 8)
    }

    /// Hexadecimal digits before each link's name.
    pub(crate) fn prefix_len(self) -> usize {
        self.bits().div_ceil(4) as usize
    }

    /// Which bucket a hash falls into, `depth` levels below the root. The depth must be below [`Fanout::levels`].
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the mask leaves ten bits at most"
    )]
    fn bucket(self, hash: u64, depth: u32) -> u16 {
        let shifted = hash >> (HASH_BITS - self.bits() * (depth + 1));
        (shifted & u64::from(self.0 - 1)) as u16
    }
}

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

    /// Is this a shard that can hang here? The fan-out must be the root's, each entry in the bucket that its name hashes to, and
    /// only the root may be empty. Every shard must be checked before its entries are believed: that makes names unique in the whole
    /// directory, and a walk no longer than its entries, for no two places can hang the same shard below them.
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

    /// The place of the shard that hangs in a bucket of the shard here. Fails where the hash is used up, which bounds the depth.
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

/// The buckets whose bits are set, ascending. The field is one big-endian number, its leading zero bytes left out.
pub(crate) fn buckets_of(bitfield: &[u8]) -> Vec<u16> {
    let mut buckets = Vec::new();
    for (byte, base) in bitfield.iter().rev().zip((0..=u16::MAX).step_by(8)) {
        buckets.extend(
            (0..8)
                .filter(|bit| byte >> bit & 1 == 1)
                .map(|bit| base + bit),
        );
    }
    buckets
}

/// Writes a trie, bottom-up: a shard's block goes out as soon as those below it have. What is held at a time are the shards on
/// the way from the root to the current one.
pub(crate) struct TrieWriter<'a, O> {
    pub(crate) fanout: Fanout,
    pub(crate) version: Version,
    pub(crate) entries: &'a Entries,
    pub(crate) out: &'a mut O,
}

/// Names that share so many bits of their hash that the trie cannot tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HashCollision;

impl<O: FnMut(Block)> TrieWriter<'_, O> {
    /// Writes the shard `depth` levels below the root that holds the items, which are sorted by hash. The recursion ends where
    /// the hash does, after 21 levels at most.
    pub(crate) fn write(
        &mut self,
        items: &[Item],
        depth: u32,
        meta: &Metadata,
    ) -> Result<(Cid, u64), HashCollision> {
        if depth >= self.fanout.levels() {
            return Err(HashCollision);
        }
        let mut encoder = Encoder::default();
        let mut bitfield = vec![0; self.fanout.bitfield_len()];
        let mut tsize: u64 = 0;
        let mut rest = items;
        while let Some(first) = rest.first() {
            let bucket = self.fanout.bucket(first.hash, depth);
            let count = rest.partition_point(|item| self.fanout.bucket(item.hash, depth) == bucket);
            let (group, others) = rest.split_at(count);
            rest = others;

            let prefix = format!("{bucket:0width$X}", width = self.fanout.prefix_len());
            let from_end = usize::from(bucket / 8) + 1;
            let byte = bitfield.len() - from_end;
            bitfield[byte] |= 1 << (bucket % 8);
            if let [only] = group {
                let name = [prefix.as_bytes(), self.entries.name(only)];
                encoder.link(self.entries.cid(only), &name, only.tsize);
                tsize = tsize.saturating_add(only.tsize);
            } else {
                let (cid, below) = self.write(group, depth + 1, &Metadata::default())?;
                encoder.link(&cid.to_bytes(), &[prefix.as_bytes()], below);
                tsize = tsize.saturating_add(below);
            }
        }
        let zeros = bitfield.iter().take_while(|byte| **byte == 0).count();
        let fanout = u64::from(self.fanout.buckets());
        let block = encoder.finish(&data::encode_shard(
            &bitfield[zeros..],
            MURMUR3_X64_64,
            fanout,
            meta,
        ));
        let cid = dag_pb_cid(self.version, &[&block]);
        tsize = tsize.saturating_add(block.len() as u64);
        (self.out)(Block {
            cid,
            data: block.into(),
        });
        Ok((cid, tsize))
    }
}

/// The first half of murmur3-x64-128 with seed 0, whose most significant bits decide a name's bucket in the first shard.
pub(crate) fn name_hash(name: &[u8]) -> u64 {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0_u64, |word, byte| word << 8 | u64::from(*byte))
    };
    let mix1 = |word: u64| word.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let mix2 = |word: u64| word.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let finish = |mut hash: u64| {
        hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ hash >> 33
    };

    let (mut h1, mut h2) = (0_u64, 0_u64);
    let mut blocks = name.chunks_exact(16);
    for block in &mut blocks {
        let (low, high) = block.split_at(8);
        h1 = (h1 ^ mix1(word(low))).rotate_left(27).wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ mix2(word(high))).rotate_left(31).wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let tail = blocks.remainder();
    let (low, high) = tail.split_at(tail.len().min(8));
    h2 ^= mix2(word(high));
    h1 ^= mix1(word(low));

    h1 ^= name.len() as u64;
    h2 ^= name.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    finish(h1).wrapping_add(finish(h2))
}
