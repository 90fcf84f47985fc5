//! An item's tree as far as its blocks are here: which block a path leads to, what a folder holds,
//! how large a file is.
//!
//! Every walk ends at the first block that is missing and can't be done without, naming it. It
//! blocks on the disk.

use unixfs::Cid;
use unixfs::walk::{Bounds, Contents, Kind, List, Look, Resolve, Stat};

use super::limits::{MAX_LISTED, MAX_LISTED_BYTES};
use crate::fetch::{Gap, Local};
use store::Source;

/// Looks into the tree.
#[derive(Debug)]
pub(crate) struct Tree {
    blocks: Local,
}

/// A name in a folder, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    pub(crate) name: String,
    pub(crate) cid: Cid,
    /// Bytes of all its blocks, as the folder's maker claims.
    pub(crate) tsize: u64,
}

/// What a folder holds, as far as its blocks are here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    pub(crate) list: Vec<TreeEntry>,
    pub(crate) complete: bool,
}

impl Tree {
    pub(crate) fn new(source: Source) -> Self {
        let blocks = Local::new(source);
        Self { blocks }
    }

    /// What a path leads to from a root.
    pub(crate) fn resolve(&self, root: &Cid, names: &[&str]) -> Result<Cid, Gap> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.blocks.run(&mut Resolve::new(*root, names)?)
    }

    /// The entries of the folder at a path. `None`: it is no folder.
    pub(crate) fn entries(&self, folder: &Cid, path: &str) -> Result<Option<Entries>, Gap> {
        let bounds = Bounds {
            enough: usize::MAX,
            most: MAX_LISTED,
            bytes: MAX_LISTED_BYTES,
            ahead: 0,
        };
        let Contents::Folder(found) = self.blocks.run(&mut List::new(*folder, path, bounds)?)?
        else {
            return Ok(None);
        };
        let entries = found.entries.into_iter().map(|entry| TreeEntry {
            name: unixfs::name::to_text(&entry.name).into_owned(),
            cid: entry.cid,
            tsize: entry.tsize,
        });
        Ok(Some(Entries {
            list: entries.collect(),
            complete: found.complete,
        }))
    }

    /// What there is at a path, if its block is here and what it should be.
    pub(crate) fn stat(&self, cid: &Cid, path: &str) -> Option<Stat> {
        self.blocks.run(&mut Look::new(*cid, path).ok()?).ok()
    }

    /// The size of the file at a path, if it is one and its block is here.
    pub(crate) fn file_size(&self, cid: &Cid, path: &str) -> Option<u64> {
        let found = self.stat(cid, path)?;
        (found.kind == Kind::File).then_some(found.size)
    }
}
