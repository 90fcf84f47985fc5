//! What tells, without reading it, whether a file is still the one that was hashed.
//!
//! The device's number is left out on purpose: many file systems get another one at each mount, and a path with the same size,
//! times and inode number on another device is not a thing that happens.

use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file's size, times and number, as they were when it was hashed.
#[derive(Debug, Clone, Copy)]
pub struct Fingerprint {
    /// Bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since 1970.
    pub mtime: i64,
    /// Last change of the content or the inode, which no program can set, nanoseconds since 1970. On Windows the time of creation.
    pub ctime: i64,
    /// The file's number on its file system, 0 where there is none.
    pub inode: u64,
    /// It was changed so shortly before it was looked at that another change could carry the same times (git calls that "racy"):
    /// then being equal proves nothing.
    pub racy: bool,
}

/// Two changes within this time may carry one time stamp: the kernel's clock ticks at 100 Hz or more, and ten ticks are safe.
const FINE_TICK: Duration = Duration::from_millis(100);

/// The same on file systems that round: FAT counts in 2 seconds, some network file systems in whole ones.
const COARSE_TICK: Duration = Duration::from_secs(2);

/// A time stamp up to so far ahead may come from a file server whose clock is ahead of ours, and be of this moment. One that is
/// further ahead was set by a program, or by our own clock before it was set back: the next change gets another.
const CLOCKS_APART: Duration = Duration::from_mins(1);

/// Nanoseconds. A time stamp with anything below a millisecond was not rounded to one, or to more.
const FINE: i64 = 1_000_000;

impl Fingerprint {
    /// Of metadata that was read at `now`. What it shows is to be compared with metadata read before the first byte was.
    pub fn of(metadata: &Metadata, now: SystemTime) -> Self {
        let (mtime, ctime, inode) = stamps(metadata);
        let mut fingerprint = Fingerprint {
            size: metadata.len(),
            mtime,
            ctime,
            inode,
            racy: false,
        };
        fingerprint.racy = !fingerprint.racy_for(now).is_zero();
        fingerprint
    }

    /// How long it will still be racy if the file stays as it is.
    pub fn racy_for(&self, now: SystemTime) -> Duration {
        let tick = if self.ctime % FINE == 0 {
            COARSE_TICK
        } else {
            FINE_TICK
        };
        let tick = i64::try_from(tick.as_nanos()).unwrap_or(i64::MAX);
        let ahead = i64::try_from(CLOCKS_APART.as_nanos()).unwrap_or(i64::MAX);
        let now = nanoseconds(now);
        let left = |stamp: i64| {
            let age = now.saturating_sub(stamp);
            let left = tick - age.max(-ahead) + 1;
            if age < -ahead { 0 } else { left.max(0) }
        };
        let left = left(self.mtime).max(left(self.ctime));
        Duration::from_nanos(u64::try_from(left).unwrap_or_default())
    }

    /// Is it the same file with the same times? That alone proves nothing while this one is racy.
    pub fn matches(&self, other: &Fingerprint) -> bool {
        let parts = |of: &Fingerprint| (of.size, of.mtime, of.ctime, of.inode);
        parts(self) == parts(other)
    }

    /// Does `now`'s fingerprint prove that the file is as it was when this one was taken?
    pub fn proves(&self, now: &Fingerprint) -> bool {
        !self.racy && self.matches(now)
    }
}

/// Equal also means equally racy: for comparing records, not files.
impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.racy == other.racy && self.matches(other)
    }
}

impl Eq for Fingerprint {}

#[cfg(unix)]
fn stamps(metadata: &Metadata) -> (i64, i64, u64) {
    use std::os::unix::fs::MetadataExt;
    let join = |seconds: i64, nanoseconds: i64| {
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(nanoseconds)
    };
    (
        join(metadata.mtime(), metadata.mtime_nsec()),
        join(metadata.ctime(), metadata.ctime_nsec()),
        metadata.ino(),
    )
}

#[cfg(not(unix))]
fn stamps(metadata: &Metadata) -> (i64, i64, u64) {
    let stamp = |time: std::io::Result<SystemTime>| time.map_or(0, nanoseconds);
    (stamp(metadata.modified()), stamp(metadata.created()), 0)
}

fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, i64::wrapping_neg)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fs_err as fs;

    fn file(dir: &tempfile::TempDir, content: &[u8]) -> (std::path::PathBuf, Metadata) {
        let path = dir.path().join("file");
        fs::write(&path, content).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        (path, metadata)
    }

    #[test]
    fn a_file_just_written_proves_nothing_and_an_old_one_does() {
        let dir = tempfile::tempdir().unwrap();
        let (_, metadata) = file(&dir, b"content");
        let written = metadata.modified().unwrap();
        let fresh = Fingerprint::of(&metadata, written);
        assert!(fresh.racy);
        assert!(fresh.matches(&fresh) && !fresh.proves(&fresh));
        let old = Fingerprint::of(&metadata, written + Duration::from_secs(10));
        assert!(!old.racy);
        assert!(old.proves(&fresh));
    }

    #[test]
    fn a_time_stamp_from_the_future_proves_nothing_while_it_may_be_of_now() {
        let dir = tempfile::tempdir().unwrap();
        let (path, metadata) = file(&dir, b"content");
        let written = metadata.modified().unwrap();
        let set = |modified: SystemTime| {
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.file().set_modified(modified).unwrap();
            fs::metadata(&path).unwrap()
        };
        let soon = written + Duration::from_mins(2);
        let now = soon - Duration::from_secs(30);
        let near = Fingerprint::of(&set(soon), now);
        assert!(near.racy && near.racy_for(now) > Duration::from_secs(30));
        assert!(near.racy_for(soon + Duration::from_secs(3)).is_zero());

        // Of a program's making, or of a clock that was set back since: what changes now is of now.
        let years = Duration::from_hours(15 * 365 * 24);
        let metadata = set(written + years);
        assert!(!Fingerprint::of(&metadata, written + Duration::from_hours(1)).racy);
        assert!(!Fingerprint::of(&metadata, written - years).racy);
    }

    #[test]
    fn another_size_or_time_is_another_file() {
        let dir = tempfile::tempdir().unwrap();
        let (path, metadata) = file(&dir, b"content");
        let now = metadata.modified().unwrap() + Duration::from_secs(10);
        let before = Fingerprint::of(&metadata, now);
        fs::write(&path, b"content, longer").unwrap();
        let after = Fingerprint::of(&fs::metadata(&path).unwrap(), now);
        assert!(!before.proves(&after));
    }
}
