//! Compares what lies under an item's name with the item: it may have been there before, or the
//! last run ended between the rename and the record of it.
//!
//! Invariant: nothing is written. What is the same is recorded; the first difference ends the
//! comparison.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use fs_err as fs;
use unixfs::{Cid, Metadata, cid};

use super::channels::Channels;
use super::disk;
use super::error::FetchError;
use super::plan::{FileKey, Leaf, Spot};
use super::record::{LeafAt, Part, Recorder};
use super::seek::is_proven;
use super::worker::{self, Download, Halt, ItemFile, Place, Whole};
use store::index::FileRecord;

/// Compares the item with what is at `base`. `None`: that is something else.
pub(crate) fn run(
    download: &Download,
    channels: &mut Channels,
    base: &Path,
) -> Result<Option<Whole>, FetchError> {
    let mut comparison = Comparison::default();
    match worker::run(download, channels, base, None, &mut comparison)?.result {
        Ok(whole) => Ok(Some(whole)),
        Err(Halt::Different(Different)) => Ok(None),
        Err(Halt::Failed(error)) => Err(error),
    }
}

/// What is at the place is not the item.
#[derive(Debug)]
struct Different;

#[derive(Default)]
struct Comparison {
    files: HashMap<FileKey, OpenFile>,
}

struct OpenFile {
    part: Arc<Part>,
    known: Option<FileRecord>,
}

impl Place for Comparison {
    type Different = Different;

    fn look(&self, cid: &Cid, path: &Path, spot: &Spot) -> Result<Option<u64>, Halt<Different>> {
        match leaf_at(cid, path, spot) {
            Some(bytes) => Ok(Some(bytes)),
            None if cid.codec() == cid::RAW => Err(Halt::Different(Different)),
            // It may be a node: then its parts are compared.
            None => Ok(None),
        }
    }

    fn folder(&mut self, path: &Path, _: Metadata) -> Result<(), Halt<Different>> {
        // Not through a symlink: it may lead anywhere.
        if fs::symlink_metadata(path).is_ok_and(|there| there.is_dir()) {
            return Ok(());
        }
        Err(Halt::Different(Different))
    }

    fn open(&mut self, file: ItemFile) -> Result<(), Halt<Different>> {
        let there = fs::symlink_metadata(&file.path);
        if !there.is_ok_and(|there| there.is_file() && there.len() == file.size) {
            return Err(Halt::Different(Different));
        }
        let part = Arc::new(file.part());
        let known = file.known;
        self.files.insert(file.key, OpenFile { part, known });
        Ok(())
    }

    /// Bytes that had to be fetched are not there.
    fn write(
        &mut self,
        key: FileKey,
        _: u64,
        _: &[u8],
        _: Option<Leaf>,
        _: &mut Recorder,
    ) -> Result<(), Halt<Different>> {
        if self.files.contains_key(&key) {
            return Err(Halt::Different(Different));
        }
        Ok(())
    }

    /// What was found in files that nobody had recorded has to be recorded now.
    fn held(&mut self, key: FileKey, leaf: LeafAt, recorder: &Recorder) -> Result<(), FetchError> {
        match self.files.get(&key) {
            Some(open) => recorder.found(&open.part, leaf),
            None => Ok(()),
        }
    }

    fn close(&mut self, key: FileKey, recorder: &Recorder) -> Result<(), FetchError> {
        let Some(open) = self.files.remove(&key) else {
            return Ok(());
        };
        let as_recorded = |known: &FileRecord| is_proven(known, &open.part.path);
        if open.known.as_ref().is_some_and(as_recorded) {
            return Ok(());
        }
        recorder.closed(open.part)
    }

    /// Symlinks have no bytes, and are left as they are.
    /// What is compared was never written.
    fn abandon(&mut self, _: FileKey) {}

    fn symlink(&mut self, _: &Path, _: &Path) -> Result<bool, FetchError> {
        Ok(true)
    }
}

/// Is the leaf where it would be, in a file that nobody has recorded?
pub(super) fn leaf_at(cid: &Cid, path: &Path, spot: &Spot) -> Option<u64> {
    let file = disk::open_for_reading(path).ok()?;
    let bytes = match spot.bytes {
        Some(bytes) => bytes,
        None => file.metadata().ok()?.len(),
    };
    let len = u32::try_from(bytes)
        .ok()
        .filter(|len| *len as usize <= unixfs::limits::MAX_BLOCK_BYTES)?;
    disk::read_leaf(&file, cid, spot.offset, len)?;
    Some(bytes)
}
