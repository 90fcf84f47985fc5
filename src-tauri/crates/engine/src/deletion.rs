//! Deleting what a download wrote, and only that.
//!
//! What stays true: a file goes only if Shoal made it and nobody changed it since; a folder only if nothing is left in it; and
//! nothing outside the download goes. What was shared is never deleted.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;

use crate::index::{FileRecord, FileState, Fingerprint, Index, ItemRecord, Result};

/// Deletes a download's files, and the folders that are empty then. Files that were changed stay.
pub(crate) fn delete_files(index: &Index, item: &ItemRecord) -> Result<()> {
    let files = index.files(item.id)?;
    for file in &files {
        if is_ours(file) {
            forgiving(&file.path, fs::remove_file(&file.path));
        }
    }
    let top = item.part.iter().chain(&item.sources);
    for place in top {
        remove_empty(place);
    }
    Ok(())
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

/// Removes a folder and those in it, deepest first, as far as nothing is in them.
fn remove_empty(top: &Path) {
    for folder in folders(top).iter().rev() {
        forgiving(folder, fs::remove_dir(folder));
    }
}

/// A folder and all in it, each before what it holds. Links are not followed.
fn folders(top: &Path) -> Vec<PathBuf> {
    let is_folder =
        |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let mut found = Vec::new();
    if is_folder(top) {
        found.push(top.to_path_buf());
    }
    let mut next = 0;
    while let Some(folder) = found.get(next) {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let inner: Vec<_> = entries
            .map(|entry| entry.path())
            .filter(|path| is_folder(path))
            .collect();
        found.extend(inner);
        next += 1;
    }
    found
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
