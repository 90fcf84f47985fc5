//! What a downloaded file has beside its bytes: permissions and times of its sharer's, where they are wanted, and the mark that it
//! came from others, where the system has one.
//!
//! Everything is done through an open handle, and no symlink is followed. What the file system refuses is no reason to fail a
//! download.

use std::path::Path;
#[cfg(unix)]
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fs_err as fs;
use unixfs::{Metadata, Mtime};

/// Gives a file or folder that we made the permissions and the time that its sharer gave along, as far as they are others than it
/// has. Permissions are those that it could have got here, by this user's umask, and never those for others to write.
pub fn apply_metadata(path: &Path, meta: &Metadata) {
    if meta.is_empty() {
        return;
    }
    let Ok(file) = open(path) else { return };
    let Ok(now) = file.metadata() else { return };
    #[cfg(unix)]
    if let Some(mode) = meta.mode {
        use std::os::unix::fs::PermissionsExt;
        let has = now.permissions().mode();
        let mode = permitted(mode, has, now.is_dir(), umask());
        if mode != has & 0o7777 {
            let _ = file.set_permissions(std::fs::Permissions::from_mode(mode));
        }
    }
    let wanted = meta.mtime.and_then(time);
    if let Some(time) = wanted.filter(|time| now.modified().ok() != Some(*time)) {
        let _ = file.file().set_modified(time);
    }
}

/// Only what the system left to it when it was made; nothing is made to be run, so that this is the umask's to say. Owners keep
/// what we need to finish and share it; set-uid and the like never come in.
#[cfg(unix)]
fn permitted(mode: u32, made: u32, is_folder: bool, umask: u32) -> u32 {
    let (may, must) = if is_folder {
        (made, 0o700)
    } else {
        (made & 0o666 | 0o111 & !umask, 0o600)
    };
    mode & may & 0o755 | must
}

/// What this process takes from whatever it makes.
#[cfg(unix)]
fn umask() -> u32 {
    // Nothing here ever sets another.
    static UMASK: LazyLock<u32> = LazyLock::new(|| {
        told_umask().unwrap_or_else(|| {
            use rustix::fs::Mode;
            // The only way to ask is to set one: what is made at this instant is its owner's alone.
            let umask = rustix::process::umask(Mode::RWXG | Mode::RWXO);
            rustix::process::umask(umask);
            #[allow(clippy::useless_conversion, reason = "it has 16 bits elsewhere")]
            u32::from(umask.bits())
        })
    });
    *UMASK
}

/// The umask as Linux tells it without another being set.
#[cfg(unix)]
fn told_umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

fn time(mtime: Mtime) -> Option<SystemTime> {
    let seconds = Duration::from_secs(mtime.seconds.unsigned_abs());
    let time = if mtime.seconds < 0 {
        UNIX_EPOCH.checked_sub(seconds)
    } else {
        UNIX_EPOCH.checked_add(seconds)
    };
    time?.checked_add(Duration::from_nanos(mtime.nanos.into()))
}

/// A file or folder to change what it has beside its content.
#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<fs::File> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = fs::OpenOptions::new();
    let options = options.read(true).custom_flags(flags.bits().cast_signed());
    options.open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<fs::File> {
    fs::OpenOptions::new().write(true).open(path)
}

/// Marks a file as one that came from others, so that the system asks before it runs it.
#[cfg(windows)]
pub fn mark_as_downloaded(path: &Path) {
    let mut stream = path.as_os_str().to_owned();
    stream.push(":Zone.Identifier");
    let _ = fs::write(stream, "[ZoneTransfer]\r\nZoneId=3\r\n");
}

/// Marks a file as one that came from others, so that the system asks before it runs it.
#[cfg(target_vendor = "apple")]
pub fn mark_as_downloaded(path: &Path) {
    use rustix::fs::{XattrFlags, fsetxattr};
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let value = format!("0081;{:08x};Shoal;", since.unwrap_or_default().as_secs());
    if let Ok(file) = open(path) {
        let name = "com.apple.quarantine";
        let _ = fsetxattr(file.file(), name, value.as_bytes(), XattrFlags::empty());
    }
}

/// This system has no such mark.
#[cfg(not(any(windows, target_vendor = "apple")))]
pub fn mark_as_downloaded(_: &Path) {}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn permissions_are_those_that_the_umask_leaves() {
        for (mode, made, umask, permitted_then) in [
            (0o755, 0o644, 0o022, 0o755),
            (0o777, 0o644, 0o022, 0o755),
            (0o777, 0o666, 0o000, 0o755),
            (0o755, 0o600, 0o077, 0o700),
            (0o444, 0o644, 0o022, 0o644),
            (0o4755, 0o644, 0o022, 0o755),
            (0o640, 0o644, 0o022, 0o640),
            (0, 0o644, 0o022, 0o600),
            // To run it is no part of to read it.
            (0o755, 0o666, 0o111, 0o644),
            (0o755, 0o644, 0o033, 0o744),
            (0o744, 0o644, 0o022, 0o744),
            (0o111, 0o644, 0o022, 0o711),
            (0o711, 0o622, 0o044, 0o711),
        ] {
            let permitted = |made| permitted(mode, made, false, umask);
            let now = permitted(made);
            assert_eq!(now, permitted_then, "{mode:o} {made:o} {umask:o}");
            assert_eq!(permitted(now), permitted_then);
        }
        assert_eq!(permitted(0o777, 0o777, true, 0), 0o755);
        assert_eq!(permitted(0o777, 0o700, true, 0o077), 0o700);
        assert_eq!(permitted(0, 0o755, true, 0o022), 0o700);
        assert_eq!(told_umask().is_some(), cfg!(target_os = "linux"));
    }

    #[test]
    fn nothing_is_changed_through_a_symlink() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "mine").unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        fs_err::os::unix::fs::symlink(&file, &link).unwrap();
        let mtime = Mtime {
            seconds: 5,
            nanos: 0,
        };
        let meta = Metadata {
            mode: Some(0o755),
            mtime: Some(mtime),
        };
        apply_metadata(&link, &meta);
        let there = fs::metadata(&file).unwrap();
        assert_eq!(there.permissions().mode() & 0o777, 0o600);
        assert!(there.modified().unwrap() > UNIX_EPOCH + Duration::from_secs(5));
        apply_metadata(&file, &meta);
        let there = fs::metadata(&file).unwrap();
        let for_others = 0o011 & !umask();
        assert_eq!(there.permissions().mode() & 0o777, 0o700 | for_others);
        assert_eq!(
            there.modified().unwrap(),
            UNIX_EPOCH + Duration::from_secs(5)
        );
    }
}
