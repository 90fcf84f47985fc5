//! What names and files a folder can hold: known by its file system, else found out by trying.
//!
//! A stick, a share of another computer or a folder that tells no cases apart holds less than this system does, and what it
//! answers then names nothing. Trying leaves nothing behind: each trial is a new, empty file, which goes at once.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use fs_err as fs;

use super::names::Rules;

/// The shortest limit that is believed.
#[cfg(unix)]
const LEAST_LONGEST: usize = 32;

/// How much is known of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "only Linux mounts them all")
)]
enum Kind {
    Fat,
    Windows,
    /// It holds what this system does, but may be told to tell no cases apart.
    Native,
    Other,
}

pub(super) fn rules(folder: &Path) -> Rules {
    match kind(folder) {
        Kind::Fat => Rules::FAT,
        Kind::Windows => Rules::WINDOWS,
        Kind::Native => {
            let native = Rules::default();
            Rules {
                folds: native.folds || is_casefold(folder) || ignores_case(folder),
                longest: longest(folder).min(native.longest),
                ..native
            }
        }
        Kind::Other => tried(folder),
    }
}

fn tried(folder: &Path) -> Rules {
    let native = Rules::default();
    let reserved = native.reserved || is_refused(folder, OsStr::new(":?"));
    let longest = if reserved {
        native.longest
    } else {
        longest(folder).min(native.longest)
    };
    Rules {
        reserved,
        folds: native.folds || reserved || folds(folder),
        text: native.text || reserved || refuses_bytes(folder),
        longest,
        ..native
    }
}

/// A name that nobody has.
fn trial(folder: &Path, end: &OsStr) -> PathBuf {
    static TRIALS: AtomicU32 = AtomicU32::new(0);
    let number = TRIALS.fetch_add(1, Ordering::Relaxed);
    let mut name = std::ffi::OsString::from(format!(".shoal-{}-{number}-", std::process::id()));
    name.push(end);
    folder.join(name)
}

/// Makes an empty file for a moment.
fn with_trial<T>(path: &Path, look: impl FnOnce() -> T) -> io::Result<T> {
    drop(super::create_new(path)?);
    let found = look();
    fs::remove_file(path)?;
    Ok(found)
}

/// Can a name with this end not be held there, although others can?
fn is_refused(folder: &Path, end: &OsStr) -> bool {
    let refused = with_trial(&trial(folder, end), || ());
    refused.is_err() && with_trial(&trial(folder, OsStr::new("a")), || ()).is_ok()
}

#[cfg(unix)]
fn refuses_bytes(folder: &Path) -> bool {
    is_refused(folder, std::os::unix::ffi::OsStrExt::from_bytes(b"\xff"))
}

#[cfg(not(unix))]
fn refuses_bytes(_: &Path) -> bool {
    false
}

/// Is a file found under its name in the other case?
fn folds(folder: &Path) -> bool {
    let path = trial(folder, OsStr::new("a"));
    let name = path.file_name().unwrap_or_default();
    let other = folder.join(name.to_ascii_uppercase());
    with_trial(&path, || super::exists(&other)).unwrap_or_else(|_| ignores_case(folder))
}

#[cfg(target_os = "linux")]
fn kind(folder: &Path) -> Kind {
    /// By `statfs`: FAT; exFAT and NTFS, as the kernel mounts them.
    const FAT: u64 = 0x4d44;
    const WINDOWS: [u64; 3] = [0x2011_bab0, 0x5346_544e, 0x7366_746e];
    /// ext4, XFS, btrfs, tmpfs, overlayfs, ZFS, F2FS, bcachefs.
    const NATIVE: [u64; 8] = [
        0xef53,
        0x5846_5342,
        0x9123_683e,
        0x0102_1994,
        0x794c_7630,
        0x2fc1_2fc1,
        0xf2f5_2010,
        0xca45_1a4e,
    ];
    let Ok(found) = rustix::fs::statfs(folder) else {
        return Kind::Native;
    };
    // Some systems extend its sign.
    match u64::try_from(found.f_type).map(|magic| magic & 0xffff_ffff) {
        Ok(FAT) => Kind::Fat,
        Ok(magic) if WINDOWS.contains(&magic) => Kind::Windows,
        Ok(magic) if NATIVE.contains(&magic) => Kind::Native,
        _ if is_block_device(folder) => Kind::Windows,
        _ => Kind::Other,
    }
}

/// Is it a disk whose file system a program of its own reads? Those are NTFS and exFAT, which go to Windows too.
#[cfg(target_os = "linux")]
fn is_block_device(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(there), Ok(mounts)) = (
        fs::metadata(folder),
        fs::read_to_string("/proc/self/mountinfo"),
    ) else {
        return false;
    };
    let (major, minor) = (
        rustix::fs::major(there.dev()),
        rustix::fs::minor(there.dev()),
    );
    let device = format!("{major}:{minor}");
    // `36 35 98:0 /root /mnt rw - fuseblk /dev/sdb1 rw`: see proc(5).
    mounts.lines().any(|line| {
        let own = line.split(' ').nth(2) == Some(&device);
        own && line
            .split(" - ")
            .nth(1)
            .is_some_and(|kind| kind.starts_with("fuseblk "))
    })
}

#[cfg(all(unix, not(target_os = "linux")))]
fn kind(_: &Path) -> Kind {
    Kind::Other
}

#[cfg(not(unix))]
fn kind(_: &Path) -> Kind {
    Kind::Native
}

/// Was the folder told to tell no cases apart?
#[cfg(target_os = "linux")]
fn is_casefold(folder: &Path) -> bool {
    /// `FS_CASEFOLD_FL` of `linux/fs.h`.
    const CASEFOLD: u32 = 0x4000_0000;
    let flags = fs::File::open(folder).map(|folder| rustix::fs::ioctl_getflags(folder.file()));
    matches!(flags, Ok(Ok(flags)) if flags.bits() & CASEFOLD != 0)
}

#[cfg(not(target_os = "linux"))]
fn is_casefold(_: &Path) -> bool {
    false
}

#[cfg(unix)]
fn longest(folder: &Path) -> usize {
    let said = rustix::fs::statvfs(folder).map(|found| found.f_namemax);
    let said = said.ok().and_then(|bytes| usize::try_from(bytes).ok());
    said.filter(|bytes| *bytes >= LEAST_LONGEST)
        .unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn longest(_: &Path) -> usize {
    usize::MAX
}

/// Is the folder found under its name in the other case?
#[cfg(unix)]
fn ignores_case(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let flip = |letter: char| {
        if letter.is_ascii_lowercase() {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        }
    };
    let flipped: String = name.chars().map(flip).collect();
    let number = |path: &Path| {
        fs::symlink_metadata(path)
            .ok()
            .map(|found| (found.dev(), found.ino()))
    };
    let here = number(folder);
    flipped != name && here.is_some() && number(&folder.with_file_name(flipped)) == here
}

#[cfg(not(unix))]
fn ignores_case(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_finds_what_is_known_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let rules = rules(dir.path());
        assert_eq!(tried(dir.path()), rules);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        // Where nothing can be made, nothing is refused.
        assert_eq!(tried(&dir.path().join("gone")).reserved, cfg!(windows));
    }
}
