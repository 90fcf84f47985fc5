//! Where a download goes: its name in the person's folder, and the name it has until it is whole.
//!
//! What stays true: nothing that exists is ever written to or replaced. A download takes a name that is free, `name (2)` where
//! `name` is taken, and its last step is a rename that fails if the name has been taken since.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::disk;
use crate::index::ItemRecord;
use crate::library::names::{self, TakenNames};

/// Bytes of an item's own name. File systems stop at 255, and there has to be room for a number and the suffix.
const MAX_NAME_BYTES: usize = 200;

/// Copies of the same name in one folder before giving up counting.
const MAX_NUMBER: u32 = 10_000;

const SUFFIX: &str = ".part";

/// The two names of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) part: PathBuf,
    pub(crate) finished: PathBuf,
}

impl Target {
    /// The first free name for the item in the folder.
    pub(crate) fn free(folder: &Path, item: &ItemRecord) -> Option<Self> {
        let name = item_name(item);
        (1..MAX_NUMBER)
            .map(|number| Self::of(folder.join(numbered(&name, number))))
            .find(Self::is_free)
    }

    /// The item's own name, taken or not.
    pub(crate) fn first(folder: &Path, item: &ItemRecord) -> Self {
        Self::of(folder.join(item_name(item)))
    }

    /// From where an earlier run was writing.
    pub(crate) fn resumed(part: &Path) -> Option<Self> {
        let name = part.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
        let finished = part.with_file_name(name);
        Some(Self {
            part: part.to_path_buf(),
            finished,
        })
    }

    /// The next free name, should somebody have taken the finished one meanwhile.
    pub(crate) fn next_finished(&self) -> Option<PathBuf> {
        let name = self.finished.file_name()?;
        (2..MAX_NUMBER)
            .map(|number| self.finished.with_file_name(numbered(name, number)))
            .find(|path| !disk::exists(path))
    }

    fn of(finished: PathBuf) -> Self {
        let mut part = finished.clone().into_os_string();
        part.push(SUFFIX);
        Self {
            part: part.into(),
            finished,
        }
    }

    fn is_free(&self) -> bool {
        !disk::exists(&self.part) && !disk::exists(&self.finished)
    }
}

/// The item's name as this file system can hold it; its CID where the link gave a name that must not be written.
fn item_name(item: &ItemRecord) -> OsString {
    let mut name = item.name.as_str();
    while name.len() > MAX_NAME_BYTES {
        name = &name[..name.floor_char_boundary(MAX_NAME_BYTES)];
    }
    let by_cid = || {
        item.root
            .map_or_else(|| "download".to_owned(), |root| root.to_string())
    };
    if names::check(name.as_bytes()).is_err() {
        return by_cid().into();
    }
    TakenNames::default()
        .local_name(name.as_bytes())
        .map_or_else(|_| by_cid().into(), |local| local.name)
}

/// `name (2).ext`; the first has no number.
fn numbered(name: &OsStr, number: u32) -> OsString {
    if number == 1 {
        return name.to_owned();
    }
    let path = Path::new(name);
    let mut numbered = path.file_stem().unwrap_or(name).to_owned();
    numbered.push(format!(" ({number})"));
    if let Some(extension) = path.extension() {
        numbered.push(".");
        numbered.push(extension);
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_before_the_extension() {
        let check = |name: &str, expected: &str| assert_eq!(numbered(name.as_ref(), 2), expected);
        check("holiday.jpg", "holiday (2).jpg");
        check("folder", "folder (2)");
        check(".hidden", ".hidden (2)");
    }

    #[test]
    fn the_finished_name_follows_from_the_one_being_written() {
        let target = Target::of("/x/a b.iso".into());
        assert_eq!(target.part, Path::new("/x/a b.iso.part"));
        assert_eq!(Target::resumed(&target.part), Some(target));
    }
}
