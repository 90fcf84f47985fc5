//! What sharing paths would share: a look at them that is over before anybody waits for it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::api::PathsView;
use store::Found;
use store::index::{Index, IndexError, Skipped};

/// How long it may look.
const PATIENCE: Duration = Duration::from_millis(300);

/// What was left out is listed up to here: more is not read.
const MAX_SHOWN: usize = 100;

/// Looks. Without a path there is nothing to look at. Blocks for a moment.
pub(crate) fn inspect(
    index: &Index,
    paths: &[PathBuf],
    hidden: bool,
) -> Result<Option<PathsView>, IndexError> {
    inspect_within(index, paths, hidden, PATIENCE)
}

fn inspect_within(
    index: &Index,
    paths: &[PathBuf],
    hidden: bool,
    patience: Duration,
) -> Result<Option<PathsView>, IndexError> {
    let Some(first) = paths.first() else {
        return Ok(None);
    };
    let is_folder = |path: &Path| fs_err::metadata(path).is_ok_and(|found| found.is_dir());
    let mut view = PathsView {
        name: store::share_name(paths),
        folder: paths.len() > 1 || is_folder(first),
        files: 0,
        folders: 0,
        bytes: 0,
        complete: true,
        skipped: Vec::new(),
        skipped_count: 0,
    };
    let until = Instant::now() + patience;
    view.complete = store::look(index, paths, hidden, |found| {
        match found {
            Found::File(bytes) => {
                view.files += 1;
                view.bytes = view.bytes.saturating_add(bytes);
            }
            Found::Folder => view.folders += 1,
            Found::Link => {}
            Found::Skipped(skipped) => skip(&mut view, skipped),
        }
        Instant::now() < until
    })?;
    Ok(Some(view))
}

fn skip(view: &mut PathsView, skipped: Skipped) {
    view.skipped_count += 1;
    if view.skipped.len() < MAX_SHOWN {
        view.skipped.push(skipped.into());
    }
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    #[test]
    fn what_would_be_shared_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("top");
        fs::create_dir_all(top.join("sub/empty")).unwrap();
        fs::write(top.join("a"), b"12345").unwrap();
        fs::write(top.join("sub/b"), b"123").unwrap();
        fs::write(top.join(".hidden"), b"1").unwrap();
        let gone = dir.path().join("gone");
        let data = tempfile::tempdir().unwrap();
        let index = Index::open(data.path()).unwrap().index;
        let inspect = |paths: &[PathBuf], hidden| inspect(&index, paths, hidden).unwrap();
        let view = inspect(std::slice::from_ref(&top), false).unwrap();
        assert_eq!((view.files, view.folders, view.bytes), (2, 3, 8));
        assert_eq!((view.name.as_str(), view.folder), ("top", true));
        assert!(view.complete && view.skipped_count == 1);
        assert_eq!(view.skipped[0].reason, store::HIDDEN);
        let view = inspect(&[top.join("sub/..")], false).unwrap();
        assert_eq!((view.files, view.name.as_str()), (2, "top"));
        let view = inspect(&[top.join("a"), gone.clone()], true).unwrap();
        assert_eq!((view.files, view.bytes, view.skipped_count), (1, 5, 1));
        assert_eq!(view.skipped[0].path, gone.to_string_lossy());
        assert_eq!(inspect(&[top], true).unwrap().files, 3);
        assert!(inspect(&[], true).is_none());
    }

    #[test]
    fn a_look_that_takes_too_long_says_so() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..10 {
            fs::write(dir.path().join(number.to_string()), b"x").unwrap();
        }
        let data = tempfile::tempdir().unwrap();
        let index = Index::open(data.path()).unwrap().index;
        let paths = [dir.path().to_owned()];
        let view = inspect_within(&index, &paths, false, Duration::ZERO);
        let view = view.unwrap().unwrap();
        assert!(!view.complete);
        assert!(view.files < 10);
    }
}
