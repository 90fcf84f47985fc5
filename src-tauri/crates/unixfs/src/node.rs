//! Blocks into files and directories: give it a block, it says which CIDs and which pieces of a
//! file follow.
//!
//! [`decode`] looks at one block, never recurses, and allocates in proportion to the block. It lets
//! a node pass only if it is consistent in itself. What one block cannot show, how nodes fit
//! together, is checked on the way down: by [`FilePosition`] for files, by
//! [`ShardPath`](crate::ShardPath) for HAMT directories. Both carry a bound on depth. The block is
//! trusted to match its CID: see [`cid::verify`].

use std::collections::HashSet;
use std::ops::Range;

use thiserror::Error;

use crate::cid::{self, Cid, CidError, DAG_PB, RAW};
use crate::dagpb::{self, DagPbError, PbLink};
use crate::data::{self, Data, DataError, Kind, Metadata};
use crate::hamt::{self, Fanout};
use crate::limits::{MAX_BLOCK_BYTES, MAX_FANOUT, MAX_FILE_BYTES, MAX_FILE_DEPTH};

/// Why a block is no part of a file or directory, or not of this one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("a block of {0} bytes is over the limit of {MAX_BLOCK_BYTES}")]
    BlockTooLarge(usize),
    #[error("codec {0:#x} is neither raw nor dag-pb")]
    UnknownCodec(u64),
    #[error("not a dag-pb block: {0}")]
    DagPb(#[from] DagPbError),
    #[error("not a UnixFS node: {0}")]
    Data(#[from] DataError),
    #[error("a link's CID: {0}")]
    Link(CidError),
    #[error("a file's node has {links} links and {blocksizes} block sizes")]
    BlockSizes { links: usize, blocksizes: usize },
    #[error("a file's node says that it has {claimed} bytes, its parts have {actual}")]
    FileSize { claimed: u64, actual: u64 },
    #[error("a file is larger than any can be")]
    FileTooLarge,
    #[error("a link of a file has a name")]
    NamedFileLink,
    #[error("a part of a file has {actual} bytes where {expected} belong")]
    PartSize { expected: u64, actual: u64 },
    #[error("a file's tree is over {MAX_FILE_DEPTH} levels deep")]
    FileTooDeep,
    #[error("a file's tree is wider than any file needs")]
    FileTooWide,
    #[error("a symlink has children")]
    SymlinkWithLinks,
    #[error("a fan-out of {0:?} is not a power of two from 8 to {MAX_FANOUT}")]
    Fanout(Option<u64>),
    #[error("a shard's hash function is {0:x?}, not murmur3-x64-64")]
    ShardHash(Option<u64>),
    #[error("a shard's bitfield of {0} bytes is too long")]
    BitfieldTooLong(usize),
    #[error("a shard has {links} links and {buckets} buckets in use")]
    BucketCount { links: usize, buckets: usize },
    #[error("a shard's link does not begin with its bucket's number")]
    BucketPrefix,
    #[error("a shard's fan-out differs from its root's")]
    FanoutChanged,
    #[error("a shard holds a name that does not belong into its bucket")]
    WrongBucket,
    #[error("a shard below the first is empty")]
    EmptyShard,
    #[error("a shard lies deeper than the hash reaches")]
    ShardTooDeep,
}

/// What a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    File(FileNode),
    Directory(DirectoryNode),
    /// One shard of a HAMT directory.
    Shard(ShardNode),
    Symlink(SymlinkNode),
}

impl Node {
    /// The CIDs of all blocks that it links to, in order.
    pub fn links(&self) -> Vec<Cid> {
        match self {
            Node::File(node) => node.children.iter().map(|child| child.cid).collect(),
            Node::Directory(node) => {
                let all = node.entries.iter().chain(&node.doubled);
                all.map(|entry| entry.cid).collect()
            }
            Node::Shard(node) => {
                let cid = |item: &ShardItem| match item {
                    ShardItem::Entry(entry) => entry.cid,
                    ShardItem::Shard { cid, .. } => *cid,
                };
                node.items.iter().map(cid).collect()
            }
            Node::Symlink(_) => Vec::new(),
        }
    }
}

/// A file, or a part of one: its own bytes first, then those of its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNode {
    /// Bytes of the file in and below this node.
    pub size: u64,
    /// Where in the block the node's own bytes of the file lie; empty if it has none.
    pub inline: Range<usize>,
    pub children: Vec<FileChild>,
    pub meta: Metadata,
}

/// A part of a file in another block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileChild {
    pub cid: Cid,
    /// Where its bytes begin, counted from the beginning of this node's.
    pub offset: u64,
    /// How many bytes it must have.
    pub size: u64,
}

/// A directory in one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryNode {
    /// Of those with the same name the first.
    pub entries: Vec<Entry>,
    /// Entries whose name is that of one before them.
    pub doubled: Vec<Entry>,
    pub meta: Metadata,
}

impl DirectoryNode {
    /// The entry with that name.
    pub fn get(&self, name: &[u8]) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// A name and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Any bytes: not always UTF-8, and nothing says that it is safe as a file's name.
    pub name: Vec<u8>,
    pub cid: Cid,
    /// Size of all blocks from there on, as the directory's maker claims. A hint.
    pub tsize: u64,
}

/// A shard of a HAMT directory. [`ShardPath`](crate::ShardPath) says how shards hang together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardNode {
    pub fanout: Fanout,
    pub items: Vec<ShardItem>,
    /// The bucket of each item, ascending.
    pub buckets: Vec<u16>,
    pub meta: Metadata,
}

/// What is in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShardItem {
    Entry(Entry),
    Shard { cid: Cid, tsize: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymlinkNode {
    /// Any bytes, as with names.
    pub target: Vec<u8>,
    pub meta: Metadata,
}

/// Reads a block, which must match its CID.
pub fn decode(cid: &Cid, block: &[u8]) -> Result<Node, DecodeError> {
    if block.len() > MAX_BLOCK_BYTES {
        return Err(DecodeError::BlockTooLarge(block.len()));
    }
    match cid.codec() {
        RAW => Ok(Node::File(FileNode {
            size: block.len() as u64,
            inline: 0..block.len(),
            children: Vec::new(),
            meta: Metadata::default(),
        })),
        DAG_PB => decode_dag_pb(block),
        codec => Err(DecodeError::UnknownCodec(codec)),
    }
}

fn decode_dag_pb(block: &[u8]) -> Result<Node, DecodeError> {
    let node = dagpb::decode(block)?;
    // Old software wrote directories without data.
    let Some(range) = node.data.filter(|range| !range.is_empty()) else {
        return Ok(Node::Directory(directory(
            &node.links,
            Metadata::default(),
        )?));
    };
    let data = data::decode(block, range)?;
    let links = &node.links;
    Ok(match data.kind {
        Kind::Raw | Kind::File => Node::File(file(links, data)?),
        Kind::Directory => Node::Directory(directory(links, data.meta)?),
        Kind::Shard => Node::Shard(shard(links, block, data)?),
        Kind::Symlink if !links.is_empty() => return Err(DecodeError::SymlinkWithLinks),
        Kind::Symlink => {
            let target = data
                .bytes
                .map(|range| block[range].to_vec())
                .unwrap_or_default();
            Node::Symlink(SymlinkNode {
                target,
                meta: data.meta,
            })
        }
    })
}

fn file(links: &[PbLink<'_>], data: Data) -> Result<FileNode, DecodeError> {
    if links.len() != data.blocksizes.len() {
        let (links, blocksizes) = (links.len(), data.blocksizes.len());
        return Err(DecodeError::BlockSizes { links, blocksizes });
    }
    let inline = data.bytes.unwrap_or(0..0);
    let mut end = inline.len() as u64;
    let mut children = Vec::with_capacity(links.len());
    for (link, size) in links.iter().zip(data.blocksizes) {
        if link.name.is_some_and(|name| !name.is_empty()) {
            return Err(DecodeError::NamedFileLink);
        }
        children.push(FileChild {
            cid: link_cid(link)?,
            offset: end,
            size,
        });
        end = end
            .checked_add(size)
            .filter(|end| *end <= MAX_FILE_BYTES)
            .ok_or(DecodeError::FileTooLarge)?;
    }
    match data.filesize {
        Some(claimed) if claimed != end => Err(DecodeError::FileSize {
            claimed,
            actual: end,
        }),
        _ => Ok(FileNode {
            size: end,
            inline,
            children,
            meta: data.meta,
        }),
    }
}

fn directory(links: &[PbLink<'_>], meta: Metadata) -> Result<DirectoryNode, DecodeError> {
    let mut names = HashSet::with_capacity(links.len());
    let mut entries = Vec::with_capacity(links.len());
    let mut doubled = Vec::new();
    for link in links {
        let name = link.name.unwrap_or_default();
        if names.insert(name) {
            entries.push(entry(link, name)?);
        } else {
            doubled.push(entry(link, name)?);
        }
    }
    Ok(DirectoryNode {
        entries,
        doubled,
        meta,
    })
}

fn shard(links: &[PbLink<'_>], block: &[u8], data: Data) -> Result<ShardNode, DecodeError> {
    if data.hash_type != Some(hamt::MURMUR3_X64_64) {
        return Err(DecodeError::ShardHash(data.hash_type));
    }
    let fanout = data
        .fanout
        .and_then(Fanout::new)
        .ok_or(DecodeError::Fanout(data.fanout))?;
    let bitfield = data.bytes.map_or(&[][..], |range| &block[range]);
    if bitfield.len() > fanout.bitfield_len() {
        return Err(DecodeError::BitfieldTooLong(bitfield.len()));
    }
    let buckets = hamt::buckets_of(bitfield);
    if buckets.len() != links.len() {
        let (links, buckets) = (links.len(), buckets.len());
        return Err(DecodeError::BucketCount { links, buckets });
    }
    let width = fanout.prefix_len();
    let items = links.iter().zip(&buckets).map(|(link, bucket)| {
        let prefix = format!("{bucket:0width$X}");
        let name = link
            .name
            .and_then(|name| name.strip_prefix(prefix.as_bytes()))
            .ok_or(DecodeError::BucketPrefix)?;
        Ok(if name.is_empty() {
            ShardItem::Shard {
                cid: link_cid(link)?,
                tsize: link.tsize.unwrap_or(0),
            }
        } else {
            ShardItem::Entry(entry(link, name)?)
        })
    });
    let items = items.collect::<Result<_, DecodeError>>()?;
    Ok(ShardNode {
        fanout,
        items,
        buckets,
        meta: data.meta,
    })
}

fn entry(link: &PbLink<'_>, name: &[u8]) -> Result<Entry, DecodeError> {
    let tsize = link.tsize.unwrap_or(0);
    Ok(Entry {
        name: name.to_vec(),
        cid: link_cid(link)?,
        tsize,
    })
}

fn link_cid(link: &PbLink<'_>) -> Result<Cid, DecodeError> {
    cid::from_bytes(link.hash).map_err(DecodeError::Link)
}

/// Where in a file a node belongs. Walking down with it makes sure that the parts are as long as
/// their parents say, and that the walk ends, whatever the blocks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePosition {
    /// Where in the file the node's bytes begin.
    pub offset: u64,
    /// How many bytes it must have; `None` at the root, which may say so itself.
    pub size: Option<u64>,
    /// Levels above it.
    pub depth: u32,
}

impl FilePosition {
    pub const ROOT: FilePosition = FilePosition {
        offset: 0,
        size: None,
        depth: 0,
    };

    /// Has the node the size that its parent gave it?
    pub fn check(&self, node: &FileNode) -> Result<(), DecodeError> {
        match self.size {
            Some(expected) if expected != node.size => Err(DecodeError::PartSize {
                expected,
                actual: node.size,
            }),
            _ => Ok(()),
        }
    }

    /// The position of a child of the node here. `None`: the child adds nothing to the file and
    /// must not be followed; without that rule a few blocks that name each other could keep a walk
    /// busy for ever.
    pub fn child(&self, child: &FileChild) -> Result<Option<FilePosition>, DecodeError> {
        if child.size == 0 {
            return Ok(None);
        }
        if self.depth + 1 >= MAX_FILE_DEPTH {
            return Err(DecodeError::FileTooDeep);
        }
        let offset = self
            .offset
            .checked_add(child.offset)
            .filter(|offset| *offset <= MAX_FILE_BYTES)
            .ok_or(DecodeError::FileTooLarge)?;
        Ok(Some(FilePosition {
            offset,
            size: Some(child.size),
            depth: self.depth + 1,
        }))
    }
}
