//! On which disk something lies, by the place where that is mounted: devices get other numbers each time.

use std::path::{Path, PathBuf};

use fs_err as fs;

/// Where the disk is mounted that a path lies on, or would lie on: it is mounted there as long as [`is_mounted`] says so.
#[cfg(unix)]
pub fn mount_point(path: &Path) -> Option<PathBuf> {
    let there = path.ancestors().find(|path| device(path).is_some())?;
    let on = device(there);
    let same = there.ancestors().take_while(|path| device(path) == on);
    same.last().map(Path::to_path_buf)
}

/// Where the disk is mounted that a path lies on, or would lie on: it is mounted there as long as [`is_mounted`] says so.
#[cfg(not(unix))]
pub fn mount_point(path: &Path) -> Option<PathBuf> {
    path.ancestors().last().map(Path::to_path_buf)
}

/// Is a disk still there that was mounted at this place?
#[cfg(unix)]
pub fn is_mounted(point: &Path) -> bool {
    let on = device(point);
    on.is_some() && point.parent().is_none_or(|above| device(above) != on)
}

/// Is a disk still there that was mounted at this place?
#[cfg(not(unix))]
pub fn is_mounted(point: &Path) -> bool {
    fs::metadata(point).is_ok()
}

#[cfg(unix)]
fn device(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    // What a symlink leads to: by it people reach other disks.
    fs::metadata(path).ok().map(|found| found.dev())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_no_disk_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let point = mount_point(&dir.path().join("not there")).unwrap();
        assert!(dir.path().starts_with(&point));
        assert!(is_mounted(&point) && is_mounted(Path::new("/")));
        assert!(!is_mounted(dir.path()) && !is_mounted(&dir.path().join("gone")));
    }
}
