//! Where the engine keeps its own things: the data directory, held by one engine at a time.
//!
//! Everything that Shoal writes outside a download's folder lies in here. The directory is the
//! person's alone (mode 0700).

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

/// A data directory, locked as long as this value lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The operating system lets go of the lock when the file is closed, however the process ends.
    _lock: File,
}

#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("another Shoal is running on {0}")]
    InUse(PathBuf),
    #[error("the data directory can't be used: {0}")]
    Io(#[from] io::Error),
}

impl DataDir {
    /// Makes the directory if needed and takes its lock.
    pub fn lock(path: &Path) -> Result<Self, DataDirError> {
        create_private(path)?;
        let path = std::path::absolute(path)?;
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))?;
        let lock = lock.into_file();
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(path)),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The Ed25519 key that makes this peer who it is.
    pub fn identity(&self) -> PathBuf {
        self.path.join("identity.key")
    }

    pub fn settings(&self) -> PathBuf {
        settings_file(&self.path)
    }
}

/// The settings' place in a data directory; may be read without the lock.
pub fn settings_file(data_dir: &Path) -> PathBuf {
    data_dir.join("settings.json")
}

/// Where the data lies unless the person says otherwise.
pub fn default_data_dir() -> Option<PathBuf> {
    let project = directories::ProjectDirs::from("", "", "shoal")?;
    Some(project.data_dir().to_path_buf())
}

/// Where downloads go unless the person says otherwise.
pub fn default_download_dir() -> Option<PathBuf> {
    let user = directories::UserDirs::new()?;
    let dir = user.download_dir().unwrap_or_else(|| user.home_dir());
    Some(dir.to_path_buf())
}

/// Makes a data directory that only this person can enter. One that exists stays as it is.
pub fn create_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_engine_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let first = DataDir::lock(&path).unwrap();
        assert!(matches!(DataDir::lock(&path), Err(DataDirError::InUse(_))));
        drop(first);
        DataDir::lock(&path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_new_directory_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::lock(&dir.path().join("a/b")).unwrap();
        let mode = fs::metadata(data.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
