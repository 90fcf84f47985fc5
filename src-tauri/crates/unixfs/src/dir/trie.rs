//! Writes directories that are too large for one block, as a trie of shards.

use super::{Entries, Item};
use crate::cid::{Cid, Version, dag_pb_cid};
use crate::dagpb::Encoder;
use crate::data::{self, Metadata};
use crate::file::Block;
use crate::hamt::{Fanout, MURMUR3_X64_64};

/// Writes a trie, bottom-up: a shard's block goes out as soon as those below it have. What is held
/// at a time are the shards on the way from the root to the current one.
pub(super) struct TrieWriter<'a, O> {
    pub(super) fanout: Fanout,
    pub(super) version: Version,
    pub(super) entries: &'a Entries,
    pub(super) out: &'a mut O,
}

/// Names that share so many bits of their hash that the trie cannot tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HashCollision;

impl<O: FnMut(Block)> TrieWriter<'_, O> {
    /// Writes the shard `depth` levels below the root that holds the items, which are sorted by
    /// hash. The recursion ends where the hash does, after 21 levels at most.
    pub(super) fn write(
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
