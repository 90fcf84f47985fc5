//! What a plan says: the steps that carry it out, how far it is, and why it cannot go on.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;
use unixfs::walk::shown;
use unixfs::{Cid, CidError, DecodeError, Metadata};

use super::rank::Rank;
use crate::fetch::error::in_words;
use crate::fetch::limits::{MAX_ENTRIES, MAX_FOLDER_DEPTH};
use store::files::names::NameError;

/// Why the content can't be had, whoever is asked: it is not what a file or folder may be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    #[error("{}: {cid} can't be fetched: {source}", shown(.path))]
    Cid {
        path: String,
        cid: Box<Cid>,
        source: CidError,
    },
    #[error("{}: block {cid} is damaged or was made to mislead: {source}", shown(.path))]
    Block {
        path: String,
        cid: Box<Cid>,
        source: DecodeError,
    },
    #[error("{}: block {cid} is not the kind of block that belongs there", shown(.path))]
    Kind { path: String, cid: Box<Cid> },
    #[error("{} holds a name that must not be written: {source}", shown(.path))]
    Name { path: String, source: NameError },
    #[error("{}: folders are nested more than {MAX_FOLDER_DEPTH} deep", shown(.path))]
    TooDeep { path: String },
    #[error("{} has more than {most} entries", shown(.path))]
    FolderTooLarge { path: String, most: usize },
    #[error("the item has more than {MAX_ENTRIES} files and folders")]
    TooManyEntries,
    #[error("the item says that it has more bytes than any disk")]
    TooLarge,
    #[error("{entries} files and folders with {} came of only {} so far, and there are more: such an item may be made to fill a disk", in_words(*bytes), in_words(*came))]
    Unfolds { entries: u64, bytes: u64, came: u64 },
    #[error("the disk there holds no files of 4 GiB and more, and this is one")]
    OverDisk,
    #[error("{0:?} is not in the item")]
    NotThere(String),
}

impl Fault {
    /// What is wrong, without the place.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Cid { source, .. } => source.to_string(),
            Self::Block { source, .. } => format!("it is damaged: {source}"),
            Self::Kind { .. } => "it is damaged: another kind of block belongs there".to_owned(),
            fault => fault.to_string(),
        }
    }
}

/// A file's number within the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileKey(pub(crate) u64);

/// Where something lies in the item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ItemPath {
    /// As the item names it, for people; empty for the item itself.
    pub(crate) name: String,
    /// As this file system holds it; empty for the item itself.
    pub(crate) local: PathBuf,
}

/// The place of a file's bytes that a want is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) path: Arc<ItemPath>,
    pub(crate) offset: u64,
    /// How many bytes belong there; `None`: the whole file, whose size isn't known yet.
    pub(crate) bytes: Option<u64>,
}

/// What to do next, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Get this block and hand it in. If it turns out to be a leaf, its bytes belong at the spot.
    Want {
        cid: Cid,
        rank: Rank,
        /// It has links, as far as can be told: others wait for it.
        node: bool,
        /// Bytes of the block, as far as its parent tells.
        bytes: Option<u32>,
        spot: Option<Spot>,
    },
    /// These were asked for, and come first now.
    Hurry(Vec<(Cid, Rank)>),
    /// A folder is to be there.
    Folder { path: Arc<ItemPath>, meta: Metadata },
    /// A file begins.
    Open {
        file: FileKey,
        path: Arc<ItemPath>,
        root: Cid,
        size: u64,
        meta: Metadata,
    },
    /// Bytes of a file, to be written.
    Write {
        file: FileKey,
        offset: u64,
        data: Bytes,
        /// The block that can be made again from these bytes.
        block: Option<Leaf>,
    },
    /// Bytes of a file that are there already, as [`Plan::held`] was told.
    Held {
        file: FileKey,
        offset: u64,
        bytes: u64,
        cid: Cid,
    },
    /// A block that is in no file: to be kept as it is.
    Keep { cid: Cid, data: Bytes },
    /// All bytes of the file were given out, or are held.
    Close { file: FileKey },
    Symlink {
        path: Arc<ItemPath>,
        target: PathBuf,
    },
    /// The file can't be had whole: what was written of it goes.
    Abandon { file: FileKey },
    /// It is left out, and the person is told.
    Skip { path: String, reason: String },
    /// It is there, but under another name than the item's.
    Renamed { path: Arc<ItemPath> },
}

/// A leaf's block, as far as the file's bytes don't say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) cid: Cid,
    /// The bytes stand in a dag-pb frame.
    pub(crate) framed: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    /// Bytes of content in all, as far as is known: exact for what was unfolded, claimed for the rest.
    pub(crate) bytes: u64,
    /// Bytes that are in place.
    pub(crate) done: u64,
    pub(crate) files: u64,
    pub(crate) files_done: u64,
}
