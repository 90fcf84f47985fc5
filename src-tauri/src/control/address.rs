//! Where the sockets of a data directory are, and that nobody else can be behind them.

use std::io;
use std::path::{Path, PathBuf};

/// The longest path that every system takes for a socket: `sun_path` has 104 bytes on the tightest.
#[cfg(unix)]
const MAX_SOCKET_PATH: usize = 100;

/// The bits of a mode that let others in.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// Inside the data directory. Where that path is too long for a socket: in a folder of this user's in `/tmp`, under the
/// directory's own number, so that every way to write the directory leads to the same socket.
#[cfg(unix)]
pub(super) fn of(data_dir: &Path, socket: &str) -> io::Result<PathBuf> {
    use std::os::unix::fs::MetadataExt;

    let data_dir = std::path::absolute(data_dir)?;
    let inside = data_dir.join(format!("{socket}.sock"));
    if inside.as_os_str().len() <= MAX_SOCKET_PATH {
        return Ok(inside);
    }
    let data = fs_err::metadata(&data_dir)?;
    let folder = private_folder(
        &PathBuf::from(format!("/tmp/shoal-{}", data.uid())),
        data.uid(),
    )?;
    let name = format!("{:x}-{:x}-{socket}.sock", data.dev(), data.ino());
    Ok(folder.join(name))
}

/// Anybody may make folders in `/tmp`: one that is not `owner`'s alone is refused.
#[cfg(unix)]
fn private_folder(path: &Path, owner: u32) -> io::Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs_err::symlink_metadata(path)?;
    if found.is_dir() && found.uid() == owner && found.mode() & OTHERS == 0 {
        return Ok(path.to_owned());
    }
    let message = format!("{} is not a folder of yours alone", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// A pipe named after the data directory. FNV-1a: it only has to be the same in every process and version.
#[cfg(windows)]
pub(super) fn of(data_dir: &Path, socket: &str) -> io::Result<PathBuf> {
    let data_dir = std::path::absolute(data_dir)?;
    let lower = data_dir.to_string_lossy().to_lowercase();
    let hash = lower.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok(PathBuf::from(format!(
        r"\\.\pipe\shoal-{socket}-{hash:016x}"
    )))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_deep_data_directory_has_a_short_socket() {
        let dir = tempfile::tempdir().unwrap();
        let inside = of(dir.path(), "control").unwrap();
        assert_eq!(inside, dir.path().join("control.sock"));

        let deep = dir.path().join("x".repeat(120));
        fs_err::create_dir(&deep).unwrap();
        let path = of(&deep, "control").unwrap();
        assert!(path.as_os_str().len() <= MAX_SOCKET_PATH, "{path:?}");
        let alias = dir.path().join("y".repeat(110));
        fs_err::os::unix::fs::symlink(&deep, &alias).unwrap();
        assert_eq!(of(&alias, "control").unwrap(), path);
        assert_ne!(of(&deep, "window").unwrap(), path);
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        use std::os::unix::fs::MetadataExt;

        let dir = tempfile::tempdir().unwrap();
        let owner = fs_err::metadata(dir.path()).unwrap().uid();
        let folder = dir.path().join("folder");
        private_folder(&folder, owner).unwrap();
        private_folder(&folder, owner).unwrap();
        private_folder(&folder, owner + 1).unwrap_err();
        fs_err::set_permissions(&folder, std::fs::Permissions::from_mode(0o750)).unwrap();
        private_folder(&folder, owner).unwrap_err();
    }
}
