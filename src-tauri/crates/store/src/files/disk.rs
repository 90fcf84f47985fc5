//! The disk as a whole: what survives a loss of power, names that change, and the space that is left.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::naming;
use super::open::{exists, open_for_reading};
use crate::limits::MAX_SINGLE_SYNCS;

/// Makes what was written to these files survive a loss of power.
///
/// One file after the other costs a write of the journal each; so where there are many, the whole file system is asked to write.
/// That may write other programs' data too, and is still 50 times faster for 10,000 small files.
pub fn sync_files(base: &Path, files: &[PathBuf]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if files.len() > MAX_SINGLE_SYNCS {
        let folder = fs::File::open(base)?;
        return rustix::fs::syncfs(folder.file()).map_err(io::Error::from);
    }
    let _ = base;
    files
        .iter()
        .try_for_each(|path| open_for_reading(path)?.sync_data())
}

/// Makes a rename in the folder survive a loss of power.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    let _ = folder;
    Ok(())
}

/// Renames, but never onto something that is there: then it fails with `AlreadyExists`. In one step where the system and the file
/// system can; elsewhere something made in between is lost.
pub fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            // Some file systems, and old systems, cannot do it in one step.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            Err(error) => return Err(naming("rename to", to, &error.into())),
        }
    }
    if exists(to) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}

/// Bytes that can still be written there; `None` if that can't be told.
pub fn free_space(folder: &Path) -> Option<u64> {
    fs4::available_space(folder).ok()
}

/// Bytes that a file takes on its disk: of one with holes fewer than it has. 0 where nothing is, or that can't be told.
pub fn allocated(path: &Path) -> u64 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Counted in 512 bytes everywhere.
        fs::symlink_metadata(path).map_or(0, |found| 512 * found.blocks())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        0
    }
}

/// What is left of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that can still be written, and those that there are in all.
    pub free: u64,
    pub bytes: u64,
    /// Files that can still be made, and those that there can be in all. 0 in all: as many as there is space for.
    pub free_files: u64,
    pub files: u64,
}

/// What is left there; `None` if that can't be told.
pub fn room(folder: &Path) -> Option<Room> {
    let told = fs4::statvfs(folder).ok()?;
    #[cfg(unix)]
    let (free_files, files) = {
        let told = rustix::fs::statvfs(folder).ok()?;
        (told.f_favail, told.f_files)
    };
    #[cfg(not(unix))]
    let (free_files, files) = (0, 0);
    Some(Room {
        free: told.available_space(),
        bytes: told.total_space(),
        free_files,
        files,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_never_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        fs::write(&one, "1").unwrap();
        fs::write(&two, "2").unwrap();
        let error = rename_no_replace(&one, &two).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&two).unwrap(), b"2");
        rename_no_replace(&one, &dir.path().join("three")).unwrap();
        assert!(!exists(&one));
    }

    #[test]
    fn free_space_is_known_of_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_space(dir.path()).is_some_and(|bytes| bytes > 0));
        assert_eq!(free_space(&dir.path().join("nothing")), None);
    }
}
