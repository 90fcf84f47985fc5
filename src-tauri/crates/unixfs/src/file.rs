//! Files into blocks: leaves as they are hashed, inner nodes as they fill up, and at the end the
//! root.
//!
//! Nothing here holds a file's bytes. A leaf is hashed where its bytes lie, by any thread; the
//! builder takes the leaves in the file's order and keeps only the tree's right edge, so a 1 TiB
//! file costs it a few hundred KiB. The layout is the balanced one of IPIP-499: all leaves at one
//! depth, nodes filled from the left.

use bytes::Bytes;

use crate::cid::{Cid, RAW, dag_pb_cid, sha2_256};
use crate::dagpb::Encoder;
use crate::data::{self, Metadata};
use crate::profile::Profile;
use crate::proto;

/// A block with its CID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub cid: Cid,
    pub data: Bytes,
}

impl Block {
    /// The root of the DAG that consists of this block and has no content of its own: a symlink.
    pub fn root(&self) -> Root {
        Root {
            cid: self.cid,
            size: 0,
            tsize: self.data.len() as u64,
        }
    }
}

/// A leaf of a file, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    pub cid: Cid,
    /// Bytes of the file in it.
    pub bytes: u64,
    /// Bytes of its block: more than `bytes` if it is wrapped in dag-pb.
    pub tsize: u64,
}

/// The top of a finished DAG: what a directory entry, or a link that people share, points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    pub cid: Cid,
    /// Bytes of content: a file's length, the sum of a directory's files.
    pub size: u64,
    /// Bytes of all its blocks, where a block that occurs twice counts twice.
    pub tsize: u64,
}

impl Profile {
    /// Hashes one chunk of a file. The data is not copied.
    pub fn leaf(&self, data: &[u8]) -> Leaf {
        let bytes = data.len() as u64;
        if self.raw_leaves {
            let cid = Cid::new_v1(RAW, sha2_256(&[data]));
            return Leaf {
                cid,
                bytes,
                tsize: bytes,
            };
        }
        let (prefix, suffix) = leaf_frame(data.len());
        let cid = dag_pb_cid(self.cid_version, &[&prefix, data, &suffix]);
        Leaf {
            cid,
            bytes,
            tsize: (prefix.len() + data.len() + suffix.len()) as u64,
        }
    }
}

/// What stands before and after the file's bytes in a dag-pb leaf, so that its block can be rebuilt
/// from a slice of the file.
pub fn leaf_frame(len: usize) -> (Bytes, Bytes) {
    let (before, after) = data::leaf_frame(len);
    let mut prefix = Vec::with_capacity(16);
    let inner = before.len() + len + after.len();
    proto::put_bytes_header(&mut prefix, 1, inner);
    prefix.extend_from_slice(&before);
    (prefix.into(), after.into())
}

/// The block of a symlink that points at `target`. It has no mode, whatever the metadata.
pub fn symlink(profile: &Profile, target: &[u8], meta: &Metadata) -> Block {
    let data = Encoder::default().finish(&data::encode_symlink(target, meta));
    Block {
        cid: dag_pb_cid(profile.cid_version, &[&data]),
        data: data.into(),
    }
}

/// Builds the tree above a file's leaves.
#[derive(Debug)]
pub struct FileBuilder {
    profile: Profile,
    meta: Metadata,
    /// The nodes of each level that have no parent yet, leaves first; never more than the width in
    /// one level.
    edge: Vec<Vec<Subtree>>,
}

#[derive(Debug, Clone, Copy)]
struct Subtree {
    cid: Cid,
    bytes: u64,
    tsize: u64,
}

impl FileBuilder {
    pub fn new(profile: &Profile, meta: Metadata) -> Self {
        FileBuilder {
            profile: *profile,
            meta,
            edge: Vec::new(),
        }
    }

    /// Adds the next leaf. The inner nodes that became full go to `out`.
    pub fn push(&mut self, leaf: Leaf, out: &mut impl FnMut(Block)) {
        self.add(
            0,
            Subtree {
                cid: leaf.cid,
                bytes: leaf.bytes,
                tsize: leaf.tsize,
            },
            out,
        );
    }

    /// Closes the tree. The remaining inner nodes go to `out`, the root last; a root that is a leaf
    /// was hashed by the caller and does not. A file without leaves is the empty one, and its only
    /// block goes to `out`.
    ///
    /// A leaf has no room for metadata, so a file of one leaf that has some gets a node above it.
    pub fn finish(mut self, out: &mut impl FnMut(Block)) -> Root {
        if self.edge.is_empty() {
            let leaf = self.profile.leaf(&[]);
            let (prefix, suffix) = leaf_frame(0);
            let data = if self.profile.raw_leaves {
                Bytes::new()
            } else {
                [prefix, suffix].concat().into()
            };
            out(Block {
                cid: leaf.cid,
                data,
            });
            self.push(leaf, out);
        }
        let mut level = 0;
        // The top may move while the levels below are closed: a full one gets a parent.
        while level + 1 < self.edge.len() {
            let nodes = std::mem::take(&mut self.edge[level]);
            let parent = self.parent(&nodes, &Metadata::default(), out);
            level += 1;
            self.add(level, parent, out);
        }
        let root = match self.edge[level].as_slice() {
            [only] if self.meta.is_empty() => *only,
            nodes => self.parent(nodes, &self.meta, out),
        };
        Root {
            cid: root.cid,
            size: root.bytes,
            tsize: root.tsize,
        }
    }

    fn add(&mut self, level: usize, mut node: Subtree, out: &mut impl FnMut(Block)) {
        let width = self.profile.width.max(2);
        for level in level.. {
            if level == self.edge.len() {
                self.edge.push(Vec::new());
            }
            if self.edge[level].len() < width {
                self.edge[level].push(node);
                return;
            }
            // A full level gets its parent only now: had the file ended here, that parent would be
            // the root.
            let full = std::mem::replace(&mut self.edge[level], vec![node]);
            node = self.parent(&full, &Metadata::default(), out);
        }
    }

    fn parent(&self, nodes: &[Subtree], meta: &Metadata, out: &mut impl FnMut(Block)) -> Subtree {
        let mut encoder = Encoder::default();
        for node in nodes {
            encoder.link(&node.cid.to_bytes(), &[], node.tsize);
        }
        let block = encoder.finish(&data::encode_file(
            nodes.iter().map(|node| node.bytes),
            meta,
        ));
        let cid = dag_pb_cid(self.profile.cid_version, &[&block]);
        let parent = Subtree {
            cid,
            bytes: nodes.iter().map(|node| node.bytes).sum(),
            tsize: nodes.iter().map(|node| node.tsize).sum::<u64>() + block.len() as u64,
        };
        out(Block {
            cid,
            data: block.into(),
        });
        parent
    }
}
