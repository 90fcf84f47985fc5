//! One download from its first byte to its place: which name it takes, what is written or only
//! compared, the rename at the end.
//!
//! A download whose place is taken looks first whether that is the same content; then nothing needs
//! to be written at all. Invariant: the item is called done only after its bytes are synced,
//! recorded and under their final name.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;

use super::channels::{Channels, Command};
use super::compare;
use super::disk;
use super::error::FetchError;
use super::target;
use super::worker::{Download, Whole};
use super::write::{self, Target};
use store::deletion;
use store::index::{FileState, Fingerprint, Index, ItemRecord, Skipped};

/// A download that is whole and in its place.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    pub(crate) skipped: Vec<Skipped>,
    /// It was all there before: nothing was written.
    pub(crate) was_there: bool,
}

/// Runs the download. Blocks until it is in its place, or cannot go on.
pub(crate) fn run(download: &Download, channels: &mut Channels) -> Result<Finished, FetchError> {
    let item = &download.item;
    let folder = item.into.as_ref().ok_or(FetchError::NoDownload(item.id))?;
    let begun = item.part.as_ref();
    let part = match begun.filter(|part| disk::exists(part)) {
        Some(place) if is_in_place(item, place) => {
            if let Some(finished) = resume(download, channels, place)? {
                return Ok(finished);
            }
            new_part(&download.index, item, folder)?
        }
        Some(part) => part.clone(),
        None if begun.is_some() && !disk::exists(folder) => {
            return Err(FetchError::FolderGone(folder.display().to_string()));
        }
        None => {
            if let Some(finished) = find_there(download, channels, folder)? {
                return Ok(finished);
            }
            new_part(&download.index, item, folder)?
        }
    };
    let whole = write::run(download, channels, &part, Target::Write)?;
    finish(download, channels, folder, &part, whole)
}

/// Goes on inside a finished download. `None`: the person has made something else of it, and all of
/// it is to be fetched again, beside.
fn resume(
    download: &Download,
    channels: &mut Channels,
    place: &Path,
) -> Result<Option<Finished>, FetchError> {
    match write::run(download, channels, place, Target::Resume) {
        Ok(whole) => {
            set_done(download, place, &whole)?;
            Ok(Some(finished(channels, place, whole, false)))
        }
        Err(FetchError::InTheWay(_)) => {
            forget_files(&download.index, &download.item)?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Looks whether the item lies in the folder already: it may have been there before, or the last
/// run ended between the rename and the record of it.
fn find_there(
    download: &Download,
    channels: &mut Channels,
    folder: &Path,
) -> Result<Option<Finished>, FetchError> {
    for path in target::taken(folder, &download.item) {
        forget_files(&download.index, &download.item)?;
        if let Some(whole) = compare::run(download, channels, &path)? {
            set_done(download, &path, &whole)?;
            return Ok(Some(finished(channels, &path, whole, true)));
        }
    }
    forget_files(&download.index, &download.item)?;
    Ok(None)
}

/// Does a finished download go on, where it lies?
fn is_in_place(item: &ItemRecord, part: &Path) -> bool {
    item.sources.first().is_some_and(|done| done == part)
}

/// Takes a free name, and writes that down before anything is made under it.
fn new_part(index: &Index, item: &ItemRecord, folder: &Path) -> Result<PathBuf, FetchError> {
    fs::create_dir_all(folder)?;
    let part = target::free_part(folder, item).ok_or_else(|| no_name(folder, item))?;
    let kept = part.clone();
    index.update_item(item.id, move |item| item.part = Some(kept))?;
    Ok(part)
}

fn no_name(folder: &Path, item: &ItemRecord) -> io::Error {
    let message = format!(
        "too many items called {:?} in {}",
        item.name,
        folder.display()
    );
    io::Error::new(io::ErrorKind::AlreadyExists, message)
}

/// Forgets what a comparison recorded of files that are somebody else's.
fn forget_files(index: &Index, item: &ItemRecord) -> Result<(), FetchError> {
    let files = index.files(item.id)?;
    // What is still to be taken over from another place stays known.
    let is_left = |path: &Path| {
        item.left
            .as_ref()
            .is_some_and(|left| path.starts_with(left))
    };
    let here = files.into_iter().filter(|file| !is_left(&file.path));
    let ids: Vec<_> = here.map(|file| file.id).collect();
    if !ids.is_empty() {
        index.remove_files(ids)?;
    }
    Ok(())
}

/// Gives the download its final name.
fn finish(
    download: &Download,
    channels: &Channels,
    folder: &Path,
    part: &Path,
    whole: Whole,
) -> Result<Finished, FetchError> {
    let Download { index, item, .. } = download;
    if !disk::exists(part) {
        return Err(FetchError::Nothing);
    }
    let path = rename(part, folder, item)?;
    disk::sync_folder(folder)?;
    if whole.is_file {
        move_file(index, item, part, &path)?;
    } else {
        index.move_folder(item.id, part, &path)?;
    }
    set_done(download, &path, &whole)?;
    Ok(finished(channels, &path, whole, false))
}

/// Takes the first name that is free.
fn rename(part: &Path, folder: &Path, item: &ItemRecord) -> Result<PathBuf, FetchError> {
    for path in target::finished(folder, item) {
        match disk::rename_no_replace(part, &path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(no_name(folder, item).into())
}

fn move_file(index: &Index, item: &ItemRecord, from: &Path, to: &Path) -> Result<(), FetchError> {
    let folder = from.parent().unwrap_or(from);
    let files = index.files_in(item.id, folder)?;
    for file in files.iter().filter(|file| file.path == from) {
        // A rename changes the file's times.
        let fingerprint = Fingerprint::of(&fs::symlink_metadata(to)?, SystemTime::now());
        index.set_file(file.id, to, Some(fingerprint), FileState::Whole)?;
    }
    Ok(())
}

fn set_done(download: &Download, path: &Path, whole: &Whole) -> Result<(), FetchError> {
    let Download { index, item, .. } = download;
    let totals = whole.totals;
    let path = path.to_path_buf();
    if let Some(left) = &item.left {
        deletion::delete_left(index, item, left)?;
    }
    index.set_skipped(item.id, whole.skipped.clone())?;
    index.update_item(item.id, move |item| {
        item.done = true;
        item.bytes = totals.bytes;
        item.files = totals.files;
        item.part = None;
        item.left = None;
        item.sources = vec![path];
    })?;
    Ok(())
}

fn finished(channels: &Channels, path: &Path, whole: Whole, was_there: bool) -> Finished {
    // Whoever listened may be gone.
    let _ = channels.send(Command::Have(whole.recorded));
    Finished {
        path: path.to_path_buf(),
        bytes: whole.totals.bytes,
        files: whole.totals.files,
        skipped: whole.skipped,
        was_there,
    }
}
