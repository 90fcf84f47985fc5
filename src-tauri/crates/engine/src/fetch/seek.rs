//! Where a wanted block is found on this computer: at its place, or anywhere else in the index.
//!
//! Invariant: bytes are believed only if their file is as it was when it was recorded; all others
//! are read and hashed, since after a crash the record and the file may be of different ages.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use fs_err as fs;
use unixfs::{Cid, cid};

use super::disk;
use super::error::FetchError;
use super::plan::{ItemPath, Spot};
use store::Source;
use store::index::{BlockAt, FileRecord, FileState, Fingerprint, Index, ItemId, Scope, Slice};

/// Finds an item's blocks.
#[derive(Debug)]
pub(crate) struct Seeker {
    index: Index,
    source: Source,
    item: ItemId,
    /// The item's file or folder.
    base: PathBuf,
}

/// Where a block is.
#[derive(Debug)]
pub(crate) enum Found {
    /// Where it belongs: so many bytes.
    Here(u64),
    Elsewhere(Bytes),
    /// On its way into the index.
    Soon,
    Nowhere,
}

impl Seeker {
    pub(crate) fn new(index: Index, source: Source, item: ItemId, base: &Path) -> Self {
        Self {
            index,
            source,
            item,
            base: base.to_path_buf(),
        }
    }

    /// Where a path of the item is on the disk.
    pub(crate) fn path(&self, path: &ItemPath) -> PathBuf {
        if path.local.as_os_str().is_empty() {
            self.base.clone()
        } else {
            self.base.join(&path.local)
        }
    }

    pub(crate) fn find(&self, cid: &Cid, spot: Option<&Spot>) -> Result<Found, FetchError> {
        let place = self.index.locate_for(cid.hash(), Scope::Everything)?;
        match place {
            Some(BlockAt::Inline(data)) if cid::verify(cid, &data).is_ok() => {
                return Ok(Found::Elsewhere(data));
            }
            Some(BlockAt::Slices(places)) => {
                if let Some(spot) = spot
                    && let Some(bytes) = self.recorded_at(cid, spot, &places)
                {
                    return Ok(Found::Here(bytes));
                }
                if let Some(data) = self.source.read_local(cid) {
                    return Ok(Found::Elsewhere(data));
                }
            }
            _ => {}
        }
        Ok(Found::Nowhere)
    }

    /// Is the leaf recorded at this very place, and still there?
    fn recorded_at(&self, cid: &Cid, spot: &Spot, places: &[Slice]) -> Option<u64> {
        let path = self.path(&spot.path);
        let place = places.iter().find(|place| {
            place.file.item == self.item && place.offset == spot.offset && place.file.path == path
        })?;
        let bytes = u64::from(place.len);
        if is_proven(&place.file, &path) {
            return Some(bytes);
        }
        let file = disk::open_for_reading(&path).ok()?;
        disk::read_leaf(&file, cid, place.offset, place.len)?;
        Some(bytes)
    }
}

/// Is a file whole, and untouched since it was recorded?
pub(crate) fn is_proven(file: &FileRecord, path: &Path) -> bool {
    let now = || {
        let metadata = fs::symlink_metadata(path).ok()?;
        Some(Fingerprint::of(&metadata, SystemTime::now()))
    };
    file.state == FileState::Whole
        && file
            .fingerprint
            .is_some_and(|recorded| now().is_some_and(|now| recorded.proves(&now)))
}
