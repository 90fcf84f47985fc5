//! Whether other programs change a download's files while it is written.
//!
//! A file is compared with what it was after the download last did something with it: by its fingerprint, before each write, when
//! all of it is there, when that goes on record, and once more before the download gets its final name. What was changed meanwhile
//! is read again, block by block, and what is not what it was is fetched again.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;
use parking_lot::Mutex;
use store::index::{FileId, FileState, Fingerprint, Index, ItemId};

use super::error::FetchError;

/// Files that are asked for at once.
const FILES: u32 = 512;

/// What a file was last, and whether somebody else changed it since.
#[derive(Debug, Default)]
pub(super) struct Touch(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Fingerprint>,
    touched: bool,
}

impl Touch {
    /// Before the download does something with the file.
    pub(super) fn look(&self, now: &io::Result<std::fs::Metadata>) {
        let now = now.as_ref().ok().map(of);
        let mut state = self.0.lock();
        if let Some(last) = state.last {
            state.touched |= !now.is_some_and(|now| last.matches(&now));
        }
    }

    /// After it did.
    pub(super) fn note(&self, now: &io::Result<std::fs::Metadata>) {
        self.0.lock().last = now.as_ref().ok().map(of);
    }

    pub(super) fn is_touched(&self) -> bool {
        self.0.lock().touched
    }

    /// Is it what the download left?
    pub(super) fn is_untouched(&self, now: &Fingerprint) -> bool {
        let state = self.0.lock();
        !state.touched && state.last.is_none_or(|last| last.matches(now))
    }
}

fn of(metadata: &std::fs::Metadata) -> Fingerprint {
    Fingerprint::of(metadata, SystemTime::now())
}

/// Takes back that the touched files are whole, and with `base` all in there that changed since they were recorded. Gives one of
/// them, if there is one.
pub(super) fn doubt(
    index: &Index,
    item: ItemId,
    base: Option<&Path>,
    mut touched: Vec<PathBuf>,
) -> Result<Option<PathBuf>, FetchError> {
    let mut after = FileId(0);
    touched.sort_unstable();
    let mut first = touched.first().cloned();
    if base.is_none() && first.is_none() {
        return Ok(None);
    }
    loop {
        let files = index.files_after(item, after, FILES)?;
        let Some(last) = files.last() else {
            return Ok(first);
        };
        after = last.id;
        for file in files {
            let is_changed = || {
                let now = fs::symlink_metadata(&file.path).map(|now| of(&now));
                let print = file.fingerprint;
                !now.is_ok_and(|now| print.is_some_and(|print| print.matches(&now)))
            };
            let is_in_it = base.is_some_and(|base| file.path.starts_with(base));
            let is_whole = file.state == FileState::Whole && is_in_it;
            if touched.binary_search(&file.path).is_ok() || is_whole && is_changed() {
                first.get_or_insert_with(|| file.path.clone());
                index.set_file(file.id, &file.path, None, FileState::Part)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_others_do_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let now = || fs::metadata(&path);
        let touch = Touch::default();
        touch.look(&now());
        fs::write(&path, "ours").unwrap();
        touch.note(&now());
        touch.look(&now());
        assert!(!touch.is_touched() && touch.is_untouched(&of(&now().unwrap())));
        fs::write(&path, "theirs").unwrap();
        assert!(!touch.is_untouched(&of(&now().unwrap())));
        touch.look(&now());
        touch.note(&now());
        assert!(touch.is_touched());
    }
}
