//! Where the engine keeps its own things: the data directory, held by one engine at a time.
//!
//! Everything that Shoal writes outside a download's folder lies in here. The directory is the
//! person's alone (mode 0700), and so is what is in it (0600), whatever a copy or a backup made of it.

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

/// What says who this person is, whom they know and what they share.
const PRIVATE: [&str; 6] = [
    "identity.key",
    "settings.json",
    "shares.json",
    "index.db",
    "index.db-wal",
    "index.db-shm",
];

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
        for name in PRIVATE {
            if let Err(error) = store::files::make_private(&path.join(name)) {
                tracing::error!(%error, "others may be able to read what is this person's own");
            }
        }
        let lock = open_lock(&path.join("lock"))?;
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

/// Opens a file that is there to be locked, and makes it if need be.
pub fn open_lock(path: &Path) -> io::Result<File> {
    // A pipe would be waited for, and a folder can't be written to.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let message = format!("{} is not a file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut options = fs::OpenOptions::new();
    let options = options.create(true).truncate(false).write(true);
    options.open(path).map(fs::File::into_file)
}

/// The settings' place in a data directory; may be read without the lock.
pub fn settings_file(data_dir: &Path) -> PathBuf {
    data_dir.join("settings.json")
}

/// Where the data lies unless the person says otherwise.
pub fn default_data_dir() -> Option<PathBuf> {
    let project = directories::ProjectDirs::from("", "", "shoal")?;
    Some(project.data_dir().to_path_buf()).filter(|folder| folder.is_absolute())
}

/// Where downloads go unless the person says otherwise.
pub fn default_download_dir() -> Option<PathBuf> {
    let user = directories::UserDirs::new()?;
    let known = user.download_dir().map(Path::to_path_buf);
    // Where no list of the person's folders says otherwise, as on a fresh account. It is made when needed.
    let folder = known.unwrap_or_else(|| user.home_dir().join("Downloads"));
    Some(folder).filter(|folder| folder.is_absolute())
}

/// Makes a data directory that only this person can enter. One that exists becomes so, where it can.
pub fn create_private(path: &Path) -> io::Result<()> {
    let existed = path.is_dir();
    if !existed {
        fs::create_dir_all(path)?;
    }
    #[cfg(unix)]
    match close(path) {
        Err(error) if !existed => return Err(error),
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "others can enter the folder of this person's data");
        }
        Ok(()) => {}
    }
    Ok(())
}

/// Keeps others out. A folder that is everybody's, such as `/tmp`, stays so.
#[cfg(unix)]
fn close(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    const OTHERS: u32 = 0o077;
    /// Of a folder that all write into.
    const STICKY: u32 = 0o1000;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & OTHERS == 0 {
        return Ok(());
    }
    if mode & STICKY != 0 {
        return Err(io::Error::other("it is a folder for everybody"));
    }
    fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
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

    #[cfg(unix)]
    #[test]
    fn an_old_directory_becomes_private_but_one_for_everybody_stays() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        for (mode, expected) in [(0o755, 0o700), (0o1777, 0o1777)] {
            let path = dir.path().join(format!("{mode:o}"));
            fs::create_dir(&path).unwrap();
            fs::write(path.join("settings.json"), "{}").unwrap();
            for path in [&path, &path.join("settings.json")] {
                let mode = std::fs::Permissions::from_mode(mode);
                fs::set_permissions(path, mode).unwrap();
            }
            let data = DataDir::lock(&path).unwrap();
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
            assert_eq!(mode(data.path()), expected);
            assert_eq!(mode(&data.settings()), 0o600);
        }
    }
}
