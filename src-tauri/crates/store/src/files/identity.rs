//! Which file or folder it is, whatever it is called: what tells a thing that Shoal made from what somebody put in its place.
//!
//! A number and a time of birth tell it, where the file system keeps both for good. FAT, FUSE and network file systems give numbers
//! that do not last, some keep no time of birth; what cannot be told this way is [`Same::Unsure`], and content has to tell.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use fs_err as fs;
use serde::{Deserialize, Serialize};

/// A file, folder or symlink. 0 stands for what is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Where it is mounted: another number after each mount, on many systems.
    pub(crate) device: u64,
    /// The file system's own number, which some keep for good.
    pub(crate) system: u64,
    /// What kind of file system it is.
    pub(crate) kind: u64,
    pub(crate) number: u64,
    /// Nanoseconds since 1970.
    pub(crate) born: i64,
}

/// Is it the same thing?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Same {
    Yes,
    No,
    /// Its file system does not tell.
    Unsure,
}

impl Identity {
    /// Of what is open.
    pub fn of(file: &fs::File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self::new(&metadata, &FileSystem::of(file)))
    }

    /// Of what lies at a path: of a symlink, not of what it leads to.
    pub fn at(path: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, Mode, OFlags, openat};
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened = openat(CWD, path, flags, Mode::empty()).map_err(io::Error::from)?;
            Self::of(&fs::File::from_parts(opened.into(), path))
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Self::new(
            &fs::symlink_metadata(path)?,
            &FileSystem::default(),
        ))
    }

    /// Of a folder, or of the one that a symlink leads to.
    pub fn of_folder(path: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, Mode, OFlags, openat};
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let opened = openat(CWD, path, flags, Mode::empty()).map_err(io::Error::from)?;
            Self::of(&fs::File::from_parts(opened.into(), path))
        }
        #[cfg(not(target_os = "linux"))]
        {
            let metadata = fs::metadata(path)?;
            if !metadata.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            Ok(Self::new(&metadata, &FileSystem::default()))
        }
    }

    fn new(metadata: &Metadata, system: &FileSystem) -> Self {
        let born = metadata.created().ok().filter(|_| !system.rebirths());
        let (device, number) = numbers(metadata);
        Self {
            device,
            system: system.id,
            kind: system.kind,
            number: if system.renumbers() { 0 } else { number },
            born: born.map_or(0, nanoseconds),
        }
    }

    /// The file system that it is on, as long as that is mounted.
    pub fn device(&self) -> u64 {
        self.device
    }

    /// Are both on one file system, as far as that tells?
    pub fn shares_disk(&self, now: &Self) -> bool {
        let is_known = self.system != 0 && self.kind == now.kind;
        self.device == now.device || is_known && self.system == now.system
    }

    /// Is `now` what this one was?
    pub fn compare(&self, now: &Self) -> Same {
        let known = |one: u64, other: u64| one != 0 && other != 0;
        if known(self.kind, now.kind) && self.kind != now.kind {
            return Same::No;
        }
        let numbered = known(self.number, now.number);
        if self.born != 0 && now.born != 0 {
            // To the nanosecond, nothing else is born under the same number.
            let same = self.born == now.born && (!numbered || self.number == now.number);
            return if same { Same::Yes } else { Same::No };
        }
        let mounted = self.device == now.device
            || known(self.system, now.system) && self.system == now.system;
        match (mounted, numbered) {
            (true, true) if self.number == now.number => Same::Yes,
            (true, true) => Same::No,
            _ => Same::Unsure,
        }
    }
}

/// What a file system says of itself.
#[derive(Debug, Default)]
struct FileSystem {
    id: u64,
    kind: u64,
}

impl FileSystem {
    #[cfg(target_os = "linux")]
    fn of(file: &fs::File) -> Self {
        let kind = rustix::fs::fstatfs(file.file()).ok();
        let id = rustix::fs::fstatvfs(file.file()).ok();
        Self {
            id: id.map_or(0, |told| told.f_fsid),
            kind: kind.map_or(0, |told| u64::try_from(told.f_type).unwrap_or(0)),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_: &fs::File) -> Self {
        Self::default()
    }

    /// FAT, exFAT, FUSE, SMB, and what virtual machines lend: numbers there are made up as files are met.
    fn renumbers(&self) -> bool {
        const KINDS: [u64; 8] = [
            0x4d44,
            0x2011_bab0,
            0x6573_5546,
            0xff53_4d42,
            0xfe53_4d42,
            0x517b,
            0x786f_4256,
            0x0102_1997,
        ];
        KINDS.contains(&self.kind)
    }

    /// overlayfs: what lies in a lower layer is born again when it is first changed.
    fn rebirths(&self) -> bool {
        self.kind == 0x794c_7630
    }
}

#[cfg(unix)]
fn numbers(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn numbers(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

fn nanoseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stays_the_same_under_another_name_and_its_copy_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        fs::write(&one, "content").unwrap();
        let before = Identity::at(&one).unwrap();
        assert_eq!(
            Identity::of(&fs::File::open(&one).unwrap()).unwrap(),
            before
        );
        fs::rename(&one, &two).unwrap();
        fs::copy(&two, &one).unwrap();
        assert_eq!(before.compare(&Identity::at(&two).unwrap()), Same::Yes);
        assert_eq!(before.compare(&Identity::at(&one).unwrap()), Same::No);
    }

    #[test]
    fn what_a_file_system_does_not_tell_is_not_guessed() {
        let known = Identity {
            device: 1,
            system: 0,
            kind: 7,
            number: 5,
            born: 0,
        };
        let check = |now: Identity, same| assert_eq!(known.compare(&now), same, "{now:?}");
        check(known, Same::Yes);
        check(Identity { number: 6, ..known }, Same::No);
        check(Identity { device: 2, ..known }, Same::Unsure);
        check(Identity { number: 0, ..known }, Same::Unsure);
        check(Identity { kind: 8, ..known }, Same::No);
    }
}
