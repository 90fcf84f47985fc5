//! Compares what lies under an item's name with the item: it may have been there before, or the
//! last run ended between the rename and the record of it.
//!
//! Invariant: no content is written. What is the same is recorded; the first difference ends the
//! comparison. Permissions and times that are wanted now are given to what the download made, and to
//! nothing else.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use unixfs::{Cid, Metadata, cid};

use super::channels::Channels;
use super::disk;
use super::error::FetchError;
use super::own::Own;
use super::plan::{FileKey, Leaf, Spot};
use super::record::{LeafAt, Part, Recorder};
use super::seek::is_proven;
use super::worker::{self, Download, Halt, ItemFile, Place, Whole};
use store::index::FileRecord;

/// Compares the item with what is at `base`. `None`: that is something else.
pub(crate) fn run(
    download: &Download,
    channels: &mut Channels,
    own: &Arc<Own>,
    base: &Path,
) -> Result<Option<Whole>, FetchError> {
    let mut comparison = Comparison {
        files: HashMap::new(),
        folders: Vec::new(),
        own: download.item.options.metadata.then(|| Arc::clone(own)),
    };
    match worker::run(download, channels, base, None, &mut comparison)?.result {
        Ok(whole) => {
            comparison.dress_folders();
            Ok(Some(whole))
        }
        Err(Halt::Different(Different)) => Ok(None),
        Err(Halt::Failed(error)) => Err(error),
    }
}

/// What is at the place is not the item.
#[derive(Debug)]
struct Different;

struct Comparison {
    files: HashMap<FileKey, OpenFile>,
    /// With what their sharer gave along: given last, since giving it to a file may change them.
    folders: Vec<(PathBuf, Metadata)>,
    /// What the download made, where modes and times of the sharer's are wanted.
    own: Option<Arc<Own>>,
}

struct OpenFile {
    part: Arc<Part>,
    meta: Metadata,
    known: Option<FileRecord>,
}

impl Comparison {
    /// Gives what the download made the permissions and times that came along.
    fn dress(&self, path: &Path, meta: &Metadata) {
        if let Some(own) = &self.own
            && own.is_made(path)
        {
            disk::apply_metadata(path, meta);
        }
    }

    fn dress_folders(&self) {
        for (path, meta) in self.folders.iter().rev() {
            self.dress(path, meta);
        }
    }
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

    fn folder(&mut self, path: &Path, meta: Metadata) -> Result<(), Halt<Different>> {
        // Not through a symlink: it may lead anywhere.
        if fs::symlink_metadata(path).is_ok_and(|there| there.is_dir()) {
            if self.own.is_some() {
                self.folders.push((path.to_path_buf(), meta));
            }
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
        let (meta, known) = (file.meta, file.known);
        self.files.insert(file.key, OpenFile { part, meta, known });
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
            Some(open) => recorder.found(&open.part, leaf, false),
            None => Ok(()),
        }
    }

    fn close(&mut self, key: FileKey, recorder: &Recorder) -> Result<(), FetchError> {
        let Some(open) = self.files.remove(&key) else {
            return Ok(());
        };
        self.dress(&open.part.path, &open.meta);
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
