//! Where a download goes: its name in the person's folder, and the name it has until it is whole.
//!
//! Invariants: nothing that exists is ever written to or replaced. A download takes a name
//! that is free, `name (2)` where `name` is taken, by making its file or folder there; and its last
//! step is a rename that fails if the name has been taken since.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::disk;
use store::files::names::Rules;
use store::index::{ItemRecord, Skipped};
use unixfs::name;

/// Copies of the same name in one folder before giving up counting.
const MAX_NUMBER: u32 = 10_000;

/// Names that are taken and looked at, whether the content there is the item's.
const MAX_COMPARED: usize = 8;

const SUFFIX: &str = ".part";

/// The names to write the item under until it is whole, the best first.
pub(crate) fn parts(folder: &Path, item: &ItemRecord) -> impl Iterator<Item = PathBuf> {
    named(folder, item, SUFFIX)
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
    named(folder, item, "")
}

fn named(folder: &Path, item: &ItemRecord, suffix: &str) -> impl Iterator<Item = PathBuf> {
    let (folder, rules, suffix) = (folder.to_path_buf(), Rules::of(folder), suffix.to_owned());
    let name = local(rules, item);
    (1..MAX_NUMBER).map(move |number| {
        let mut name = numbered(&name, number);
        name.push(&suffix);
        // With number and suffix it may be too long.
        let local = rules.local(name.as_encoded_bytes());
        folder.join(local.map_or(name, |local| local.name))
    })
}

/// That the item lies there by another name than its own, which this file system can't hold.
pub(crate) fn saved_as(item: &ItemRecord, path: &Path) -> Option<Skipped> {
    let name = local(Rules::of(path.parent()?), item);
    let own = name::to_bytes(&item.name);
    (name.as_encoded_bytes() != &*own).then(|| Skipped {
        path: item.name.clone(),
        reason: format!(
            "{}{}",
            Skipped::SAVED_AS,
            path.file_name().unwrap_or_default().display()
        ),
    })
}

/// The item's name as this file system can hold it; its CID where the link gave a name that must
/// not be written.
fn local(rules: Rules, item: &ItemRecord) -> OsString {
    let by_cid = || {
        item.root
            .map_or_else(|| "download".to_owned(), |root| root.to_string())
    };
    rules
        .local(&name::to_bytes(&item.name))
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
