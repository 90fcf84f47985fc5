//! Where a download goes: its name in the person's folder, and the name it has until it is whole.
//!
//! Invariants: nothing that exists is ever written to or replaced. A download takes a name
//! that is free, `name (2)` where `name` is taken, by making its file or folder there; and its last
//! step is a rename that fails if the name has been taken since.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::disk;
use store::files::names::{self, TakenNames};
use store::index::ItemRecord;

/// Bytes of an item's own name. File systems stop at 255, and there has to be room for a number and
/// the suffix.
const MAX_OWN_NAME_BYTES: usize = 200;

/// Copies of the same name in one folder before giving up counting.
const MAX_NUMBER: u32 = 10_000;

/// Names that are taken and looked at, whether the content there is the item's.
const MAX_COMPARED: usize = 8;

const SUFFIX: &str = ".part";

/// The names to write the item under until it is whole, the best first.
pub(crate) fn parts(folder: &Path, item: &ItemRecord) -> impl Iterator<Item = PathBuf> {
    finished(folder, item).map(|mut path| {
        path.as_mut_os_string().push(SUFFIX);
        path
    })
}

/// What lies under the names that the item would have: it may be the item.
pub(crate) fn taken(folder: &Path, item: &ItemRecord) -> Vec<PathBuf> {
    let exists = |path: &PathBuf| disk::exists(path);
    finished(folder, item)
        .take_while(exists)
        .take(MAX_COMPARED)
        .collect()
}

/// The names that the item may have when it is whole, the best first.
pub(crate) fn finished(folder: &Path, item: &ItemRecord) -> impl Iterator<Item = PathBuf> {
    let (folder, name) = (folder.to_path_buf(), item_name(item));
    (1..MAX_NUMBER).map(move |number| folder.join(numbered(&name, number)))
}

/// The item's name as this file system can hold it; its CID where the link gave a name that must
/// not be written.
fn item_name(item: &ItemRecord) -> OsString {
    let mut name = item.name.as_str();
    while name.len() > MAX_OWN_NAME_BYTES {
        name = &name[..name.floor_char_boundary(MAX_OWN_NAME_BYTES)];
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
}
