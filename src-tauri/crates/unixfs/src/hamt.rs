//! The arithmetic of HAMT directories: which bucket of a shard a name falls into.
//!
//! Directories too large for one block are a hash array mapped trie of shards, keyed by murmur3 of
//! the entries' names. A shard has a bucket for each value of the next few bits of the hash, most
//! significant first. One entry in a bucket is linked directly, several become a shard below. So
//! the trie depends on the set of names alone, not on the order in which they came.

use crate::limits::MAX_FANOUT;

/// Multihash code of murmur3-x64-64, the only hash that HAMT directories use.
pub(crate) const MURMUR3_X64_64: u64 = 0x22;

/// Bits of the hash, which bound the trie's depth.
pub(crate) const HASH_BITS: u32 = 64;

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

    /// Which bucket a hash falls into, `depth` levels below the root. The depth must be below
    /// [`Fanout::levels`].
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the mask leaves ten bits at most"
    )]
    pub(crate) fn bucket(self, hash: u64, depth: u32) -> u16 {
        let shifted = hash >> (HASH_BITS - self.bits() * (depth + 1));
        (shifted & u64::from(self.0 - 1)) as u16
    }
}

/// The buckets whose bits are set, ascending. The field is one big-endian number, its leading zero
/// bytes left out.
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

/// The first half of murmur3-x64-128 with seed 0, whose most significant bits decide a name's
/// bucket in the first shard.
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
