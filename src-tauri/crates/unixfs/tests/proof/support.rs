//! Blocks kept in memory, and readers that walk them the way a download does.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use proptest::prelude::*;
use unixfs::cid::{self, Version};
use unixfs::{
    Block, Chunker, Cid, DecodeError, DirectoryBuilder, Estimate, Fanout, FileBuilder,
    FilePosition, Lookup, Metadata, Node, Profile, Root, ShardItem, ShardPath, decode, leaf_frame,
};

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) blocks: HashMap<Cid, Bytes>,
}

impl Store {
    pub(crate) fn put(&mut self, block: Block) {
        cid::verify(&block.cid, &block.data).unwrap();
        self.blocks.insert(block.cid, block.data);
    }

    /// Adds a dag-pb block, whatever is in it.
    pub(crate) fn put_dag_pb(&mut self, data: Vec<u8>) -> Cid {
        let cid = Cid::new_v1(cid::DAG_PB, cid::hash(cid::SHA2_256, &data).unwrap());
        self.put(Block {
            cid,
            data: data.into(),
        });
        cid
    }

    pub(crate) fn decode(&self, cid: &Cid) -> Result<Node, DecodeError> {
        decode(cid, &self.blocks[cid])
    }

    /// Writes a file; its leaves are rebuilt from slices of it, as a server does.
    pub(crate) fn add_file(&mut self, profile: &Profile, meta: Metadata, content: &[u8]) -> Root {
        let mut builder = FileBuilder::new(profile, meta);
        for chunk in Chunker::new(profile.chunk_size).chunks(content.len() as u64) {
            let [start, end] = [chunk.start, chunk.end].map(|byte| usize::try_from(byte).unwrap());
            let chunk = &content[start..end];
            let leaf = profile.leaf(chunk);
            let block = if profile.raw_leaves {
                chunk.to_vec()
            } else {
                let (prefix, suffix) = leaf_frame(chunk.len());
                [&prefix, chunk, &suffix].concat()
            };
            assert_eq!(
                (leaf.bytes, leaf.tsize),
                (chunk.len() as u64, block.len() as u64)
            );
            self.put(Block {
                cid: leaf.cid,
                data: block.into(),
            });
            builder.push(leaf, &mut |block| self.put(block));
        }
        builder.finish(&mut |block| self.put(block))
    }

    pub(crate) fn add_directory(
        &mut self,
        profile: &Profile,
        meta: Metadata,
        entries: impl IntoIterator<Item = (Vec<u8>, Root)>,
    ) -> Root {
        let mut builder = DirectoryBuilder::new(profile, meta);
        for (name, root) in entries {
            builder.push(name, root).unwrap();
        }
        builder.finish(&mut |block| self.put(block)).unwrap()
    }

    /// A file's content, and the size of all blocks on the way.
    pub(crate) fn read_file(&self, root: &Cid) -> Result<(Vec<u8>, u64), DecodeError> {
        let mut content = Vec::new();
        let mut tsize = 0;
        let mut todo = vec![(*root, FilePosition::ROOT)];
        while let Some((cid, position)) = todo.pop() {
            let block = &self.blocks[&cid];
            tsize += block.len() as u64;
            let Node::File(node) = decode(&cid, block)? else {
                panic!("not a file: {cid}")
            };
            position.check(&node)?;
            assert_eq!(position.offset, content.len() as u64);
            content.extend_from_slice(&block[node.inline.clone()]);
            for child in node.children.iter().rev() {
                match position.child(child)? {
                    Some(below) => todo.push((child.cid, below)),
                    // Nothing is read of an empty one, which counts all the same.
                    None => tsize += self.blocks[&child.cid].len() as u64,
                }
            }
        }
        Ok((content, tsize))
    }

    /// A directory's entries, of one block or of many.
    pub(crate) fn list(&self, root: &Cid) -> Result<BTreeMap<Vec<u8>, Cid>, DecodeError> {
        let mut found = BTreeMap::new();
        let mut keep = |entry: &unixfs::Entry| {
            assert_eq!(
                found.insert(entry.name.clone(), entry.cid),
                None,
                "a name comes twice"
            );
        };
        let mut todo = Vec::new();
        match self.decode(root)? {
            Node::Directory(node) => node.entries.iter().for_each(&mut keep),
            Node::Shard(node) => todo.push((*root, ShardPath::root(&node))),
            other => panic!("not a directory: {other:?}"),
        }
        while let Some((cid, path)) = todo.pop() {
            let Node::Shard(node) = self.decode(&cid)? else {
                panic!("not a shard: {cid}")
            };
            path.check(&node)?;
            for item in &node.items {
                if let ShardItem::Entry(entry) = item {
                    keep(entry);
                }
            }
            todo.extend(path.children(&node)?);
        }
        Ok(found)
    }

    /// One name of a directory, by the shards on its way alone.
    pub(crate) fn look_up(&self, root: &Cid, name: &[u8]) -> Result<Option<Cid>, DecodeError> {
        let mut node = match self.decode(root)? {
            Node::Directory(node) => return Ok(node.get(name).map(|entry| entry.cid)),
            Node::Shard(node) => node,
            other => panic!("not a directory: {other:?}"),
        };
        let mut path = ShardPath::root(&node);
        loop {
            path.check(&node)?;
            match path.look_up(&node, name)? {
                Lookup::Found(entry) => return Ok(Some(entry.cid)),
                Lookup::Absent => return Ok(None),
                Lookup::Below(cid, below) => {
                    let Node::Shard(child) = self.decode(cid)? else {
                        panic!("no shard: {cid}")
                    };
                    (node, path) = (child, below);
                }
            }
        }
    }
}

/// Parameters that nobody uses, small enough to give deep trees of little content.
pub(crate) fn any_profile() -> impl Strategy<Value = Profile> {
    let version = prop_oneof![Just(Version::V0), Just(Version::V1)];
    let estimate = prop_oneof![Just(Estimate::BlockBytes), Just(Estimate::LinksBytes)];
    let fanout = (3..=10_u32).prop_map(|bits| Fanout::new(1 << bits).unwrap());
    (
        version,
        1..100_u32,
        0..8_usize,
        any::<bool>(),
        estimate,
        0..2000_u64,
        fanout,
    )
        .prop_map(
            |(
                cid_version,
                chunk_size,
                width,
                raw_leaves,
                estimate,
                hamt_threshold,
                hamt_fanout,
            )| {
                Profile {
                    name: "any",
                    cid_version,
                    chunk_size,
                    width,
                    raw_leaves,
                    estimate,
                    hamt_threshold,
                    hamt_fanout,
                }
            },
        )
}

pub(crate) fn any_metadata() -> impl Strategy<Value = Metadata> {
    let mode = proptest::option::of(0..=0o7777_u32);
    let mtime = proptest::option::of((any::<i64>(), 0..=999_999_999_u32));
    (mode, mtime).prop_map(|(mode, mtime)| Metadata {
        mode,
        mtime: mtime.map(|(seconds, nanos)| unixfs::Mtime { seconds, nanos }),
    })
}
