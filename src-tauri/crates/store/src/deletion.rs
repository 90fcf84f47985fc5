//! Deleting what a download wrote, and only that.
//!
//! Invariant: a file goes only if Shoal made it and nobody changed it since; a folder only if nothing is left in it; and
//! nothing outside the download goes. What was shared is never deleted.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use fs_err as fs;
use unixfs::{Metadata, Profile};

use crate::index::{FileRecord, FileState, Fingerprint, Index, ItemRecord, Result, Scope};

/// Deletes a download's files, and the folders that are empty then. Files that were changed stay.
pub fn delete_files(index: &Index, item: &ItemRecord) -> Result<()> {
    let files = index.files(item.id)?;
    for file in &files {
        if is_ours(file) {
            forgiving(&file.path, fs::remove_file(&file.path));
        }
    }
    let top = item.part.iter().chain(&item.left).chain(&item.sources);
    for place in top {
        remove_emptied(index, place)?;
    }
    Ok(())
}

/// Deletes what a download wrote at a place that it left, and forgets it.
pub fn delete_left(index: &Index, item: &ItemRecord, place: &Path) -> Result<()> {
    let files = index.files(item.id)?;
    let left = files.iter().filter(|file| file.path.starts_with(place));
    let mut ids = Vec::new();
    for file in left {
        if is_ours(file) {
            forgiving(&file.path, fs::remove_file(&file.path));
        }
        ids.push(file.id);
    }
    index.remove_files(ids)?;
    remove_emptied(index, place)
}

/// A file being written has no fingerprint: only Shoal knows of it. Any other must be just as it was left.
fn is_ours(file: &FileRecord) -> bool {
    let Ok(metadata) = fs::symlink_metadata(&file.path) else {
        return false;
    };
    let now = Fingerprint::of(&metadata, SystemTime::now());
    match file.state {
        FileState::Part => metadata.is_file(),
        _ => file.fingerprint.is_some_and(|left| left.matches(&now)),
    }
}

/// Removes a folder and those in it, deepest first, as far as nothing but the item's symlinks is in them.
fn remove_emptied(index: &Index, top: &Path) -> Result<()> {
    let mut folders = vec![];
    let mut waiting = vec![top.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        // Links are not followed: what they lead to may be anybody's.
        let is_folder = fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir());
        if !is_folder {
            continue;
        }
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match fs::read_link(&path) {
                Ok(target) if is_known_link(index, &target)? => {
                    forgiving(&path, fs::remove_file(&path));
                }
                Ok(_) => {}
                Err(_) => waiting.push(path),
            }
        }
        folders.push(folder);
    }
    for folder in folders.iter().rev() {
        forgiving(folder, fs::remove_dir(folder));
    }
    Ok(())
}

/// Some item holds a symlink with this very target: a changed one would have another block.
fn is_known_link(index: &Index, target: &Path) -> Result<bool> {
    let target = target.as_os_str().as_encoded_bytes();
    let block = unixfs::symlink(&Profile::V1_2025, target, &Metadata::default());
    let place = index.locate_for(block.cid.hash(), Scope::Everything)?;
    Ok(place.is_some())
}

/// What cannot be deleted stays: the item goes all the same, and the person still has the file.
fn forgiving(path: &Path, result: io::Result<()>) {
    if let Err(error) = result
        && !matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
        )
    {
        tracing::warn!(path = %path.display(), %error, "could not be deleted");
    }
}
