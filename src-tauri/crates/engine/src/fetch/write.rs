//! Writes an item: a download into its own `.part`, or what is still missing into a finished one
//! that goes on.
//!
//! Invariants: bytes are written only to files that are the download's own. Under a `.part` all
//! are; inside a finished download, where the person may have put or changed anything, only those
//! that are on record as begun, and a file goes on record before it is made.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use unixfs::{Cid, Metadata};

use super::channels::Channels;
use super::disk::{self, Handles};
use super::error::FetchError;
use super::plan::{FileKey, Leaf, Spot, Totals};
use super::record::{LeafAt, Part, Recorder};
use super::seek::is_proven;
use super::worker::{self, Download, Halt, ItemFile, Place, Whole};
use store::index::{FileRecord, FileState, Index, ItemId, NewFile};

/// Bytes of a file above which free space is looked at before the first byte is written.
const SPACE_CHECK_BYTES: u64 = 16 * 1024 * 1024;

/// What is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A download's own `.part`.
    Write,
    /// A finished download, which goes on where it lies: files that aren't known to be its own are
    /// not written to.
    Resume,
}

/// Writes what is missing at `base`, until all of the item is there.
pub(crate) fn run(
    download: &Download,
    channels: &mut Channels,
    base: &Path,
    target: Target,
) -> Result<Whole, FetchError> {
    let folder = base.parent();
    let mut writer = Writer {
        target,
        index: download.index.clone(),
        item: download.item.id,
        folder: folder.map(Path::to_path_buf),
        files: HashMap::new(),
        handles: Handles::default(),
        needed: 0,
        folders: Vec::new(),
    };
    let run = worker::run(download, channels, base, &mut writer)?;
    let whole = run
        .result
        .map_err(|Halt::Failed(error)| how_full(folder, run.totals, error))?;
    for (path, meta) in writer.folders.iter().rev() {
        disk::apply_metadata(path, meta);
    }
    Ok(whole)
}

struct Writer {
    target: Target,
    index: Index,
    item: ItemId,
    /// Where the space is needed.
    folder: Option<PathBuf>,
    files: HashMap<FileKey, OpenFile>,
    handles: Handles,
    /// Bytes of the files that were begun.
    needed: u64,
    /// Times and modes of folders: given last, since writing into a folder changes its time.
    folders: Vec<(PathBuf, Metadata)>,
}

struct OpenFile {
    part: Arc<Part>,
    meta: Metadata,
    known: Option<FileRecord>,
    written: bool,
    /// It may be the person's by now: nothing is written to it.
    guarded: bool,
}

impl Place for Writer {
    type Different = Infallible;

    /// Its files are on record, as far as they can be believed.
    fn look(&self, _: &Cid, _: &Path, _: &Spot) -> Result<Option<u64>, Halt<Infallible>> {
        Ok(None)
    }

    fn folder(&mut self, path: &Path, meta: Metadata) -> Result<(), Halt<Infallible>> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => result?,
        }
        // Not through a symlink: it may lead anywhere.
        if !fs::symlink_metadata(path).is_ok_and(|there| there.is_dir()) {
            let message = format!("{} is in the way", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message).into());
        }
        if !meta.is_empty() {
            self.folders.push((path.to_path_buf(), meta));
        }
        Ok(())
    }

    fn open(&mut self, mut file: ItemFile, done: u64) -> Result<(), Halt<Infallible>> {
        self.needed = self.needed.saturating_add(file.size);
        if file.size >= SPACE_CHECK_BYTES {
            self.check_space(done)?;
        }
        let guarded = match self.target {
            Target::Write => false,
            Target::Resume => self.guard(&mut file)?,
        };
        if file.size == 0 {
            write_empty(&file.path, guarded)?;
        }
        let open = OpenFile {
            part: Arc::new(file.part()),
            meta: file.meta,
            known: file.known,
            written: false,
            guarded,
        };
        self.files.insert(file.key, open);
        Ok(())
    }

    fn write(
        &mut self,
        key: FileKey,
        offset: u64,
        data: &[u8],
        leaf: Option<Leaf>,
        recorder: &mut Recorder,
    ) -> Result<(), Halt<Infallible>> {
        let Some(open) = self.files.get_mut(&key) else {
            return Ok(());
        };
        if open.guarded {
            return Err(FetchError::InTheWay(open.part.path.clone()).into());
        }
        open.written = true;
        let part = &open.part;
        let bytes = data.len() as u64;
        if offset == 0 && bytes == part.size {
            disk::write_whole(&part.path, data)?;
        } else {
            let file = self.handles.get(key, &part.path, part.size)?;
            disk::write_at(file, data, offset)?;
        }
        let leaf = leaf.and_then(|leaf| {
            Some(LeafAt {
                cid: leaf.cid,
                offset,
                // A block has 2 MiB at most.
                len: u32::try_from(bytes).ok()?,
                framed: leaf.framed,
            })
        });
        Ok(recorder.written(part, bytes, leaf)?)
    }

    /// It was found by its record.
    fn held(&mut self, _: FileKey, _: LeafAt, _: &Recorder) -> Result<(), FetchError> {
        Ok(())
    }

    fn close(&mut self, key: FileKey, recorder: &Recorder) -> Result<(), FetchError> {
        self.handles.close(key);
        let Some(open) = self.files.remove(&key) else {
            return Ok(());
        };
        disk::apply_metadata(&open.part.path, &open.meta);
        let as_recorded = |known: &FileRecord| is_proven(known, &open.part.path);
        if !open.written && open.known.as_ref().is_some_and(as_recorded) {
            return Ok(());
        }
        recorder.closed(open.part)
    }

    fn symlink(&mut self, path: &Path, target: &Path) -> Result<bool, FetchError> {
        match disk::symlink(target, path) {
            Ok(()) => Ok(true),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::Unsupported
                        | io::ErrorKind::PermissionDenied
                        | io::ErrorKind::AlreadyExists
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Writer {
    /// Is a file there that others may have put there, or changed? One that isn't there goes on
    /// record before it is made, so that it is known to be ours.
    fn guard(&self, file: &mut ItemFile) -> Result<bool, FetchError> {
        let is_part = |known: &FileRecord| known.state == FileState::Part;
        if disk::exists(&file.path) {
            return Ok(!file.known.as_ref().is_some_and(is_part));
        }
        if file.known.as_ref().is_some_and(is_part) {
            return Ok(false);
        }
        if let Some(gone) = file.known.take() {
            self.index.remove_files(vec![gone.id])?;
        }
        let new = NewFile {
            path: file.path.clone(),
            name_in_item: file.name.clone(),
            size: file.size,
            root: Some(file.root),
            state: FileState::Part,
        };
        let ids = self.index.add_files(self.item, vec![new])?;
        if let Some(id) = ids.first() {
            file.known = self.index.file(*id)?;
        }
        Ok(false)
    }

    /// `done`: bytes that are in place.
    fn check_space(&self, done: u64) -> Result<(), FetchError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let needed = self.needed.saturating_sub(done);
        no_space(folder, needed).map_or(Ok(()), Err)
    }
}

/// A file without bytes. One that is there and may be the person's is only looked at.
fn write_empty(path: &Path, guarded: bool) -> Result<(), FetchError> {
    if !guarded {
        return Ok(disk::write_whole(path, &[])?);
    }
    let there = fs::symlink_metadata(path);
    if there.is_ok_and(|there| there.is_file() && there.len() == 0) {
        return Ok(());
    }
    Err(FetchError::InTheWay(path.to_path_buf()))
}

/// A disk that ran full: how much is missing, as far as that can be told.
fn how_full(folder: Option<&Path>, totals: Totals, error: FetchError) -> FetchError {
    let is_full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
    let FetchError::Disk(cause) = &error else {
        return error;
    };
    let (Some(folder), true) = (folder, is_full(cause)) else {
        return error;
    };
    let needed = totals.bytes.saturating_sub(totals.done);
    no_space(folder, needed).unwrap_or(error)
}

/// Why so many bytes can't be written there, if they can't.
fn no_space(folder: &Path, needed: u64) -> Option<FetchError> {
    let free = disk::free_space(folder).filter(|free| *free < needed)?;
    Some(FetchError::NoSpace {
        folder: folder.display().to_string(),
        needed,
        free,
    })
}
