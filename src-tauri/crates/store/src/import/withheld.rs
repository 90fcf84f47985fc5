//! What a walk leaves out, beside what it can't read: Shoal's own data, downloads that are not whole, and what is hidden.
//!
//! Shoal's data is known by device and inode, so no path to it, no other name and no option brings it into a share; the data
//! of another Shoal by what lies in it. Its own unfinished downloads are known in the same way, others' by the names that
//! programs give them: whoever means one of those names it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::index::{Index, IndexError};

/// Why something is left out. The window knows these sentences.
pub const HIDDEN: &str = "it is hidden";
pub const UNFINISHED: &str = "it is a download that is not finished";
pub const OWN: &str = "it is Shoal's own data";

/// What programs put behind the name of a file that they have not all of: Shoal, Firefox and most others, Chrome, Safari,
/// Opera, qBittorrent, uTorrent, BitComet, Transmission, aria2 (a file beside it), `yt-dlp` (the same), `WinSCP`, Xunlei, Nextcloud.
const SUFFIXES: [&str; 15] = [
    ".part",
    ".crdownload",
    ".download",
    ".opdownload",
    ".!qb",
    ".!ut",
    ".bc!",
    ".partial",
    ".aria2",
    ".aria2__temp",
    ".ytdl",
    ".filepart",
    ".xltd",
    ".tmp_download",
    ".~ocdownload",
];

/// Of a file with such a neighbour only the name is there, or as much as was written until now.
const BESIDE: [&str; 2] = [".aria2", ".part"];

/// Together they lie in no other folder.
const OF_DATA: [&str; 2] = ["identity.key", "index.db"];

/// What lies where it must not be taken from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Withheld(HashMap<Place, &'static str>);

impl Withheld {
    /// The index's own folder, and what downloads are writing.
    pub(crate) fn of(index: &Index) -> Result<Self, IndexError> {
        let mut withheld = Self::default();
        let dir = index.dir();
        withheld.add(dir, OWN);
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            // Folders in there are met through it alone.
            if entry.file_type().is_ok_and(|kind| !kind.is_dir()) {
                withheld.add(&entry.path(), OWN);
            }
        }
        for part in index.unfinished()? {
            withheld.add(&part, UNFINISHED);
        }
        Ok(withheld)
    }

    fn add(&mut self, path: &Path, reason: &'static str) {
        if let Ok(metadata) = fs::metadata(path) {
            self.0.insert(place(path, &metadata), reason);
        }
    }

    /// Why it must not be shared, whoever names it.
    pub(crate) fn reason(&self, path: &Path, metadata: &Metadata) -> Option<&'static str> {
        let known = self.0.get(&place(path, metadata)).copied();
        known.or_else(|| {
            let is_data = || OF_DATA.iter().all(|name| path.join(name).exists());
            (metadata.is_dir() && is_data()).then_some(OWN)
        })
    }
}

#[cfg(unix)]
type Place = (u64, u64);

#[cfg(unix)]
fn place(_: &Path, metadata: &Metadata) -> Place {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
type Place = PathBuf;

#[cfg(not(unix))]
fn place(path: &Path, _: &Metadata) -> Place {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Does a program name what it has not all of like that?
pub(crate) fn is_unfinished(name: &OsStr) -> bool {
    SUFFIXES.iter().any(|suffix| stem(name, suffix).is_some())
}

/// The name of the file that this one says is not whole.
pub(crate) fn unfinished_neighbour(name: &OsStr) -> Option<&[u8]> {
    BESIDE.iter().find_map(|suffix| stem(name, suffix))
}

/// Is there something before the suffix?
fn stem<'a>(name: &'a OsStr, suffix: &str) -> Option<&'a [u8]> {
    let name = name.as_encoded_bytes();
    let at = name.len().checked_sub(suffix.len()).filter(|at| *at > 0)?;
    let (stem, end) = name.split_at(at);
    end.eq_ignore_ascii_case(suffix.as_bytes()).then_some(stem)
}

pub(crate) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().first() == Some(&b'.')
}

/// The path of a whole file that was left out while it was not whole.
pub fn finished_path(part: &Path) -> Option<PathBuf> {
    let name = part.file_name()?;
    let stem = SUFFIXES.iter().find_map(|suffix| stem(name, suffix))?;
    let stem = std::str::from_utf8(stem).ok()?;
    Some(part.with_file_name(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_downloads_are_known_by_their_names() {
        for name in [
            "film.mov.part",
            "a.CRDOWNLOAD",
            "Unconfirmed 1.crdownload",
            "x.!qB",
            "x.iso.aria2",
        ] {
            assert!(is_unfinished(name.as_ref()), "{name}");
        }
        for name in ["part", ".part", "a.part1.rar", "counterpart", "a.part.txt"] {
            assert!(!is_unfinished(name.as_ref()), "{name}");
        }
        assert_eq!(
            finished_path(Path::new("/a/x.iso.part")),
            Some(PathBuf::from("/a/x.iso"))
        );
    }
}
