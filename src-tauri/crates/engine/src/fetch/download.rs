//! One download from its first byte to its place: which name it takes, the run of the worker, the rename at the end.
//!
//! A download whose place is taken looks first whether that is the same content; then nothing needs to be written at all. What stays
//! true: the item is called done only after its bytes are synced, recorded and under their final name.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;
use tokio::sync::mpsc;

use super::disk;
use super::error::FetchError;
use super::target;
use super::worker::{self, Command, Ending, Event, Setup, Whole};
use crate::deletion;
use crate::index::{FileState, Fingerprint, Index, ItemRecord, Skipped};

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
pub(crate) fn run(
    mut setup: Setup,
    mut events: mpsc::Receiver<Event>,
) -> Result<Finished, FetchError> {
    let events = &mut events;
    let item = setup.item.clone();
    let folder = item.into.clone().ok_or(FetchError::NoDownload(item.id))?;
    let begun = item.part.as_ref();
    let mut part = begun.filter(|part| disk::exists(part)).cloned();
    if let Some(place) = &part
        && is_in_place(&item, place)
    {
        (setup.base, setup.in_place) = (place.clone(), true);
        match worker::run(&setup, events) {
            Ok(Ending::Whole(whole)) => {
                let path = setup.base.clone();
                set_done(&setup, &path, &whole)?;
                return Ok(finished(&setup, path, whole, false));
            }
            // The person has made something else of it: all of it is fetched again, beside.
            Ok(Ending::Different) | Err(FetchError::InTheWay(_)) => {
                forget_files(&setup.index, &item)?;
                part = Some(new_part(&setup.index, &item, &folder)?);
            }
            Err(error) => return Err(error),
        }
        setup.in_place = false;
    } else if part.is_none() {
        if begun.is_some() && !disk::exists(&folder) {
            return Err(FetchError::FolderGone(folder.display().to_string()));
        }
        // It may have been there before; or the last run ended between the rename and the record of it.
        setup.compare = true;
        for path in target::taken(&folder, &item) {
            forget_files(&setup.index, &item)?;
            setup.base = path;
            if let Ending::Whole(whole) = worker::run(&setup, events)? {
                return finish_in_place(&setup, whole);
            }
        }
        forget_files(&setup.index, &item)?;
    }
    setup.compare = false;
    setup.base = match part {
        Some(part) => part,
        None => new_part(&setup.index, &item, &folder)?,
    };
    match worker::run(&setup, events)? {
        Ending::Whole(whole) => finish(&setup, &folder, whole),
        // Only a comparison ends like that.
        Ending::Different => Err(FetchError::Nothing),
    }
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

fn finish_in_place(setup: &Setup, whole: Whole) -> Result<Finished, FetchError> {
    let path = setup.base.clone();
    set_done(setup, &path, &whole)?;
    Ok(finished(setup, path, whole, true))
}

/// Gives the download its final name.
fn finish(setup: &Setup, folder: &Path, whole: Whole) -> Result<Finished, FetchError> {
    let part = &setup.base;
    if !disk::exists(part) {
        return Err(FetchError::Nothing);
    }
    let path = rename(part, folder, &setup.item)?;
    disk::sync_folder(folder)?;
    if whole.is_file {
        move_file(&setup.index, &setup.item, part, &path)?;
    } else {
        setup.index.move_folder(setup.item.id, part, &path)?;
    }
    set_done(setup, &path, &whole)?;
    Ok(finished(setup, path, whole, false))
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

fn set_done(setup: &Setup, path: &Path, whole: &Whole) -> Result<(), FetchError> {
    let id = setup.item.id;
    let totals = whole.totals;
    let path = path.to_path_buf();
    if let Some(left) = &setup.item.left {
        deletion::delete_left(&setup.index, &setup.item, left)?;
    }
    setup.index.set_skipped(id, whole.skipped.clone())?;
    setup.index.update_item(id, move |item| {
        item.done = true;
        item.bytes = totals.bytes;
        item.files = totals.files;
        item.part = None;
        item.left = None;
        item.sources = vec![path];
    })?;
    Ok(())
}

fn finished(setup: &Setup, path: PathBuf, whole: Whole, was_there: bool) -> Finished {
    // Whoever listened may be gone.
    let _ = setup.commands.blocking_send(Command::Have(whole.recorded));
    Finished {
        path,
        bytes: whole.totals.bytes,
        files: whole.totals.files,
        skipped: whole.skipped,
        was_there,
    }
}
