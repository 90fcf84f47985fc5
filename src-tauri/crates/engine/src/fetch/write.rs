//! Writes an item: a download into its own `.part`, or what is still missing into a finished one
//! that goes on.
//!
//! Invariants: bytes are written only to files that the download made itself, as [`Own`] knows them;
//! inside a finished download, where the person may have changed anything, only to those of them
//! that are on record as unfinished.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use unixfs::{Cid, Metadata};

use super::channels::{Channels, Command};
use super::compare;
use super::disk::{self, Handles};
use super::error::FetchError;
use super::folders::Folders;
use super::own::Own;
use super::plan::{FileKey, Leaf, Spot, Totals};
use super::record::{LeafAt, Part, Recorder};
use super::seek::is_proven;
use super::space::Claim;
use super::touch;
use super::worker::{self, Download, Halt, ItemFile, Place, Whole};
use store::files::{Identity, Room, room};
use store::index::{FileRecord, FileState, Index, ItemId, NewFile};

/// What is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A `.part` that is made when there is something to write.
    Begin,
    /// A download's own `.part`.
    Write,
    /// A finished download, which goes on where it lies: files that aren't known to be its own are
    /// not written to.
    Resume,
}

/// The name was free, and now it is not.
#[derive(Debug)]
pub(crate) struct Taken;

/// Times that what other programs change is fetched again before the person is asked.
const MAX_ROUNDS: usize = 3;

/// Writes what is missing at `base`, until all of the item is there. `None`: somebody took that name
/// before anything was made.
pub(crate) fn run(
    download: &Download,
    channels: &mut Channels,
    own: &Arc<Own>,
    base: &Path,
    mut target: Target,
) -> Result<Option<Whole>, FetchError> {
    let mut touched = None;
    for _ in 0..MAX_ROUNDS {
        let Some(mut whole) = round(download, channels, own, base, target)? else {
            return Ok(None);
        };
        let changed = std::mem::take(&mut whole.touched);
        // In a finished download the person may change what is whole.
        let all = (target != Target::Resume).then_some(base);
        touched = touch::doubt(&download.index, download.item.id, all, changed)?;
        let Some(path) = &touched else {
            return Ok(Some(whole));
        };
        tracing::warn!(path = %path.display(), "changed by another program");
        channels.send(Command::Have(whole.recorded))?;
        if target == Target::Begin {
            target = Target::Write;
        }
    }
    Err(FetchError::Touched(touched.unwrap_or_default()))
}

fn round(
    download: &Download,
    channels: &mut Channels,
    own: &Arc<Own>,
    base: &Path,
    target: Target,
) -> Result<Option<Whole>, FetchError> {
    let folder = base.parent();
    let is_lost = target != Target::Begin && download.index.files(download.item.id)?.is_empty();
    let mut writer = Writer {
        target,
        is_lost,
        base: base.to_path_buf(),
        own: Arc::clone(own),
        index: download.index.clone(),
        item: download.item.id,
        folder: folder.map(Path::to_path_buf),
        files: HashMap::new(),
        handles: Handles::default(),
        metadata: download.item.options.metadata,
        claim: download
            .space
            .open(download.item.id, folder.unwrap_or(base)),
        abandoned: Vec::new(),
        touched: Vec::new(),
        folders: Folders::new(download.index.dir(), download.item.id),
    };
    let run = worker::run(download, channels, base, Some(own), &mut writer)?;
    for open in &writer.abandoned {
        writer.delete(open)?;
    }
    let mut whole = match run.result {
        Ok(whole) => whole,
        Err(Halt::Different(Taken)) => return Ok(None),
        Err(Halt::Failed(error)) => return Err(how_full(folder, run.totals, error)),
    };
    writer.folders.apply()?;
    whole.touched.append(&mut writer.touched);
    Ok(Some(whole))
}

struct Writer {
    target: Target,
    /// No record says what came: it was lost with the index, or something is no longer as it was. What is there is looked at.
    is_lost: bool,
    base: PathBuf,
    own: Arc<Own>,
    index: Index,
    item: ItemId,
    /// The folder that it goes into.
    folder: Option<PathBuf>,
    claim: Claim,
    files: HashMap<FileKey, OpenFile>,
    handles: Handles,
    /// Modes and times of the sharer's are wanted.
    metadata: bool,
    /// Files that can't be had whole.
    abandoned: Vec<OpenFile>,
    /// Files that others have changed meanwhile.
    touched: Vec<PathBuf>,
    folders: Folders,
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
    type Different = Taken;

    /// Its files are on record, as far as they can be believed. What others put there is looked at
    /// before it is in the way: it may be the same.
    fn look(&self, cid: &Cid, path: &Path, spot: &Spot) -> Result<Option<u64>, Halt<Taken>> {
        let may_be_there = self.is_lost || self.own.is_foreign(path);
        if self.target == Target::Begin || !may_be_there {
            return Ok(None);
        }
        Ok(compare::leaf_at(cid, path, spot))
    }

    fn folder(&mut self, path: &Path, meta: Metadata) -> Result<(), Halt<Taken>> {
        self.claim.folder()?;
        let begins = self.begins(path)?;
        match self.own.create_folder(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if begins {
                    return Err(Halt::Different(Taken));
                }
                if self.target == Target::Write {
                    self.own.adopt(path)?;
                }
            }
            result => result?,
        }
        // Not through a symlink: it may lead anywhere.
        if !fs::symlink_metadata(path).is_ok_and(|there| there.is_dir()) {
            return Err(FetchError::InTheWay(path.to_path_buf()).into());
        }
        if self.metadata && !meta.is_empty() {
            self.folders.add(path, &meta)?;
        }
        Ok(())
    }

    fn open(&mut self, mut file: ItemFile) -> Result<(), Halt<Taken>> {
        let there = disk::allocated(&file.path);
        self.claim.add(file.size.saturating_sub(there))?;
        let guarded = match self.target {
            Target::Begin | Target::Write => false,
            Target::Resume => self.guard(&mut file)?,
        };
        let begins = self.begins(&file.path)?;
        let open = OpenFile {
            part: Arc::new(file.part()),
            meta: file.meta,
            known: file.known,
            written: false,
            guarded,
        };
        if begins {
            match self.own.create(&file.path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Halt::Different(Taken));
                }
                // Nothing else sets it before it is written to.
                made => drop(open.part.made.set(made?.1)),
            }
        } else if file.size == 0 && !is_empty_file(&file.path) {
            open.file(&self.own)?;
        } else if file.size == 0 && self.target == Target::Write {
            self.own.adopt(&file.path)?;
        }
        let there = fs::symlink_metadata(&open.part.path);
        if there.as_ref().is_ok_and(|there| there.len() > file.size) && !guarded {
            // Others have put something behind it.
            open.file(&self.own)?.set_len(file.size)?;
        }
        if !guarded {
            open.part.touch.note(&fs::symlink_metadata(&open.part.path));
        }
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
    ) -> Result<(), Halt<Taken>> {
        let Some(open) = self.files.get_mut(&key) else {
            return Ok(());
        };
        open.written = true;
        let bytes = data.len() as u64;
        let touch = &open.part.touch;
        if offset == 0 && bytes == open.part.size {
            let file = open.file(&self.own)?;
            disk::write_whole(&file, data)?;
            touch.note(&file.metadata());
        } else {
            let file = self.handles.get(key, || open.sized(&self.own))?;
            touch.look(&file.metadata());
            disk::write_at(file, data, offset)?;
            touch.note(&file.metadata());
        }
        self.claim.written(bytes);
        let part = &open.part;
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

    /// It was found by its record, or in a file that others put there.
    fn held(&mut self, key: FileKey, leaf: LeafAt, recorder: &Recorder) -> Result<(), FetchError> {
        match self.files.get(&key) {
            Some(open)
                if open.known.is_none() && (self.is_lost || open.part.made.get().is_none()) =>
            {
                recorder.found(&open.part, leaf, self.is_lost)
            }
            _ => Ok(()),
        }
    }

    fn close(&mut self, key: FileKey, recorder: &Recorder) -> Result<(), FetchError> {
        self.handles.close(key);
        let Some(open) = self.files.remove(&key) else {
            return Ok(());
        };
        let path = &open.part.path;
        let now = fs::symlink_metadata(path);
        let is_long = now.as_ref().is_ok_and(|now| now.len() != open.part.size);
        if open.guarded && is_long {
            return Err(FetchError::InTheWay(path.clone()));
        }
        open.part.touch.look(&now);
        if open.part.touch.is_touched() {
            self.touched.push(path.clone());
            return Ok(());
        }
        if open.written {
            disk::mark_as_downloaded(path);
        }
        if self.metadata && !open.guarded {
            disk::apply_metadata(path, &open.meta);
        }
        if !open.guarded {
            open.part.touch.note(&fs::symlink_metadata(path));
        }
        let as_recorded = |known: &FileRecord| is_proven(known, &open.part.path);
        if !open.written && open.known.as_ref().is_some_and(as_recorded) {
            return Ok(());
        }
        recorder.closed(open.part)
    }

    fn abandon(&mut self, key: FileKey) {
        self.handles.close(key);
        let abandoned = self.files.remove(&key).filter(|open| !open.guarded);
        self.abandoned.extend(abandoned);
    }

    fn symlink(&mut self, path: &Path, target: &Path) -> Result<bool, FetchError> {
        self.begins(path)?;
        match self.own.create_symlink(target, path) {
            Ok(()) => {
                if self.target == Target::Write {
                    self.own.adopt(path)?;
                }
                Ok(true)
            }
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

impl OpenFile {
    /// The file, opened for writing: made, or found to be the download's own.
    fn file(&self, own: &Own) -> Result<fs::File, FetchError> {
        let path = &self.part.path;
        if self.guarded {
            return Err(FetchError::InTheWay(path.clone()));
        }
        let (file, made) = own.open_file(path, self.part.made.get(), self.known.as_ref())?;
        let _ = self.part.made.set(made);
        Ok(file)
    }

    /// The same, as long as it is to be: its blocks come in any order, and what is missing is a hole
    /// that takes no space.
    fn sized(&self, own: &Own) -> Result<fs::File, FetchError> {
        let file = self.file(own)?;
        self.part.touch.look(&file.metadata());
        if file.metadata()?.len() != self.part.size {
            file.set_len(self.part.size)?;
        }
        self.part.touch.note(&file.metadata());
        Ok(file)
    }
}

impl Writer {
    /// Is this the item's file or folder, which is to be made now? Then its name is put on record
    /// first: what is there under it after a crash, and empty, was made by us.
    fn begins(&self, path: &Path) -> Result<bool, FetchError> {
        if self.target != Target::Begin || path != self.base {
            return Ok(false);
        }
        let part = self.base.clone();
        let folder = self.folder.as_deref().unwrap_or(path);
        let place = Identity::of_folder(folder)?;
        self.index.update_item(self.item, move |item| {
            (item.part, item.begun.place) = (Some(part), Some(place));
        })?;
        Ok(true)
    }

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

    /// Deletes what was written of a file, and forgets it.
    fn delete(&self, open: &OpenFile) -> Result<(), FetchError> {
        let path = &open.part.path;
        let folder = path.parent().unwrap_or(path);
        let files = self.index.files_in(self.item, folder)?;
        let records = files.iter().filter(|file| file.path == *path);
        self.index
            .remove_files(records.map(|file| file.id).collect())?;
        if self.own.is_there(path).is_ok() {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

fn is_empty_file(path: &Path) -> bool {
    let there = fs::symlink_metadata(path);
    there.is_ok_and(|there| there.is_file() && there.len() == 0)
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
    // A file is an entry in a table that may be full long before the disk is.
    let is_out_of_files = |room: Room| room.files > 0 && room.free_files == 0;
    if room(folder).is_some_and(is_out_of_files) {
        return FetchError::NoFiles(folder.display().to_string());
    }
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
