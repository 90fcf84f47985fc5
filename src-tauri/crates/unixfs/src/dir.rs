//! Directories into blocks: names and roots go in, in any order, and come out as one block or as a
//! HAMT, as the profile says.
//!
//! Memory is what the names and CIDs themselves take and 32 bytes for each entry, so that a
//! directory of a million files can be built beside everything else.

mod trie;

use thiserror::Error;

use crate::cid::dag_pb_cid;
use crate::dagpb::{self, Encoder};
use crate::data::{self, Metadata};
use crate::file::{Block, Root};
use crate::hamt::name_hash;
use crate::limits::MAX_NAME_BYTES;
use crate::profile::{Estimate, Profile};
use crate::proto;

use trie::TrieWriter;

/// Why something cannot be put into a directory.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DirectoryError {
    #[error("{0:?} cannot be a name in a directory")]
    Name(String),
    #[error("the name {0:?} occurs twice")]
    Duplicate(String),
    #[error("the directory holds two names that its hash cannot tell apart")]
    HashCollision,
}

/// Collects a directory's entries.
#[derive(Debug)]
pub struct DirectoryBuilder {
    profile: Profile,
    meta: Metadata,
    entries: Entries,
    items: Vec<Item>,
    size: u64,
}

impl DirectoryBuilder {
    pub fn new(profile: &Profile, meta: Metadata) -> Self {
        let entries = Entries { bytes: Vec::new() };
        DirectoryBuilder {
            profile: *profile,
            meta,
            entries,
            items: Vec::new(),
            size: 0,
        }
    }

    /// Adds an entry. Names may be any bytes but nothing, `.`, `..`, and what contains `/` or NUL,
    /// and 1024 bytes long.
    pub fn push(&mut self, name: impl AsRef<[u8]>, child: Root) -> Result<(), DirectoryError> {
        let name = name.as_ref();
        let name_len = u16::try_from(name.len())
            .ok()
            .filter(|_| is_legal(name))
            .ok_or_else(|| DirectoryError::Name(crate::name::to_text(name).into_owned()))?;
        let cid = child.cid.to_bytes();
        self.items.push(Item {
            start: self.entries.bytes.len(),
            hash: name_hash(name),
            tsize: child.tsize,
            name_len,
            // A CID takes two varints and a multihash of at most 128 bytes.
            cid_len: u16::try_from(cid.len()).unwrap_or(u16::MAX),
        });
        self.entries.bytes.extend_from_slice(name);
        self.entries.bytes.extend_from_slice(&cid);
        self.size = self.size.saturating_add(child.size);
        Ok(())
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Writes the blocks, the root's last.
    pub fn finish(mut self, out: &mut impl FnMut(Block)) -> Result<Root, DirectoryError> {
        let entries = &self.entries;
        let sharded = self.estimate() > self.profile.hamt_threshold;
        let by_name = |a: &Item, b: &Item| entries.name(a).cmp(entries.name(b));
        if sharded {
            self.items
                .sort_unstable_by(|a, b| a.hash.cmp(&b.hash).then_with(|| by_name(a, b)));
        } else {
            self.items.sort_unstable_by(by_name);
        }
        if let Some([twice, _]) = self
            .items
            .array_windows()
            .find(|[a, b]| by_name(a, b).is_eq())
        {
            let name = crate::name::to_text(entries.name(twice));
            return Err(DirectoryError::Duplicate(name.into_owned()));
        }

        let (cid, tsize) = if sharded {
            let mut writer = TrieWriter {
                fanout: self.profile.hamt_fanout,
                version: self.profile.cid_version,
                entries,
                out,
            };
            writer
                .write(&self.items, 0, &self.meta)
                .map_err(|_| DirectoryError::HashCollision)?
        } else {
            let mut encoder = Encoder::default();
            for item in &self.items {
                encoder.link(entries.cid(item), &[entries.name(item)], item.tsize);
            }
            let block = encoder.finish(&data::encode_directory(&self.meta));
            let cid = dag_pb_cid(self.profile.cid_version, &[&block]);
            let sizes = self.items.iter().map(|item| item.tsize);
            let tsize = sizes.fold(block.len() as u64, u64::saturating_add);
            out(Block {
                cid,
                data: block.into(),
            });
            (cid, tsize)
        };
        Ok(Root {
            cid,
            size: self.size,
            tsize,
        })
    }

    /// The directory's size as one block, reckoned the profile's way.
    fn estimate(&self) -> u64 {
        match self.profile.estimate {
            Estimate::LinksBytes => self.entries.bytes.len() as u64,
            Estimate::BlockBytes => {
                let data = proto::bytes_field_len(data::encode_directory(&self.meta).len());
                let links = self.items.iter().map(|item| {
                    dagpb::link_len(item.cid_len.into(), item.name_len.into(), item.tsize)
                });
                links.sum::<usize>() as u64 + data as u64
            }
        }
    }
}

fn is_legal(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..")
        && name.len() <= MAX_NAME_BYTES
        && !name.iter().any(|byte| matches!(byte, b'/' | 0))
}

/// The names and CIDs of all items, one after the other.
#[derive(Debug)]
struct Entries {
    bytes: Vec<u8>,
}

/// One entry of a directory in the making.
#[derive(Debug, Clone, Copy)]
struct Item {
    start: usize,
    hash: u64,
    tsize: u64,
    name_len: u16,
    cid_len: u16,
}

impl Entries {
    fn name(&self, item: &Item) -> &[u8] {
        &self.bytes[item.start..][..item.name_len.into()]
    }

    /// The CID's binary form.
    fn cid(&self, item: &Item) -> &[u8] {
        &self.bytes[item.start + usize::from(item.name_len)..][..item.cid_len.into()]
    }
}
